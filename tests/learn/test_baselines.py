"""Principal components of blocks, and autoencoders."""

import math

import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

import rgnet as rg
from rgnet.learn.baselines import PCA, Autoencoder, Projection, blocks
from rgnet.learn.saving import load, save
from rgnet.learn.training import Training


@pytest.fixture(scope="module")
def data():
    return rg.sample(rg.Ising((8, 8), K=0.44), 200, chains=4, seed=1)


def test_components_are_eigenvectors_of_the_blocks(data):
    learned = PCA(components=4).fit(data)
    rows = blocks(data["spin"].values[:3].reshape(-1, 1, 8, 8), 2).reshape(-1, 4)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    layer = learned.network.layers[0]
    for k in range(4):
        overlap = float(layer.weights[k].ravel() @ vectors[:, -1 - k])
        if k in (0, 3):  # the middle two are degenerate up to noise
            assert abs(overlap) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(layer.centre.ravel(), rows.mean(axis=0), atol=1e-12)
    kept = PCA(components=2).fit(data).history["loss_train"].values
    assert kept == pytest.approx(values[:2].sum() / values.sum())
    assert learned.values["explained_variance_1"].value == pytest.approx(1.0)


def test_the_first_component_of_a_ferromagnet_is_the_block_average(data):
    learned = PCA().fit(data)
    weights = learned.network.layers[0].weights.ravel()
    np.testing.assert_allclose(weights, 0.5, atol=0.01)
    assert 0.7 < learned.values["explained_variance_1"].value < 1.0
    assert learned.values["explained_variance_1"].stderr > 0
    exact = Projection(np.full((1, 1, 2, 2), 0.25))
    np.testing.assert_allclose(exact(data)["spin"], rg.BlockAverage(2)(data)["spin"])


def test_layers_follow_each_other(data):
    learned = PCA(components=2, layers=2).fit(data)
    sizes = [dict(level["spin"].sizes) for level in learned.network.levels(data)]
    assert sizes[1] == {"chain": 4, "draw": 200, "component": 2, "x": 4, "y": 4}
    assert sizes[2] == {"chain": 4, "draw": 200, "component": 2, "x": 2, "y": 2}
    assert set(learned.values) == {"explained_variance_1", "explained_variance_2"}
    total = data["spin"].values.sum(axis=(-2, -1))
    read = learned.network(data)["spin"].isel(component=0).sum(("x", "y")).values
    assert np.corrcoef(total.ravel(), read.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(("inner", "outer", "d"), [(1, 1, 1), (1, 3, 2), (2, 1, 2), (2, 3, 3)])
def test_a_projection_is_the_sum_it_says(inner, outer, d):
    rng = np.random.default_rng(5)
    layer = Projection(rng.normal(size=(outer, inner, *(2,) * d)), rng.normal(size=(inner, *(2,) * d)))
    x = rng.normal(size=(3, *((inner,) if inner > 1 else ()), *(4,) * d))
    y = layer(x, ndim=d).reshape(3, outer, *(2,) * d)
    full = x.reshape(3, inner, *(4,) * d)
    block = full[(slice(None), slice(None), *(slice(2, 4),) * d)]
    corner = np.tensordot(block - layer.centre, layer.weights, axes=(range(1, d + 2), range(1, d + 2)))
    np.testing.assert_allclose(y[(slice(None), slice(None), *(1,) * d)], corner)
    again = Projection.from_state(layer.config(), layer.state())
    np.testing.assert_array_equal(again(x, ndim=d), layer(x, ndim=d))
    assert layer.components == (inner, outer)
    control = layer.randomized(1)
    assert control.weights.shape == layer.weights.shape
    flat = control.weights.reshape(outer, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(outer), atol=1e-12)


def test_an_autoencoder_learns_and_bounds_the_conditional_entropy(data):
    learned = Autoencoder((8,)).fit(data, Training(epochs=6, batch=64, learning_rate=1e-2, progress=False))
    found = learned.values["reconstruction"]
    assert found.kind == "upper"
    assert found.unit == "nats"
    assert 0.0 < found.value < 0.35 < math.log(2)
    assert learned.history["loss"].values[-1] < learned.history["loss"].values[0]
    assert learned.values["agreement"].value > 0.85
    assert [layer.components for layer in learned.network.layers] == [(1, 8)]
    assert dict(learned.network(data)["spin"].sizes) == {"chain": 4, "draw": 200, "component": 8, "x": 4, "y": 4}
    control = learned.spec.initial(data)
    assert control.layers[0].n_parameters == learned.network.layers[0].n_parameters == 8 * 4 + 8


def test_chains_too_short_for_an_error_keep_what_was_learned(data):
    for spec in (PCA(), Autoencoder((2,))):
        values = spec.fit(data.isel(draw=slice(0, 20)), Training(epochs=1, progress=False)).values
        first = next(iter(values.values()))
        assert np.isfinite(first.value)
        assert math.isnan(first.stderr)
        assert "no error bar: " in first.method


def test_an_autoencoder_of_real_fields(data):
    field = rg.BlockAverage(2)(data)
    learned = Autoencoder((2,), activation="linear").fit(field, Training(epochs=3, batch=128, progress=False))
    assert learned.values["reconstruction"].kind == "estimate"
    assert "agreement" not in learned.values
    assert np.isfinite(learned.values["reconstruction"].value)


@pytest.mark.parametrize("spec", [PCA(components=2), Autoencoder((2,))])
def test_what_was_learned_is_saved_and_loaded(spec, data, tmp_path):
    learned = spec.fit(data, Training(epochs=1, progress=False))
    save(tmp_path / "network.safetensors", learned)
    again = load(tmp_path / "network.safetensors")
    np.testing.assert_array_equal(again.network(data)["spin"], learned.network(data)["spin"])
    assert again.spec == spec


PLANE = xr.Dataset({"spin": (("chain", "draw", "x", "y"), np.ones((2, 10, 8, 8), dtype=np.int8))})


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: PCA(b=1), r"PCA\(b=1\)"),
        (lambda: PCA(components=0), r"PCA\(components=0\)"),
        (lambda: PCA(components=5).fit(PLANE), r"a block has 4 numbers"),
        (lambda: PCA(layers=4).fit(PLANE), r"does not divide 8"),
        (lambda: PCA().fit(PLANE), r"blocks of layer 1 are alike.*give draws that differ"),
        (lambda: Autoencoder((2, 2), kernel=11).fit(PLANE), r"kernel=11.*at most 10"),
        (lambda: Autoencoder(()), r"at least one layer"),
        (lambda: Autoencoder((2,) * 4).fit(PLANE), r"4 layers of stride 2.*does not divide 8"),
        (lambda: Projection(np.ones((2, 2))), r"weights of shape \(2, 2\)"),
        (lambda: Projection(np.full((1, 1, 2), np.nan)), r"finite"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(ValueError, match=match):
        call()
