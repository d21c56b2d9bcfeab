"""The exact classifier of lattice ensembles, against enumeration and closed forms."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet import exact
from rgnet.cheap import _free_energy, classifier, sample_classes
from rgnet.estimate import Estimate, z_limit
from rgnet.free_energy import bennett, closed


def bayes(models, prior):
    """p(y|x) of every state, by enumeration."""
    shape = models[0].shape
    p = np.stack([w * exact.distribution(m.energy, shape) for m, w in zip(models, prior, strict=True)], axis=-1)
    return p / p.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("models", "prior"),
    [
        ([rg.Ising((4, 3), K=0.3), rg.Ising((4, 3), K=0.5)], (0.5, 0.5)),
        ([rg.Ising((3, 3), K=0.3), rg.Ising((3, 3), K=-0.2, h=0.1), rg.Ising((3, 3), K=0.4)], (0.2, 0.5, 0.3)),
        ([rg.Ising(9, K=0.7, h=-0.3), rg.Ising(9, K=0.7, h=0.4)], (0.9, 0.1)),
        ([rg.Ising((2, 2, 3), K=0.2), rg.Ising((2, 2, 3), K=0.3, couplings={"nnn": 0.1})], (0.4, 0.6)),
        ([rg.Ising((3, 4), K=0.2, boundary="free"), rg.Ising((3, 4), K=0.2)], (0.4, 0.6)),
        ([rg.Ising(7, K=0.2, boundary="free"), rg.Ising(7, K=0.0, h=1.0)], (0.4, 0.6)),
    ],
)
def test_posterior_is_bayes_by_enumeration(models, prior):
    found = classifier(models, prior)
    assert all(z.kind == "exact" for z in found.log_Z)
    np.testing.assert_allclose(found.posterior(exact.states(models[0].shape)), bayes(models, prior), atol=1e-13)
    assert found.biases == pytest.approx(np.log(prior) - [z.value for z in found.log_Z])


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=2, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_posterior_sums_to_one_and_its_order_is_that_of_the_models(couplings, seed):
    models = [rg.Ising((3, 3), K=K, h=h) for K, h in couplings]
    x = np.random.default_rng(seed).choice([-1, 1], size=(5, 3, 3))
    p = classifier(models).posterior(x)
    np.testing.assert_allclose(p.sum(axis=-1), 1.0, atol=1e-12)
    np.testing.assert_allclose(classifier(models[::-1]).posterior(x)[:, ::-1], p, atol=1e-12)


def test_cross_entropy_is_the_conditional_entropy():
    models, prior = [rg.Ising((3, 3), K=0.2), rg.Ising((3, 3), K=0.5, h=0.1)], (0.3, 0.7)
    joint = np.stack([w * exact.distribution(m.energy, (3, 3)) for m, w in zip(models, prior, strict=True)], axis=-1)
    truth = -float((joint * np.log(bayes(models, prior))).sum())
    rng = np.random.default_rng(3)
    picks = rng.choice(joint.size, size=20_000, p=joint.ravel() / joint.sum())
    x, y = exact.states((3, 3))[picks // 2], picks % 2
    found = classifier(models, prior).cross_entropy(x, y)
    assert found.unit == "nats"
    assert abs(found.z(truth)) < z_limit(2)
    # Under another frequency of the labels, set by design, the prior makes up for it
    keep = (y == 1) | (rng.random(len(y)) < 0.5)
    assert abs(classifier(models, prior).cross_entropy(x[keep], y[keep]).z(truth)) < z_limit(2)


def test_labels_of_chains_and_of_draws_agree():
    models = [rg.Ising((8, 8), K=0.3), rg.Ising((8, 8), K=0.5)]
    data = sample_classes(models, 200, chains=2, seed=1)
    assert data["label"].values.tolist() == [0, 1, 0, 1]
    assert data["K"].values.tolist() == [0.3, 0.5, 0.3, 0.5]
    found = classifier(models)
    one = found.cross_entropy(data, data["label"])
    every = found.cross_entropy(data, np.repeat(data["label"].values[:, None], 200, axis=1))
    plain = found.cross_entropy(data["spin"].values.reshape(-1, 8, 8), np.repeat(data["label"].values, 200), chains=4)
    assert one.value == every.value == plain.value
    assert one.stderr == every.stderr == plain.stderr
    turned = data.transpose("y", "draw", "x", "chain")
    assert found.cross_entropy(turned, data["label"]).value == pytest.approx(one.value, abs=1e-12)
    assert found.posterior(turned).dims == ("chain", "draw", "state")
    p = found.posterior(data)
    assert isinstance(p, xr.DataArray)
    assert p.dims == ("chain", "draw", "state")


def test_draws_have_the_energy_of_their_own_model():
    models = [rg.Ising((6, 6), K=0.3), rg.Ising((6, 6), K=0.5)]
    data = sample_classes(models, 20, chains=2, seed=4)
    for chain, label in enumerate(data["label"].values):
        np.testing.assert_allclose(data["energy"][chain], models[label].energy(data["spin"].values[chain]))


def test_information_kept_takes_the_classifier_for_a_posterior():
    models = [rg.Ising((8, 8), K=0.3), rg.Ising((8, 8), K=0.5)]
    data = sample_classes(models, 300, chains=2, seed=5)
    table = rg.information.retained(
        [data], data["label"].drop_vars("K"), posterior=classifier(models), prior=[0.5, 0.5]
    )
    known = math.log(2) - classifier(models).cross_entropy(data, data["label"]).value
    assert float(table["information"][0]) == pytest.approx(known, abs=0.05)


MODELS = [
    rg.Ising((4, 4), K=0.4, h=0.1),
    rg.Ising((4, 4), K=0.5, h=0.05),
    rg.Ising((4, 4), K=0.5),
    rg.Ising((4, 4), K=0.3, couplings={"nnn": 0.1}, boundary="free"),
]


@pytest.mark.slow
def test_simulated_free_energies_have_honest_errors(monkeypatch):
    truth = np.array([exact.log_Z(m.energy, m.shape) for m in MODELS])
    monkeypatch.setattr(closed, "ENUMERABLE", 1)
    monkeypatch.setattr(closed, "_MOST_ROWS", 1)
    scores = []
    for seed in range(8):
        values, covariance = _free_energy.log_Z(MODELS, draws=400, seed=seed)
        assert [z.kind for z in values] == ["estimate", "estimate", "exact", "estimate"]
        assert values[2].value == pytest.approx(truth[2], abs=1e-9)
        assert values[0].stderr == pytest.approx(math.sqrt(covariance[0, 0]))
        scores.append([values[k].z(truth[k]) for k in (0, 1, 3)])
        both = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
        scores[-1].append((values[0].value - values[1].value - truth[0] + truth[1]) / both)
    scores = np.array(scores)
    assert np.abs(scores).max() < z_limit(scores.size, 31)
    assert 0.6 < scores.std() < 1.4  # 32 scores, in part shared: 13 % each way


def test_the_error_of_the_free_energy_reaches_posterior_and_cross_entropy():
    models = [rg.Ising((3, 3), K=0.2), rg.Ising((3, 3), K=0.5)]
    x = exact.states((3, 3))[::7]
    y = np.arange(len(x)) % 2
    z = [exact.log_Z(m.energy, (3, 3)) for m in models]
    given_ = classifier(models, log_Z=[Estimate(z[0], 0.03), Estimate(z[1], 0.04)])
    eps = 1e-5
    moved = [classifier(models, log_Z=[z[0] + eps * (k == 0), z[1] + eps * (k == 1)]) for k in (0, 1)]
    slopes = [(m.log_posterior(x) - given_.log_posterior(x)) / eps for m in moved]
    expected = np.hypot(0.03 * slopes[0], 0.04 * slopes[1])
    np.testing.assert_allclose(given_.log_posterior_stderr(x), expected, rtol=1e-3)
    assert (classifier(models).log_posterior_stderr(x) == 0).all()
    base = given_.cross_entropy(x, y)
    change = [(m.cross_entropy(x, y).value - base.value) / eps for m in moved]
    scatter = classifier(models).cross_entropy(x, y).stderr
    assert base.stderr == pytest.approx(math.hypot(scatter, 0.03 * change[0], 0.04 * change[1]), rel=1e-3)


@pytest.mark.parametrize(("n_a", "n_b"), [(4000, 4000), (6000, 2000)])
def test_bennett_on_gaussian_work(n_a, n_b):
    # Work of Gaussian spread s: by Crooks' relation its means are dF ± s²/2
    s, free = 1.5, 2.3
    rng = np.random.default_rng(8)
    found = [bennett(rng.normal(free + s * s / 2, s, n_a), rng.normal(free - s * s / 2, s, n_b)) for _ in range(30)]
    assert abs(np.mean(found) - free) < z_limit(2, 29) * np.std(found, ddof=1) / math.sqrt(30)


@pytest.mark.slow
def test_far_models_are_tied_by_a_ladder(monkeypatch):
    monkeypatch.setattr(closed, "ENUMERABLE", 1)
    monkeypatch.setattr(closed, "_MOST_ROWS", 1)
    model = rg.Ising((4, 4, 2), K=0.25)
    (found,), _ = _free_energy.log_Z([model], draws=500, seed=1)
    monkeypatch.undo()
    # Transfer matrix of the 4 × 4 × 2 torus would be 2^16 square: differentiate the energy by K instead
    grid, weights = np.polynomial.legendre.leggauss(4)
    K = 0.125 * (grid + 1)
    slopes = []
    for k, value in enumerate(K):
        data = rg.sample(rg.Ising((4, 4, 2), K=float(value)), 2000, seed=100 + k)
        slopes.append(-data["energy"].values.mean() / value)
    truth = 32 * math.log(2) + 0.125 * float(weights @ slopes)
    assert found.value == pytest.approx(truth, abs=5 * found.stderr + 0.1)


TWO = [rg.Ising((4, 4), K=0.3), rg.Ising((4, 4), K=0.5)]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: classifier(TWO[:1]), r"two models or more"),
        (lambda: classifier([TWO[0], rg.Ising((4, 6), K=0.3)]), r"different lattices, \(4, 4\) and \(4, 6\)"),
        (lambda: classifier(TWO, [0.5, 0.6]), r"sums to 1\.1: it must sum to 1"),
        (lambda: classifier(TWO, [0.5, 0.3, 0.2]), r"one probability for each of 2 models"),
        (lambda: classifier(TWO, [1.0, 0.0]), r"probabilities are positive"),
        (lambda: classifier(TWO, [math.nan, 1.0]), r"probabilities are positive"),
        (lambda: classifier(TWO, log_Z=[1.0]), r"one finite number for each of 2"),
        (lambda: classifier([TWO[0], "Ising"]), r"models\[1\]='Ising': give models"),
        (lambda: classifier(TWO).posterior(np.ones((3, 4, 5))), r"this model's lattice is \(4, 4\)"),
        (lambda: classifier(TWO).posterior(np.zeros((3, 4, 4))), r"values other than ±1"),
        (lambda: classifier(TWO).cross_entropy(np.ones((3, 4, 4)), [0, 1]), r"one a draw, or one a chain"),
        (lambda: classifier(TWO).cross_entropy(np.ones((3, 4, 4)), [0, 1, 2]), r"classes are 0 to 1"),
        (lambda: classifier(TWO).cross_entropy(np.ones((3, 4, 4)), [0, 1, 1], chains=2), r"chains=2"),
        (lambda: sample_classes([TWO[0], rg.Ising((4, 6), K=0.3)], 10), r"different lattices"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_a_model_that_is_not_known_needs_its_log_z():
    class Field:
        shape = (4,)

        def energy(self, x):
            return 0.5 * np.square(x).sum(axis=-1)

    with pytest.raises(ValueError, match=r"Field: neither an exact ln Z .* give log_Z="):
        classifier([Field(), Field()])
    assert classifier([Field(), Field()], log_Z=[0.0, 0.0]).posterior(np.ones((1, 4))).tolist() == [[0.5, 0.5]]
