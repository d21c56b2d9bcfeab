"""Reweighting against every state of small lattices, Kaufman's torus, and the equations solved another way."""

import json

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
import xarray as xr

import rgnet as rg
from rgnet import exact
from rgnet.exact import ising2d
from rgnet.reweighting import QUANTITIES, equations, reweight

SMALL = rg.Ising((4, 4), K=0.3)
COUPLINGS = (0.3, 0.4, 0.5)
TARGETS = np.linspace(0.25, 0.55, 13)


@pytest.fixture(scope="module")
def levels():
    """Every state of 4×4 by (S, M): values and how many states have them."""
    x = exact.states(SMALL.shape)
    pairs = np.stack([exact.marginals.bond_sum(x, SMALL.boundary), x.sum(axis=(1, 2), dtype=np.int64)], axis=1)
    return np.unique(pairs, axis=0, return_counts=True)


def truth(levels, K):
    """`QUANTITIES` at K from all states, log_Z itself and not a difference."""
    (S, M), number = levels[0].T.astype(float), levels[1]
    log_Z = scipy.special.logsumexp(K * S, b=number)
    p = number * np.exp(K * S - log_Z)
    m, m2, m4 = p @ abs(M) / 16, p @ M**2 / 256, p @ M**4 / 16**4
    return {
        "energy": -p @ S / 16,
        "specific_heat": K**2 * (p @ S**2 - (p @ S) ** 2) / 16,
        "magnetization": m,
        "magnetization2": m2,
        "susceptibility": 16 * (m2 - m**2),
        "binder": 1 - m4 / (3 * m2**2),
        "log_Z": log_Z,
    }


def drawn(levels, K, seed, chains=4, draws=1000):
    """Independent draws of S and M at K, as a Dataset without configurations."""
    (S, M), number = levels[0].T, levels[1]
    p = number * np.exp(K * S - (K * S).max())
    picks = np.random.default_rng(seed).choice(S.size, size=(chains, draws), p=p / p.sum())
    return xr.Dataset(
        {"energy": (("chain", "draw"), -K * S[picks]), "magnetization": (("chain", "draw"), M[picks])},
        attrs={"model": json.dumps(rg.Ising((4, 4), K=K).to_dict())},
    )


def several(levels, seed, **sizes):
    return [drawn(levels, K, [seed, k], **sizes) for k, K in enumerate(COUPLINGS)]


def scores(table, levels):
    """Of every quantity at every target; log_Z where it differs from that of the lowest coupling."""
    found = {}
    zero = truth(levels, json.loads(table.attrs["couplings"])[0])["log_Z"]
    for name in QUANTITIES:
        if name in table:
            expected = np.array([truth(levels, K)[name] for K in table["K"].values]) - zero * (name == "log_Z")
            found[name] = ((table[name] - expected) / table[f"{name}_stderr"]).values
    return found


def test_every_quantity_against_all_states(levels):
    """91 comparisons, of which some 15 are independent: |z| > 4.5 comes once in 1,500 runs at most."""
    for name, z in scores(reweight(several(levels, 5), TARGETS), levels).items():
        assert np.abs(z).max() < 4.5, name


def test_one_dataset_is_the_single_histogram(levels):
    data = drawn(levels, 0.4, 3)
    table = reweight(data, [0.36, 0.4, 0.44])
    for name, z in scores(table.isel(K=[0, 2]), levels).items():
        assert np.abs(z).max() < 4.5, name
    S, M = -data["energy"].values / 0.4, data["magnetization"].values
    w = np.exp(0.04 * S)
    assert float(table["energy"][2]) == pytest.approx(-(w * S).sum() / w.sum() / 16, rel=1e-12)
    assert float(table["magnetization"][2]) == pytest.approx((w * abs(M)).sum() / w.sum() / 16, rel=1e-12)
    assert float(table["log_Z"][2]) == pytest.approx(np.log(w.mean()), rel=1e-10)
    assert float(table["energy"][1]) == pytest.approx(-S.mean() / 16, rel=1e-12)
    assert float(table["energy_stderr"][1]) == pytest.approx(S.std() / 16 / 4000**0.5, rel=0.3)
    assert float(table["n_effective"][1]) == pytest.approx(4000, rel=0.2)


