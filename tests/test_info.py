"""`rgnet info` says what a file is, from where, and whether what it was made from is still there."""

import hashlib
import json
import re

import numpy as np
import pytest
import xarray as xr

from rgnet import info, store, study
from rgnet.provenance import provenance

STUDY = """
name = "tiny"
title = "A tiny study"
seed = 5
model = { name = "Ising" }
sample = { draws = 60, chains = 2 }

[networks.majority]
layers = [{ layer = "majority", b = 2, repeat = 2 }]
keep_levels = true

[[ensembles]]
name = "scan"
shape = [[4, 4], [8, 8]]
K = [0.3]
networks = ["majority"]
analyses = ["information"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of two points, computed once."""
    place = tmp_path_factory.mktemp("info")
    (place / "tiny.toml").write_text(STUDY)
    return study.run(study.load(place / "tiny.toml"), data=place, workers=1).parent


def lines(path) -> dict[str, str]:
    """The labelled lines of a description."""
    head = info.describe(path).split("\n\n")[0]
    return {m.group(1): m.group(2) for m in re.finditer(r"^(\S[\w \-]*?)  +(.*)$", head, re.MULTILINE)}


def test_a_point(folder):
    path = folder / "scan-8x8-K0.3.h5"
    found, said = info.as_dict(path), lines(path)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["kind"] == "point"
    assert found["sha256"] == store.verify(path) == hashlib.sha256(path.read_bytes()[:-79]).hexdigest()
    assert found["bytes"] == path.stat().st_size
    assert found["study"]["seed"] == 5
    assert found["point"]["model"]["shape"] == [8, 8]
    assert found["sampling"]["draws"] == 60
    assert found["sampling"]["chains"] == 2
    assert found["sampling"]["tau_energy"] > 0
    assert found["provenance"]["versions"]["numpy"] == np.__version__
    assert found["sha256"] in said["SHA-256"]
    assert said["Study"] == "tiny: A tiny study"
    assert said["Seed"] == "5"
    assert said["Point"].startswith(f"scan-8x8-K0.3 (ensemble scan, seed {found['point']['seed']}")
    assert said["Model"].startswith("Ising 8×8, K 0.3, h 0, boundary periodic")
    assert re.match(
        r"chains 2, draws 60, update \S+, kernel \S+, warmup \d+, thin \d+, τ of the energy", said["Sampling"]
    )
    assert said["Network"] == "majority: majority(b=2) × 2"
    assert said["Analyses"] == "information"
    assert re.fullmatch(r"\d+\.\d s of computing", said["Took"])
    assert f"numpy {np.__version__}" in said["Versions"]


def test_groups_with_shapes_and_sizes(folder):
    path = folder / "scan-8x8-K0.3.h5"
    groups = {group["path"]: group for group in info.as_dict(path)["groups"]}
    spin = next(item for item in groups["samples"]["variables"] if item["name"] == "spin")
    assert spin["dims"] == ["chain", "draw", "x", "y"]
    assert spin["shape"] == [2, 60, 8, 8]
    assert spin["dtype"] == "int8"
    assert spin["bits_per_spin"] == pytest.approx(8 * spin["bytes"] / (2 * 60 * 64), abs=1e-4)
    assert 0.3 < spin["bits_per_spin"] < 1.3
    opened = store.open(path)
    assert set(groups) == {name.strip("/") for name in opened.groups} - {""}
    for name, group in groups.items():
        for item in group["variables"]:
            variable = opened[name][item["name"]]
            assert (variable.dims, variable.shape) == (tuple(item["dims"]), tuple(item["shape"]))
            assert item["dtype"] == ("text" if variable.dtype.kind == "U" else str(variable.dtype))
        assert group["attributes"] == dict(opened[name].attrs)
    text = info.describe(path)
    assert "samples: chain 2 × draw 60 × x 8 × y 8" in text
    assert re.search(r"spin \(\S+ bits a spin\): int8\(chain, draw, x, y\)", text)


