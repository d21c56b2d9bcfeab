"""Files of learned networks: what is read is what was written, and nothing else is read."""

import contextlib
import json
import math
import pickle
import struct
import zipfile

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import safetensors.torch

import rgnet as rg
from rgnet import store
from rgnet.layers import Filter
from rgnet.learn import _kinds
from rgnet.learn._torch import fork_seed, torch
from rgnet.learn.adapters import from_torch
from rgnet.learn.saving import load, save
from rgnet.learn.training import Learned

nn = torch.nn


def spins(shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), size=shape)


def convolutional(seed=0, width=4):
    with fork_seed(seed):
        return nn.Sequential(
            nn.Conv2d(1, width, 2, stride=2), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(width * 16, 3)
        )


def trained(seed=0):
    module = convolutional(seed)
    module(torch.from_numpy(spins((64, 1, 8, 8))).float())  # statistics of the batch norm
    return from_torch(module, ["2", "4"], shape=(8, 8))


HAND_MADE = [
    rg.Majority(2), rg.Majority(3, "first"), rg.Decimation(2), rg.Kadanoff(2, 0.1), rg.Kadanoff(2, math.inf),
    rg.BlockAverage(2, rescale=2**0.125),
]  # fmt: skip


def test_hand_made_layers_come_back_equal(tmp_path):
    path = tmp_path / "a.safetensors"
    for layer in HAND_MADE:
        save(path, layer)
        assert load(path) == layer
    network = rg.Network([*HAND_MADE, rg.Network(HAND_MADE[:2])])
    save(str(path), network)
    assert load(str(path)) == network
    assert [item.name for item in tmp_path.iterdir()] == ["a.safetensors"]


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3),
    st.lists(finite, min_size=8, max_size=8),
    finite,
    st.booleans(),
    st.dictionaries(st.text(max_size=8), st.floats() | st.integers(-(2**60), 2**60) | st.text(max_size=5), max_size=4),
    st.lists(st.floats(), min_size=1, max_size=5),
)
def test_what_is_read_is_what_was_written(tmp_path_factory, ndim, numbers, bias, sharp, values, losses):
    """Bit for bit: filters, histories with NaN and infinities, values of every kind."""
    path = tmp_path_factory.getbasetemp() / "round.safetensors"
    layer = Filter(np.resize(numbers, (2,) * ndim), bias, sharp)
    history = xr.Dataset({"loss": ("epoch", losses)}, coords={"epoch": range(len(losses))}, attrs={"seconds": 1.5})
    estimate = rg.Estimate(numbers[0], abs(bias), kind="lower", method="m", n=3, unit="nats")
    learned = Learned(rg.Network([layer]), history, "a note", {**values, "an estimate": estimate})
    save(path, learned)
    again = load(path)
    found = again.network.layers[0]
    assert found.weights.tobytes() == layer.weights.tobytes()
    assert found.bias.tobytes() == layer.bias.tobytes()
    assert found.config() == layer.config()
    assert again.history["loss"].values.tobytes() == history["loss"].values.tobytes()
    assert again.history.attrs == history.attrs
    assert again.history["epoch"].equals(history["epoch"])
    assert repr(again.values) == repr(learned.values)
    assert again.spec == "a note"


