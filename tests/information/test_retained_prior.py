"""Levels read under one prior, posteriors of chains with a cause each, and what is refused."""

import math

import numpy as np
import pytest
import xarray as xr

from rgnet.hierarchies.lattice_hierarchy import LatticeHierarchy
from rgnet.information.kept import retained
from rgnet.information.upper import posterior_information

FLIP = 0.2


def noisy_bit(prior, flip=FLIP):
    """I(y; x) for a bit read with errors, under a prior."""
    joint = np.array(prior)[:, None] * np.array([[1 - flip, flip], [flip, 1 - flip]])
    return float((joint * np.log(joint / np.outer(joint.sum(1), joint.sum(0)))).sum())


@pytest.mark.parametrize("method", ["discrete", "classifier"])
def test_levels_are_read_under_the_prior(method):
    """Labels 50/50 by design and another prior: every method gives the information of that prior."""
    rng = np.random.default_rng(21)
    y = np.arange(40_000) % 2
    x = y ^ (rng.random(y.size) < FLIP)
    table = retained([x, x ^ (rng.random(y.size) < 0.1)], about=y, prior=[0.1, 0.9], method=method)
    for k, flip in enumerate((FLIP, 0.26)):
        error = float(table["information_stderr"][k])
        assert 0 < error < 0.01
        assert abs(float(table["information"][k]) - noisy_bit([0.1, 0.9], flip)) < 4 * error + 5e-4
    assert table.attrs["entropy"] == pytest.approx(-0.1 * math.log(0.1) - 0.9 * math.log(0.9))


def test_the_weighted_count_has_no_bias_and_true_errors():
    rng = np.random.default_rng(22)
    values, errors = [], []
    y = np.repeat([0, 1], 150)
    given = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    for _ in range(400):
        x = (rng.random((300, 1)) > np.cumsum(given, axis=1)[y]).sum(axis=1)
        table = retained([x], about=y, prior=[0.2, 0.8], method="discrete")
        values.append(float(table["information"][0]))
        errors.append(float(table["information_stderr"][0]))
    joint = np.array([[0.2], [0.8]]) * given
    exact_value = float((joint * np.log(joint / np.outer(joint.sum(1), joint.sum(0)))).sum())
    assert abs(np.mean(values) - exact_value) < 4 * np.std(values) / 20 + 3e-4
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)


def test_what_cannot_be_weighed_is_refused():
    rng = np.random.default_rng(23)
    y = np.arange(2000) % 2
    x = y + rng.normal(size=2000)
    for method, extra in (("mixed", {}), ("posterior", {"posterior": lambda z: np.full((len(z), 2), 0.5)})):
        with pytest.raises(ValueError, match="the frequencies of the labels are not those of the prior"):
            retained([x], about=y, prior=[0.1, 0.9], method=method, **extra)
    table = retained([x], about=y, prior=[0.1, 0.9])
    assert table["method"].values[0] == "classifier"
    assert "not the prior" in str(table["why"].values[0])
    # Frequencies within chance of the prior are drawn from it
    assert retained([x], about=(rng.random(2000) < 0.5) * 1, prior=[0.5, 0.5])["method"].values[0] == "mixed"


def test_posteriors_of_chains_with_a_cause_each():
    """One label a chain, drawn at random: the posterior is accepted and its error is of draws, not of chains."""
    rng = np.random.default_rng(24)
    labels = rng.integers(0, 2, 12)
    means = np.array([-1.0, 1.0])
    x = xr.DataArray(rng.normal(means[labels][:, None], 1.0, (12, 1000)), dims=("chain", "draw"))

    def posterior(data):
        p = np.exp(-((np.asarray(data)[..., None] - means) ** 2) / 2).reshape(-1, 2)
        return p / p.sum(axis=1, keepdims=True)

    table = retained([x], about=labels, posterior=posterior, prior=[0.5, 0.5])
    assert table["method"].values[0] == "posterior"
    assert 0 < float(table["information_stderr"][0]) < 0.01
    assert float(table["information"][0]) == pytest.approx(0.337, abs=0.03)


def test_clear_errors_for_arguments():
    y = np.arange(400) % 2
    x = np.random.default_rng(25).normal(size=400)
    with pytest.raises(ValueError, match="seed=-1: give a whole number"):
        retained([x], about=y, seed=-1)
    with pytest.raises(ValueError, match="a level is the same in every draw"):
        retained([np.ones(400)], about=y, method="mixed")


def test_couplings_of_a_lattice_are_causes_of_chains():
    """The hierarchy's own posterior, with one coupling a chain: as the exact information says."""
    hierarchy = LatticeHierarchy((3, 3), K=[0.1, 0.4, 0.8])
    data = hierarchy.sample(6000, seed=5, chains=12)
    labels = data["y_0"]
    draws = data[f"y_{hierarchy.steps}"]
    exact = hierarchy.mutual_information(0, hierarchy.steps)
    p = hierarchy.posterior(draws)
    found = posterior_information(p, prior=hierarchy.prior, labels=labels)
    assert 0 < found.stderr < 0.03
    table = retained([draws], about=labels, posterior=hierarchy, prior=hierarchy.prior)
    assert table["method"].values[0] == "posterior"
    assert float(table["information"][0]) == pytest.approx(found.value, abs=1e-9)
    counts = np.bincount(np.asarray(labels).reshape(-1), minlength=3) / labels.size
    assert abs(found.value - exact.value) < 5 * found.stderr + 0.5 * np.abs(counts - 1 / 3).sum()
