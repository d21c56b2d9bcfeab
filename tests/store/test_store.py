"""Files read back equal: labelled and typed; other readers see the same numbers."""

import json

import h5netcdf
import h5py
import hypothesis
import numpy as np
import pytest
import xarray as xr
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rgnet import store
from rgnet.store import packing, writing


def spins(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return (2 * np.random.default_rng(seed).integers(0, 2, shape) - 1).astype(np.int8)


def samples(chains: int = 2, draws: int = 50, shape: tuple[int, int] = (5, 3)) -> xr.Dataset:
    x = spins((chains, draws, *shape))
    energy = np.random.default_rng(1).normal(size=(chains, draws))
    energy[0, 0], energy[-1, -1] = np.nan, -np.inf
    return xr.Dataset(
        {
            "spin": (("chain", "draw", "x", "y"), x, {"unit": "1"}),
            "energy": (("chain", "draw"), energy),
            "accepted": (("draw",), np.arange(draws) % 3 == 0, {"note": "bool"}),
            "seed": ((), np.uint64(2**64 - 1)),
            "label": (("operator",), np.array(["nn", "Σφ²", ""])),
        },
        coords={
            "chain": np.arange(chains),
            "draw": np.arange(draws),
            "operator": ["nn", "nnn", "(2,0)"],
            "K": 0.44,
            "time": ("draw", np.linspace(0, 1, draws, dtype=np.float32)),
        },
        attrs={"boundary": '["periodic", "free"]', "level": 0},
    )


def test_every_kind_of_variable_reads_back_identical(tmp_path):
    data = samples()
    store.write(tmp_path / "a.h5", {"samples": data, "majority/level_1": data.isel(draw=slice(0, 7))})
    xr.testing.assert_identical(store.open(tmp_path / "a.h5", "samples"), data)
    tree = store.open(str(tmp_path / "a.h5"))
    xr.testing.assert_identical(tree["majority/level_1"].to_dataset(), data.isel(draw=slice(0, 7)))
    back = tree["samples"]
    assert {name: back[name].dtype for name in ("spin", "accepted", "seed")} == {
        "spin": np.int8,
        "accepted": np.bool_,
        "seed": np.uint64,
    }
    assert back["energy"].values.tobytes() == data["energy"].values.tobytes()
    assert back["operator"].dtype.kind == "U"
    assert back["label"].values.tolist() == ["nn", "Σφ²", ""]


def test_attributes_come_back_as_the_types_written(tmp_path):
    attrs = {
        "text": "Größe", "empty": "", "json_text": '{"a": 1}', "marked": "json:[1]", "nul": "a\0b",
        "surrogate": "\ud800", "whole": 7, "long": 2**70, "negative": -(2**63), "real": 0.1, "infinite": float("-inf"),
        "yes": True, "none": None, "list": [1, 2.5, "x", None, [True]], "dict": {"a": {"b": [1]}, "ü": None},
        "big": "x" * 200_000,
    }  # fmt: skip
    scalars = {"i": np.int32(3), "f": np.float32(0.5), "b": np.bool_(True), "tuple": (1, 2)}
    many = {f"a{number}": number for number in range(100)}
    data = xr.Dataset({"v": ("draw", np.arange(3), {**attrs, **scalars})}, attrs=attrs)
    store.write(tmp_path / "a.h5", {"g": data}, attrs | scalars | many)
    back = store.read_attrs(tmp_path / "a.h5")
    header = {name: back.pop(name) for name in writing.HEADER}
    assert header["format"] == "rgnet"
    assert header["format_version"] == 1
    assert isinstance(header["rgnet_version"], str)
    expected = {**attrs, "i": 3, "f": 0.5, "b": True, "tuple": [1, 2]}
    group = store.open(tmp_path / "a.h5", "g")
    assert back == {**expected, **many}
    assert group.attrs == attrs
    assert group["v"].attrs == expected
    assert {name: type(value) for name, value in back.items()} == {
        name: type(value) for name, value in {**expected, **many}.items()
    }
    assert list(back) == list(expected) + list(many)
    assert store.open(tmp_path / "a.h5").attrs == {**header, **back}


def test_other_readers_see_the_same_numbers(tmp_path):
    data = samples()
    store.write(tmp_path / "a.h5", {"deep/samples": data})
    with xr.open_dataset(tmp_path / "a.h5", group="deep/samples", engine="h5netcdf") as other:
        loaded = other.load()
        packed = loaded["spin_packed"]
        unpacked = np.unpackbits(packed.values, axis=-1)[..., :15].reshape(2, 50, 5, 3).astype(np.int8) * 2 - 1
        xr.testing.assert_identical(loaded.drop_vars("spin_packed"), data.drop_vars("spin"))
    assert np.array_equal(unpacked, data["spin"].values)
    assert packed.dims == ("chain", "draw", "spin_byte")
    assert json.loads(packed.attrs["packed_dims"]) == ["x", "y"]
    assert json.loads(packed.attrs["packed_sizes"]) == [5, 3]
    with h5netcdf.File(tmp_path / "a.h5", "r") as other:
        assert np.array_equal(other["deep/samples/spin_packed"][...], packed.values)
    with h5py.File(tmp_path / "a.h5", "r") as other:
        for item in other["deep/samples"].values():
            if item.chunks:
                assert item.fletcher32
                assert (item.compression, item.compression_opts) == ("gzip", 1)
        assert other["deep/samples/energy"].chunks
        assert other["deep/samples/spin_packed"].chunks


@pytest.mark.parametrize("name", ["spin", "field"])
def test_only_spins_of_one_are_packed(tmp_path, name):
    x = spins((1, 4, 3, 3))
    x[0, 0, 0, 0] = 0 if name == "spin" else 1
    data = xr.Dataset({name: (("chain", "draw", "x", "y"), x)})
    store.write(tmp_path / "a.h5", {"g": data})
    with h5py.File(tmp_path / "a.h5") as file:
        assert file[f"g/{name}"].dtype == np.int8
        assert "g/spin_packed" not in file
    xr.testing.assert_identical(store.open(tmp_path / "a.h5", "g"), data)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    values=hnp.arrays(
        st.sampled_from(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "?", "<U3", ">f8", ">i4"]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
        elements=None,
    ),
    name=st.sampled_from(["spin", "v"]),
    draw_at=st.integers(0, 4),
)
def test_any_array_reads_back_bit_for_bit(tmp_path_factory, values, name, draw_at):
    if values.dtype.kind == "U":
        hypothesis.assume(all("\0" not in item and item.isprintable() for item in values.flat))
    dims = ["a", "b", "c", "d"][: values.ndim]
    if draw_at < values.ndim:
        dims[draw_at] = "draw"
    data = xr.Dataset({name: (dims, values)})
    path = tmp_path_factory.mktemp("any") / "a.h5"
    store.write(path, {"g": data})
    back = store.open(path, "g")[name]
    assert back.dims == tuple(dims)
    assert back.shape == values.shape
    if values.dtype.kind == "U":
        assert back.values.tolist() == values.tolist()
    else:
        native = values.astype(values.dtype.newbyteorder("="))
        assert back.dtype == native.dtype
        assert back.values.tobytes() == native.tobytes()


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3), batch=st.integers(0, 3), seed=st.integers(0, 99)
)
def test_packing_inverts(sizes, batch, seed):
    x = spins((*[2] * batch, *sizes), seed)
    packed = packing.pack(x, len(sizes))
    assert packed.dtype == np.uint8
    assert packed.shape == (*[2] * batch, -(-int(np.prod(sizes)) // 8))
    assert np.array_equal(packing.unpack(packed, tuple(sizes)), x)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(
    shape=st.lists(st.integers(1, 300), min_size=1, max_size=4), itemsize=st.sampled_from([1, 4, 8]),
    target=st.sampled_from([64, 4096, 1 << 20]),
)  # fmt: skip
def test_chunks_fit_and_waste_little(shape, itemsize, target):
    chunks = writing.chunk_shape(tuple(shape), itemsize, target)
    assert all(1 <= chunk <= side for chunk, side in zip(chunks, shape, strict=True))
    assert np.prod(chunks) * itemsize <= target
    split = next((axis for axis, (c, side) in enumerate(zip(chunks, shape, strict=True)) if c > 1), None)
    if split is not None:
        assert all(chunks[axis] == shape[axis] for axis in range(split + 1, len(shape)))
        pieces = -(-shape[split] // chunks[split])
        assert pieces * chunks[split] - shape[split] < pieces  # even: less than one entry of padding a chunk


def test_many_draws_are_split_evenly():
    assert writing.chunk_shape((4, 10_000, 512), 1) == (1, 2000, 512)
    assert writing.chunk_shape((4, 10_000), 8) == (4, 10_000)
    assert writing.chunk_shape((2, 3, 1 << 22), 1) == (1, 1, 1 << 20)


def test_empty_groups_and_none(tmp_path):
    store.write(tmp_path / "a.h5", {"empty": xr.Dataset(attrs={"a": 1}), "a/b/c": xr.Dataset()}, {"x": 1})
    tree = store.open(tmp_path / "a.h5")
    assert set(tree.groups) == {"/", "/empty", "/a", "/a/b", "/a/b/c"}
    assert tree["empty"].attrs == {"a": 1}
    store.write(tmp_path / "b.h5", {})
    assert store.open(tmp_path / "b.h5").groups == ("/",)
    with pytest.raises(store.FileError, match=r"b\.h5 has no group 'samples'; it has none"):
        store.open(tmp_path / "b.h5", "samples")
    with pytest.raises(store.FileError, match=r"has no group 'samples'; it has empty, a, a/b, a/b/c"):
        store.open(tmp_path / "a.h5", "samples")


def test_nested_groups_of_equal_dimensions(tmp_path):
    groups = {"a/b": samples(draws=4), "a": samples(draws=4)}
    store.write(tmp_path / "a.h5", groups)
    for name, data in groups.items():
        xr.testing.assert_identical(store.open(tmp_path / "a.h5", name), data)
        with xr.open_dataset(tmp_path / "a.h5", group=name, engine="h5netcdf") as other:
            xr.testing.assert_identical(other.drop_vars("spin_packed").load(), data.drop_vars("spin"))
    with pytest.raises(ValueError, match="do not form a tree"):
        store.write(tmp_path / "b.h5", {"a": samples(draws=4), "a/b": samples(draws=5)})


def test_writing_what_was_opened(tmp_path):
    store.write(tmp_path / "a.h5", {"g": samples()}, {"study": {"seed": 1}})
    tree = store.open(tmp_path / "a.h5")
    store.write(tmp_path / "b.h5", {"g": tree["g"].to_dataset()}, tree.attrs)
    assert store.same(tmp_path / "a.h5", tmp_path / "b.h5") == []


def one(**changes) -> xr.Dataset:
    return xr.Dataset(changes)


@pytest.mark.parametrize(
    ("groups", "attrs", "message"),
    [
        ({"": one()}, None, "group ''"),
        ({"/a": one()}, None, "a group has a name such as 'samples'"),
        ({"a//b": one()}, None, "group 'a//b'"),
        ({"..": one()}, None, "group '..'"),
        ({1: one()}, None, "group 1"),
        ({"g": xr.DataArray([1])}, None, "is a DataArray: give an xarray.Dataset"),
        ([one()], None, "give a mapping"),
        ({"a": one(b=1), "a/b": one()}, None, "do not form a tree"),
        ({"g": one(z=("draw", [1j]))}, None, "g/z has dtype complex128.*store real and imaginary parts"),
        ({"g": one(z=("draw", np.array([{}], dtype=object)))}, None, "g/z has dtype object"),
        ({"g": one(z=("draw", np.array(["a", 1], dtype=object)))}, None, "g/z has dtype object"),
        ({"g": one(z=("draw", np.array(["a\0b"])))}, None, "text is UTF-8 without NUL"),
        ({"g": one(z=("draw", np.zeros(1, np.float16)))}, None, "float16"),
        ({"g": one(z=("draw", np.zeros(1, np.longdouble)))}, None, "has dtype"),
        ({"g": one(z=("draw", np.zeros(1, "M8[ns]")))}, None, "datetime64"),
        ({"g": xr.Dataset({1: 0})}, None, "1 is no name"),
        ({"g": xr.Dataset({"a/b": 0})}, None, "no name for a variable"),
        ({"g": one(spin=("draw", [1]), spin_packed=1)}, None, "kept for packed spins"),
        ({"g": xr.Dataset({"a": ("x", [1], {"scale_factor": 2})})}, None, "'scale_factor' of g/a: netCDF gives"),
        ({"g": xr.Dataset(attrs={"coordinates": "x"})}, None, "'coordinates' of group 'g'"),
        ({}, {"": 1}, "attribute ''"),
        ({}, {1: 1}, "attribute 1 of the file"),
        ({}, {"z": 1j}, "attribute 'z' of the file holds 1j of type complex"),
        ({}, {"z": np.arange(3)}, r"list by .tolist\(\)"),
        ({}, {"z": {"deep": [object]}}, "holds <class 'object'>"),
        ({}, {"z": {1: 2}}, "keys are text"),
    ],
)  # fmt: skip
def test_what_cannot_read_back_equal_is_refused_before_writing(tmp_path, groups, attrs, message):
    with pytest.raises((ValueError, TypeError), match=message):
        store.write(tmp_path / "a.h5", groups, attrs)
    assert list(tmp_path.iterdir()) == []


def test_multi_index_is_refused(tmp_path):
    data = xr.Dataset(coords={"a": ("p", [1, 2]), "b": ("p", [3, 4])}).set_index(p=["a", "b"])
    with pytest.raises(ValueError, match="reset_index"):
        store.write(tmp_path / "a.h5", {"g": data})


def test_paths(tmp_path):
    for function in (store.open, store.read_attrs, store.verify, lambda path: store.same(path, path)):
        with pytest.raises(IsADirectoryError, match="is a directory"):
            function(tmp_path)
        with pytest.raises(FileNotFoundError, match="no such file"):
            function(tmp_path / "a.h5")
        for wrong in (3, b"a.h5", "", None):
            with pytest.raises(TypeError, match="give the name of a file"):
                function(wrong)
    with pytest.raises(IsADirectoryError, match="is a directory"):
        store.write(tmp_path, {})
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*; create it first"):
        store.write(tmp_path / "none" / "a.h5", {})
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="is a file"):
        store.write(tmp_path / "file" / "a.h5", {})


def test_same_names_every_difference(tmp_path):
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    data = samples()
    store.write(a, {"g": data, "only/a": one()}, {"seed": 1, "seconds": 1.0})
    store.write(b, {"g": data, "only/a": one()}, {"seed": 1, "seconds": 2.0})
    assert store.same(a, b) == ["@seconds"]
    assert store.same(a, b, ignore={"seconds"}) == []
    other = data.copy(deep=True)
    other["spin"][0, 0, 0, 0] *= -1
    other["energy"][0, 1] = np.nextafter(other["energy"][0, 1], np.inf)
    other["accepted"] = other["accepted"].astype(np.int8)
    other["label"][0] = "NN"
    other["seed"].attrs["note"] = 1
    other = other.drop_vars("time").assign(new=1)
    other.attrs |= {"level": 1, "list": [1]}
    store.write(b, {"g": other}, {"seed": 1.0})
    assert sorted(store.same(a, b)) == sorted(
        ["@seconds", "@seed", "g@level", "g@list", "g@coordinates", "g/spin", "g/energy", "g/accepted", "g/label"]
        + ["g/seed@note", "g/time", "g/new", "only", "only/a"]
    )


def test_same_tells_zeros_and_nans_by_their_bits(tmp_path):
    nan = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)
    for name, value in {"a": [0.0, np.nan], "b": [-0.0, np.nan], "c": [0.0, nan[0]]}.items():
        store.write(tmp_path / name, {"g": xr.Dataset({"v": ("x", np.array(value))})})
    assert store.same(tmp_path / "a", tmp_path / "b") == ["g/v"] == store.same(tmp_path / "a", tmp_path / "c")
