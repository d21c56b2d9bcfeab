"""Pseudo-likelihood couplings against exact block marginals, closed forms and brute force."""

import json

import numpy as np
import pytest
import scipy.optimize
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet import flow, stats
from rgnet import operators as ops
from rgnet.flow import _local_fields
from rgnet.flow.couplings import fit

COMPLETE = ["nn", "nnn", "plaquette"]  # on the states of 2 x 2 that are even under s → −s


def z_scores(table, level, truth):
    return (table["coupling"].values[level] - truth) / table["coupling_stderr"].values[level]


def critical(shape=(4, 4)):
    return rg.Ising(shape, K=0.38, couplings={"nnn": 0.06, "plaquette": -0.05})


# --- the histogram of local fields -----------------------------------------------------------------------------------


def brute_force_fields(x, operators, boundary):
    """(s_i f_a(i))_a of every configuration and site, by reversing each spin: (n * sites, operators)."""
    before = ops.sums(x, operators, boundary)
    rows = []
    for site in np.ndindex(x.shape[1:]):
        after = x.copy()
        after[(slice(None), *site)] *= -1
        rows.append((before - ops.sums(after, operators, boundary)) // 2)
    return np.concatenate(rows)


def histogram_of(fields):
    return {
        tuple(v): c for v, c in zip(fields.vectors.astype(int).tolist(), fields.counts().astype(int), strict=True) if c
    }


CASES = [
    ((5,), ("periodic",), ["nn", "nnn", "m", "straight"]),
    ((4,), ("free",), ["nn", "third", "m", "straight"]),
    ((3, 4), ("periodic", "free"), ["nn", "nnn", "plaquette", "third", "m", "corner", "diagonal"]),
    ((2, 2), ("periodic", "periodic"), ["nn", "nnn", "plaquette", "m", "corner", "straight"]),
    ((4, 2), ("free", "periodic"), ["fifth", "plaquette", "straight"]),
    ((2, 3, 2), ("periodic", "free", "periodic"), ["nn", "nnn", "third", "plaquette", "m"]),
]


@pytest.mark.parametrize(("shape", "boundary", "names"), CASES)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_local_fields_are_what_reversing_a_spin_changes(shape, boundary, names, seed):
    rng = np.random.default_rng(seed)
    x = rng.choice(np.array([-1, 1], dtype=np.int8), size=(2, 7, *shape))
    chosen = ops.resolve(names, len(shape))
    level = xr.Dataset({"spin": (("chain", "draw", *"xyz"[: len(shape)]), x)}, attrs={"boundary": json.dumps(boundary)})
    fields = _local_fields.local_fields(level, chosen, stats.block_edges(2, 7, 4))
    vectors, counts = np.unique(brute_force_fields(x.reshape(-1, *shape), chosen, boundary), axis=0, return_counts=True)
    assert histogram_of(fields) == {tuple(v): c for v, c in zip(vectors.tolist(), counts.tolist(), strict=True)}
    assert [int(count.sum()) for _, count in fields.blocks] == [x[0, 0].size * n for n in (4, 3, 4, 3)]


def test_a_five_factor_operator_and_a_hash_table_instead_of_an_array(exact, monkeypatch):
    chosen = (*ops.resolve(COMPLETE, 2), ops.operator("cross", [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]))
    level = exact(critical()).draw(2, 300, 1)
    edges = stats.block_edges(2, 300, 6)
    dense = _local_fields.local_fields(level, chosen, edges)
    monkeypatch.setattr(_local_fields, "_MOST_DENSE", 1)
    monkeypatch.setattr(_local_fields, "_CHUNK", 16)  # many chunks a block, and a table that must grow
    sparse = _local_fields.local_fields(level, chosen, edges)
    x = level["spin"].values.reshape(-1, 4, 4)
    vectors, counts = np.unique(brute_force_fields(x, chosen, ("periodic",) * 2), axis=0, return_counts=True)
    truth = {tuple(v): c for v, c in zip(vectors.tolist(), counts.tolist(), strict=True)}
    assert histogram_of(dense) == truth
    assert histogram_of(sparse) == truth
    for (i, c), (j, d) in zip(dense.blocks, sparse.blocks, strict=True):
        np.testing.assert_array_equal(i, j)
        np.testing.assert_array_equal(c, d)


def test_more_operators_than_one_key_holds(exact):
    rng = np.random.default_rng(0)
    many = [ops.operator(f"o{k}", [(0, 0), *map(tuple, rng.integers(-5, 6, (3, 2)))]) for k in range(16)]
    level = exact(critical()).draw(1, 60, 1)
    assert len(_local_fields._codings(many, (4, 4), ("periodic",) * 2)) > 1
    fields = _local_fields.local_fields(level, many, stats.block_edges(1, 60, 4))
    x = level["spin"].values.reshape(-1, 4, 4)
    vectors, counts = np.unique(brute_force_fields(x, many, ("periodic",) * 2), axis=0, return_counts=True)
    assert histogram_of(fields) == {tuple(v): c for v, c in zip(vectors.tolist(), counts.tolist(), strict=True)}
    assert [int(count.sum()) for _, count in fields.blocks] == [16 * 15] * 4


# --- the maximum -----------------------------------------------------------------------------------------------------


def test_the_maximum_is_that_of_a_general_minimiser(exact):
    model = critical()
    level = exact(model).draw(2, 500, 2)
    chosen = ops.resolve(COMPLETE, 2)
    vectors = brute_force_fields(level["spin"].values.reshape(-1, 4, 4), chosen, ("periodic",) * 2)
    found = scipy.optimize.minimize(lambda k: np.logaddexp(0, -2 * vectors @ k).mean(), np.zeros(3), tol=1e-12)
    table = flow.couplings([level], COMPLETE)
    np.testing.assert_allclose(table["coupling"].values[0], found.x, atol=1e-5)
    np.testing.assert_allclose(table["log_pseudo_likelihood"].values[0], -found.fun, rtol=1e-9)


def test_one_newton_step_gives_the_jackknife_of_full_fits(exact):
    level = exact(critical()).draw(2, 2000, 3)
    chosen = ops.resolve(COMPLETE, 2)
    edges = stats.block_edges(2, 2000, 64)
    fields = _local_fields.local_fields(level, chosen, edges)
    counts = np.zeros((len(edges), len(fields.vectors)))
    for row, (index, count) in enumerate(fields.blocks):
        counts[row, index] = count
    refits = np.stack([fit(fields.vectors, counts.sum(0) - left_out, COMPLETE, "") for left_out in counts])
    expected = np.sqrt((len(edges) - 1) * refits.var(axis=0))
    table = flow.couplings([level], COMPLETE)
    np.testing.assert_allclose(table["coupling_stderr"].values[0], expected, rtol=0.02)


# --- physics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (critical(), [*COMPLETE, "third"]),
        (rg.Ising((4, 4), K=0.2, h=0.15, couplings={"corner": -0.04}), ["m", "nn", "nnn", "corner"]),
        (rg.Ising((3, 5), K=0.4, h=0.1, boundary="free"), ["nn", "m", "nnn"]),
        (
            rg.Ising((3, 4), K=-0.3, couplings={"diagonal": 0.05}, boundary=("periodic", "free")),
            ["nn", "nnn", "diagonal"],
        ),
        (rg.Ising(12, K=0.6, h=-0.2, couplings={"nnn": -0.1}), ["nn", "nnn", "m", "straight"]),
        (rg.Ising((2, 2, 3), K=0.15, boundary=("periodic", "free", "periodic")), ["nn", "nnn"]),
    ],
    ids=["square", "field", "free", "mixed", "chain", "cubic"],
)
def test_level_zero_recovers_the_model(exact, model, names):
    table = flow.couplings([exact(model).draw(4, 20_000, 11)], names)
    planted = {item.name: value for item, value in model.terms}
    z = z_scores(table, 0, np.array([planted.get(name, 0.0) for name in names]))
    assert np.abs(z).max() < 3.7, z  # 20 couplings in all


