"""RSMI: the rule it learns, scored exactly; its values; what it refuses."""

import json
import math
import warnings

import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

import rgnet as rg
from rgnet.exact import environment as env
from rgnet.exact import ising2d
from rgnet.layers import Filter
from rgnet.learn import _environment_rows as rows_of
from rgnet.learn import bounds, rsmi
from rgnet.learn._rsmi_module import products, signs
from rgnet.learn._torch import torch
from rgnet.learn.rsmi import RSMI, environment_information
from rgnet.learn.training import Training

QUICK = Training(epochs=4, batch=256, learning_rate=5e-3, patience=3, progress=False)
SMALL = {"rows": 16_000, "restarts": 1, "critic": (24,)}


@pytest.fixture(scope="module")
def ising():
    return rg.sample(rg.Ising((12, 12), K=ising2d.K_c), draws=150, chains=4, seed=3, update="swendsen-wang")


@pytest.fixture(scope="module")
def learned(ising):
    return RSMI(**SMALL).fit(ising, QUICK)


def spins(array, ndim):
    names = ["chain", "draw", *(["component"] if array.ndim == ndim + 3 else []), *"xyz"[:ndim]]
    return xr.Dataset({"spin": (names, array)}, attrs={"boundary": json.dumps(["periodic"] * ndim)})


def test_the_learned_rule_is_the_best(learned):
    """The exact information of the rule on 4×6 at K_c is at least 0.99 of the best odd rule's."""
    joint = env.joint(rg.Ising((4, 6), K=ising2d.K_c))
    rule = learned.network.layers[0]
    best = env.best_odd_rule(joint)
    assert isinstance(rule, Filter)
    assert rule.weights.shape == (2, 2)
    assert (rule.weights > 0).all()
    assert np.linalg.norm(rule.weights) == pytest.approx(1.0)
    assert env.information(rule, joint) >= 0.99 * best.information
    assert env.overlap(rule, joint) > 0.9


def test_values_and_history(learned):
    assert learned.values["held_out"].kind == "lower"
    assert learned.values["training"].kind == "estimate"
    assert "its training" in learned.values["training"].method
    assert 0.2 < learned.values["held_out"].value < math.log(2)
    assert learned.values["held_out"].stderr > 0
    assert {"loss", "loss_train", "bound"} <= set(learned.history)
    assert learned.spec.block == 2
    assert learned.network.scale == 2


def test_the_same_seed_gives_the_same_rule(ising, learned):
    again = RSMI(**SMALL).fit(ising, QUICK)
    np.testing.assert_array_equal(again.network.layers[0].weights, learned.network.layers[0].weights)
    assert again.values["held_out"] == learned.values["held_out"]


@pytest.mark.slow
def test_scores_of_layers_order_as_exactly(ising, learned):
    """On the same data and places: block spins above one spin in four; noise has nothing."""
    options = {"rows": 16_000, "training": QUICK, "critic": (24,)}
    scores = {
        name: environment_information(layer, ising, **options)
        for name, layer in {
            "majority": rg.Majority(2),
            "decimation": rg.Decimation(2),
            "learned": learned.network,
            "noise": rg.Kadanoff(2, 0.0),
        }.items()
    }
    assert all(score.kind == "lower" for score in scores.values())
    assert scores["majority"].value > scores["decimation"].value + 0.03
    assert abs(scores["learned"].value - scores["majority"].value) < 3 * scores["majority"].stderr
    assert abs(scores["noise"].value) < 0.01
    coarse = rg.Network([rg.Majority(2)]).levels(ising, seed=QUICK.seed)[-1]
    assert environment_information(rg.Majority(2), ising, coarse=coarse, **options) == scores["majority"]
    real = environment_information(rg.BlockAverage(2), ising, **options)
    assert real.value > scores["decimation"].value


