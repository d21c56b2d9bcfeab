"""One call for what levels keep: labels of trees and of couplings against exact values, and the choice of method."""

import math

import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import exact, stats
from rgnet.information import fisher
from rgnet.information.kept import retained
from rgnet.information.samples import InformationWarning

FLIP = 0.2
DEPTH = 3


def tree(n, seed):
    """A binary tree of depth 3: root (n,), and its levels of 2, 4, 8 sites."""
    rng = np.random.default_rng(seed)
    levels = [rng.integers(0, 2, (n, 1))]
    for _ in range(DEPTH):
        parents = np.repeat(levels[-1], 2, axis=1)
        levels.append(parents ^ (rng.random(parents.shape) < FLIP))
    return [levels[0][:, 0], *levels[1:]]


def tree_posterior(leaves):
    """p(root | leaves) by belief propagation."""
    channel = np.array([[1 - FLIP, FLIP], [FLIP, 1 - FLIP]])
    belief = np.eye(2)[np.asarray(leaves, dtype=int)]
    while belief.shape[1] > 1:
        up = belief @ channel
        belief = up[:, ::2] * up[:, 1::2]
        belief /= belief.sum(axis=-1, keepdims=True)
    # The last step of the loop has joined the root's two children: its prior is uniform
    return belief[:, 0]


def tree_exact(level):
    """I(root; level) by enumeration of that level's configurations."""
    sites = 2**level
    configurations = (np.arange(2**sites)[:, None] >> np.arange(sites)) & 1
    channel = np.array([[1 - FLIP, FLIP], [FLIP, 1 - FLIP]])
    likelihood = np.eye(2)[configurations]
    while likelihood.shape[1] > 1:
        up = likelihood @ channel
        likelihood = up[:, ::2] * up[:, 1::2]
    joint = likelihood[:, 0] / 2
    p = joint.sum(axis=1)
    return float((joint * np.log(joint / (p[:, None] / 2))).sum())


class Oracle:
    def posterior(self, data):
        return tree_posterior(data)


def row(table, level):
    return {name: table[name].values[level] for name in table.data_vars}


def test_levels_of_a_tree_by_counting():
    y, one, two, leaves = tree(20_000, 1)
    table = retained([leaves, two, one], about=y)
    assert list(table["level"].values) == [0, 1, 2]
    assert table.attrs["unit"] == "nats"
    assert table.attrs["fraction_of"] == "level 0"
    assert list(table["method"].values) == ["discrete"] * 3
    for k, level in enumerate((3, 2, 1)):
        found = row(table, k)
        assert abs(found["information"] - tree_exact(level)) < 3.5 * found["information_stderr"]
        assert found["information_plugin"] > found["information"]
        assert found["kind"] == "estimate"
        assert "small alphabet" in found["why"]
        low, high = found["information_interval"]
        assert low < found["information"] < high
    assert table["fraction"].values[0] == 1.0
    assert table["fraction"].values[2] > 1.0  # y_1 knows more of y_0 than the leaves, level 0 here
    bits = retained([leaves, two, one], about=y, unit="bits")
    np.testing.assert_allclose(bits["information"] * math.log(2), table["information"])
    np.testing.assert_allclose(bits["information_plugin"] * math.log(2), table["information_plugin"])
    np.testing.assert_allclose(bits["fraction_stderr"], table["fraction_stderr"])


def test_the_exact_posterior_comes_first():
    y, _, _, leaves = tree(5000, 2)
    votes = leaves.sum(axis=1)
    for oracle in (Oracle(), tree_posterior):
        for prior in (None, [0.5, 0.5], {0: 0.5, 1: 0.5}):
            table = retained([leaves, votes], about=y, posterior=oracle, prior=prior)
            assert list(table["method"].values) == ["posterior", "posterior"]
            assert abs(table["information"].values[0] - tree_exact(3)) < 3.5 * table["information_stderr"].values[0]
    counted = retained([leaves, votes], about=y)
    assert table["information_stderr"].values[1] < 0.5 * counted["information_stderr"].values[1]
    assert table["fraction"].values[1] < 1.0
    assert table["fraction_stderr"].values[1] < 0.01
    # The posterior itself, as a level, keeps everything: not a draw of noise in the fraction
    label = np.round(tree_posterior(leaves)[:, 1], 9)
    kept = retained([leaves, label], about=y, posterior=Oracle())
    assert kept["fraction"].values[1] == pytest.approx(1.0, abs=1e-6)
    assert kept["fraction_stderr"].values[1] < 1e-6


