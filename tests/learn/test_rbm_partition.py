"""ln Z by annealed importance sampling against the exact sum, and KL on large lattices against the exact one."""

import numpy as np
import pytest

pytest.importorskip("torch")

import rgnet as rg
from rgnet.estimate import z_limit
from rgnet.exact import enumerate as full
from rgnet.learn.annealing import kl, log_Z
from rgnet.learn.rbm import RBM, RBMLayer
from rgnet.learn.training import Training


def machine(seed, hidden, size):
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, size, (hidden, 1, 1, 1, 4, 4))
    return RBMLayer(weights, rng.normal(0, 0.2, (1, 4, 4)), rng.normal(0, 0.2, (hidden, 1, 1)), tied=False)


def test_exact_sums_agree_from_either_side():
    layer = machine(0, 6, 0.5)
    turned = RBMLayer(
        np.moveaxis(layer.weights, (0, 1, 2), (3, 4, 5)).reshape(1, 4, 4, 6, 1, 1).reshape(16, 1, 1, 6, 1, 1),
        layer.hidden_bias, layer.visible_bias.reshape(16, 1, 1), tied=False,
    )  # fmt: skip
    assert log_Z(turned).value == pytest.approx(log_Z(layer).value, abs=1e-11)
    none = RBMLayer(np.zeros((6, 1, 1, 1, 4, 4)), tied=False)
    assert log_Z(none).value == pytest.approx(22 * np.log(2), abs=1e-12)
    assert log_Z(none, method="ais", runs=20, temperatures=3).value == pytest.approx(22 * np.log(2), abs=1e-12)


def test_ais_of_random_machines():
    """16 visible units, many machines: within 0.01 nats, and the errors are honest."""
    differences, scores = [], []
    for seed in range(6):
        layer = machine(seed, 8 if seed % 2 else 16, 0.2 if seed % 2 else 0.15)
        found = log_Z(layer, method="ais", runs=500, temperatures=200, seed=seed)
        exact = log_Z(layer, method="exact")
        differences.append(found.value - exact.value)
        scores.append(found.z(exact.value))
    assert np.abs(differences).max() < 0.01
    assert np.abs(scores).max() < z_limit(len(scores))


@pytest.mark.slow
def test_ais_errors_are_honest():
    scores, differences = [], []
    for seed in range(24):
        layer = machine(seed, 8 + 8 * (seed % 2), 0.25)
        found = log_Z(layer, method="ais", runs=3000, temperatures=500, seed=seed)
        differences.append(found.value - log_Z(layer, method="exact").value)
        scores.append(found.z(log_Z(layer, method="exact").value))
    assert np.abs(differences).max() < 0.01
    assert np.abs(scores).max() < z_limit(24)
    assert abs(np.mean(scores)) < 3.3 / np.sqrt(24)
    assert 0.6 < np.std(scores) < 1.45


@pytest.fixture(scope="module")
def trained():
    model = rg.Ising((4, 4), K=0.44)
    p = full.distribution(model.energy, model.shape)
    data = full.states(model.shape)[np.random.default_rng(1).choice(len(p), 1200, p=p)]
    training = Training(epochs=10, batch=100, learning_rate=0.02)
    return model, data, RBM(hidden=8, exact=True, biases=False).fit(data, training).network.layers[0]


def test_ais_of_a_trained_machine(trained):
    _, data, layer = trained
    exact = log_Z(layer).value
    for base in (None, data):
        found = log_Z(layer, method="ais", runs=2000, temperatures=200, data=base, seed=2)
        assert abs(found.value - exact) < 0.01
        assert abs(found.z(exact)) < 3.5
        assert found.n_effective > 1000


def test_kl_from_draws(trained):
    model, _, layer = trained
    p = full.distribution(model.energy, model.shape)
    fresh = full.states(model.shape)[np.random.default_rng(9).choice(len(p), (4, 1000), p=p)]
    found, exact = kl(layer, model, fresh), kl(layer, model)
    assert found.kind == "estimate"
    assert abs(found.z(exact.value)) < 3.5
    assert found.stderr < 0.03


def test_few_effective_runs_are_a_lower_bound():
    layer = machine(3, 16, 3.0)
    found = log_Z(layer, method="ais", runs=40, temperatures=3)
    assert found.n_effective < 20
    assert found.kind == "lower"


def test_bad_input():
    tied = RBMLayer(np.ones((1, 1, 2, 2)))
    with pytest.raises(ValueError, match="give the visible lattice"):
        log_Z(tied)
    with pytest.raises(ValueError, match="22 units of the smaller side"):
        log_Z(tied, (20, 20), method="exact")
    with pytest.raises(ValueError, match='choose "exact"'):
        log_Z(tied, (4, 4), method="guess")
    with pytest.raises(ValueError, match="runs=3"):
        log_Z(tied, (4, 4), method="ais", runs=3)
    field = rg.Ising((6, 6), K=0.2, h=0.1)
    data = rg.sample(field, 5, chains=2, warmup=1, thin=1, seed=0)
    with pytest.raises(ValueError, match="not known exactly"):
        kl(tied, field, data)
    with pytest.raises(ValueError, match="give data="):
        kl(tied, rg.Ising((6, 6), K=0.2))
    with pytest.raises(ValueError, match="of all 2\\^16 states"):
        kl(tied, np.ones(16) / 16, space=(4, 4))
    with pytest.raises(ValueError, match="level 1"):
        kl(tied, field, rg.Majority(2)(data))
