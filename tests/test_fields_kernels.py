"""The kernels of real fields, piece by piece: the fast one against a plain loop, bit for bit, and single draws."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from rgnet import lattice, updates
from rgnet.exact import quadrature
from rgnet.models import Phi4
from rgnet.updates import _fields, _fields_moves, _fields_rows

MASK = (1 << 64) - 1


def _mixed(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def _lanes(rng):
    draws = [int(rng.random() * 2**53) << 11 for _ in range(4)]
    lanes = range(1, _fields_rows.LANES + 1)
    return [[_mixed((draw + lane * 0x9E3779B97F4A7C15) & MASK) for draw in draws] for lane in lanes]


def _next(s):
    """xoshiro256++, from its definition."""
    total = (s[0] + s[3]) & MASK
    result = (((total << 23) | (total >> 41)) + s[0]) & MASK
    t = (s[1] << 17) & MASK
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = ((s[3] << 45) | (s[3] >> 19)) & MASK
    return result


def _plain_sweep(x, model, step, rng):
    """One sweep of the fast kernel, site by site in plain Python; x (N,) is changed."""
    start, near, _ = lattice.adjacency(model.geometry)
    place = np.indices(model.shape)
    color = place.sum(axis=0).ravel() % 2
    lanes = _lanes(rng)
    for c in (0, 1):
        sites = np.flatnonzero(color == c)
        for begin in range(0, sites.size, _fields_rows.BLOCK):
            block = sites[begin : begin + _fields_rows.BLOCK]
            numbers = [_next(lanes[k % 32]) for k in range(-(-len(block) // 64) * 64)]
            for i, number in zip(block, numbers, strict=False):
                y = x[i] + 2.0 * step * (((number >> 24) * 2.0**-40 - 0.5) + 2.0**-41)
                b = model.h + x[near[start[i] : start[i + 1]]].sum()
                a = model.r + start[i + 1] - start[i]
                change = (y - x[i]) * ((y + x[i]) * (0.5 * a + 0.25 * model.u * (y * y + x[i] * x[i])) - b)
                p = math.exp(-max(change, 0.0))
                low = (number & 0xFFFFFF) * 2.0**-24
                assert not low - 1e-9 < p < low + 2.0**-24 + 1e-9, "the seed meets a close call; take another"
                x[i] = y if low < p else x[i]


@pytest.mark.parametrize("shape", [(256,), (16, 16), (36, 32), (6, 4, 16), (2, 256)])
def test_the_fast_kernel_is_the_plain_loop(shape):
    """The same configuration but for the order in which neighbours are added."""
    model = Phi4(shape, r=-1.1, u=0.9, h=0.2)
    assert _fields_moves.is_fast(model)
    move = updates.resolve("metropolis", model).prepare(model, 1)
    x = np.random.default_rng(1).normal(size=model.n_sites)
    state = np.concatenate([x, np.zeros(model.shape[-1])])[None]
    out, measured = np.empty((1, 2, model.n_sites)), np.empty((1, 2, 4))
    move.run(state, np.random.default_rng(5), 1, out, measured)
    rng = np.random.default_rng(5)
    for k in range(2):
        _plain_sweep(x, model, move.settings["step"], rng)
        np.testing.assert_allclose(out[0, k], x, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(state[0, : model.n_sites], out[0, 1])
    configurations = out[0].reshape(2, *shape)
    np.testing.assert_allclose(measured[0, :, 0], model.energy(configurations), rtol=1e-10)
    for column, values in enumerate(model.observe(configurations).values()):
        np.testing.assert_allclose(measured[0, :, column + 1], values, rtol=1e-10, atol=1e-10)


def test_acceptance_is_exact_to_the_last_bit():
    """The bounds and the full rule: u < exp(−ΔH) of 24 bits, and the missing bits where they matter."""
    rng = np.random.default_rng(2)
    n = _fields_rows.BLOCK
    for _ in range(40):
        x, sums = rng.normal(size=(2, n))
        y = x + rng.normal(size=n) * 10 ** rng.uniform(-3, 1, size=n)
        change = np.array([_fields.increase(a, b, 1.3, 0.7, c) for a, b, c in zip(x, y, sums, strict=True)])
        p = np.array([math.exp(-max(value, 0.0)) for value in change])
        bits = rng.integers(0, 1 << 24, size=n)
        near = rng.random(n) < 0.5  # as close as 24 bits come
        bits[near] = np.clip(np.floor(p[near] * 2**24) + rng.integers(-1, 2, size=near.sum()), 0, 2**24 - 1)
        low = bits * 2.0**-24
        whole, moved = np.empty(n), x.copy()
        stream = np.random.default_rng(3)
        _fields_rows.decide(stream, moved, y, sums, np.empty(n), whole, whole.view(np.int64), 1 + low, 1.3, 0.7)
        surely, never = low + 2.0**-24 <= p, low >= p
        assert (moved[surely] == y[surely]).all()
        assert (moved[never] == x[never]).all()
        assert ((moved == x) | (moved == y)).all()


def test_the_polynomial_keeps_its_promise():
    t = -np.concatenate([np.linspace(0, 3, 1500), np.geomspace(3, 900, 548)])
    approximate, whole = t.copy(), np.empty_like(t)
    _fields_rows._powers(approximate, whole)
    _fields_rows._scales(whole.view(np.int64))
    relative = approximate * whole / np.exp2(t) - 1
    assert np.abs(relative).max() < 2.6e-6 < _fields_rows._MARGIN


def test_steps_and_uniforms_are_uniform_and_symmetric():
    words = np.empty(4 * _fields_rows.LANES, dtype=np.uint64)
    steps, uniforms = np.empty((2, 512), dtype=np.uint64)
    rng = np.random.default_rng(4)
    kept = []
    for _ in range(200):
        _fields_rows.seed(rng, words)
        _fields_rows.fill(words, steps, uniforms, 512)
        kept.append([steps.view(np.float64) - 1.5 + 2.0**-41, uniforms.view(np.float64) - 1.0])
    step, uniform = np.concatenate(kept, axis=1)
    assert scipy.stats.kstest(step + 0.5, "uniform").pvalue > 1e-4
    assert scipy.stats.kstest(uniform, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(step, uniform)[0, 1]) < 4.5 / math.sqrt(step.size)
    assert -0.5 < step.min() < step.max() < 0.5
    whole = (step + 0.5 - 2.0**-41) * 2**40
    np.testing.assert_array_equal(whole, np.round(whole))  # the step −ε is as likely as ε


@pytest.mark.parametrize(
    ("a", "u", "b"),
    [
        (1.0, 1.0, 0.2), (4.0, 0.01, 3.0), (0.0, 1.0, 0.0), (-1.9, 1.0, 5.0), (-2.1, 1.0, 0.3), (-10.0, 1.0, -0.05),
        (-10.0, 1.0, 30.0), (-50.0, 3.0, 0.0), (5.0, 1e-30, 2.0), (1.0, 1.0, -50.0), (-30.0, 100.0, 2.0),
    ],
)  # fmt: skip
def test_single_draws_of_the_heat_bath(a, u, b):
    rng = np.random.default_rng(6)
    x = np.array([_fields.draw(rng, a, u, b) for _ in range(20_000)])
    grid = np.linspace(x.min() - 1, x.max() + 1, 100_001)
    log_density = -0.5 * a * grid**2 - 0.25 * u * grid**4 + b * grid
    density = np.exp(log_density - log_density.max())
    cdf = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    assert scipy.stats.kstest(np.interp(x, grid, cdf / cdf[-1]), "uniform").pvalue > 1e-3 / 11


def test_heat_bath_and_metropolis_keep_detailed_balance():
    """A reversible move: as many passages from one part of the line to another as back, of a single site in a well."""
    rng = np.random.default_rng(7)
    a, u, b, step = -1.0, 1.0, 0.4, 1.5
    n = 40_000
    x = np.array([_fields.draw(rng, a, u, b) for _ in range(n)])  # in equilibrium
    y = x + 2 * step * (rng.random(n) - 0.5)
    change = np.array([_fields.increase(old, new, a, u, b) for old, new in zip(x, y, strict=True)])
    y = np.where(rng.random(n) < np.exp(-np.maximum(change, 0.0)), y, x)
    counts = np.histogram2d(x, y, bins=np.linspace(-2.5, 2.5, 9))[0]
    there, back = counts[np.triu_indices(8, 1)], counts.T[np.triu_indices(8, 1)]
    used = there + back > 20
    chi2 = ((there - back)[used] ** 2 / (there + back)[used]).sum()
    assert scipy.stats.chi2.sf(chi2, used.sum()) > 1e-3


def test_tuned_steps_are_accepted_half_the_time():
    model = Phi4((16, 16), r=-1.0, u=1.0)
    data = updates.resolve("metropolis", model)
    move, states = data.prepare(model, 2), np.zeros((2, 272))
    rngs = [np.random.default_rng(k) for k in range(2)]
    counts = {}
    while (tuned := data.tune(move, states, rngs, 50, counts)) is None:
        pass
    rate = _fields_moves.accepted(tuned, states[0], rngs[0], 200) / (200 * 256)
    assert 0.4 < rate < 0.6


def test_quadrature_converges():
    few, many = (quadrature.phi4(3, -1.0, 1.0, 0.2, nodes=n) for n in (32, 64))
    np.testing.assert_allclose(few, many, rtol=1e-6)
    np.testing.assert_allclose(quadrature.phi4(8, -1.0, 1.0, 0.2), quadrature.phi4(8, -1.0, 1.0, 0.2, nodes=128))


def test_quadrature_of_the_xy_chain():
    """Mattis (1984): the ring of n has Z = Σ_m (2π I_m(K))ⁿ."""
    x, w = quadrature.circle(64)
    cosine = np.cos(x[:, None] - x[None])
    log_Z, means = quadrature.chain(0 * x, 1.3 * cosine, w, 6, on_bonds={"S": cosine})
    orders = np.arange(-40, 41)
    terms = (2 * math.pi * scipy.special.iv(orders, 1.3)) ** 6
    np.testing.assert_allclose(log_Z, math.log(terms.sum()), rtol=1e-12)
    slope = scipy.special.ivp(orders, 1.3) / scipy.special.iv(orders, 1.3)
    np.testing.assert_allclose(means["S"], 6 * (terms * slope).sum() / terms.sum(), rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quadrature.phi4((4, 4), -1.0, 1.0), r"give a chain, a strip"),
        (lambda: quadrature.phi4(3, -1.0, 0.0), r"u > 0, or u = 0 with r > 0"),
        (lambda: quadrature.few([], 9, np.zeros(3), np.zeros((3, 3)), np.ones(3)), r"n_sites=9"),
        (lambda: quadrature.chain(np.zeros(2), np.array([[0, 1], [2, 0]]), np.ones(2), 3), r"not symmetric"),
    ],
)
def test_quadrature_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
