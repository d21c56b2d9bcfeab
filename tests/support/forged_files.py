"""Files with rgnet's header and seal that rgnet did not write."""

import hashlib
from pathlib import Path

import h5py
import numpy as np


def seal(path: Path, image: bytes) -> Path:
    """Write the bytes with a seal that is right for them."""
    path.write_bytes(image + f"\nrgnet-sha256:{hashlib.sha256(image).hexdigest()}\n".encode())
    return path


def forge(path: Path, build, **options) -> Path:
    """A sealed HDF5 file with rgnet's header, and what ``build`` puts into it."""
    with h5py.File(path, "w", **options) as file:
        file.attrs.update({"format": "rgnet", "format_version": np.array([1]), "rgnet_version": "9.9"})
        build(file)
    return seal(path, path.read_bytes())
