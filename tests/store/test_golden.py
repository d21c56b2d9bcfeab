"""Files of every format there was, opened by this version: tests/data/golden/make.py says how they were made."""

import importlib.util
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import flow, info, store, study
from rgnet.store import writing

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
FORMATS = sorted(path for path in GOLDEN.glob("format-*") if path.is_dir())
FILES = sorted(path for folder in FORMATS for path in folder.glob("*.h5"))
named = pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.name}" for path in FILES])
every = pytest.mark.parametrize("folder", FORMATS, ids=[path.name for path in FORMATS])


@pytest.fixture(scope="module")
def make():
    """The script that wrote them, for how it describes a file; it makes nothing here."""
    spec = importlib.util.spec_from_file_location("make", GOLDEN / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def expected(path: Path) -> dict:
    return json.loads((path.parent / "expected.json").read_text(encoding="utf-8"))[path.name]


def test_there_are_files_of_every_format():
    assert [folder.name for folder in FORMATS] == [f"format-{n}" for n in range(1, writing.FORMAT_VERSION + 1)]
    for folder in FORMATS:
        names = {path.name for path in folder.glob("*.h5")}
        assert set(json.loads((folder / "expected.json").read_text(encoding="utf-8"))) == names
        assert {"plain.h5", "result.h5"} < names
        assert {store.read_attrs(folder / name)["format_version"] for name in names} == {int(folder.name[7:])}


@named
def test_everything_reads_as_it_was_written(make, path):
    assert make.described(path) == expected(path)
    assert store.digest(path) == expected(path)["digest"]
    assert store.is_sealed(path)
    assert store.same(path, path) == []


@named
def test_other_readers_still_read_them(make, path):
    """As the package's own description promises: any netCDF-4 reader, the seal notwithstanding."""
    with h5py.File(path, "r") as file:
        groups = [name for name in expected(path)["groups"] if name.strip("/") in file and name != "/"]
    assert len(groups) > 3
    for group in groups:
        with xr.open_dataset(path, group=group, engine="h5netcdf") as other:
            bare = {name: xr.Variable(item.dims, item.values) for name, item in other.variables.items()}
            found = {name: make.variable_of(item) for name, item in bare.items()}
        for name, entry in expected(path)["groups"][group]["variables"].items():
            if name == "spin" and entry["dtype"] == "int8":
                assert found["spin_packed"]["dtype"] == "uint8"
            elif entry["dtype"] != "text":
                assert {key: found[name][key] for key in ("dims", "shape", "dtype", "sha256")} == {
                    key: entry[key] for key in ("dims", "shape", "dtype", "sha256")
                }


@every
def test_values_at_the_edges_of_their_types(folder):
    """Said here once more in plain words, should the script or its digests ever be wrong."""
    tree = rg.open(folder / "plain.h5")
    numbers = tree["numbers"].to_dataset()
    assert numbers["float64"].values.view(np.uint64)[[0, 1, 2, -2, -1]].tolist() == [
        1 << 63, 0, 1, 0x7FF8000000000001, 0xFFF0000000000001,
    ]  # fmt: skip
    assert np.signbit(numbers["float32"].values[0])
    assert numbers["float32"].values[1] == np.float32(1e-45)
    assert numbers["int64"].values.tolist() == [-(2**63), 0, 2**63 - 1]
    assert numbers["uint64"].values.tolist() == [0, 0, 2**64 - 1]
    assert numbers["bool"].values.tolist() == [[True, False], [False, False], [True, True]]
    assert numbers["yes"].values.item() is True
    assert numbers["text"].values.tolist() == ["", "Größe", "Σφ² ≤ 𝒪(1)\n"]
    assert numbers["word"].values.item() == "ß"
    assert numbers["empty"].shape == (0, 3)
    assert numbers["empty_text"].shape == (0,)
    assert set(numbers.coords) == {"edge", "K", "label"}
    for attrs in (tree.attrs, tree["samples"].attrs):
        assert {name: attrs[name] for name in ("text", "empty", "marked", "nul", "whole", "long")} == {
            "text": "Größe", "empty": "", "marked": "json:[1]", "nul": "a\0b", "whole": -(2**63), "long": 2**70,
        }  # fmt: skip
        assert [attrs[name] for name in ("yes", "no", "none")] == [True, False, None]
        assert (attrs["real"], attrs["infinite"]) == (0.1, float("inf"))
        assert np.signbit(attrs["minus_zero"])
        assert attrs["list"] == [1, 2.5, "x", None, [True]]
        assert attrs["dict"] == {"a": {"b": [1]}, "ü": None}
    assert tree.attrs["big"] == "x" * 66_000
    samples = tree["samples"].to_dataset()
    assert np.array_equal(samples["spin"].sum(("x", "y")) * 0.5, samples["energy"])
    assert set(np.unique(samples["spin"])) == {-1, 1}
    assert tree["deep/er/real"]["spin"].dtype == np.float64


@every
def test_analyses_run_on_them(folder):
    point = next(path for path in folder.glob("*.h5") if store.read_attrs(path).get("kind") == "point")
    tree = rg.open(point)
    data = tree["samples"].to_dataset()
    levels = [data, tree["majority/level_1"].to_dataset()]
    fitted = flow.couplings(levels)
    stored = tree["majority/couplings"].to_dataset()
    assert np.allclose(fitted["coupling"], stored["coupling"], rtol=1e-6, atol=1e-9)
    kept = rg.information.retained(levels, about="K")
    assert np.isfinite(kept["fraction"]).all()
    made = rg.Network([rg.Majority(2)]).levels(data)
    assert np.array_equal(made[1]["spin"].shape, levels[1]["spin"].shape)
    assert tree["average/level_1"]["spin"].dtype == np.float64
    assert study.parse(study.stored_point(point)["study"]).name == "golden"
    assert info.as_dict(point)["point"]["ensemble"] == "plane"


@every
def test_results_still_know_their_points(folder):
    found = info.as_dict(folder / "result.h5")
    assert [source["state"] for source in found["sources"]] == ["unchanged"]
    assert found["study"]["seed"] == 1971
    assert found["provenance"]["versions"]["numpy"]
    assert "1 unchanged" in info.describe(folder / "result.h5")
    table = rg.open(folder / "result.h5", "thermodynamics")
    z = (table["energy"] - table["energy_exact"]) / table["energy_stderr"]
    assert np.abs(z).max() < 5
