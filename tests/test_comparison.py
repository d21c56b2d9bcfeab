"""`compare`: identities, independent noise, exact values on tiny lattices, invariances, honest errors, bad input."""

import math

import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import exact, store
from rgnet.comparison import compare, summary
from rgnet.comparison import geometry as geo
from rgnet.comparison.decoding import decodability
from rgnet.comparison.environment import environment
from rgnet.comparison.probes import Frame, Rows, bound
from rgnet.information import retained
from rgnet.layers.filter import Filter

K_c = rg.exact.ising2d.K_c


def frame(chains, draws, blocks=32, rows=8192, seed=0):
    edges = rg.stats.block_edges(chains, draws, blocks)
    block = np.empty((chains, draws), dtype=np.int64)
    for number, (chain, start, stop) in enumerate(edges):
        block[chain, start:stop] = number
    return Frame(block, rows, seed)


@pytest.fixture(scope="module")
def critical():
    return rg.sample(rg.Ising((8, 8), K=K_c), draws=300, chains=4, seed=1)


@pytest.fixture(scope="module")
def few(critical):
    """Some of the draws, for what does not depend on their number."""
    return critical.isel(draw=slice(0, 100))


@pytest.fixture(scope="module")
def table(critical):
    networks = {
        "majority": rg.Network([rg.Majority(2)] * 2),
        "average": rg.Network([rg.BlockAverage(2)] * 2),
        "noise": rg.Kadanoff(2, rho=0.0),
        "learned": Filter(np.array([[1.0, 0.6], [0.7, 0.9]])),
    }
    return compare(critical, networks, seed=3, rows=1024)


def test_a_network_beside_itself(table):
    same = table.sel(network="majority")
    for level in (1, 2):
        pair = same.sel(level=level, rg_level=level)
        assert float(pair["cka"]) == pytest.approx(1.0, abs=1e-6)
        assert float(pair["decodability"]) == pytest.approx(1.0, abs=2e-3)
        assert float(pair["decodability_back"]) == pytest.approx(1.0, abs=2e-3)
    assert (table["decodability"].fillna(0) < 1.0).all()


def test_independent_noise_shares_nothing_and_keeps_nothing(table):
    noise = table.sel(network="noise", level=1)
    limit = rg.estimate.z_limit(20)
    for name in ("decodability", "decodability_back", "environment_fraction"):
        # lower bounds: the cost of fitting a probe may show, nothing may be found
        assert (noise[name].values < limit * noise[f"{name}_stderr"].values + 1e-4).all(), name
        assert (noise[name].values > -0.015).all(), name
    assert (noise["decodability"].values != 0.0).all()  # nothing is clipped
    assert (np.abs(noise["cka"]) < limit * noise["cka_stderr"]).all()
    assert float(noise["fraction"].sel(target="K")) < limit * float(noise["fraction_stderr"].sel(target="K"))
    assert abs(float(noise["coupling"][0])) < limit * float(noise["coupling_stderr"][0])


def test_level_0_stands_once_beside_what_is_exact(table):
    zero = table.sel(network="data", level=0)
    assert table["scale"].sel(level=0).notnull().sum() == 1
    assert zero["coupling_exact"].sel(operator="nn") == K_c
    z = (zero["coupling"] - zero["coupling_exact"]) / zero["coupling_stderr"]
    assert (np.abs(z) < rg.estimate.z_limit(5)).all()
    kept = zero.sel(target="K")
    assert float(kept["information_exact"]) == pytest.approx(
        float(exact.ising2d.specific_heat(K_c, (8, 8))) * 64 / K_c**2
    )
    z = float((kept["information"] - kept["information_exact"]) / kept["information_stderr"])
    assert abs(z) < rg.estimate.z_limit(5)
    assert float(kept["fraction"]) == 1.0
    assert str(kept["kind"].item()) == "estimate"


def test_information_is_that_of_retained(table, critical):
    levels = rg.Network([rg.Majority(2)] * 2).levels(critical, seed=3)
    for about in ("K", "h"):
        kept = retained(levels, about)
        mine = table.sel(network="majority", target=about)
        for level in (1, 2):
            error = float(kept["fraction_stderr"].sel(level=level))
            expected = float(kept["fraction"].sel(level=level))
            assert float(mine["fraction"].sel(level=level)) == pytest.approx(expected, abs=max(0.3 * error, 1e-6))


