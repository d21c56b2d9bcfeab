"""Thousands of damaged, mutated and arbitrary files: read whole, or refused with `FileError`."""

import textwrap
from pathlib import Path

import h5py
import hypothesis
import numpy as np
import pytest
import xarray as xr
from forged_files import forge
from hypothesis import strategies as st

from rgnet import store
from rgnet.verify.damage import damage_outcomes, damaged_files


def many_links_and_attributes(path: Path) -> bytes:
    data = xr.Dataset({f"v{n}": ("x", [n]) for n in range(20)}, attrs={f"a{n}": n for n in range(20)})
    store.write(path, {"g": data})
    return path.read_bytes()[:-79]


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(data=st.data())
def test_no_change_of_bytes_passes_the_seal(data, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    if not folder.exists():
        folder.mkdir()
        many_links_and_attributes(folder / "whole.h5")
    whole = (folder / "whole.h5").read_bytes()
    mutant = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(mutant) - 1))
        length = data.draw(st.integers(0, 40))
        mutant[place : place + length] = data.draw(st.binary(max_size=40))
        hypothesis.assume(mutant)
    hypothesis.assume(mutant != whole)
    (folder / "x.h5").write_bytes(mutant)
    with pytest.raises(store.FileError, match=r"x\.h5"):
        store.open(folder / "x.h5")
    with pytest.raises(store.FileError, match=r"x\.h5"):
        store.digest(folder / "x.h5")


NUMBERS = st.sampled_from(["i1", "u8", "f4", "f8", ">f8", "f2", "c16", "?", "S3", "V4", [("a", "i4")]])


@hypothesis.settings(max_examples=120, deadline=None)
@hypothesis.given(data=st.data())
def test_any_sealed_hdf5_is_read_or_refused(data, tmp_path_factory):
    """Files of h5py with arbitrary groups, types, links and attributes: `FileError`, or all of it can be read."""

    def value():
        shape = tuple(data.draw(st.lists(st.integers(0, 3), max_size=2)))
        return np.zeros(shape, data.draw(NUMBERS))

    def build(file):
        names = st.sampled_from(["a", "b", "spin", "spin_packed", "x", "é", "coordinates"])
        attrs = st.sampled_from(
            ["a", "coordinates", "dtype", "packing", "packed_dims", "packed_sizes", "CLASS", "NAME"]
        )
        groups = [file]
        for _ in range(data.draw(st.integers(1, 6))):
            group, name = data.draw(st.sampled_from(groups)), data.draw(names)
            if name in group:
                continue
            kind = data.draw(st.sampled_from(["group", "number", "text", "scale", "soft", "hard"]))
            if kind == "group":
                groups.append(group.create_group(name))
            elif kind in ("number", "scale"):
                item = group.create_dataset(name, data=value())
                if kind == "scale" and item.ndim:
                    item.make_scale(name)
            elif kind == "text":
                group.create_dataset(name, data=["a", "ß"], dtype=h5py.string_dtype())
            else:
                group[name] = h5py.SoftLink("/a") if kind == "soft" else data.draw(st.sampled_from(groups))
                continue
            target = group[name]
            texts = st.sampled_from(["json:", "json:[1]", "bool", "a b", '["x"]', "[1]", ""])
            for attr in data.draw(st.lists(attrs, max_size=2)):
                target.attrs[attr] = data.draw(texts) if data.draw(st.booleans()) else value()

    path = forge(tmp_path_factory.getbasetemp() / "any.h5", build)
    try:
        tree = store.open(path)
    except store.FileError:
        return
    tree.load()
    for node in tree.subtree:
        for name, variable in node.to_dataset(inherit=False).variables.items():
            assert variable.values.shape == variable.shape, name
            assert variable.dtype.kind in "iufbU"
    store.layout(path)
    assert store.same(path, path) == []


def test_every_stretch_of_bytes_is_sealed(tmp_path):
    """One flipped bit in each 16 bytes of a file, and a cut at each 64."""
    store.write(tmp_path / "a.h5", {"g": xr.Dataset({"v": ("x", np.arange(9.0)), "t": ("y", ["a", "ü"])})}, {"seed": 1})
    whole = (tmp_path / "a.h5").read_bytes()
    rng = np.random.default_rng(1)
    for start in range(0, len(whole), 16):
        mutant = bytearray(whole)
        mutant[min(start + int(rng.integers(16)), len(whole) - 1)] ^= 1 << int(rng.integers(8))
        (tmp_path / "x.h5").write_bytes(mutant)
        with pytest.raises(store.FileError, match=r"x\.h5"):
            store.digest(tmp_path / "x.h5")
    for end in range(0, len(whole), 64):
        (tmp_path / "x.h5").write_bytes(whole[:end])
        with pytest.raises(store.FileError, match=r"x\.h5"):
            store.digest(tmp_path / "x.h5")


def test_hundreds_of_damaged_files():
    outcomes = damage_outcomes(250, seed=20)
    assert sum(outcomes.values()) == 250
    assert (outcomes["wrong"], outcomes["raised"], outcomes["died"]) == (0, 0, 0)
    assert outcomes["refused"] > 200


@pytest.mark.slow
def test_two_thousand_damaged_files():
    assert damaged_files(2000, seed=21) == (0, 0)


def test_a_reader_that_dies_or_is_wrong_is_counted(monkeypatch, tmp_path):
    """The measurement itself: with a `rgnet.store` that does not look, damage is read, raises and kills."""
    careless = tmp_path / "sitecustomize.py"
    careless.write_text(
        textwrap.dedent(
            """
            import os, sys
            if sys.argv[0] == "-c" and len(sys.argv) > 1 and "whole.h5" in sys.argv[1]:
                from rgnet.verify import damage
                inner, count = damage._everything, [0]
                def careless(path):
                    if path.name == "whole.h5":
                        return inner(path)
                    count[0] += 1
                    if count[0] % 5 == 4:
                        os.abort()
                    if count[0] % 5 == 3:
                        raise ValueError
                    return b"" if count[0] % 2 else inner(path)
                damage._everything = careless
            """
        )
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcomes = damage_outcomes(8, seed=1)
    assert sum(outcomes.values()) == 8
    assert outcomes["died"] >= 1
    assert outcomes["raised"] >= 1
    assert outcomes["wrong"] >= 1
