"""The studies of supervised networks, on tiny settings."""

import math

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

pytest.importorskip("torch")

from matplotlib.figure import Figure

from rgnet.experiments import cnn_layers, learning_curves
from rgnet.hierarchies import RandomHierarchy
from rgnet.learn import hierarchical
from rgnet.plot.experiments import cnn_layers as cnn_figure
from rgnet.plot.experiments import learning_curves as curves_figure


class Told:
    """What an experiment reported."""

    def __init__(self):
        self.shares = []

    def __call__(self, share, words):
        assert isinstance(words, str)
        assert words
        self.shares.append(share)


SMALL = {"v": 4, "m": 2, "L": 2, "draws": 2, "width": 32, "shallow_width": 32, "sizes": (0.5, 1.5), "steps": 40}
SMALL |= {"shallow_sizes": (0.5,), "shallow_steps": 20, "test": 50}


@pytest.fixture(scope="module")
def curves():
    told = Told()
    return learning_curves.run(learning_curves.Parameters(**SMALL), 3, told), told


def test_learning_curves_are_made(curves):
    groups, told = curves
    assert set(groups) == {"deep", "shallow", "summary"}
    assert groups["deep"]["error"].dims == ("draw", "size")
    assert groups["deep"]["size"].values.tolist() == [8, 24]
    assert ((groups["deep"]["error"] >= 0) & (groups["deep"]["error"] <= 4 / 3)).all()
    assert float(groups["summary"]["n_c_m_L"]) == RandomHierarchy(4, 2, 2, 2, 4).p_star == 16
    assert float(groups["summary"]["all_data"]) == RandomHierarchy(4, 2, 2, 2, 4).count == 32
    assert told.shares == sorted(told.shares)
    assert told.shares[-1] <= 1.0 + 1e-9


def test_learning_curves_are_repeatable(curves):
    again = learning_curves.run(learning_curves.Parameters(**SMALL), 3, lambda share, words: None)
    for name, table in curves[0].items():
        xr.testing.assert_identical(table, again[name])


def test_learning_curves_are_told_and_drawn(curves):
    results = [(SMALL, curves[0]), (SMALL, curves[0])]
    text = learning_curves.paragraph(results)
    assert "n_c·m^L" in text
    assert 60 < len(text.split()) < 220
    assert "fixed beforehand, on other draws of the rules" in text
    assert isinstance(curves_figure.figure(results), Figure)


def test_a_gain_over_a_bound_is_not_told(curves):
    """Where the deep network never learns, P* of the shallow one beside it says nothing."""
    groups = {**curves[0], "summary": curves[0]["summary"].assign(p_star_deep_is_lower=1, p_star_shallow=999.0)}
    assert "one hidden layer" not in learning_curves.paragraph([(SMALL, groups)])
    groups["summary"] = groups["summary"].assign(p_star_deep_is_lower=0)
    assert "one hidden layer" in learning_curves.paragraph([(SMALL, groups)])


def test_rows_are_distinct_and_of_the_model():
    p = learning_curves.Parameters(v=4, m=2, L=3)
    for wanted in (100, 400):  # a few of all rows; most of them
        x, y = learning_curves.distinct(p, wanted, 5, 0)
        assert len(np.unique(x, axis=0)) == len(x) == wanted
        assert y.min() >= 0
        assert y.max() <= 3
        model = RandomHierarchy(4, 2, 2, 3, 4, seed=learning_curves._key(5, 0, 1000))
        np.testing.assert_allclose(model.posterior(x[:50])[np.arange(50), y[:50]], 1.0)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.4, 0.2, 0.05], (400 * 2**-0.0 * math.exp(-math.log(2) * 0.5), "")),
        ([0.4, 0.2, 0.15], (400.0, "lower")),
        ([0.09, 0.05, 0.01], (100.0, "upper")),
        ([0.4, 0.08, 0.12], (400.0, "lower")),
    ],
)
def test_crossing(errors, expected):
    value, bound = learning_curves.crossing([100, 200, 400], errors)
    assert bound == expected[1]
    assert value == pytest.approx(expected[0])