def test_information_about_labels_of_the_same_draws(few):
    sign = xr.DataArray(np.sign(few["spin"].sum(("x", "y")).values + 0.5), dims=("chain", "draw"))
    table = compare(few, {"majority": rg.Majority(2)}, {"sign": sign}, control=False, rows=256)
    kept = table.sel(target="sign", network="majority", level=1)
    assert 0.7 < float(kept["fraction"]) < 1.0
    assert str(kept["kind"].item()) == "lower"
    assert "mutual information" in str(table["method"].item())


def test_controls_are_of_the_same_shape_and_do_worse(table):
    roles = dict(zip(table["network"].values.tolist(), table["role"].values.tolist(), strict=True))
    assert roles == {
        "data": "data", "majority": "reference", "average": "network", "noise": "network", "learned": "network",
        "learned (random)": "control", "random": "control",
    }  # fmt: skip
    for name in ("units", "parameters", "receptive_field"):
        assert table[name].sel(network="learned", level=1) == table[name].sel(network="learned (random)", level=1)
    of = table["decodability"].sel(level=2, rg_level=2)
    assert of.sel(network="random") < of.sel(network="average")


def test_one_table_that_can_be_stored(table, tmp_path):
    store.write(tmp_path / "t.h5", {"comparison": table})
    xr.testing.assert_equal(rg.open(tmp_path / "t.h5", "comparison").load(), table)
    assert all(isinstance(value, str | int | float) for value in table.attrs.values())
    for name in table.data_vars:
        if str(name).endswith("_stderr"):
            value, error = table[str(name).removesuffix("_stderr")], table[name]
            assert (np.isfinite(error) | ~np.isfinite(value)).all(), name
            assert (error.fillna(0) >= 0).all(), name
    for headings, rows in summary(table):
        assert rows
        assert all(len(row) == len(headings) and all(isinstance(text, str) for text in row) for row in rows)


def test_same_seed_same_table(few):
    networks = {"soft": rg.Network([rg.Kadanoff(2, rho=0.5)])}
    options = {"targets": {"K": "K"}, "rows": 256, "control": False}
    tables = [compare(few, networks, seed=seed, **options).drop_vars("microseconds") for seed in (1, 1, 2)]
    xr.testing.assert_identical(tables[0], tables[1])
    assert not tables[0].equals(tables[2])


def test_a_frozen_and_a_tiny_level_are_noted_not_raised(few):
    flat = Filter(np.full((2, 2), 1e-9), bias=1.0)
    table = compare(few, {"majority": rg.Network([rg.Majority(2)] * 3), "flat": flat}, control=False, rows=256)
    flat_row, last = table.sel(network="flat", level=1), table.sel(network="majority", level=3)
    assert "no component ever changes" in str(flat_row["note"].item())
    assert (np.abs(flat_row["decodability"]) < 1e-9).all()
    assert np.isnan(flat_row["decodability_back"]).all()
    assert np.isnan(flat_row["cka"]).all()
    assert "couplings: sides shorter than 3" in str(last["note"].item())
    assert "no environment" in str(last["note"].item())
    assert np.isfinite(last["fraction"]).all()


@pytest.mark.slow
def test_labels_with_their_own_data(critical):
    """Two temperatures: what is kept of which one it was rises with what a level shows of the energy."""
    cold = rg.sample(rg.Ising((8, 8), K=0.5), draws=300, chains=4, seed=5)
    hot = rg.sample(rg.Ising((8, 8), K=0.35), draws=300, chains=4, seed=6)
    spin = xr.concat([hot["spin"], cold["spin"]], "chain", coords="minimal").drop_vars(["chain", "draw"])
    y = xr.DataArray(np.repeat([0, 1], 4)[:, None] * np.ones((8, 300), dtype=int), dims=("chain", "draw"))
    both = xr.Dataset({"spin": spin, "y_0": y}, attrs={"boundary": hot.attrs["boundary"]})
    networks = {"average": rg.Network([rg.BlockAverage(2)] * 2), "noise": rg.Kadanoff(2, rho=0.0)}
    table = compare(critical, networks, {"which": both}, control=False, rows=512)
    kept = table["information"].sel(target="which")
    assert kept.sel(network="data", level=0) > kept.sel(network="average", level=2) > 0.1
    assert abs(float(kept.sel(network="noise", level=1))) < 0.02
    assert (kept.fillna(0) <= math.log(2)).all()