def test_errors_are_honest(levels):
    """Over 40 seeds z is a standard normal: for each quantity a Kolmogorov–Smirnov test, 14 in all."""
    z = [scores(reweight(several(levels, [1, seed], draws=300), [0.35, 0.46], blocks=20), levels) for seed in range(40)]
    for name in QUANTITIES:
        for target in range(2):
            p = scipy.stats.kstest([one[name][target] for one in z], scipy.stats.t(58).cdf).pvalue
            assert p > 1e-3 / 14, name


@pytest.mark.slow
@pytest.mark.parametrize("update", ["metropolis", "swendsen-wang"])
def test_errors_of_correlated_draws_are_honest(levels, update):
    """The same for chains that remember, one draw a sweep, over 100 seeds."""
    z = []
    for seed in range(100):
        sets = [
            rg.sample(rg.Ising((4, 4), K=K), 1000, chains=2, update=update, warmup=100, thin=1, seed=1000 * k + seed)
            for k, K in enumerate(COUPLINGS)
        ]
        z.append(scores(reweight(sets, [0.35, 0.46]), levels))
    for name in QUANTITIES:
        for target in range(2):
            found = np.array([one[name][target] for one in z])
            assert scipy.stats.kstest(found, scipy.stats.norm.cdf).pvalue > 1e-3 / 28, name
            assert 0.75 < found.std() < 1.3, name


def test_the_equations_solved_another_way():
    """By scipy, on listed draws of a continuous S: the f_r of a self-consistent solution, and ln Z from them."""
    rng = np.random.default_rng(4)
    K, n = np.array([-0.3, 0.0, 0.1, 0.4]), np.array([40.0, 70.0, 20.0, 60.0])
    S = np.concatenate([rng.normal(5 + 3 * k, 3**0.5, int(m)) for k, m in zip(K, n, strict=True)])

    def residual(free):
        f = np.concatenate([[0.0], free])
        D = scipy.special.logsumexp(K[:, None] * S + f[:, None], axis=0, b=n[:, None])
        log_Z = scipy.special.logsumexp(K[:, None] * S - D, axis=1)
        return (log_Z + f)[1:]

    expected = np.concatenate([[0.0], scipy.optimize.root(residual, np.zeros(3), tol=1e-13).x])
    ones = np.ones_like(S)
    for guess in (np.zeros(4), np.array([0.0, 5.0, -3.0, 20.0])):
        f = equations.solve(S, ones, K, n, guess)
        np.testing.assert_allclose(f, expected, atol=1e-9)
    log_Z, means = equations.reweighted(S, ones, S[:, None], K, n, f, K)
    np.testing.assert_allclose(log_Z, -f, atol=1e-9)
    h = 1e-5  # ⟨S⟩ is the derivative of ln Z
    up, down = (equations.reweighted(S, ones, S[:, None], K, n, f, K + step)[0] for step in (h, -h))
    np.testing.assert_allclose(means[:, 0], (up - down) / (2 * h), rtol=1e-7)


def test_draws_of_one_S_may_be_counted_or_listed():
    rng = np.random.default_rng(2)
    K, n = np.array([0.1, 0.2]), np.array([30.0, 50.0])
    S = rng.integers(-8, 9, 80).astype(float)
    levels, counts = np.unique(S, return_counts=True)
    listed = equations.solve(S, np.ones(80), K, n, np.zeros(2))
    np.testing.assert_allclose(equations.solve(levels, counts.astype(float), K, n, np.zeros(2)), listed, atol=1e-10)


