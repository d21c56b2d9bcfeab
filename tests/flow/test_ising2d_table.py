"""The published Monte Carlo RG of the critical 2D Ising model: 2 x 2 majority, ties by fair coin, L = 64 at K_c.

Exponents by level n and number of operators N_c, from two independent calculations: the first with errors from a public
notebook, the second from 4·10⁴ Wolff samples. Exact: y_t = 1, y_h = 15/8. Tangent: the limit of n → ∞ from
Wu & Car (2019), which measured 1.4134(3), 0.5135(3), 1.7963(5) at n = 4, L = 256.
"""

import numpy as np
import pytest

import rgnet as rg
from rgnet import flow
from rgnet import operators as ops

K_C = 0.5 * np.log(1 + np.sqrt(2))
EVEN, ODD = ["nn", "nnn", "plaquette", "third"], ["m", "corner", "straight", "diagonal"]
TABLE = {  # (n, N_c): y_t and y_h, each from both calculations, with errors
    (1, 1): (((0.908, 0.001), (0.906, 0.004)), ((1.88117, 0.00005), (1.8812, 0.0001))),
    (1, 4): (((0.968, 0.002), (0.963, 0.004)), ((1.88083, 0.00004), (1.8810, 0.0001))),
    (2, 1): (((0.965, 0.003), (0.968, 0.005)), ((1.8758, 0.0001), (1.8757, 0.0002))),
    (2, 4): (((1.003, 0.002), (1.006, 0.004)), ((1.8760, 0.0001), (1.8759, 0.0002))),
    (3, 1): (((0.955, 0.001), (0.950, 0.005)), ((1.8736, 0.0002), (1.8730, 0.0004))),
    (3, 4): (((0.999, 0.001), (0.991, 0.005)), ((1.8746, 0.0002), (1.8741, 0.0004))),
    (4, 4): (((0.993, 0.004), (0.982, 0.009)), ((1.8738, 0.0003), (1.8740, 0.0008))),
}
TANGENT = np.array([1.4142, 0.5139, 1.8006])


def measured_levels(draws, seed, depth=4):
    data = rg.sample(rg.Ising((64, 64), K=K_C), draws=draws, chains=4, seed=seed)
    levels = rg.Network([rg.Majority(2)] * depth).levels(data, seed=seed)
    return levels, [ops.measure(level, [*EVEN, *ODD]) for level in levels]


def check_table(table, levels):
    for (n, used), columns in TABLE.items():
        if n > levels:
            continue
        for name, published in zip(("y_t", "y_h"), columns, strict=True):
            value = float(table[name].sel(level=n, operators=used))
            stderr = float(table[f"{name}_stderr"].sel(level=n, operators=used))
            z = [(value - other) / np.hypot(stderr, error) for other, error in published]
            assert min(np.abs(z)) < 3.5, (n, used, name, value, stderr, published)


@pytest.mark.slow  # the board has it too
def test_a_tenth_of_the_published_table():
    levels, sums = measured_levels(1000, seed=3, depth=3)
    table = flow.mcrg(sums)
    check_table(table, 3)
    assert float(table["y_t_stderr"].max()) < 0.03
    assert float(table["y_h_stderr"].max()) < 0.003
    tangent = flow.tangent(sums).sel(level=3)
    z = (tangent["ratio"].values[1:] - TANGENT) / tangent["ratio_stderr"].values[1:]
    assert np.abs(z).max() < 3.3, z
    level_zero = flow.couplings(levels[:1])
    z = (level_zero["coupling"].values[0] - [K_C, 0, 0, 0]) / level_zero["coupling_stderr"].values[0]
    assert np.abs(z).max() < 3.3, z


@pytest.mark.slow
def test_the_published_table():
    levels, sums = measured_levels(10_000, seed=1)
    check_table(flow.mcrg(sums), 4)
    tangent = flow.tangent(sums).sel(level=4)
    ratio, stderr = tangent["ratio"].values[1:], tangent["ratio_stderr"].values[1:]
    assert (stderr < 0.005 * ratio).all(), stderr / ratio
    assert (np.abs(ratio - TANGENT) < 3 * stderr).all(), (ratio, stderr)
    renormalised = flow.couplings(levels)
    z = (renormalised["coupling"].values[0] - [K_C, 0, 0, 0]) / renormalised["coupling_stderr"].values[0]
    assert np.abs(z).max() < 3.5, z


@pytest.mark.slow
def test_simulating_at_the_renormalised_couplings_gives_the_operator_means_of_the_level():
    names = ["nn", "nnn", "plaquette", "third", "fourth", "fifth"]
    data = rg.sample(rg.Ising((16, 16), K=0.4), draws=20_000, chains=4, seed=4)
    levels = rg.Network([rg.Majority(2)]).levels(data, seed=4)
    k = flow.couplings(levels, names)["coupling"].sel(level=1)
    model = rg.Ising((8, 8), K=float(k[0]), couplings={name: float(k.sel(operator=name)) for name in names[1:]})
    again = rg.sample(model, draws=10_000, chains=4, seed=5)
    for name in names:
        one = rg.stats.mean(ops.measure(levels[1], name).isel(operator=0) / 64)
        other = rg.stats.mean(ops.measure(again, name).isel(operator=0) / 64)
        # Six of infinitely many couplings: the means (0.3 … 1.2 a site) are off by about 0.005
        assert abs(one.value - other.value) < 0.01 + 4 * np.hypot(one.stderr, other.stderr), (name, one, other)