def test_torch_layers_need_their_module(tmp_path):
    network, path, x = trained(), tmp_path / "cnn.safetensors", spins((40, 8, 8))
    save(path, rg.Network([*network.layers]))
    into = convolutional(seed=5)
    before = {name: value.clone() for name, value in into.state_dict().items()}
    again = load(path, into=into)
    for a, b in zip(again.levels(x, ndim=2), network.levels(x, ndim=2), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(again.layers, network.layers, strict=True):
        assert a.config() == b.config()
        assert all(np.array_equal(value, b.state()[name]) for name, value in a.state().items())
    assert all(torch.equal(before[name], value) for name, value in into.state_dict().items())
    with pytest.raises(ValueError, match=r"make the module and give it: load\(path, into=module\)"):
        load(path)
    names = set(safetensors.torch.load_file(path))
    assert names == {f"root/0/{name}" for name in into.state_dict()}  # once, though two layers share it


def test_mixed_networks_and_controls(tmp_path):
    """A hand-made layer, one of two layers of a module, and a control with weights of its own."""
    path, x = tmp_path / "mixed.safetensors", spins((20, 16, 16))
    control = trained().randomized(3)
    network = rg.Network([rg.Majority(2), trained().layers[0]])
    save(path, network)
    np.testing.assert_array_equal(load(path, convolutional())(x, rng=1, ndim=2), network(x, rng=1, ndim=2))
    save(path, control)
    x = spins((20, 8, 8))
    np.testing.assert_array_equal(load(path, convolutional())(x, ndim=2), control(x, ndim=2))


def test_weights_from_another_architecture(tmp_path):
    path = tmp_path / "cnn.safetensors"
    save(path, trained())
    shapes = (
        r"weights from another architecture: 0.weight is \(4, 1, 2, 2\) in the file, \(6, 1, 2, 2\) in the module; .*"
        r"4.weight is \(3, 64\) in the file, \(3, 96\) in the module.*made as the saved one was"
    )
    with pytest.raises(ValueError, match=shapes):
        load(path, into=convolutional(width=6))
    names = r"4.weight is not in the module; .*5.weight is not in the file"
    module = convolutional()
    with pytest.raises(ValueError, match=names):
        load(path, into=nn.Sequential(*list(module)[:4], nn.Identity(), module[4]))
    with pytest.raises(ValueError, match=r"0.weight is torch.float32 in the file, torch.float64 in the module"):
        load(path, into=convolutional().double())
    with pytest.raises(TypeError, match=r"a torch.nn.Module"):
        load(path, into=3)
    save(path, rg.Majority(2))
    with pytest.raises(ValueError, match="nothing to put into; leave into= out"):
        load(path, into=module)


def make_for_test(width):
    return convolutional(width=width)


def test_builders_make_modules_without_into(tmp_path, monkeypatch):
    monkeypatch.setitem(_kinds.BUILDERS, "test", "a:make_for_test")
    monkeypatch.setattr(
        "rgnet.learn._saving_encode.resolve",
        lambda table, name: make_for_test if name == "test" else _kinds.resolve(table, name),
    )
    module = convolutional(seed=3)
    path, x = tmp_path / "built.safetensors", spins((9, 8, 8))
    network = from_torch(module, ["2", "4"], shape=(8, 8), builder=("test", {"width": 4}))
    save(path, network)
    again = load(path)
    np.testing.assert_array_equal(again(x, ndim=2), network(x, ndim=2))
    save(path, from_torch(module, ["2"], shape=(8, 8), builder=("test", {"width": 10**9})))
    with pytest.raises(ValueError, match="another architecture"):
        load(path)  # found out without making 10⁹ channels


def write(path, head, tensors=None, digest=None):
    """A file as `save` writes it, with any description."""
    from rgnet.learn.saving import _digest

    text = head if isinstance(head, str) else json.dumps(head)
    tensors = tensors or {}
    metadata = {"rgnet": text, "sha256": _digest(text, tensors) if digest is None else digest}
    path.write_bytes(safetensors.torch.save(tensors, metadata))


HEAD = {"format": "rgnet.learn", "version": 1}


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("[" * 100_000, "cannot be read"),
        ("{}", "cannot be read"),
        ({**HEAD, "version": 2, "network": {}}, "version 2"),
        ({**HEAD, "format": "x", "network": {}}, "of format 'x'"),
        (HEAD, "does not describe layers"),
        ({**HEAD, "network": {"kind": "os:system", "config": {}}}, "'os:system' is unknown"),
        ({**HEAD, "network": {"kind": "majority", "config": {"b": 1}}}, "b=1"),
        ({**HEAD, "network": {"kind": "majority", "config": {"c": 1}}}, "does not describe layers"),
        ({**HEAD, "network": {"kind": "network", "layers": []}}, "at least one layer"),
        ({**HEAD, "network": {"kind": "filter", "config": {"sharp": True, "ndim": 2}, "at": "layer/0"}}, "'weights'"),
        ({**HEAD, "network": {"kind": ["a"]}}, "is unknown"),
        ({**HEAD, "network": [1]}, "does not describe layers"),
        (
            {**HEAD, "network": {"kind": "majority", "config": {"b": 2}}, "learned": {"history": 3}},
            "does not describe layers",
        ),
    ],
)
def test_absurd_descriptions(tmp_path, head, message):
    write(tmp_path / "a.safetensors", head)
    with pytest.raises(store.FileError, match=message):
        load(tmp_path / "a.safetensors")


