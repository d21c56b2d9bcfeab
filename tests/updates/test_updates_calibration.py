"""Energies against Kaufman's finite torus: |z| at several couplings and sizes; over seeds z is a standard normal."""

import numpy as np
import pytest

import rgnet as rg
from rgnet import stats
from rgnet.exact import ising2d
from rgnet.sampling import sample
from rgnet.updates import exact_for

NAMES = exact_for(rg.Ising((16, 16), K=ising2d.K_c))
SEEDS = 200
# Sweeps of about one autocorrelation time at 32², K_c (measured, long runs: 53, 116, 1.2, 3.7).
THIN = {"metropolis": 50, "heat-bath": 110, "wolff": 1, "swendsen-wang": 4}


def _z(model, draws, **options):
    data = sample(model, draws, **options)
    exact = float(ising2d.energy(model.K, shape=model.shape))
    measured = stats.mean(data["energy"] / (model.K * model.n_sites))
    assert measured.n_effective >= 50  # else stats.mean raises: forty effective blocks and more
    return measured.z(exact)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("side", "K"), [(16, ising2d.K_c), (16, 0.3), (16, 0.5)])
def test_energy_is_kaufmans(name, side, K):
    assert abs(_z(rg.Ising((side, side), K=K), 1000, update=name, seed=21)) <= 3.5


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("K", [ising2d.K_c, 0.3, 0.5])
@pytest.mark.parametrize("side", [32, 64])
def test_energy_is_kaufmans_on_larger_lattices(name, side, K):
    draws = 1000 if side == 32 else 300
    assert abs(_z(rg.Ising((side, side), K=K), draws, update=name, seed=22)) <= 3.5


@pytest.mark.parametrize("name", ["wolff", "swendsen-wang"])
def test_z_over_a_few_seeds(name):
    model = rg.Ising((16, 16), K=ising2d.K_c)
    z = np.array([_z(model, 400, chains=2, update=name, seed=seed, warmup=50, thin=3) for seed in range(40)])
    # Four standard deviations of the mean and of the spread of 40 standard normals
    assert abs(z.mean()) <= 4 / np.sqrt(40)
    assert 1 - 4 / np.sqrt(80) <= z.std(ddof=1) <= 1 + 4 / np.sqrt(80)


@pytest.mark.slow
def test_z_over_many_seeds_is_a_standard_normal(capsys):
    model = rg.Ising((32, 32), K=ising2d.K_c)
    pooled = []
    for name in NAMES:
        z = np.array(
            [
                _z(model, 300, chains=2, update=name, seed=s, warmup=20 * THIN[name], thin=THIN[name])
                for s in range(SEEDS)
            ]
        )
        with capsys.disabled():
            print(f"\n{name}: z over {SEEDS} seeds has mean {z.mean():+.3f}, sd {z.std(ddof=1):.3f}", flush=True)
        assert abs(z.mean()) <= 0.3
        assert 0.8 <= z.std(ddof=1) <= 1.25
        pooled.append(z)
    everything = np.concatenate(pooled)
    with capsys.disabled():
        print(f"pooled: mean {everything.mean():+.3f}, sd {everything.std(ddof=1):.3f}")
    assert abs(everything.mean()) <= 0.13
    assert 0.93 <= everything.std(ddof=1) <= 1.1