def test_a_posterior_of_other_draws_is_refused():
    y, _, _, leaves = tree(5000, 3)
    with pytest.raises(ValueError, match="its columns are not the sorted labels"):
        retained([leaves], about=y, posterior=lambda x: tree_posterior(x)[:, ::-1])
    with pytest.raises(ValueError, match="its draws are not these"):
        retained([leaves], about=y, posterior=lambda x: tree_posterior(x)[::-1])
    with pytest.raises(ValueError, match=r"array of shape \(4999, 2\): it must give \(5000, classes\)"):
        retained([leaves], about=y, posterior=lambda x: tree_posterior(x)[:-1])
    with pytest.raises(ValueError, match="posterior gave a tuple"):
        retained([leaves], about=y, posterior=lambda x: (x, x))
    with pytest.raises(ValueError, match="posterior=3: give a function"):
        retained([leaves], about=y, posterior=3)
    with pytest.raises(ValueError, match=r"posterior 0 sums to one \+1"):
        retained([leaves], about=y, posterior=lambda x: 2 * tree_posterior(x))


def test_states_that_were_not_met():
    """The posterior has three states, the third of which never occurs."""
    y, _, _, leaves = tree(5000, 4)
    table = retained([leaves], about=y, posterior=lambda x: np.pad(tree_posterior(x), ((0, 0), (0, 1))))
    assert table["information"].values[0] == pytest.approx(
        retained([leaves], about=y, posterior=tree_posterior)["information"].values[0]
    )
    with pytest.raises(ValueError, match="which column is which"):
        retained([leaves], about=y * 7, posterior=lambda x: np.pad(tree_posterior(x), ((0, 0), (0, 1))))


def test_many_configurations_give_a_bound():
    y, _, _, leaves = tree(1000, 5)
    table = retained([leaves, leaves[:, :2]], about=y)
    assert list(table["method"].values) == ["classifier", "discrete"]
    assert list(table["kind"].values) == ["lower", "estimate"]
    assert table["information_interval"].values[0, 0] < tree_exact(3)
    assert table["information"].values[0] > 0.02
    assert math.isnan(table["information_plugin"].values[0])
    assert table.attrs["fraction_of"] == "H(y_0)"
    assert table["fraction"].values[0] == pytest.approx(table["information"].values[0] / table.attrs["entropy"])
    assert table.attrs["entropy"] == pytest.approx(math.log(2), abs=0.01)
    assert "proves nothing" in table.attrs["note"]
    with pytest.warns(InformationWarning, match="too many for the bias to be removed"):
        forced = retained([leaves], about=y, method="discrete")
    assert forced["why"].values[0] == "method='discrete' was asked for"


def test_a_reduction_is_a_lower_bound_and_said_so():
    y, _, _, leaves = tree(5000, 6)
    table = retained([leaves], about=y, reduce="sum")
    own = retained([leaves], about=y, reduce=lambda x: x.sum(axis=1))
    assert table["kind"].values[0] == "lower"
    assert "of a reduction" in table["why"].values[0]
    assert table["information"].values[0] == own["information"].values[0]
    assert table["information"].values[0] < tree_exact(3) + 3 * table["information_stderr"].values[0]
    assert table.attrs["fraction_of"] == "H(y_0)"


def test_real_levels_by_neighbours():
    rng = np.random.default_rng(7)
    y = rng.integers(0, 2, 1500)
    x = rng.normal(size=(1500, 2)) + 1.5 * y[:, None]
    first = retained([x, x[:, 0]], about=y)
    assert list(first["method"].values) == ["mixed", "mixed"]
    from scipy.integrate import quad
    from scipy.stats import norm

    for k, shift in enumerate((1.5 * math.sqrt(2), 1.5)):

        def p(t, shift=shift):
            return (norm.pdf(t) + norm.pdf(t, shift)) / 2

        truth = quad(lambda t: -p(t) * math.log(p(t)), -9, 12)[0] - norm.entropy()
        assert abs(first["information"].values[k] - truth) < 0.05
    z = rng.normal(size=1500)
    real = retained([z + rng.normal(size=1500), z + 2 * rng.normal(size=1500)], about=z)
    for value, noise in zip(real["information"].values, (1.0, 2.0), strict=True):
        assert value == pytest.approx(0.5 * math.log1p(1 / noise**2), abs=0.08)
    assert real.attrs["about"] == "a real variable"
    with pytest.raises(ValueError, match="y is real and a level has 8 numbers a draw"):
        retained([rng.normal(size=(1500, 8))], about=z)


