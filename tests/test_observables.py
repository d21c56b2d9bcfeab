"""Thermodynamics against enumeration on 4×4 (independent exact samples) and, for ξ, against a chain's exact length."""

import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import exact, observables


def enumerated(model):
    """The quantities straight from their definitions over all states."""
    p = exact.enumerate.distribution(model.energy, model.shape)
    x = exact.enumerate.states(model.shape).astype(float)
    n, axes = model.n_sites, tuple(range(1, x.ndim))
    bonds = exact.marginals.bond_sum(x, model.boundary)
    magnet = x.sum(axes)
    m2, m4 = p @ magnet**2, p @ magnet**4
    result = {
        "energy": -p @ bonds / n,
        "specific_heat": model.K**2 * (p @ bonds**2 - (p @ bonds) ** 2) / n,
        "magnetization": p @ abs(magnet) / n,
        "susceptibility": (m2 - (p @ abs(magnet)) ** 2) / n,
        "binder": 1 - m4 / (3 * m2**2),
    }
    if "periodic" in model.boundary:
        axis = int(np.argmax([s if b == "periodic" else 0 for s, b in zip(model.shape, model.boundary, strict=True)]))
        side = model.shape[axis]
        wave = np.exp(2j * np.pi * np.arange(side) / side)
        profile = np.moveaxis(x, axis + 1, -1).reshape(x.shape[0], -1, side).sum(1)
        s = p @ abs(profile @ wave) ** 2
        connected = m2 - (p @ magnet) ** 2
        result["correlation_length"] = np.sqrt(connected / s - 1) / (2 * np.sin(np.pi / side))
    return result


@pytest.mark.parametrize(
    "model",
    [
        rg.Ising((4, 4), K=0.3),
        rg.Ising((4, 4), K=0.44, h=0.05),
        rg.Ising((3, 4), K=0.4, boundary=("free", "periodic")),
        rg.Ising(10, K=0.7),
        rg.Ising((4, 3), K=-0.3, boundary="free"),
    ],
    ids=repr,
)
def test_against_enumeration(exact_samples, model):
    """29 comparisons: a normal |z| exceeds 4 in one of 16,000."""
    table = observables.thermodynamics(exact_samples(model, 4000, 4, seed=11))
    for name, value in enumerated(model).items():
        z = (float(table[name]) - value) / float(table[f"{name}_stderr"])
        assert abs(z) < 4.0, name
    if "periodic" not in model.boundary:
        assert np.isnan(table["correlation_length"])


def test_correlation_length_of_a_chain():
    """At 1/ξ = −ln tanh K the lattice second-moment length is 1/(2 sinh(1/2ξ)), exactly (Cooper et al. 1982).

    On a ring of any length; on one of 24 sites ⟨M²⟩ and ⟨|M_k|²⟩ differ by much more than their errors.
    """
    K = 0.9
    data = rg.sample(rg.Ising(24, K=K), draws=3000, chains=2, seed=4)
    table = observables.thermodynamics(data)
    exact_length = 1 / (2 * np.sinh(-np.log(np.tanh(K)) / 2))
    assert float(exact.chain1d.correlation_length(K)) == pytest.approx(-1 / np.log(np.tanh(K)))
    assert abs(float(table["correlation_length"]) - exact_length) < 4 * float(table["correlation_length_stderr"])


def test_a_frozen_lattice_has_no_error_and_does_not_fail():
    data = xr.Dataset(
        {"spin": (("chain", "draw", "x"), np.ones((2, 100, 6), dtype=np.int8))},
        attrs={"model": '{"name": "Ising", "shape": [6], "K": 9.0, "h": 0.0, "boundary": ["periodic"]}'},
    )
    table = observables.thermodynamics(data)
    assert float(table["energy"]) == -1.0
    assert float(table["energy_stderr"]) == 0.0


def test_short_chains_are_refused(exact_samples):
    data = exact_samples(rg.Ising((4, 4), K=0.3), 10, 2, seed=1)
    with pytest.raises(rg.ShortChainError):
        observables.thermodynamics(data)


def test_a_dataset_without_a_model(exact_samples):
    data = exact_samples(rg.Ising((4, 4), K=0.3), 100, 2, seed=1)
    del data.attrs["model"]
    with pytest.raises(ValueError, match="no attribute 'model'"):
        observables.thermodynamics(data)


def test_the_formulae_on_given_draws():
    """Every quantity from plain NumPy over the same draws, of blocks of unequal length: to rounding."""
    model = rg.Ising((6, 4), K=0.4)
    data = rg.sample(model, 301, chains=3, seed=2)
    x = data["spin"].values.astype(float).reshape(-1, 6, 4)
    bonds = (x * (np.roll(x, 1, 1) + np.roll(x, 1, 2))).sum((1, 2))
    magnet = x.sum((1, 2))
    wave = np.abs(x.sum(2) @ np.exp(2j * np.pi * np.arange(6) / 6)) ** 2
    expected = {
        "energy": -bonds.mean() / 24,
        "specific_heat": 0.4**2 * bonds.var() / 24,
        "magnetization": np.abs(magnet).mean() / 24,
        "susceptibility": ((magnet**2).mean() - np.abs(magnet).mean() ** 2) / 24,
        "binder": 1 - (magnet**4).mean() / (3 * (magnet**2).mean() ** 2),
        "correlation_length": np.sqrt((magnet**2).mean() / wave.mean() - 1) / (2 * np.sin(np.pi / 6)),
    }
    table = observables.thermodynamics(data)
    for name, value in expected.items():
        assert float(table[name]) == pytest.approx(value, rel=1e-10), name


def test_errors_are_honest_on_correlated_chains():
    """60 runs by heat bath at K_c, where the energy remembers for several draws: spread and error agree."""
    model = rg.Ising((8, 8), K=exact.ising2d.K_c)
    truth = {
        "energy": exact.ising2d.energy(model.K, (8, 8)),
        "specific_heat": exact.ising2d.specific_heat(model.K, (8, 8)),
    }
    z = {name: [] for name in truth}
    for seed in range(60):
        data = rg.sample(model, 1500, chains=4, seed=seed, update="heat-bath", warmup=300, thin=2)
        table = observables.thermodynamics(data)
        for name, value in truth.items():
            z[name].append((float(table[name]) - float(value)) / float(table[f"{name}_stderr"]))
    for name, values in z.items():
        assert abs(np.mean(values)) < 0.45, name
        assert 0.75 < np.std(values) < 1.25, name


def test_one_chain_and_coarse_levels():
    data = rg.sample(rg.Ising((8, 8), K=0.3), 400, chains=2, seed=1)
    single = observables.thermodynamics(data.isel(chain=0))
    assert float(single["energy_stderr"]) > 0
    with pytest.raises(ValueError, match="level 1: thermodynamics is about the sampled model, give level 0"):
        observables.thermodynamics(rg.Network([rg.Majority(2)]).levels(data)[1])
    with pytest.raises(ValueError, match=r"shape \(4, 8\) are a part of a lattice of \(8, 8\)"):
        observables.thermodynamics(data.isel(x=slice(4)))
    with pytest.raises(ValueError, match="blocks=-3: a whole number of at least 20"):
        observables.thermodynamics(data, blocks=-3)
