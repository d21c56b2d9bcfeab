"""The parts of a comparison: CKA, odd lattices, levels of several components, bad input."""

import json
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet import lattice
from rgnet.comparison import compare
from rgnet.comparison.cka import cka
from rgnet.comparison.spins import spinise
from rgnet.layers.filter import Filter

K_c = rg.exact.ising2d.K_c


@pytest.fixture(scope="module")
def few(critical):
    """Some of the draws, for what does not depend on their number."""
    return critical.isel(draw=slice(0, 100))


@pytest.fixture(scope="module")
def critical():
    return rg.sample(rg.Ising((8, 8), K=K_c), draws=300, chains=4, seed=1)


def joint_levels(seed, draws, correlated=0.0):
    """A function that makes features of 4 chains, AR(1) in time if asked; and the chain of each draw."""
    rng = np.random.default_rng(seed)

    def series(k):
        x = rng.standard_normal((4, draws, k))
        for t in range(1, draws):
            x[:, t] = correlated * x[:, t - 1] + math.sqrt(1 - correlated**2) * x[:, t]
        return x.reshape(-1, k)

    return series, rng, np.repeat(np.arange(4), draws)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.floats(0.1, 10.0))
def test_cka_does_not_change_under_rotations_and_scales(seed, features, scale):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((80, features))
    y = x @ rng.standard_normal((features, 3)) + 0.1 * rng.standard_normal((80, 3))
    rotation = np.linalg.qr(rng.standard_normal((features, features)))[0]
    chain, block = np.repeat(np.arange(4), 20), np.repeat(np.arange(20), 4)
    first = cka(x, y, chain, block)
    second = cka(scale * x @ rotation + 3.0, y, chain, block)
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-5)
    assert cka(x, x @ rotation, chain, block)[0] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("correlated", [0.0, 0.9])
def test_cka_reads_0_for_independent_levels_of_many_features(correlated):
    z = []
    for seed in range(20):
        series, _, chain = joint_levels(seed, 60, correlated)
        x, y = series(300), series(300)
        block = np.repeat(np.arange(24), 10)
        value, error = cka(x, y, chain, block)
        z.append(value / error)
        centred = [v - v.mean(axis=0) for v in (x, y)]
        naive = [(a @ a.T) for a in centred]
        biased = (naive[0] * naive[1]).sum() / math.sqrt((naive[0] ** 2).sum() * (naive[1] ** 2).sum())
        assert biased > 0.3  # the usual estimate
    assert abs(np.mean(z)) < 3.0 / math.sqrt(20)
    assert 0.3 < np.std(z) < 1.3


def test_cka_errors_are_honest():
    z, truth = [], None
    mix = np.random.default_rng(99).standard_normal((5, 4))
    cov = [np.eye(5), mix, mix.T @ mix + np.eye(4)]
    truth = (cov[1] ** 2).sum() / math.sqrt((cov[0] ** 2).sum() * (cov[2] ** 2).sum())
    for seed in range(60):
        series, rng, chain = joint_levels(seed, 100)
        x = series(5)
        y = x @ mix + rng.standard_normal((400, 4))
        value, error = cka(x, y, chain, np.repeat(np.arange(40), 10))
        z.append((value - truth) / error)
    assert abs(np.mean(z)) < 0.6
    assert 0.7 < np.std(z) < 1.4


def test_cka_without_the_uniform_mode():
    """Levels that share the magnetisation only align, and no longer once it is taken out."""
    rng = np.random.default_rng(0)
    m = 3.0 * rng.standard_normal((400, 1, 1, 1))
    x, y = (m + rng.standard_normal((400, 1, 6, 6)) for _ in range(2))
    chain, block = np.repeat(np.arange(4), 100), np.repeat(np.arange(40), 10)
    whole = cka(x, y, chain, block)
    rest = cka(x, y, chain, block, uniform=False)
    assert whole[0] > 0.9
    assert abs(rest[0]) < 4.0 * rest[1]
    assert np.isnan(cka(m, m, chain, block, uniform=False)[0])


def test_a_lattice_that_does_not_divide_is_noted(few):
    class Cut:
        """A convolution without padding: 8 x 8 to 7 x 7."""

        scale, is_random, kernel = 1, False, 2

        def __call__(self, x, rng=None, *, ndim=None):
            if isinstance(x, xr.Dataset):
                spin = x["spin"].isel(x=slice(0, 7), y=slice(0, 7))
                return xr.Dataset({"spin": spin.copy(data=self(x["spin"].values))}, attrs={**x.attrs, "level": 1})
            return np.ascontiguousarray(x[..., :7, :7])

    table = compare(few, {"majority": rg.Majority(2), "cut": Cut()}, control=False, rows=256)
    row = table.sel(network="cut", level=1)
    assert "7 x 7" in str(row["note"].item())
    assert np.isnan(row["decodability"]).all()
    assert float(row["cka"].sel(rg_level=0)) > 0.5
    assert float(row["fraction"].sel(target="h")) > 0.5