def all_states(model):
    """Every configuration as a chain of its own draws, with probabilities."""
    return exact.states(model.shape), exact.distribution(model.energy, model.shape)


def mutual(p, x, y):
    """I(x; y) in nats of columns x (n, k) of ±1 and y (n,) under weights p."""
    key = (x > 0).astype(np.int64) @ (1 << np.arange(x.shape[1]))
    joint = np.zeros((2, key.max() + 1))
    np.add.at(joint, ((y > 0).astype(int), key), p)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = joint * np.log(joint / joint.sum(0) / joint.sum(1)[:, None])
    return float(np.nansum(terms))


@pytest.mark.parametrize(("shape", "buffer"), [((4, 4), 0), ((16,), 1)])
def test_environment_is_a_bound_below_the_exact_value_and_near_it(exact_samples, shape, buffer):
    model = rg.Ising(shape, K=0.5)
    states, p = all_states(model)
    ndim = len(shape)
    unit = (slice(0, 2),) * ndim
    x = states.reshape(-1, *shape)
    block = x[(slice(None), *unit)].reshape(len(x), -1)
    outside = np.ones(shape, dtype=bool)
    outside[tuple(np.arange(-buffer, 2 + buffer)[(slice(None),) + (None,) * (ndim - 1 - a)] for a in range(ndim))] = (
        False
    )
    if ndim == 1:
        outside[:] = False
        outside[[3, 4, 13, 14]] = True  # the ring: one window wide beyond the buffer
    y = block[:, 0]  # decimation: a rule without coins
    value = mutual(p, x[:, outside], y)
    data = exact_samples(model, 4000, 4, 2)
    values = data["spin"].values[:, :, None]
    spins = data["spin"].values[(slice(None), slice(None), *(slice(None, None, 2),) * ndim)]
    found = environment(spins, geo.Reach(2, 2, 0), values, frame(4, 4000, rows=40000), (1,), buffer)
    assert found.nats < value + rg.estimate.z_limit(2) * found.nats_stderr
    assert found.nats > 0.8 * value


def test_decodability_of_a_majority_from_its_block_is_exact(exact_samples):
    """A logistic probe can tell the sign of a sum and say one half where it is 0: nothing is lost to the bound."""
    model = rg.Ising((4, 4), K=0.3)
    states, p = all_states(model)
    tie = float(p[states.reshape(-1, 4, 4)[:, :2, :2].sum(axis=(1, 2)) == 0].sum())
    data = exact_samples(model, 3000, 4, 3)
    spins = rg.Majority(2)(data["spin"].values, 1, ndim=2)
    found = decodability(spins, 2, data["spin"].values[:, :, None], 1, frame(4, 3000, rows=40000), (0,))
    expected = (1.0 - tie) * math.log(2.0)
    assert abs(found.nats - expected) < 3.5 * found.nats_stderr + 2e-3
    assert found.nats < math.log(2.0)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(("wide", "narrow"), [(1, 1), (2, 1), (1, 2), (4, 2), (2, 8), (6, 4), (4, 6), (3, 2)])
