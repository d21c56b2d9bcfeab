"""Datasets in HDF5 files: atomic, checked, readable by any netCDF-4 reader.

One file is one point: groups of labelled Datasets and root attributes, written once, by one writer, never appended to.

    image of an HDF5 file, line feed, "rgnet-sha256:", 64 hexadecimal digits, line feed

The image is built in memory, sealed by the SHA-256 of all its bytes in a last line (HDF5 ignores what follows its
end), written under a temporary name in the same folder, flushed to the disk and renamed. What is found under the final
name is therefore complete, or refused: nothing is parsed before the seal has been checked.

The image follows netCDF-4, so that ``xarray.open_dataset(file, group=…, engine="h5netcdf")`` reads every variable;
numeric arrays are chunked along their leading dimensions (about 1 MB each), compressed (gzip 1) and carry Fletcher-32
checksums. Only two things need rgnet to be read as they were written:

- a variable ``spin`` of values ±1 lies bit-packed in ``spin_packed`` (`rgnet.store.packing`);
- attributes that are bool, None, list or dict lie as JSON text after ``json:`` (`rgnet.store.attributes`).

Source of the seal: NIST FIPS 180-4 (2015), SHA-256.
"""

from rgnet.store.comparing import same
from rgnet.store.layout import StoredFile, StoredGroup, StoredVariable, layout
from rgnet.store.reading import open, read_attrs, verify
from rgnet.store.sealing import FileError, digest, is_sealed, remove_leftovers, write_bytes
from rgnet.store.writing import write

__all__ = [
    "FileError", "StoredFile", "StoredGroup", "StoredVariable", "digest", "is_sealed", "layout", "open", "read_attrs",
    "remove_leftovers", "same", "verify", "write", "write_bytes",
]  # fmt: skip