def test_deep_networks_and_lattices_out_of_proportion(tmp_path):
    path = tmp_path / "a.safetensors"
    text = '{"kind": "network", "layers": [' * 5000 + "1" + "]}" * 5000
    write(path, '{"format": "rgnet.learn", "version": 1, "network": ' + text + "}")
    with pytest.raises(store.FileError):
        load(path)
    config = {"names": ["0"], "shape": [10**6, 10**6], "components": 1, "index": 0, "builder": None}
    write(path, {**HEAD, "network": {"kind": "torch", "config": config, "root": 0}})
    with pytest.raises(store.FileError, match="a lattice of"):
        load(path, into=convolutional())


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_pickles_are_refused_unread(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"a": torch.zeros(2), "trap": Trap()}, path)
    assert zipfile.is_zipfile(path)
    with pytest.raises(store.FileError, match=r"a zip archive, as torch.save writes.* nothing is unpickled"):
        load(path)
    torch.save({"trap": Trap()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(store.FileError, match="is a pickle, which can run any code and is never read"):
        load(path)
    for protocol in range(2, 6):
        path.write_bytes(pickle.dumps(Trap(), protocol=protocol))
        with pytest.raises(store.FileError, match="is a pickle"):
            load(path)
    path.write_bytes(pickle.dumps(Trap(), protocol=0))
    with pytest.raises(store.FileError, match="not a safetensors file"):
        load(path)


def test_truncated_damaged_and_foreign_files(tmp_path):
    path, cut = tmp_path / "a.safetensors", tmp_path / "cut.safetensors"
    save(path, Filter(np.ones((2, 2)), 0.3))
    data = path.read_bytes()
    for size in (*range(12), *range(12, len(data), 11)):
        cut.write_bytes(data[:size])
        with pytest.raises(store.FileError):
            load(cut)
    cut.write_bytes(data[:100])
    with pytest.raises(store.FileError, match="truncated: 100 bytes are there"):
        load(cut)
    for place in range(len(data) - 40, len(data), 3):  # among the weights
        cut.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(store.FileError, match="is damaged: its SHA-256"):
            load(cut)
    cut.write_bytes(struct.pack("<Q", 1 << 62) + b"{" + b" " * 50)
    with pytest.raises(store.FileError, match="truncated"):
        load(cut)
    safetensors.torch.save_file({"a": torch.zeros(3)}, cut)
    with pytest.raises(store.FileError, match=r"not written by rgnet.learn.save.*safetensors.torch.load_model"):
        load(cut)
    store.write(cut, {"a": xr.Dataset({"b": 1})})
    with pytest.raises(store.FileError, match=r"HDF5 file; rgnet.open reads those"):
        load(cut)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.safetensors")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 600), st.integers(0, 40))
def test_any_bytes_are_read_or_refused(tmp_path_factory, noise, place, length):
    """Noise, and a file with noise in it: a Filter, or a FileError."""
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    save(path, Filter(np.ones((2, 2)), 0.3))
    data = path.read_bytes()
    for content in (noise, data[:place] + noise[:length] + data[place + length :]):
        path.write_bytes(content)
        with contextlib.suppress(store.FileError):
            assert isinstance(load(path), Filter)


def test_nothing_is_written_where_something_cannot_be_saved(tmp_path):
    path = tmp_path / "a.safetensors"
    save(path, rg.Majority(2))
    data = path.read_bytes()

    class Own:
        scale, is_random = 2, False

        def __call__(self, x, rng=None, *, ndim=None):
            return x

    with pytest.raises(TypeError, match=r"cannot be saved: known are average.*_kinds.py"):
        save(path, rg.Network([Own()]))
    with pytest.raises(TypeError, match=r"values\['a'\]: .* cannot be saved"):
        save(path, Learned(rg.Network([rg.Majority(2)]), xr.Dataset(), None, {"a": {1, 2}}))
    assert path.read_bytes() == data


def test_what_was_learned_comes_back_with_its_specification(tmp_path):
    """A history over two dimensions with text coordinates, and a specification of rgnet's own."""
    from rgnet.learn.rbm import RBM, RBMStack

    path = tmp_path / "a.safetensors"
    history = xr.Dataset(
        {"loss": (("layer", "epoch"), np.random.default_rng(0).normal(size=(2, 3)))},
        coords={"layer": ["a", "b"], "epoch": [1, 2, 3]},
        attrs={"best_epoch": np.int64(2), "names": ["x"], "none": None},
    )
    for spec in (RBMStack([RBM(b=2), RBM(hidden=(2, 2), l1=0.5)]), RBM(hidden=3)):
        save(path, Learned(rg.Network([rg.Majority(2)]), history, spec, {"n": np.float64(3.5), "list": [1, 2]}))
        again = load(path)
        assert again.spec == spec
        xr.testing.assert_identical(again.history.drop_attrs(), history.drop_attrs())
        assert again.history.attrs == history.attrs
        assert again.values == {"n": 3.5, "list": [1, 2]}
    save(path, Learned(rg.Network([rg.Majority(2)]), history, object, {}))
    assert load(path).spec == "<class 'object'>"


def test_learned_layers_of_every_family(tmp_path):
    """Layers of RBMs, projections, classifiers and autoencoders, without a module to put their weights into."""
    from rgnet.learn.baselines import Autoencoder, Projection
    from rgnet.learn.classifiers import Classifier
    from rgnet.learn.rbm import RBMLayer

    path, rng = tmp_path / "a.safetensors", np.random.default_rng(0)
    data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), spins((2, 5, 8, 8)))})
    networks = [
        rg.Network([RBMLayer(rng.normal(size=(2, 1, 2, 2)), tied=True, b=2)]),
        rg.Network([Projection(rng.normal(size=(3, 1, 2, 2))), rg.BlockAverage(2)]),
        Classifier(channels=(3, 2), kernel=2).initial(data, 2, seed=4),
        Autoencoder(channels=(2,), kernel=2).initial(data, seed=4),
    ]
    for network in networks:
        save(path, network)
        again = load(path)
        assert repr(again) == repr(network)
        for a, b in zip(again.levels(data, seed=3), network.levels(data, seed=3), strict=True):
            xr.testing.assert_identical(a, b)
