"""Supervised networks beside the exact optimum."""

import math

import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

import torch

import rgnet as rg
from rgnet.cheap import classifier, sample_classes
from rgnet.learn import _classifier_module as modules
from rgnet.learn.adapters import from_torch
from rgnet.learn.classifiers import (
    Classifier,
    bayes_cross_entropy,
    beside_bayes,
    classes_of,
    predict,
    probabilities,
)
from rgnet.learn.saving import load, save
from rgnet.learn.training import Learned, Training

MODELS = [rg.Ising((8, 8), K=0.3), rg.Ising((8, 8), K=0.5)]
QUICK = Training(epochs=6, batch=128, learning_rate=3e-3, progress=False)


@pytest.fixture(scope="module")
def data():
    return sample_classes(MODELS, 300, chains=4, seed=1)


@pytest.fixture(scope="module")
def fresh():
    return sample_classes(MODELS, 400, chains=4, seed=2)


@pytest.fixture(scope="module")
def learned(data):
    return Classifier(channels=(8, 8), activation="square").fit(data, training=QUICK)


@pytest.mark.parametrize("shape", [(8,), (8, 12), (4, 8, 4)])
@pytest.mark.parametrize(("kernel", "b"), [(2, 2), (3, 2), (4, 2), (5, 2)])
def test_layers_commute_with_translations_by_their_stride(shape, kernel, b):
    module, names = modules.build(
        shape, 2, 3, channels=(4,), kernel=kernel, b=b, activation="relu", pool=True, hidden=(5,), seed=1
    )
    x = torch.tensor(np.random.default_rng(0).normal(size=(3, 2, *shape)), dtype=torch.float32)
    axes = tuple(range(2, x.ndim))
    with torch.no_grad():
        block, moved = module[0](x), module[0](torch.roll(x, (b,) * len(axes), axes))
        assert names == ["block1", "logits"]
        assert tuple(block.shape[2:]) == tuple(side // b for side in shape)
        torch.testing.assert_close(moved, torch.roll(block, (1,) * len(axes), axes))
        torch.testing.assert_close(module(torch.roll(x, (b,) * len(axes), axes)), module(x))


def bond_network(models):
    """Bayes' rule between two nearest-neighbour models as one convolution of squares and a dense layer."""
    shape = models[0].shape
    module, names = modules.build(
        shape, 1, 2, channels=(8,), kernel=3, b=2, activation="square", pool=True, hidden=(), seed=0
    )
    weight = torch.zeros(8, 1, 3, 3)
    # The window of unit (i, j) is sites 2i - 1, 2i, 2i + 1; the bonds of its own sites 2i, 2i + 1 to the left and up
    own = [(r, c) for r in (1, 2) for c in (1, 2)]
    pairs = [((r, c), (r, c - 1)) for r, c in own] + [((r, c), (r - 1, c)) for r, c in own]
    for k, (a, b) in enumerate(pairs):
        weight[k, 0][a], weight[k, 0][b] = 1.0, 1.0
    exact = classifier(models)
    bonds = 2 * math.prod(shape)
    with torch.no_grad():
        module[0].convolution.weight.copy_(weight)
        module[0].convolution.bias.zero_()
        # (s + s')² = 2 + 2 s s', averaged over the blocks of four sites
        K = torch.tensor([m.K for m in models])
        module[1].output.weight.copy_(K[:, None].expand(2, 8) * math.prod(shape) / 8)
        module[1].output.bias.copy_(-K * bonds + torch.tensor(exact.biases, dtype=torch.float32))
    return module, names


def test_one_layer_of_squares_is_bayes_rule(fresh):
    module, names = bond_network(MODELS)
    network = from_torch(module, names, shape=(8, 8))
    history = xr.Dataset(attrs={"classes": "[0, 1]"})
    made = Learned(network, history, Classifier(channels=(8,), activation="square"), {})
    np.testing.assert_allclose(probabilities(made, fresh), classifier(MODELS).posterior(fresh), atol=2e-5)
    found = beside_bayes(made, fresh)
    with pytest.raises(ValueError, match=r"data of type list: give one Dataset of fresh draws"):
        beside_bayes(made, [fresh])
    assert found["difference"].value == pytest.approx(0.0, abs=1e-5)
    assert found["bayes"].value == bayes_cross_entropy(MODELS, fresh).value


def test_what_is_measured_is_the_held_out_mean(learned, data):
    """Cross-entropy and accuracy by numpy, from the probabilities of the last chain of each class."""
    held = data.isel(chain=slice(-2, None))
    y = np.repeat(held["label"].values, 300)
    p = probabilities(learned, held["spin"].values.reshape(-1, 8, 8))
    found = learned.values
    assert found["cross_entropy"].value == pytest.approx(-np.log(p[np.arange(600), y]).mean(), abs=1e-6)
    assert found["accuracy"].value == pytest.approx((p.argmax(axis=1) == y).mean(), abs=1e-12)
    assert found["cross_entropy"].value == pytest.approx(float(learned.history["loss"].min()), abs=1e-5)


def test_a_trained_network_is_near_the_optimum_and_not_below_it(learned, fresh):
    found = beside_bayes(learned, fresh)
    assert found["network"].value - found["bayes"].value == pytest.approx(found["difference"].value, abs=1e-12)
    assert -4 * found["difference"].stderr < found["difference"].value < 0.04
    assert found["difference"].stderr < found["network"].stderr  # paired
    held = learned.values["cross_entropy"]
    assert held.unit == "nats"
    assert abs(held.value - found["network"].value) < 5 * math.hypot(held.stderr, found["network"].stderr)
    assert 0.5 < learned.values["accuracy"].value <= 1.0


@pytest.mark.slow
def test_two_temperatures_on_16_by_16():
    models = [rg.Ising((16, 16), K=0.42), rg.Ising((16, 16), K=0.46)]
    data = sample_classes(models, 1000, chains=8, seed=1)
    spec = Classifier(channels=(16,), activation="square")
    learned = spec.fit(data, training=Training(epochs=15, batch=128, learning_rate=3e-3, progress=False))
    found = beside_bayes(learned, sample_classes(models, 2000, chains=4, seed=2))["difference"]
    assert found.value + 2 * found.stderr < 0.01
    assert found.value > -3 * found.stderr


def test_levels_lie_on_the_lattices_of_the_rg(learned, fresh):
    levels = learned.network.levels(fresh.isel(draw=slice(0, 3)))
    sizes = [dict(level["spin"].sizes) for level in levels]
    assert sizes[1] == {"chain": 8, "draw": 3, "component": 8, "x": 4, "y": 4}
    assert sizes[2] == {"chain": 8, "draw": 3, "component": 8, "x": 2, "y": 2}
    assert sizes[3] == {"chain": 8, "draw": 3, "component": 2, "x": 1, "y": 1}


def test_predictions_of_arrays_and_datasets_agree(learned, fresh):
    small = fresh.isel(draw=slice(0, 5))
    p = probabilities(learned, small)
    assert p.dims == ("chain", "draw", "state")
    plain = probabilities(learned, small["spin"].values.reshape(-1, 8, 8))
    np.testing.assert_allclose(p.values.reshape(-1, 2), plain, atol=1e-6)
    np.testing.assert_allclose(plain.sum(axis=1), 1.0)
    assert (predict(learned, small).values == p.values.argmax(axis=-1)).all()


def test_the_same_seed_gives_the_same_network(data):
    small, spec = data.isel(draw=slice(0, 100)), Classifier(channels=(4,))
    one, again, other = (spec.fit(small, training=Training(epochs=2, seed=seed, progress=False)) for seed in (0, 0, 1))
    assert again.history["loss"].values.tolist() == one.history["loss"].values.tolist()
    x = data["spin"].values[0, :3]
    assert (again.network(x, ndim=2) == one.network(x, ndim=2)).all()
    assert (other.network(x, ndim=2) != one.network(x, ndim=2)).any()


@pytest.mark.slow
def test_a_thermometer_reads_the_grid_and_follows_bayes():
    grid = (0.2, 0.35, 0.5)
    models = [rg.Ising((8, 8), K=K) for K in grid]
    runs = [rg.sample(m, 200, chains=4, seed=i) for i, m in enumerate(models)]
    spec = Classifier(channels=(8,), activation="square", target="K")
    learned = spec.fit(runs, training=Training(epochs=12, batch=64, learning_rate=1e-2, progress=False))
    assert classes_of(learned).tolist() == list(grid)
    fresh = sample_classes(models, 300, chains=2, seed=9)
    read = predict(learned, fresh)
    assert read.dims == ("chain", "draw")
    assert read.name == "K"
    means = [float(read[fresh["label"].values == y].mean()) for y in range(3)]
    assert means == sorted(means)
    best = classifier(models).posterior(fresh).values @ np.array(grid)
    assert float(np.sqrt(((read.values - best) ** 2).mean())) < 0.04
    # Models in any order, and axes too: the outputs are found by their couplings
    rising = beside_bayes(learned, fresh)
    falling = fresh.assign_coords(label=2 - fresh["label"]).transpose("draw", "x", "y", "chain")
    found = beside_bayes(learned, falling, of=models[::-1])
    for name in rising:
        assert found[name].value == pytest.approx(rising[name].value, abs=1e-6)
    with pytest.raises(ValueError, match=r"2 models for a network that tells 3 classes"):
        beside_bayes(learned, fresh, of=models[:2])
    with pytest.raises(ValueError, match=r"models with K = .*0\.6\]: the network tells \[0\.2, 0\.35, 0\.5\]"):
        beside_bayes(learned, fresh, of=[*models[:2], rg.Ising((8, 8), K=0.6)])


def test_labels_of_draws_and_arrays_are_taken():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    x = np.where(rng.random((400, 8)) < np.where(y, 0.9, 0.1)[:, None], 1, -1)
    names = np.array(["cold", "warm"])[y]
    spec = Classifier(channels=(4,), kernel=2, pool=False, hidden=(4,))
    learned = spec.fit(x, names, Training(epochs=15, batch=32, learning_rate=1e-2, progress=False))
    assert classes_of(learned).tolist() == ["cold", "warm"]
    assert learned.values["accuracy"].value > 0.9
    assert set(predict(learned, x[:9])) <= {"cold", "warm"}
    chains = xr.Dataset({"spin": (("chain", "draw", "x"), x.reshape(4, 100, 8).astype(np.int8))})
    learned = spec.fit(chains, xr.DataArray(y.reshape(4, 100), dims=("chain", "draw")), Training(epochs=2))
    assert learned.values["classes"] == 2


def test_components_and_turned_labels(data):
    """Arrays with components are told like Datasets with them; labels follow their dimensions, not their order."""
    spin = np.stack([data["spin"].values[:, :20, ::2], data["spin"].values[:, :20, 1::2]], axis=2)
    two = xr.Dataset({"spin": (("chain", "draw", "component", "x", "y"), spin)})
    label = data["label"].expand_dims(draw=range(20))  # (draw, chain)
    quick = Training(epochs=1, progress=False)
    learned = Classifier(channels=(2,)).fit(two.assign_coords(label=label), training=quick)
    again = Classifier(channels=(2,)).fit(two, data["label"].values, training=quick)
    assert learned.values["cross_entropy"].value == again.values["cross_entropy"].value
    # 2 chains of 20 draws are too few for an error bar; what was learned is given all the same
    assert math.isnan(learned.values["cross_entropy"].stderr)
    assert "an error bar needs 50" in learned.values["cross_entropy"].method
    plain = probabilities(learned, spin.reshape(-1, 2, 4, 8))
    np.testing.assert_allclose(plain, probabilities(learned, two).values.reshape(-1, 2), atol=1e-6)


def test_the_error_on_one_chain_knows_its_autocorrelation():
    """Draws that are repeated ten times are worth no more than one in ten."""
    rng = np.random.default_rng(1)
    y = np.repeat(rng.integers(0, 2, 1000), 10)
    x = np.repeat(np.where(rng.random((1000, 8)) < np.where(y[::10], 0.7, 0.3)[:, None], 1, -1), 10, axis=0)
    chain = xr.Dataset({"spin": (("chain", "draw", "x"), x[None].astype(np.int8))})
    learned = Classifier(channels=(2,), kernel=2).fit(chain, y[None], Training(epochs=1, progress=False))
    found = learned.values["cross_entropy"]
    assert 100 < found.n_effective < 500 < found.n == 2500


def test_the_control_has_the_shape_of_the_network(learned, fresh):
    control = learned.spec.initial(fresh, 2, seed=3)
    assert [layer.n_parameters for layer in control.layers] == [layer.n_parameters for layer in learned.network.layers]
    assert control.layers[0].n_parameters == 8 * 9 + 8
    x = fresh["spin"].values[0, :2]
    assert not np.allclose(control(x, ndim=2), learned.network(x, ndim=2))


def test_what_was_learned_is_saved_and_loaded(learned, fresh, tmp_path):
    save(tmp_path / "network.safetensors", learned)
    again = load(tmp_path / "network.safetensors")
    small = fresh.isel(draw=slice(0, 4))
    np.testing.assert_array_equal(probabilities(again, small), probabilities(learned, small))
    assert again.spec == learned.spec


PLANE = xr.Dataset({"spin": (("chain", "draw", "x", "y"), np.ones((2, 10, 8, 8), dtype=np.int8))})


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: Classifier(channels=(0,)), r"channels=\(0,\)\): give whole numbers"),
        (lambda: Classifier(channels=3), r"channels=3\): give whole numbers"),
        (lambda: Classifier(kernel=1), r"at least b=2"),
        (lambda: Classifier(b=1), r"b=1\): the stride"),
        (lambda: Classifier(activation="sine"), r"'sine'\): it is one of relu"),
        (lambda: Classifier(target="T"), r"'T'\): it is one of label, K, h"),
        (lambda: Classifier().fit(PLANE), r"no labels: give labels="),
        (lambda: Classifier().fit(PLANE, [0, 0]), r"1 different labels"),
        (lambda: Classifier().fit(PLANE, [0, 1, 2]), r"labels of shape \(3,\) for 2 chains of 10 draws"),
        (lambda: Classifier(channels=(2,) * 4).fit(PLANE, [0, 1]), r"4 layers of stride 2"),
        (lambda: Classifier(target="K").fit(PLANE, ["a", "b"]), r"give finite couplings"),
        (lambda: Classifier().fit(PLANE, [0.0, np.nan]), r"not finite: give numbers or strings"),
        (lambda: Classifier().fit(PLANE, np.array([0, "a"], dtype=object)), r"one kind throughout"),
        (lambda: Classifier(target="K").fit(PLANE.assign_coords(K=0.4)), r"labels of shape \(\) for 2 chains"),
        (lambda: Classifier(target="K").fit(PLANE, [0.4, 0.4]), r"1 different labels.*grid of values in the data"),
        (lambda: Classifier().fit(PLANE.isel(chain=[0, 0, 1]), [0, 0, 1]), r"class 1 has no draw held out"),
        (lambda: Classifier().fit(PLANE, np.arange(20).reshape(2, 10) // 15), r"class 1 has no draw to train on"),
        (lambda: Classifier(kernel=11).fit(PLANE.isel(chain=[0, 0, 1, 1]), [0, 0, 1, 1]), r"kernel=11.*at most 10"),
        (lambda: Classifier().fit(np.ones(4), [0, 1, 0, 1]), r"give \(n, \*space\)"),
        (lambda: Classifier().fit(np.full((4, 8), np.nan), [0, 1, 0, 1]), r"give finite numbers"),
        (lambda: beside_bayes(None, PLANE), r"no attribute 'models'"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(ValueError, match=match):
        call()