def test_a_result_and_what_became_of_its_points(folder, tmp_path):
    for file in folder.glob("*.h5"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    result, small, large = (tmp_path / name for name in ("result.h5", "scan-4x4-K0.3.h5", "scan-8x8-K0.3.h5"))

    def states() -> dict[str, str]:
        return {source["file"]: source["state"] for source in info.as_dict(result)["sources"]}

    assert states() == {small.name: "unchanged", large.name: "unchanged"}
    assert lines(result)["Made from"] == "2 points; of the files beside it: 2 unchanged"
    damaged = bytearray(small.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    small.write_bytes(damaged)
    store.write(large, {}, {"kind": "point"})
    assert states() == {small.name: "damaged", large.name: "changed"}
    assert lines(result)["Made from"] == "2 points; of the files beside it: 1 changed, 1 damaged"
    large.unlink()
    assert states()[large.name] == "missing"
    assert "scan-8x8-K0.3.h5" in info.describe(result)


def test_a_result_names_no_file_outside_its_folder(tmp_path):
    (tmp_path / "inside").mkdir()
    store.write(tmp_path / "secret.h5", {})
    sha256 = store.verify(tmp_path / "secret.h5")
    points = {"a": {"file": "../secret.h5", "sha256": sha256}, "b": 3, "c": {"file": str(tmp_path / "secret.h5")}}
    store.write(tmp_path / "inside" / "result.h5", {}, {"kind": "result", "points": points})
    found = info.as_dict(tmp_path / "inside" / "result.h5")
    assert [source["state"] for source in found["sources"]] == ["missing"] * 3
    info.describe(tmp_path / "inside" / "result.h5")


def test_files_without_provenance_or_with_an_older_one(tmp_path):
    older = {"kind": "point", "study": {"name": "old", "seed": 1}, "platform": "Linux", "versions": {"numpy": "2.1"}}
    store.write(tmp_path / "old.h5", {}, older)
    assert info.as_dict(tmp_path / "old.h5")["provenance"] == {"platform": "Linux", "versions": {"numpy": "2.1"}}
    assert lines(tmp_path / "old.h5")["Versions"] == "numpy 2.1"
    store.write(tmp_path / "none.h5", {}, {"kind": "point"})
    assert "provenance" not in info.as_dict(tmp_path / "none.h5")
    assert "Versions" not in lines(tmp_path / "none.h5")
    with_commit = {**provenance(), "commit": "a" * 40}
    store.write(tmp_path / "new.h5", {}, {"kind": "result", "provenance": with_commit, "study_sha256": "b" * 64})
    said = lines(tmp_path / "new.h5")
    assert said["rgnet"].endswith(f"commit {'a' * 40}")
    assert said["Study file"] == f"SHA-256 {'b' * 64}"
    assert said["Platform"].startswith(with_commit["platform"])


def test_plain_data(tmp_path):
    data = xr.Dataset(
        {"v": ("x", [1.0, np.nan]), "yes": ("x", [True, False]), "word": ((), "ß")}, attrs={"worst": np.inf}
    )
    store.write(tmp_path / "a.h5", {"deep/er": data, "empty": xr.Dataset()}, {"mine": [1, None], "far": float("-inf")})
    found = info.as_dict(tmp_path / "a.h5")
    assert found["kind"] == "plain"
    assert found["attributes"] == {"mine": [1, None], "far": None}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    text = info.describe(tmp_path / "a.h5")
    assert "data written by rgnet.store.write" in text
    assert "mine = [1, None]" in text
    assert "      yes: bool(x)" in text
    assert "      word: text\n" in text


def test_long_lists_are_shortened_and_counted(tmp_path):
    many = {f"p{n}": {"file": f"p{n}.h5", "sha256": "0" * 64} for n in range(2000)}
    notes = {f"p{n}": {"g": "too short a chain"} for n in range(500)}
    wide = xr.Dataset({f"v{n}": ("x", [n]) for n in range(50)})
    groups = {f"g{n:03d}": wide if n == 0 else xr.Dataset(attrs={"n": n}) for n in range(100)}
    store.write(tmp_path / "a.h5", groups, {"kind": "result", "points": many, "notes": notes})
    text = info.describe(tmp_path / "a.h5")
    assert text.count("\n") < 80
    assert "2000 points; of the files beside it: 2000 missing" in text
    assert "… and 1989 more" in text  # points
    assert "… and 489 more" in text  # notes
    assert "… and 45 more: int64(x)" in text  # variables
    assert "… and 77 more" in text  # groups
    assert len(info.as_dict(tmp_path / "a.h5")["sources"]) == 2000


def test_text_of_a_file_cannot_command_the_terminal(tmp_path):
    bad = "\x1b]0;owned\x07\x1b[31mred\r\nFile  /etc/passwd"
    data = xr.Dataset({"v\x1b[2J": ("x\x1b", [1])}, attrs={"a\x1b": bad})
    attrs = {"kind": "result", "study": {"name": bad, "title": bad, "seed": bad}, "notes": {bad: bad, "b": {bad: bad}}}
    attrs |= {
        "points": {bad: {"file": bad, "sha256": bad}},
        "point": {"name": bad, "networks": {bad: {"layers": [bad]}}},
    }
    attrs |= {"provenance": {"platform": bad, "commit": bad, "versions": {bad: bad}}, "finished": bad}
    store.write(tmp_path / "a.h5", {"g": data}, attrs)
    text = info.describe(tmp_path / "a.h5")
    assert all(letter.isprintable() for letter in text.replace("\n", ""))
    assert text.count("\nFile") == 0


@pytest.mark.parametrize("value", [None, 3, "text", [1, "a"], {"a": None}, {}, []])
def test_attributes_of_unexpected_kinds_do_not_stop_it(tmp_path, value):
    names = (
        "kind",
        "study",
        "study_sha256",
        "point",
        "points",
        "notes",
        "duration_s",
        "finished",
        "provenance",
        "versions",
    )
    store.write(tmp_path / "a.h5", {"samples": xr.Dataset(attrs={"update": value})}, dict.fromkeys(names, value))
    assert info.describe(tmp_path / "a.h5")
    nested = {"model": value, "networks": value, "analyses": value, "shape": value}
    attrs = {"point": nested, "provenance": {"versions": value, "cpus": value}, "notes": {"a": value}}
    store.write(tmp_path / "a.h5", {}, attrs)
    assert info.describe(tmp_path / "a.h5")


def test_what_is_no_file_of_rgnet(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        info.describe(tmp_path / "a.h5")
    with pytest.raises(IsADirectoryError, match="is a directory"):
        info.describe(tmp_path)
    (tmp_path / "study.toml").write_text(STUDY)
    with pytest.raises(store.FileError, match=r"study\.toml is a study, not data: `rgnet run` computes it"):
        info.as_dict(tmp_path / "study.toml")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(store.FileError, match=r"notes\.txt is not an HDF5 file"):
        info.as_dict(tmp_path / "notes.txt")
    with pytest.raises(TypeError, match="give the name of a file"):
        info.as_dict(3)
