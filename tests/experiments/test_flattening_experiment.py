"""A tiny run of the experiment on flattening by training, and its fits on data with known laws."""

import numpy as np
import pytest

pytest.importorskip("torch")

from rgnet.experiments import flattening
from rgnet.plot.experiments.flattening import figure


@pytest.fixture(scope="module")
def ran():
    parameters = flattening.Parameters(
        n=(2, 3), hidden_layers=(1, 2), restarts=2, grown=1, groups=2, steps=50, most_synapses=12
    )
    told = []
    groups = flattening.run(parameters, 1, lambda fraction, words: told.append((fraction, words)))
    assert all(0 <= fraction <= 1 and words for fraction, words in told)
    assert [x for x, _ in told] == sorted(x for x, _ in told)
    return parameters.model_dump(mode="json"), groups


def test_groups(ran):
    widths = ran[1]["widths"]
    assert widths["one_layer"].values.tolist() == [4, 8]
    assert widths["tree_neurons"].values[0] == 4
    assert widths["construction"].values[0].tolist() == [4, 8]
    # three sines are too few for three factors, and four would have 16 synapses
    assert int(widths["censored"].sel(hidden_layers=1, n=3)) == 1
    assert float(widths["bound"].sel(hidden_layers=1, n=3)) == 3
    reached = widths["censored"] == 0
    assert bool((widths["neurons"].notnull() == reached).all())
    assert ((widths["success"] >= 0) | ~reached).all()
    assert set(ran[1]["success"].sizes) == {"hidden_layers", "n", "width"}
    for group in ran[1].values():
        assert all(isinstance(value, str | int | float) for value in group.attrs.values())


def test_words_and_figure(ran, tmp_path):
    words = flattening.paragraph([ran])
    assert "> 3 (n = 3)" in words
    assert "nan" not in words
    assert "vanishing inputs" in words
    figure([ran]).savefig(tmp_path / "flattening.png")


def test_fits_tell_laws_apart():
    rng = np.random.default_rng(3)
    n = np.arange(2.0, 9.0)
    error = np.full(7, 0.05)
    doubling = np.log(2.0) * (n - 1) + error * rng.normal(size=7)
    linear = np.log(4 * n - 3) + error * rng.normal(size=7)
    a, a_error, b, b_error, chi2, aic = flattening.fit_law("exponential", n, doubling, error)
    assert abs(b - np.log(2)) < 4 * b_error
    assert abs(a + np.log(2)) < 4 * a_error
    assert b_error == pytest.approx(0.05 / np.sqrt(28), rel=1.0)  # Σ(n − n̄)² = 28; larger where χ² is
    assert chi2 < 20
    assert aic == chi2 + 4
    assert flattening.fit_law("linear", n, doubling, error)[5] > aic + 50
    c, c_error = flattening.fit_law("linear", n, linear, error)[2:4]
    assert abs(c - 4) < 4 * c_error
    assert (
        flattening.fit_law("exponential", n, linear, error)[5] > 20 + flattening.fit_law("linear", n, linear, error)[5]
    )


def test_bad_parameters():
    for wrong, words in (({"n": [3, 2]}, "rising"), ({"n": [1]}, "from 2 to 10"), ({"hidden_layers": [0]}, "1 to 8")):
        with pytest.raises(ValueError, match=words):
            flattening.Parameters(**wrong)
