"""Networks in files: bit for bit there and back, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from rgnet import store
from rgnet.cheap import CheapError, NeuralNetwork, activations, load, network, save
from rgnet.store import FileError


def wavy():
    first = network.layer([["1/3", 0], [0, -2], ["1e-20", 1]], [0, "1/7", 0], activations.get("x*exp(-x**2)"))
    second = network.layer([[1, 2, 3]], [0.5], activations.get("gelu"))
    return NeuralNetwork((first, second, network.layer([[4]])), ("a", "b"), ("c",))


def test_there_and_back(tmp_path):
    net = wavy()
    save(tmp_path / "net.h5", net)
    back = load(tmp_path / "net.h5")
    assert (back.inputs, back.outputs) == (net.inputs, net.outputs)
    for one, other in zip(net.layers, back.layers, strict=True):
        assert one.activation == other.activation
        assert one.n_inputs == other.n_inputs
        for name in ("rows", "columns", "weights", "biases"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    x = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_array_equal(net(x), back(x))


def test_a_constant_is_saved_as_well(tmp_path):
    net = NeuralNetwork((network.layer({}, [0.5], n_inputs=0),), (), ("c",))
    save(tmp_path / "net.h5", net)
    assert load(tmp_path / "net.h5")(np.zeros((2, 0))).tolist() == [[0.5]] * 2


def test_what_is_no_network_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"give its \.network"):
        save(tmp_path / "net.h5", "network")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "net.h5")
    (tmp_path / "other.h5").write_bytes(b"no HDF5")
    with pytest.raises(FileError):
        load(tmp_path / "other.h5")
    store.write(tmp_path / "data.h5", {"samples": xr.Dataset({"a": ("b", [1.0])})})
    with pytest.raises(CheapError, match="holds no network"):
        load(tmp_path / "data.h5")


@pytest.mark.parametrize("change", ["row", "column", "weights", "n_inputs", "formula"])
def test_networks_that_make_no_sense_are_refused(tmp_path, change):
    save(tmp_path / "net.h5", wavy())
    tree = store.open(tmp_path / "net.h5")
    groups = {name: node.to_dataset().load() for name, node in tree.children.items()}
    broken = groups["layer_0"].copy(deep=True)
    if change in ("row", "column"):
        broken[change].values[0] = 7
    elif change == "weights":
        broken[change].values[0, 0] = np.inf
    else:
        broken.attrs[change] = 1 if change == "n_inputs" else "__import__('os')"
    attrs = store.read_attrs(tmp_path / "net.h5")
    store.write(tmp_path / "net.h5", groups | {"layer_0": broken}, attrs)
    with pytest.raises(CheapError, match="makes no sense"):
        load(tmp_path / "net.h5")