def test_units_about_a_site_overlap_it_and_one_more(wide, narrow, ndim):
    side = 48
    many, units = side // wide, side // narrow
    seen = set()
    for q in range(geo.classes(wide, narrow)):
        line = geo.along(q, (wide, many), (narrow, units))
        m = np.arange(line.count)
        sites = line.sites(m)
        seen |= set(sites.tolist())
        for site, about in zip(sites, line.units(m), strict=True):
            own = {(x // narrow) % units for x in range(site * wide, (site + 1) * wide)}
            expected = own | {(u + 1) % units for u in own} | {(u - 1) % units for u in own}
            assert set(about.tolist()) == expected
    assert seen == set(range(many))
    assert len(geo.positions(wide, narrow, ndim, 4, np.random.default_rng(0))) <= 4


@pytest.mark.parametrize(
    "layers",
    [[rg.Majority(2)] * 3, [rg.Majority(3), rg.BlockAverage(2)], [rg.Network([rg.BlockAverage(2), rg.Majority(2)])]],
)
def test_receptive_fields_by_perturbation(layers):
    rng = np.random.default_rng(0)
    side = math.prod(layer.scale for layer in layers) * 2
    network = rg.Network([rg.BlockAverage(layer.scale) for layer in layers])  # sees every site of its window
    x = rng.standard_normal((side, side))
    y = network(x, ndim=2)
    moved = np.zeros((side, side), dtype=bool)
    for site in geo.all_positions((side, side)):
        other = x.copy()
        other[site] += 1.0
        moved[site] = network(other, ndim=2)[0, 0] != y[0, 0]
    reach = geo.reaches(layers)[-1]
    assert moved.any(axis=0).sum() == moved.any(axis=1).sum() == reach.window
    assert reach.scale == network.scale


def test_overlapping_kernels_compose():
    class Strided:
        scale, kernel, n_parameters = 2, 4, 10

    side, spacing, window = 64, 1, 1
    touched = {0}
    for _ in range(3):
        spacing, window = spacing * 2, window + 3 * spacing
    assert geo.reaches([Strided()] * 3)[-1] == geo.Reach(spacing, window, 30)
    touched = {0}  # by hand: unit j of the next level sees units 2j − 1 … 2j + 2
    for _ in range(3):
        touched = {2 * j + k for j in touched for k in (-1, 0, 1, 2)}
    assert len(touched) == window < side


@pytest.mark.parametrize(("window", "scale", "side"), [(1, 1, 8), (2, 2, 8), (4, 4, 32), (7, 4, 64), (3, 3, 27)])
def test_the_environment_begins_beyond_the_buffer(window, scale, side):
    start, box, width = geo.ring(window, scale, side, None)
    mask = geo.ring_mask(start, box, window, scale, width, 2)
    x = start + np.arange(box)
    low = -((window - scale) // 2)
    distance = np.maximum(np.maximum(low - x, x - (low + window - 1)), 0)
    assert (mask == (np.maximum(distance[:, None], distance) > width)).all()
    assert box <= side
    assert width >= max(1, window // 2)


def test_probes_read_zero_on_noise_and_everything_on_themselves():
    rng = np.random.default_rng(0)
    f = frame(4, 500)
    chain, draw = f.draws(2000)
    scores = []
    for _ in range(40):
        x, y = rng.standard_normal((2000, 30)), rng.choice([-1, 1], 2000)
        found = bound([Rows(x, y, chain, draw, f.block[chain, draw])])
        scores.append(found.fraction)
    assert abs(np.mean(scores)) < 0.004
    own = bound([Rows(np.column_stack([x, y]), y, chain, draw, f.block[chain, draw])])
    assert own.fraction > 0.999
    assert bound([Rows(x, np.ones(2000), chain, draw, f.block[chain, draw])]) is None


@pytest.mark.slow
def test_errors_of_decodability_are_honest(exact_samples):
    model = rg.Ising((4, 4), K=0.3)
    states, p = all_states(model)
    tie = float(p[states.reshape(-1, 4, 4)[:, :2, :2].sum(axis=(1, 2)) == 0].sum())
    z = []
    for seed in range(60):
        data = exact_samples(model, 400, 4, seed)
        spins = rg.Majority(2)(data["spin"].values, seed, ndim=2)
        found = decodability(spins, 2, data["spin"].values[:, :, None], 1, frame(4, 400, rows=6400, seed=seed), (0,))
        z.append((found.nats - (1.0 - tie) * math.log(2.0)) / found.nats_stderr)
    assert 0.7 < np.std(z) < 1.4
    assert -1.5 < np.mean(z) < 0.5  # a lower bound