def test_error_bars_are_honest(exact):
    model = critical()
    bed = exact(model)
    truth = np.array([0.38, 0.06, -0.05])
    z = np.array([z_scores(flow.couplings([bed.draw(2, 2000, 700 + s)], COMPLETE), 0, truth) for s in range(80)])
    # 80 repeats: the mean has error 0.11 (and a bias of order 1/N), the standard deviation 0.08
    assert np.abs(z.mean(axis=0)).max() < 0.45, z.mean(axis=0)
    assert ((z.std(axis=0) > 0.75) & (z.std(axis=0) < 1.27)).all(), z.std(axis=0)


@pytest.mark.parametrize(("name", "layer"), [("majority", rg.Majority(2)), ("kadanoff", rg.Kadanoff(2, 0.7))])
def test_block_couplings_are_those_of_the_exact_marginal(exact, rules, name, layer):
    bed = exact(rg.Ising((4, 4), K=0.3))
    truth = bed.coarse_couplings(rules[name], COMPLETE)
    levels = rg.Network([layer]).levels(bed.draw(4, 50_000, 12), seed=3)
    table = flow.couplings(levels, COMPLETE)
    z = np.concatenate([z_scores(table, 0, np.array([0.3, 0, 0])), z_scores(table, 1, truth)])
    assert np.abs(z).max() < 3.5, z
    assert truth[0] > 10 * table["coupling_stderr"].values[1, 0]  # the comparison says something