def test_numbers_that_repeat_are_no_real_numbers():
    """A count of 400 coins, too many values to be counted against, with ties that neighbours do not bear."""
    rng = np.random.default_rng(12)
    y = rng.integers(0, 2, 1500)
    x = rng.binomial(400, 0.5 + 0.025 * y)
    from scipy.stats import binom

    laws = [binom.pmf(np.arange(401), 400, 0.5 + 0.025 * k) for k in (0, 1)]
    mean = (laws[0] + laws[1]) / 2
    truth = sum(float((p[p > 0] * np.log(p[p > 0] / mean[p > 0])).sum()) / 2 for p in laws)
    table = retained([x], about=y)
    assert table["method"].values[0] == "classifier"
    assert abs(table["information"].values[0] - truth) < 3.5 * table["information_stderr"].values[0] + 0.01


COUPLINGS = (0.2, 0.45)


def exact_about_couplings(layers):
    """I(K; y_k) for the lattice at two couplings of equal odds, by enumeration through the layers."""
    total = []
    for count in range(len(layers) + 1):
        laws = [
            exact.coarse_distribution(rg.Ising((4, 4), K=K).energy, layers[:count], (4, 4)) if count else
            (None, exact.distribution(rg.Ising((4, 4), K=K).energy, (4, 4)))
            for K in COUPLINGS
        ]  # fmt: skip
        p = [law[1] for law in laws]
        mean = (p[0] + p[1]) / 2
        total.append(sum(float((q[q > 0] * np.log(q[q > 0] / mean[q > 0])).sum()) / 2 for q in p))
    return total


def test_labels_constant_in_each_chain(exact_samples):
    """One chain for each coupling: labels (chain,), levels of Datasets, exact values by enumeration."""
    layer = rg.Majority(2, "first")
    parts = [exact_samples(rg.Ising((4, 4), K=K), 3000, 2, seed) for seed, K in enumerate(COUPLINGS)]
    data = xr.concat(parts, dim="chain", combine_attrs="drop_conflicts")
    data.attrs |= {"level": 0, "scale": 1}
    levels = rg.Network([layer]).levels(data)
    labels = np.repeat(COUPLINGS, 2)
    truth = exact_about_couplings([layer])
    table = retained(levels, about=labels)
    assert list(table["method"].values) == ["classifier", "discrete"]
    low, high = truth[0] - 0.02 - 4 * table["information_stderr"].values[0], truth[0]
    assert low < table["information"].values[0] < high + 3.5 * table["information_stderr"].values[0]
    assert abs(table["information"].values[1] - truth[1]) < 3.5 * table["information_stderr"].values[1]
    assert table.attrs["entropy"] == pytest.approx(math.log(2))
    assert table.attrs["entropy_stderr"] == 0.0
    assert list(table["level"].values) == [0, 1]
    for same in (
        xr.DataArray(labels, dims="chain"),
        xr.DataArray(np.repeat(labels[:, None], 3000, axis=1), dims=("chain", "draw")),
        np.repeat(labels[:, None], 3000, axis=1),
    ):
        xr.testing.assert_identical(retained(levels[1:], about=same), retained(levels[1:], about=labels))


def test_an_exact_posterior_of_couplings(exact_samples):
    """Enumeration gives p(K|x): level 0 with small errors, and the coarse level by averages within its symbols."""
    layer = rg.Majority(2, "first")
    models = [rg.Ising((4, 4), K=K) for K in COUPLINGS]
    log_z = [_log_z(model) for model in models]
    data = xr.concat([exact_samples(m, 3000, 1, seed) for seed, m in enumerate(models)], dim="chain",
                     combine_attrs="drop_conflicts")  # fmt: skip
    data.attrs |= {"level": 0, "scale": 1}

    def posterior(level):
        x = level["spin"].values
        logs = np.stack([-m.energy(x) - z for m, z in zip(models, log_z, strict=True)], axis=-1)
        weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
        return weights / weights.sum(axis=-1, keepdims=True)

    truth = exact_about_couplings([layer])
    table = retained(rg.Network([layer]).levels(data), about=np.array([0, 1]), posterior=posterior, prior=[0.5, 0.5])
    for k in (0, 1):
        assert table["method"].values[k] == "posterior"
        assert abs(table["information"].values[k] - truth[k]) < 3.5 * table["information_stderr"].values[k]
    assert table["information_stderr"].values[0] < 0.01


def _log_z(model):
    return float(np.logaddexp.reduce(-model.energy(exact.states(model.shape))))