def test_a_deep_network_learns_rules_and_sees_only_their_tree():
    model = RandomHierarchy(4, 2, 2, 2, 4, seed=1)
    x = np.stack([model.unrank(c, i) for c in range(4) for i in range(model.count_per_class)])
    y = np.repeat(np.arange(4), model.count_per_class)
    module = hierarchical.build("deep", 4, 2, 2, 4, 32, 0)
    hierarchical.train(module, x, y, 4, steps=200)
    assert hierarchical.error(module, x, y, 4) == 0.0
    assert [tuple(layer.weight.shape) for layer in module.layers] == [(32, 8), (32, 64)]
    with pytest.raises(ValueError, match=r"lower learning_rate"):
        hierarchical.train(module, x, y, 4, steps=40, learning_rate=1e30)


def test_the_shallow_network_trains_in_passes():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (3000, 4))
    module = hierarchical.build("shallow", 3, 2, 2, 3, 16, 0)
    hierarchical.train(module, x, x[:, 0], 3, steps=120, learning_rate=1e-2)
    assert hierarchical.error(module, x, x[:, 0], 3) < 0.02


TINY = {"L": 8, "channels": (4, 4), "draws": 100, "chains": 4, "epochs": 2}


@pytest.fixture(scope="module")
def layers():
    told = Told()
    return cnn_layers.run(cnn_layers.Parameters(**TINY), 2, told), told


def test_layers_are_measured(layers):
    groups, told = layers
    table = groups["levels"]
    assert table["information"].dims == ("network", "level")
    assert table["network"].values.tolist() == ["majority", "trained", "random"]
    assert np.isfinite(table["information"].values).all()
    # Level 0 is the same for all three
    assert np.ptp(table["information"].sel(level=0).values) == 0
    assert np.isfinite(table["spin_from_units"].sel(network="trained", level=[1, 2]).values).all()
    assert float(groups["optimum"]["information"]) == pytest.approx(math.log(2) - float(groups["optimum"]["bayes"]))
    assert told.shares == sorted(told.shares)


def test_layers_are_told_and_drawn(layers):
    results = [(TINY, layers[0])]
    text = cnn_layers.paragraph(results)
    assert "nats" in text
    assert 80 < len(text.split()) < 220
    assert isinstance(cnn_figure.figure(results), Figure)


def test_probes_decode_what_is_linear():
    rng = np.random.default_rng(1)
    given = rng.normal(size=(4, 50, 3, 4, 4))
    linear = (given[:, :, :1] - 2 * np.roll(given[:, :, 1:2], 1, axis=-1)) @ np.eye(4)
    assert cnn_layers.probe(given, linear)[0] == pytest.approx(1.0, abs=1e-4)
    value, error = cnn_layers.probe(given, rng.normal(size=(4, 50, 1, 4, 4)))
    assert abs(value) < 0.1 + 3 * error
    assert np.isnan(cnn_layers.probe(given, np.ones((4, 50, 1, 4, 4)))[0])
    half = (linear + rng.normal(scale=linear.std(), size=linear.shape)) / 2
    value, error = cnn_layers.probe(given, half)
    assert abs(value - 0.5) < 0.05 + 4 * error


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: learning_curves.Parameters(v=4, m=5), r"give m ≤ 4"),
        (lambda: learning_curves.Parameters(v=4, m=2, sizes=(2.0, 1.0)), r"rising order"),
        (lambda: learning_curves.Parameters(v=4, m=2, depth=3), r"depth"),
        (lambda: cnn_layers.Parameters(L=12), r"L=12 with 3 layers"),
        (lambda: cnn_layers.Parameters(K=(0.5, 0.4)), r"rising order"),
        (lambda: cnn_layers.Parameters(activation="sine"), r"relu"),
        (lambda: cnn_layers.Parameters(channels=(4, 0)), r"greater than or equal to 1"),
    ],
)
def test_bad_parameters(call, match):
    with pytest.raises(ValidationError, match=match):
        call()