def test_replicas_of_one_run_share_their_blocks(levels):
    """Twice the same draws under two names of a replica: no more than once in the error."""
    sets = several(levels, 8)
    fields = {
        "conjugate": [-data["energy"] / K for data, K in zip(sets, COUPLINGS, strict=True)],
        "magnetization": [data["magnetization"] for data in sets],
    }
    stacked = {name: (("chain", "draw", "replica"), np.stack(parts, axis=-1)) for name, parts in fields.items()}
    tempered = xr.Dataset(stacked, coords={"K": ("replica", list(COUPLINGS))}, attrs=sets[1].attrs)
    one, other = reweight(tempered, TARGETS), reweight(sets, TARGETS)
    for name in QUANTITIES:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6, atol=1e-9)
    twice = xr.concat([tempered, tempered], "replica").assign_coords(K=("replica", list(COUPLINGS) * 2))
    again = reweight(twice, TARGETS)
    np.testing.assert_allclose(again["energy"], one["energy"], rtol=1e-9)
    np.testing.assert_allclose(again["energy_stderr"], one["energy_stderr"], rtol=1e-6)


def test_own_observables_and_components(levels):
    data = drawn(levels, 0.4, 3)
    table = reweight(data, 0.42, {"m6": lambda d: (d["magnetization"] / 16.0) ** 6})
    assert set(table.data_vars) == {"m6", "m6_stderr", "n_effective"}
    w = np.exp(-0.02 / 0.4 * data["energy"])
    assert float(table["m6"][0]) == pytest.approx(float((w * (data["magnetization"] / 16) ** 6).sum() / w.sum()))
    half = data.copy()
    M = data["magnetization"]
    half["magnetization"] = xr.concat([0.6 * M, 0.8 * M], "order").transpose("chain", "draw", "order")
    xr.testing.assert_allclose(reweight(half, 0.42), reweight(data, 0.42))


def test_energies_and_heats_of_kaufman():
    K = np.linspace(0.41, 0.46, 6)
    asked = {"update": "swendsen-wang", "seed": 9, "configurations": False}
    sets = [rg.sample(rg.Ising((16, 16), K=k), 1500, **asked) for k in (0.42, 0.45)]
    table = reweight(sets, K, ["energy", "specific_heat", "log_Z"])
    log_Z = ising2d.log_Z(K, (16, 16)) - ising2d.log_Z(0.42, (16, 16))
    assert np.abs((table["energy"] - ising2d.energy(K, (16, 16))) / table["energy_stderr"]).max() < 4
    assert (
        np.abs((table["specific_heat"] - ising2d.specific_heat(K, (16, 16))) / table["specific_heat_stderr"]).max() < 4
    )
    assert np.abs((table["log_Z"] - log_Z) / table["log_Z_stderr"]).max() < 4


@pytest.mark.slow
def test_a_large_torus_of_kaufman():
    K = np.linspace(0.41, 0.46, 11)
    sets = [rg.sample(rg.Ising((32, 32), K=k), 8000, update="swendsen-wang", seed=9) for k in (0.415, 0.435, 0.455)]
    table = reweight(sets, K, ["energy", "specific_heat"])
    assert np.abs((table["energy"] - ising2d.energy(K, (32, 32))) / table["energy_stderr"]).max() < 4
    assert (
        np.abs((table["specific_heat"] - ising2d.specific_heat(K, (32, 32))) / table["specific_heat_stderr"]).max() < 4
    )