def test_the_model_at_the_renormalised_couplings_has_the_operator_means_of_the_level(exact):
    levels = rg.Network([rg.Majority(2)]).levels(exact(rg.Ising((4, 4), K=0.3)).draw(4, 50_000, 13), seed=4)
    table = flow.couplings(levels, COMPLETE)
    nn, nnn, plaquette = table["coupling"].values[1]
    fitted = exact(rg.Ising((2, 2), K=nn, couplings={"nnn": nnn, "plaquette": plaquette}))
    expected = fitted.p @ ops.sums(fitted.states, ops.resolve(COMPLETE, 2))
    measured = ops.measure(levels[1], COMPLETE)
    mean, stderr = measured.mean(("chain", "draw")).values, measured.std(("chain", "draw")).values / 200_000**0.5
    assert np.abs((mean - expected) / stderr).max() < 4  # both carry errors of this size, strongly correlated


def ring(sides, coupling, draws, seed):
    """Independent draws of a periodic Ising chain: bonds are independent but for their product, which is 1."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    bonds = np.where(rng.random((3 * draws, sides)) < 1 / (1 + np.exp(-2 * coupling)), 1, -1)
    bonds = bonds[bonds.prod(axis=1) == 1][:draws]
    first = rng.choice([-1, 1], size=(len(bonds), 1))
    return (first * np.cumprod(bonds, axis=1)).astype(np.int8)[None]


@pytest.mark.parametrize("b", [2, 3, 4])
def test_decimation_of_a_chain(dataset_of, b):
    model = rg.Ising(48, K=0.8)
    levels = rg.Network([rg.Decimation(b)]).levels(dataset_of(ring(48, 0.8, 40_000, b), model))
    table = flow.couplings(levels, ["nn", "nnn"])
    z = z_scores(table, 1, np.array([np.arctanh(np.tanh(0.8) ** b), 0.0]))
    assert np.abs(z).max() < 3.3, z
    assert np.abs(z_scores(table, 0, np.array([0.8, 0.0]))).max() < 3.3


def test_default_operators_follow_the_symmetry_of_the_model(exact):
    even = flow.couplings([exact(critical()).draw(1, 2000, 1)])
    assert even["operator"].values.tolist() == ["nn", "nnn", "plaquette", "third"]
    both = flow.couplings([exact(rg.Ising((4, 4), K=0.2, h=0.1)).draw(1, 2000, 1)])
    assert {"m", "nn"} <= set(both["operator"].values.tolist())


# --- refusals --------------------------------------------------------------------------------------------------------


def test_levels_that_are_not_of_spins_are_refused(exact):
    data = exact(critical()).draw(1, 500, 1)
    with pytest.raises(
        ValueError, match=r"level 1 is real-valued \(BlockAverage.*use Majority, Kadanoff or Decimation"
    ):
        flow.couplings(rg.Network([rg.BlockAverage(2)]).levels(data))
    with pytest.raises(ValueError, match="level 0 holds no configurations"):
        flow.couplings([ops.measure(data, COMPLETE)])
    diluted = data.copy(deep=True)
    diluted["spin"][0, 3, 0, 0] = 0
    with pytest.raises(ValueError, match="a spin is 0: pseudo-likelihood couplings are for spins ±1"):
        flow.couplings([diluted], COMPLETE)


def test_dependent_operators_are_named(exact):
    levels = rg.Network([rg.Majority(2)]).levels(exact(critical()).draw(1, 2000, 1), seed=0)
    with pytest.raises(
        ValueError, match=r"level 1 \(shape 2 x 2\): 'third' has no local field, so couplings are not det"
    ):
        flow.couplings(levels, [*COMPLETE, "third"])
    with pytest.raises(ValueError, match=r"level 1 \(shape 2 x 2\): 'third' has no local field"):
        flow.couplings(levels, ["third", "nn"])
    with pytest.raises(ValueError, match=r"level 1 \(shape 2 x 2\): 'straight' depends linearly on 'm'"):
        flow.couplings(levels, ["nn", "m", "straight"])


def test_levels_without_a_finite_maximum_are_refused(exact, dataset_of):
    frozen = dataset_of(np.ones((1, 400, 4, 4), dtype=np.int8), critical())
    with pytest.raises(ValueError, match=r"level 0 \(shape 4 x 4\) is frozen"):
        flow.couplings([frozen], ["nn"])
    x = np.ones((1, 400, 4, 4), dtype=np.int8)
    x[0, ::2, :, :2] = -1  # stripes: half of the draws; no spin ever disagrees with the majority of its neighbours
    with pytest.raises(
        ValueError, match=r"level 0 \(shape 4 x 4\): the couplings run to infinity \(that of 'nn' first\)"
    ):
        flow.couplings([dataset_of(x, critical())], ["nn"])
