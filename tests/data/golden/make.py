"""Files of today's format, for every later version to open: run once for a format, never again for that one.

    python tests/data/golden/make.py tests/data/golden/format-1

writes ``plain.h5`` (every kind of variable and attribute that a file can hold), a point of a tiny study and its
``result.h5``, and ``expected.json``: of every variable its dimensions, shape and type, the SHA-256 of its values and
of all attributes, and each file's digest. A folder that is there is not written to. A new format gets a new folder
beside the older ones, and the tests go through all of them.
"""

import hashlib
import json
import platform
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import rgnet as rg
from rgnet import store, study

STUDY = """
name = "golden"
title = "Golden: files that every later version opens, Größe √2"
seed = 1971

[model]
name = "Ising"

[sample]
draws = 120
chains = 2

[networks.majority]
layers = [{ layer = "majority", b = 2 }]
keep_levels = true

[networks.average]
layers = [{ layer = "average", b = 2 }]
keep_levels = true

[[ensembles]]
name = "plane"
shape = [[8, 8]]
K = [0.4]
networks = ["majority", "average"]
analyses = ["couplings", "information"]
"""


def plain() -> tuple[dict[str, xr.Dataset], dict[str, Any]]:
    """Every kind of variable and attribute, with the values at the edges of their types."""
    rng = np.random.default_rng(7)
    nan = np.array([0x7FF8000000000001, 0xFFF0000000000001], dtype=np.uint64).view(np.float64)  # bits are kept
    spins = (2 * rng.integers(0, 2, (2, 5, 3, 3)) - 1).astype(np.int8)
    integers = {
        name: ("edge", np.array([np.iinfo(name).min, 0, np.iinfo(name).max], name))
        for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    }
    edges = [-0.0, 0.0, 5e-324, -1.7976931348623157e308, np.inf, -np.inf, 0.1]
    numbers = xr.Dataset(
        {
            **integers,
            "float64": ("number", np.concatenate([edges, nan])),
            "float32": ("single", np.array([-0.0, 1e-45, np.inf, np.nan, 0.1], np.float32)),
            "bool": (("edge", "pair"), np.array([[True, False], [False, False], [True, True]])),
            "text": ("edge", np.array(["", "Größe", "Σφ² ≤ 𝒪(1)\n"])),
            "scalar": ((), 0.25),
            "word": ((), "ß"),
            "yes": ((), True),
            "empty": (("none", "edge"), np.zeros((0, 3))),
            "empty_text": ("none", np.array([], dtype="U1")),
        },
        coords={"edge": [10, 20, 30], "K": 0.5, "label": ("edge", ["a", "b", "c"])},
    )
    attrs = {
        "text": "Größe", "empty": "", "marked": "json:[1]", "nul": "a\0b", "whole": -(2**63), "long": 2**70,
        "real": 0.1, "minus_zero": -0.0, "infinite": float("inf"), "yes": True, "no": False, "none": None,
        "list": [1, 2.5, "x", None, [True]], "dict": {"a": {"b": [1]}, "ü": None},
    }  # fmt: skip
    samples = xr.Dataset(
        {
            "spin": (("chain", "draw", "x", "y"), spins, {"unit": "1"}),
            "energy": (("chain", "draw"), spins.sum((2, 3)) * 0.5),
        },
        coords={"chain": [0, 1], "draw": np.arange(5)},
        attrs=attrs,
    )
    real = xr.Dataset({"spin": (("chain", "draw", "x"), rng.normal(size=(1, 4, 3)))}, attrs={"level": 1})
    return {"samples": samples, "deep/er/real": real, "numbers": numbers, "nothing": xr.Dataset()}, {
        **attrs,
        "big": "x" * 66_000,  # HDF5 keeps attributes of over 64 kB in another way
    }


def described(path: Path) -> dict[str, Any]:
    """What a file holds, as later versions must find it: numbers by their bits, little end first."""
    groups = {}
    tree = rg.open(path)
    for node in tree.subtree:
        data = node.to_dataset(inherit=False)
        groups[node.path] = {
            "attributes": digest_of(data.attrs),
            "variables": {str(name): variable_of(data[name].variable) for name in sorted(map(str, data.variables))},
            "coordinates": sorted(map(str, data.coords)),
        }
    return {"digest": store.verify(path), "groups": groups}


def digest_of(attrs: Any) -> str:
    """Digest of attributes, their types and order included: JSON tells 1 from 1.0 and from true."""
    return hashlib.sha256(json.dumps(dict(attrs)).encode()).hexdigest()


def variable_of(variable: xr.Variable) -> dict[str, Any]:
    """Dimensions, shape, type, attributes and digest of the values of a variable."""
    values = variable.values
    if values.dtype.kind == "U":
        kind, content = "text", json.dumps(values.tolist()).encode()
    else:
        kind, content = str(values.dtype), values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {
        "dims": list(map(str, variable.dims)), "shape": list(variable.shape), "dtype": kind,
        "sha256": hashlib.sha256(content).hexdigest(), "attributes": digest_of(variable.attrs),
    }  # fmt: skip


def main(folder: Path) -> None:
    """Write the files and what is expected of them."""
    folder.mkdir(parents=True)  # an error if it is there: golden files do not change
    platform.platform = lambda *_, **__: "Linux-x86_64"  # on whose machine they were made is nobody's business
    groups, attrs = plain()
    store.write(folder / "plain.h5", groups, attrs)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(1) as executor:
        toml = Path(scratch) / "golden.toml"
        toml.write_text(STUDY, encoding="utf-8")
        result = study.run(study.load(toml), data=scratch, executor=executor)
        for path in sorted(result.parent.glob("*.h5")):
            (folder / path.name).write_bytes(path.read_bytes())
    expected = {path.name: described(path) for path in sorted(folder.glob("*.h5"))}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