def test_couplings_go_to_fisher_as_before(exact_samples):
    data = exact_samples(rg.Ising((4, 4), K=0.4), 1000, 4, seed=8)
    levels = rg.Network([rg.Majority(2)]).levels(data)
    for about in ("K", "h"):
        xr.testing.assert_identical(retained(levels, about), fisher.retained(levels, about))
    xr.testing.assert_identical(
        retained(levels, about="K", operators=["nn"], blocks=32), fisher.retained(levels, operators=["nn"], blocks=32)
    )
    xr.testing.assert_identical(retained(levels, ("K", "h")), fisher.retained_matrix(levels, ("K", "h")))
    xr.testing.assert_identical(retained(levels, "nnn"), fisher.retained_matrix(levels, ("nnn",)))
    with pytest.raises(ValueError, match='about=\'T\': Fisher information is kept about "K" or "h"'):
        retained(levels, about="T")
    with pytest.raises(ValueError, match="posterior= belongs to labels"):
        retained(levels, about="K", posterior=tree_posterior)
    with pytest.raises(ValueError, match="Fisher information has one method and no unit"):
        retained(levels, about="K", unit="bits")


def test_strings_are_labels_too():
    y, one, _, _ = tree(2000, 9)
    names = np.array(["cold", "hot"])[y]
    table = retained([one], about=names)
    assert table["information"].values[0] == retained([one], about=y)["information"].values[0]


def test_correlated_chains_have_larger_errors():
    rng = np.random.default_rng(10)
    y = np.cumsum(rng.random((4, 10_000)) < 0.02, axis=1) % 2
    x = y ^ (rng.random(y.shape) < 0.1)
    both = [xr.DataArray(v, dims=("chain", "draw")) for v in (x, y)]
    slow = retained(both[:1], about=both[1])
    fast = retained([x.ravel()], about=y.ravel())
    truth = math.log(2) + 0.1 * math.log(0.1) + 0.9 * math.log(0.9)
    assert abs(slow["information"].values[0] - truth) < 3.5 * slow["information_stderr"].values[0]
    assert slow["information_stderr"].values[0] > 2 * fast["information_stderr"].values[0]
    flat = retained([x.ravel()], about=y.ravel(), chains=4)
    assert flat["information"].values[0] == slow["information"].values[0]
    with pytest.raises(stats.ShortChainError):
        retained([both[0].isel(draw=slice(30))], about=both[1].isel(draw=slice(30)))


def test_bad_input():
    y, one, _, leaves = tree(200, 11)
    for levels, about, options, message in (
        ([], y, {}, "give at least the microscopic level"),
        ([leaves, one[:-1]], y, {}, "draw i of each belongs together"),
        ([leaves], y[:-1], {}, "draw i of each belongs together"),
        ([leaves], np.zeros(200), {}, "information about y needs two classes or more"),
        ([leaves], np.where(y, np.nan, 0.0), {}, "not finite"),
        ([np.where(leaves, np.nan, 0.0)], y, {}, "not finite"),
        ([np.array([None] * 200)], y, {}, "Python objects"),
        ([leaves], y, {"method": "magic"}, "method='magic': it is auto, posterior"),
        ([leaves], y, {"method": "posterior"}, "give posterior="),
        ([leaves], y, {"unit": "trits"}, "unit='trits'"),
        ([leaves], y, {"reduce": 3}, "reduce=3"),
        ([leaves], y, {"reduce": lambda x: x[:3]}, "one row for each of 200 draws"),
        ([leaves], y, {"prior": [0.5, 0.6]}, r"prior sums to one \+0.1"),
        ([xr.Dataset({"a": ("draw", y), "b": ("draw", y)})], y, {}, "level 0 is a Dataset of a, b"),
    ):
        with pytest.raises(ValueError, match=message):
            retained(levels, about=about, **options)
    shifted = xr.DataArray(y, dims="draw", coords={"draw": np.arange(200) + 1})
    level = xr.DataArray(one, dims=("draw", "site"), coords={"draw": np.arange(200)})
    with pytest.raises(ValueError, match="different coordinates 'draw'"):
        retained([level], about=shifted)
    with pytest.raises(ValueError, match="must agree"):
        retained([level.drop_vars("draw"), level.drop_vars("draw")[:50]], about=shifted.drop_vars("draw"))


def test_levels_of_several_components():
    """Links of dimers have no score about K, but labels; components of a coarse level are read side by side."""
    drawn = rg.sample(rg.Dimers((8, 8), K=0.5), 400, seed=1)
    links = rg.models.dimers.links(drawn)
    with pytest.raises(ValueError, match=r"level 0 has 2 components, such as the links of dimers.*give labels"):
        retained([links], "K")
    many = (drawn["parallel"] > drawn["parallel"].median()).astype(int)
    assert retained([links], about=many)["information"].item() > 0.5
    data = rg.sample(rg.Ising((8, 8), K=0.44), 400, seed=1)
    weights = np.random.default_rng(1).normal(size=(3, 1, 2, 2))
    all_three = retained(rg.Network([rg.Filter(weights)]).levels(data), "K")["fraction"][1]
    one = retained(rg.Network([rg.Filter(weights[:1])]).levels(data), "K")["fraction"][1]
    assert one + 0.05 < all_three < 1.0
