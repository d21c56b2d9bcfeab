"""Energies of lattices too large to enumerate: Kaufman's torus, and high-temperature series that have converged."""

import numpy as np
import pytest
import scipy.special

import rgnet as rg
from rgnet import stats
from rgnet.exact import ising2d

# Partition function per site of the simple cubic lattice over 2 cosh³ K, in v⁴, v⁶ … v¹⁸ with v = tanh K
CUBIC = (3, 22, 192, 2046, 24853, 329334, 4649601, 68884356)  # Guttmann & Enting (1993), J. Phys. A 26, 807


def cubic_bonds(K, numbers=CUBIC):
    """Σ s s per site."""
    v, powers = np.tanh(K), 4 + 2 * np.arange(len(numbers))
    per_site = 1 + (numbers * v**powers).sum()
    return 3 * v + (1 - v * v) * (numbers * powers * v ** (powers - 1)).sum() / per_site


def planar_bonds(K, orders=8):
    """Σ cos per site of the square lattice: ln Z/N = 2 ln I₀ + 2 t⁴ + 4 t⁶ + (4 t⁸ + 4 t⁶ u + 2 u⁴) + O(K¹⁰).

    By characters (José, Kadanoff, Kirkpatrick & Nelson 1977): a bond of flux n weighs I_n/I₀, t = I₁/I₀, u = I₂/I₀,
    and the flux is the step of a height between plaquettes. Plaquettes of height ±1 and ±2; dominoes of equal and of
    opposite heights; 6 trominoes and the square, less pairs of plaquettes that coincide or touch, (12 + 2 − 10) t⁸.
    """
    i0, i1, i2, i3 = (scipy.special.iv(n, K) for n in range(4))
    t, u = i1 / i0, i2 / i0
    dt, du = 1 - t / K - t * t, (i1 + i3) / (2 * i0) - t * u
    terms = {
        4: 8 * t**3 * dt,
        6: 24 * t**5 * dt,
        8: (32 * t**7 + 24 * t**5 * u) * dt + (4 * t**6 + 8 * u**3) * du,
    }
    return 2 * t + sum(term for order, term in terms.items() if order <= orders)


def z(model, per_site, **options):
    data = rg.sample(model, 200, chains=2, configurations=False, seed=31, **options)
    return stats.mean(data["energy"] / (model.K * model.n_sites)).z(-per_site)


LARGE = [
    ("metropolis", rg.Ising((128, 128), K=0.41), 100),
    ("metropolis", rg.Ising((1024, 1024), K=0.36), 20),
    ("heat-bath", rg.Ising((128, 128), K=0.41), 200),
    ("swendsen-wang", rg.Ising((256, 256), K=ising2d.K_c), 8),
    ("wolff", rg.Ising((128, 128), K=ising2d.K_c), 3),
    pytest.param("swendsen-wang", rg.Ising((1024, 1024), K=ising2d.K_c), 10, marks=pytest.mark.slow),
    pytest.param("wolff", rg.Ising((256, 256), K=ising2d.K_c), 4, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("update", "model", "thin"), LARGE)
def test_energy_is_kaufmans(update, model, thin):
    exact = -float(ising2d.energy(model.K, shape=model.shape))
    assert abs(z(model, exact, update=update, thin=thin, warmup=20 * thin)) < 3.5


def test_an_error_of_one_percent_in_the_coupling_is_seen():
    """Stripes of a large lattice at 1.01 K, against the energy at K."""
    exact = -float(ising2d.energy(0.36, shape=(256, 256)))
    assert abs(z(rg.Ising((256, 256), K=0.3636), exact, update="metropolis", thin=20)) > 10


@pytest.mark.parametrize(
    ("update", "thin"), [("metropolis", 10), ("heat-bath", 10), ("swendsen-wang", 2), ("wolff", 1)]
)
def test_cubic_energy_is_the_series(update, thin):
    assert abs(cubic_bonds(0.16) - cubic_bonds(0.16, CUBIC[:-1])) < 5e-5  # a tenth of the statistical error
    model = rg.Ising((32, 32, 32), K=0.16)
    assert abs(z(model, cubic_bonds(0.16), update=update, thin=thin, warmup=20 * thin)) < 3.5


@pytest.mark.parametrize("update", ["metropolis", "heat-bath+over-relaxation", "wolff"])
def test_planar_energy_is_the_series(update):
    model = rg.XY((64, 64), K=0.45)
    assert abs(z(model, planar_bonds(0.45), update=update, thin=4, warmup=50)) < 3.5


def test_every_order_and_two_percent_of_the_coupling_are_seen():
    """The term of order 6 is more than 5 errors large, that of order 8 less than one, and so is what follows it."""
    model = rg.XY((64, 64), K=0.45)
    options = {"update": "heat-bath+over-relaxation", "thin": 4, "warmup": 50}
    assert abs(z(model, planar_bonds(0.45, orders=4), **options)) > 5
    assert abs(z(model, planar_bonds(0.45 * 1.02), **options)) > 5