def test_potts_by_enumeration():
    """From configurations, whose S and magnetisation with two components the model gives."""
    model = rg.Potts((3, 3), q=3, K=0.8)
    x = exact.states((3, 3), values=(0, 1, 2))
    S = model.conjugate(x)
    sets = []
    for k, K in enumerate((0.7, 1.0)):
        p = scipy.special.softmax(K * S)
        picks = np.random.default_rng(k).choice(S.size, size=(4, 800), p=p)
        data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), x[picks])})
        data["magnetization"] = (("chain", "draw", "order"), np.asarray(model.observe(x[picks])["magnetization"]))
        sets.append(data.assign_attrs(model=json.dumps(rg.Potts((3, 3), q=3, K=K).to_dict()), **model.attributes))
    targets = np.array([0.75, 0.85, 0.95])
    table = reweight(sets, targets, ["energy", "specific_heat", "magnetization2"])
    m2 = (np.asarray(model.observe(x)["magnetization"], dtype=float) ** 2).sum(axis=-1) / 81
    p = scipy.special.softmax(targets[:, None] * S, axis=1)
    mean = p @ S
    expected = {
        "energy": -mean / 9,
        "specific_heat": targets**2 * (p @ S**2 - mean**2) / 9,
        "magnetization2": p @ m2,
    }
    for name, value in expected.items():
        assert np.abs((table[name] - value) / table[f"{name}_stderr"]).max() < 4, name


def test_what_is_refused(levels):
    data = drawn(levels, 0.4, 3)
    with pytest.raises(
        ValueError, match=r"K=-2: the weights leave .* \(of those asked for, 0.4 to 0.4 have enough\); sample nearer"
    ):
        reweight(data, [0.4, -2.0])
    with pytest.raises(ValueError, match=r"up to 0.1 and from 3 on overlap by no more than .* sample between"):
        reweight([drawn(levels, 0.1, 1), drawn(levels, 3.0, 2)], 0.12)
    with pytest.raises(ValueError, match=r"K=nan: a coupling is a finite number"):
        reweight(data, [0.4, np.nan])
    with pytest.raises(ValueError, match=r"'enrgy' is unknown; known are energy"):
        reweight(data, 0.4, ["enrgy"])
    with pytest.raises(ValueError, match=r"different models"):
        reweight([data, data.assign_attrs(model=json.dumps(rg.Ising((4, 4), K=0.4, h=0.1).to_dict()))], 0.4)
    further = rg.Ising((4, 4), K=0.4, couplings={"nnn": 0.1})
    with pytest.raises(ValueError, match=r"no variable 'spin' or 'conjugate'"):
        reweight(data.assign_attrs(model=json.dumps(further.to_dict())), 0.4)
    with pytest.raises(ValueError, match=r"observable a: .* return a DataArray"):
        reweight(data, 0.4, {"a": lambda d: d["energy"].mean("draw")})
    with pytest.raises(ValueError, match=r"'binder' takes a variable 'magnetization'"):
        reweight(data.drop_vars("magnetization"), 0.4, ["binder"])
    with pytest.raises(ValueError, match=r"blocks=3"):
        reweight(data, 0.4, blocks=3)
    with pytest.raises(rg.ShortChainError):
        reweight(data.isel(draw=slice(4)), 0.4)
    with pytest.raises(TypeError, match=r"give a Dataset"):
        reweight([], 0.4)


def test_binder_counts_the_components_of_the_order_parameter():
    """At the coupling of the draws themselves it is what thermodynamics says of them: 1 − m⟨M⁴⟩/((m + 2)⟨M²⟩²)."""
    for model in (rg.Potts((3, 3), q=4, K=0.5), rg.XY((3, 3), K=0.5), rg.Ising((3, 3), K=0.3)):
        x = np.stack([model.start(1, np.random.default_rng(k)) for k in range(600)]).reshape(2, 300, 3, 3)
        kept = {"energy": model.energy(x), **model.observe(x)}
        variables = {name: (("chain", "draw", "component")[: v.ndim], v) for name, v in kept.items()}
        attrs = {"model": json.dumps(model.to_dict()), **model.attributes}
        data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), x), **variables}, attrs=attrs)
        found = reweight(data, model.K, ["binder"])
        assert float(found["binder"][0]) == pytest.approx(float(rg.observables.thermodynamics(data)["binder"]))