def test_spinised_levels():
    rng = np.random.default_rng(0)
    data = rng.choice([-1, 1], (2, 50, 1, 8, 8)).astype(np.int8)
    average = rg.BlockAverage(2)(data, ndim=2)
    spins, how = spinise(average, data, rng)
    tied = average[:, :, 0] == 0
    assert (spins[~tied] == np.sign(average[:, :, 0][~tied])).all()
    assert abs(spins[tied].mean()) < 0.2
    assert "median" in how
    several = np.concatenate([rng.standard_normal(average.shape), -average, np.ones_like(average)], axis=2)
    spins, how = spinise(several, data, rng)
    assert "component 1 of 3" in how
    assert (spins[~tied] == np.sign(average[:, :, 0][~tied])).all()
    rectified = np.maximum(average - 0.3, 0.0)  # mostly 0: cut at the mean
    spins, _ = spinise(rectified, data, rng)
    assert ((spins == 1) == (rectified[:, :, 0] > rectified.mean())).all()
    assert spinise(np.ones_like(average), data, rng)[0] is None


def test_several_components_and_a_dense_level(few):
    """A level of 3 components, and one of a single site that holds the magnetisation's sign."""
    rng = np.random.default_rng(0)
    wide = Filter(rng.standard_normal((3, 1, 2, 2)), ndim=2)
    dense = Filter(np.stack([np.ones((1, 8, 8)), rng.standard_normal((1, 8, 8))]), ndim=2)
    networks = {"majority": rg.Network([rg.Majority(2)] * 2), "wide": wide, "dense": dense}
    table = compare(few, networks, control=False, rows=256)
    row = table.sel(network="wide", level=1)
    assert (float(row["components"]), float(row["units"]), float(row["parameters"])) == (3, 48, 12)
    assert float(row["decodability"].sel(rg_level=1)) > 0.3
    one = table.sel(network="dense", level=1)
    assert float(one["units"]) == 2
    assert float(one["receptive_field"]) == 8
    assert float(one["fraction"].sel(target="h")) > 0.6
    assert float(one["decodability"].sel(rg_level=2)) > 0.2


def without_chain(data):
    return data.isel(chain=0)


BAD = [
    (lambda d: d.isel(chain=[0]), {"m": rg.Majority(2)}, {}, r"data has 1 chain: .* at least two"),
    (without_chain, {"m": rg.Majority(2)}, {}, r"data has 1 chain"),
    (lambda d: d.assign(spin=d["spin"] * 1.5), {"m": rg.Majority(2)}, {}, r"values other than ±1"),
    (lambda d: d.assign_attrs(level=1), {"m": rg.Majority(2)}, {}, r"data is level 1"),
    (lambda d: d, {}, {}, r"networks=\{\}: give at least one by name"),
    (lambda d: d, {"m": rg.Network([rg.Majority(3)])}, {}, r"'m' has the scale 3, .* does not divide .*8, 8"),
    (lambda d: d, {"data": rg.Majority(2)}, {}, r"network name 'data'"),
    (lambda d: d, {"f": Filter(np.ones((2, 2)))}, {}, r"none of the networks f is a hand-made RG"),
    (lambda d: d, {"m": rg.Majority(2)}, {"reference": "n"}, r"reference='n' is none of"),
    (lambda d: d, {"m": rg.Majority(2)}, {"targets": {"T": "T"}}, r"target 'T' is 'T': give 'K', 'h', labels"),
    (lambda d: d, {"m": rg.Majority(2)}, {"targets": {"y": np.ones((4, 3))}}, r"target 'y' has the dimensions"),
    (lambda d: d, {"m": rg.Majority(2)}, {"targets": {"y": np.ones((4, 300))}}, r"same in every draw"),
    (lambda d: d, {"m": rg.Majority(2)}, {"targets": {"y": xr.Dataset({"spin": ("x", [1])})}}, r"without y_0"),
    (lambda d: d, {"m": rg.Majority(2)}, {"seed": -1}, r"seed=-1: give a whole number of at least 0"),
    (lambda d: d, {"m": rg.Majority(2)}, {"rows": 3}, r"rows=3"),
]


@pytest.mark.parametrize(("change", "networks", "options", "message"), BAD)
def test_bad_input(critical, change, networks, options, message):
    with pytest.raises(ValueError, match=message):
        compare(change(critical), networks, **options)


def test_something_that_is_no_network(critical):
    with pytest.raises(TypeError, match=r"network 'm' is .*: give a Network, a layer"):
        compare(critical, {"m": 3})


def test_any_dimension_and_scale():
    model = rg.Ising((6, 6, 6), K=0.22)
    data = rg.sample(model, draws=100, chains=4, seed=1)
    table = compare(data, {"decimation": rg.Decimation(2)}, rows=256, control=False)
    assert json.loads(table.attrs["model"])["shape"] == [6, 6, 6]
    assert float(table["decodability"].sel(network="decimation", level=1, rg_level=1)) > 0.05
    assert lattice.dims(3) == ("x", "y", "z")