@pytest.mark.parametrize("relaxation", [pytest.param("concrete", marks=pytest.mark.slow), "sum"])
def test_two_units_find_two_components(relaxation):
    """Two decoupled magnets on one lattice, and two units: each takes one, together the sum of what each knows."""
    rng = np.random.default_rng(0)
    signs_ = 1 - 2 * rng.integers(0, 2, (4, 400, 2, 1))
    x = signs_ * (1 - 2 * (rng.random((4, 400, 2, 16)) < 0.15))
    spec = RSMI(hidden=2, relaxation=relaxation, rows=16_000, restarts=1, critic=(24,), environment=2)
    found = spec.fit(spins(x.astype(np.int8), 1), QUICK)
    assert found.network.layers[0].weights.shape == (2, 2, 2)
    one = env_of_magnet()
    assert found.values["held_out"].value == pytest.approx(2 * one, abs=0.15)
    coarse = found.network(spins(x.astype(np.int8), 1))
    assert coarse["spin"].sizes["component"] == 2


def env_of_magnet():
    """I(h; e) of one magnet: h one spin of a pair with 15 % flips, e four spins."""
    e = rg.exact.states((4,))
    up, down = ((0.85 ** (e == s).sum(axis=1)) * (0.15 ** (e != s).sum(axis=1)) for s in (1, -1))
    p = 0.5 * np.stack([0.85 * up + 0.15 * down, 0.15 * up + 0.85 * down])
    return float((p * np.log(p / p.sum(axis=0) / p.sum(axis=1, keepdims=True))).sum())


@pytest.mark.slow
@pytest.mark.parametrize("bound", ["nwj", "mine", "smile"])
def test_other_bounds(ising, bound):
    found = RSMI(bound=bound, relaxation="sum", rows=16_000, restarts=1, critic=(24,)).fit(ising, QUICK)
    assert (found.network.layers[0].weights > 0).all()
    assert found.values["held_out"].kind == ("estimate" if bound == "smile" else "lower")


def test_units_are_centred_where_data_are_not():
    """Links of a magnet that sit at −3 or −1: without a threshold every unit is constant."""
    rng = np.random.default_rng(1)
    sign = 1 - 2 * rng.integers(0, 2, (4, 300, 1))
    x = (sign * (1 - 2 * (rng.random((4, 300, 16)) < 0.15)) - 2).astype(np.int8)
    spec = RSMI(centre=True, rows=16_000, restarts=1, critic=(24,), environment=2)
    found = spec.fit(spins(x, 1), QUICK)
    rule = found.network.layers[0]
    assert rule.bias[0] == pytest.approx(2 * rule.weights.sum(), rel=0.1)
    assert found.values["held_out"].value == pytest.approx(env_of_magnet(), abs=0.1)


def test_arrays_and_values_of_one_sign(ising):
    """An array counts as one chain; 0 and 1 need a threshold, and RSMI says so."""
    x = ising["spin"].values.reshape(-1, 12, 12)
    short = Training(epochs=1, batch=256, learning_rate=5e-3, progress=False)
    one = RSMI(**SMALL).fit(x, short, ndim=2)
    named = RSMI(**SMALL).fit(spins(x[None], 2), short)
    np.testing.assert_array_equal(one.network.layers[0].weights, named.network.layers[0].weights)
    with pytest.warns(UserWarning, match=r"set centre=True"):
        RSMI(**SMALL).fit((x + 1) // 2, short, ndim=2)


def test_restarts_that_disagree_are_reported():
    rng = np.random.default_rng(0)
    good, bad = (bounds.Terms(rng.normal(mean, 0.1, 2000), mean, "lower", "") for mean in (0.4, 0.3))
    with pytest.warns(UserWarning, match=r"restart 1 ended 0.09.*below restart 0"):
        rsmi._warn_apart([good, bad], 0, (2, 1000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rsmi._warn_apart([good, bounds.Terms(good.rows - 0.001, 0.399, "lower", "")], 0, (2, 1000))


def test_repeat(ising, learned):
    found = RSMI(repeat=2, **SMALL).fit(ising, QUICK)
    assert found.network.scale == 4
    assert found.network.layers[0] is found.network.layers[1]
    np.testing.assert_array_equal(found.network.layers[0].weights, learned.network.layers[0].weights)


@pytest.mark.slow
def test_relearn(ising):
    again = RSMI(repeat=2, relearn=True, **SMALL).fit(ising, QUICK)
    assert again.network.layers[0] is not again.network.layers[1]
    assert {"held_out", "held_out_1", "training_1", "restart_0"} <= set(again.values)
    assert again.network.levels(ising)[-1]["spin"].shape == (4, 150, 3, 3)


@pytest.mark.slow
def test_one_and_three_dimensions():
    for shape, draws in (((16,), 200), ((6, 6, 6), 60)):
        data = rg.sample(rg.Ising(shape, K=0.6 if len(shape) == 1 else 0.23), draws=draws, chains=4, seed=1, thin=4)
        found = RSMI(environment=1, rows=4_000, restarts=1, critic=(16,)).fit(data, QUICK)
        assert found.network.layers[0].weights.shape == (2,) * len(shape)


def test_rows_are_cut_out_where_they_should_be():
    x = np.arange(2 * 3 * 2 * 4 * 6).reshape(2, 3, 2, 4, 6)
    fine = rows_of.configurations(spins(x, 2))
    where = env.regions((4, 6), 2, 1)
    origins, numbers = rows_of.places(fine, 1000, seed=0, step=2)
    assert origins.shape == (6, 6, 2)
    assert sorted(numbers[0]) == list(range(6))
    block = rows_of.cut(fine, origins, where.block)
    far = rows_of.cut(fine, origins, where.environment)
    for row, place in ((0, 0), (4, 3), (5, 5)):
        a, b = origins[row, place]
        rolled = np.roll(x.reshape(6, 2, 4, 6)[row], (-a, -b), axis=(1, 2))
        np.testing.assert_array_equal(block[row, place], rolled[:, :2, :2].ravel())
        np.testing.assert_array_equal(far[row, place], rolled.reshape(2, -1)[:, where.environment].ravel())


def test_products_make_every_function():
    h = signs(3)
    assert h.shape == (8, 3)
    table = products(h).double()
    torch.testing.assert_close(table @ table.T, 8 * torch.eye(8, dtype=torch.float64))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": 1}, r"RSMI\(block=1\): a whole number of at least 2"),
        ({"hidden": 9}, r"at most 8"),
        ({"environment": 0}, r"RSMI\(environment=0\)"),
        ({"bound": "best"}, r"bound='best'"),
        ({"relaxation": "hard"}, r"choose one of concrete, sum"),
        ({"temperature": (0.1, 0.5)}, r"the second not above the first"),
        ({"temperature": 0.3}, r"RSMI\(temperature=0.3\)"),
        ({"critic": (0,)}, r"hidden=\(0,\)"),
        ({"critic": 24}, r"hidden a sequence such as"),
        ({"rows": 10}, r"rows=10"),
    ],
)
def test_bad_specifications(options, words):
    with pytest.raises(ValueError, match=words):
        RSMI(**options)


def test_bad_data(ising):
    with pytest.raises(ValueError, match=r"5 does not divide 12"):
        RSMI(block=5).fit(ising)
    with pytest.raises(ValueError, match=r"buffer=9: no site"):
        RSMI(buffer=9).fit(ising)
    with pytest.raises(ValueError, match=r"set relearn=True or hidden=1"):
        RSMI(hidden=2, repeat=2).fit(ising)
    with pytest.raises(ValueError, match=r"no site"):
        RSMI(repeat=2, relearn=True, buffer=3).fit(ising)
    with pytest.raises(ValueError, match=r"shape \(4, 150, 12, 12\) with ndim=None: arrays are"):
        RSMI().fit(ising["spin"].values)
    with pytest.raises(ValueError, match=r"all blocks are equal"):
        RSMI().fit(ising * 0 + 1)
    with pytest.raises(ValueError, match=r"type bool must be finite numbers, such as"):
        RSMI().fit(ising.astype(bool))
    with pytest.raises(ValueError, match=r"is no layer"):
        environment_information(np.sign, ising)
    with pytest.raises(ValueError, match=r"rows=0"):
        environment_information(rg.Majority(2), ising, rows=0)
    with pytest.raises(ValueError, match=r"sample periodic lattices"):
        RSMI().fit(ising.assign_attrs(boundary='["free", "free"]'))
    with pytest.raises(ValueError, match=r"each must fill a batch"):
        RSMI(rows=100).fit(ising.isel(draw=slice(0, 3)), Training(batch=512))
    with pytest.raises(ValueError, match=r"no site"):
        environment_information(rg.Majority(12), ising)
    with pytest.raises(ValueError, match=r"coarse has 4 x 150 configurations of shape \(12, 12\)"):
        environment_information(rg.Majority(2), ising, coarse=ising)
