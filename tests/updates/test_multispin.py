"""Multi-spin kernels: equal to scalar oracles fed with the same random bits, and probabilities exact by arithmetic."""

import itertools
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

import rgnet as rg
from rgnet import lattice
from rgnet.updates import _lanes, _lanes_tables, _replicas, _stripes, heat_bath, metropolis

RULES = {"metropolis": metropolis.flip_probability, "heat-bath": heat_bath.flip_probability}
K_C = 0.5 * np.log1p(np.sqrt(2))


def implied(made, p):
    """Probability of a one that the tables give, without rounding: (p̃, then events in a chunk of 64·room places)."""
    number = made.index[p]
    if number >= len(made.first):
        return Fraction(15, 16) if number == len(made.first) else Fraction(1)
    a = sum(int(mask > 0) << k for k, mask in enumerate(made.masks[number])) + int(made.first[number] > 0)
    base = Fraction(a, 2 ** made.masks.shape[1])
    rate, sets, clears = (int(value) for value in made.rates[number])
    if not made.cdf.size or not (sets or clears):
        return base
    miss = 1 - Fraction(rate + 1, 2**64) / (64 * made.room)  # one event spares a place, or is of another plane
    steps = [0, *(int(value) for value in made.cdf), 2**64]
    with localcontext() as context:
        context.prec = 60
        x = Decimal(miss.numerator) / Decimal(miss.denominator)
        spared = Fraction(sum(x**n * (b - a) for n, (a, b) in enumerate(itertools.pairwise(steps))) / 2**64)
    return base + (1 - base) * (1 - spared) if sets else base * spared


@pytest.mark.parametrize("K", [0.0, 1e-3, 0.2216546, K_C, 1.0, 3.0, -0.4])
@pytest.mark.parametrize("h", [0.0, 0.13])
@pytest.mark.parametrize("rule", list(RULES))
def test_the_tables_imply_the_probabilities_of_the_rule(rule, K, h):
    model = rg.Ising((64, 64), K=K, h=h)
    wanted = np.unique(np.concatenate([_stripes.table(model, d, RULES[rule]).ravel() for d in (4, 6)]))
    for room in (8, 512):
        made = _lanes_tables.planes(wanted.tolist(), room)
        for p in wanted:
            assert abs(implied(made, float(p)) - Fraction(float(p))) <= Fraction(float(p)) / 2**53 + Fraction(1, 2**60)


def test_planes_have_the_bits_that_the_random_words_say():
    """Bits by the comparison of whole numbers, from the words that a generator of its own makes."""
    probabilities = [0.0276, 0.1608, 0.5, 0.97, 15 / 16, 1.0]
    made = _lanes_tables.planes(probabilities, 16)
    lanes, planes = _lanes.new_lanes(), made.new()
    _lanes.seed_lanes(np.random.default_rng(5), lanes)
    copy = Lanes(np.random.default_rng(5))
    n_bits = made.masks.shape[1]
    _lanes.fill(
        lanes, planes, 16, np.zeros(_lanes.POOL, np.uint64), _lanes.POOL, np.zeros(8 * n_bits, np.uint64),
        made.masks, made.first, np.empty(0, np.uint64), made.guide, made.rates,
    )  # fmt: skip
    for block in range(2):
        words = np.array([copy.step() for _ in range(n_bits)])  # (bit, lane)
        u = sum(_bits(words[k]).astype(np.int64) << k for k in range(n_bits))  # (lane, 64)
        for p in probabilities[:4]:
            number = made.index[p]
            a = sum(int(mask > 0) << k for k, mask in enumerate(made.masks[number])) + int(made.first[number] > 0)
            begin = number * made.room + 8 * block
            np.testing.assert_array_equal(_bits(planes[begin : begin + 8]), u >= 2**n_bits - a)
        begin = made.index[15 / 16] * made.room + 8 * block
        np.testing.assert_array_equal(_bits(planes[begin : begin + 8]), u >= 2 ** (n_bits - 4))
        assert (planes[made.index[1.0] * made.room :] == 2**64 - 1).all()


class Lanes:
    """xoshiro256++ in eight lanes, seeded by splitmix64, in Python integers."""

    def __init__(self, rng):
        def word():
            return int(rng.random() * 2**32) << 32 | int(rng.random() * 2**32)

        draws = [word() for _ in range(4)]
        self.state = [[self._mixed(d + (lane + 1) * 0x9E3779B97F4A7C15) for lane in range(8)] for d in draws]

    @staticmethod
    def _mixed(z):
        z %= 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    def step(self):
        """Eight words."""
        return np.array([self._step(lane) for lane in range(8)], dtype=np.uint64)

    def _step(self, lane):
        def rotated(x, k):
            return (x << k | x >> (64 - k)) % 2**64

        s = [self.state[k][lane] for k in range(4)]
        result = (rotated((s[0] + s[3]) % 2**64, 23) + s[0]) % 2**64
        t = s[1] << 17 & (2**64 - 1)
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)
        for k in range(4):
            self.state[k][lane] = s[k]
        return result


def _bits(words):
    """(words, 64) of 0 and 1."""
    return (np.asarray(words)[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(np.int64)


class Oracle:
    """What the kernels do, spin by spin: the planes come from `_lanes.fill`, everything else from definitions."""

    def __init__(self, model, rule, made, room, signs=None):
        self.made, self.room = made, room
        self.start, self.near, self.bond = lattice.adjacency(model.geometry)
        self.signs = np.ones(len(lattice.bonds(model.geometry))) if signs is None else signs
        self.model, self.rule = model, rule

    def chunks(self, rng):
        """Begin a sweep."""
        self.lanes, self.pool, self.at = _lanes.new_lanes(), np.zeros(_lanes.POOL, np.uint64), _lanes.POOL
        _lanes.seed_lanes(rng, self.lanes)

    def fill(self, n_words):
        """Planes of the next chunk, (planes, words, 64)."""
        planes, bits = self.made.new(), np.zeros(8 * self.made.masks.shape[1], np.uint64)
        self.at = _lanes.fill(self.lanes, planes, n_words, self.pool, self.at, bits, *self.made.arrays)
        return _bits(planes).reshape(-1, self.room, 64)

    def flips(self, x, site, planes, word, bit):
        """Whether the spin of configuration x flips at a visit."""
        near = slice(self.start[site], self.start[site + 1])
        change = 2 * self.model.K * x[site] * (x[self.near[near]] * self.signs[self.bond[near]]).sum()
        p = RULES[self.rule](np.array([change + 2 * self.model.h * x[site]]))[0]
        return planes[self._plane(p), word, bit] == 1

    def _plane(self, p):
        nearest = min(self.made.index, key=lambda q: abs(q - p))
        assert abs(nearest - p) < 1e-12
        return self.made.index[nearest]


STRIPES = [
    ((64, 64), 0.4, 0.0, "metropolis"),
    ((128, 6), -0.4, 0.0, "metropolis"),
    ((192, 36), 0.4, 0.1, "heat-bath"),
    ((64, 2), 0.3, -0.2, "metropolis"),
    ((6, 64), 0.44, 0.0, "metropolis"),
    ((64, 4, 6), 0.22, 0.0, "metropolis"),
    ((6, 128, 4), -0.22, 0.1, "metropolis"),
    ((4, 2, 64), 0.22, 0.0, "heat-bath"),
]


@pytest.mark.parametrize(("shape", "K", "h", "rule"), STRIPES)
def test_stripes_equal_their_scalar_oracle(shape, K, h, rule):
    model = rg.Ising(shape, K=K, h=h)
    move = _stripes.prepare(model, RULES[rule])
    axis = _stripes.striped_axis(shape, model.boundary)
    others = [a for a in range(len(shape)) if a != axis]
    R, half = shape[axis] // 64, shape[others[-1]] // 2
    padded = -(-half // 8) * 8
    room = move.tables[8]
    made = _lanes_tables.planes(_stripes.table(model, 2 * model.ndim, RULES[rule]).ravel().tolist(), room)
    oracle = Oracle(model, rule, made, room)
    x = np.random.default_rng(3).choice(np.array([-1, 1], np.int8), model.n_sites)
    state = np.append(x, np.zeros(shape[-1], np.int8))
    out, measured = np.empty((2, model.n_sites), np.int8), np.empty((2, 2))
    move.run(state[None], np.random.default_rng(4), 1, out[None], measured[None])
    rng = np.random.default_rng(4)
    sites = np.arange(model.n_sites).reshape(shape)
    middle = [()] if len(others) == 1 else [(y,) for y in range(shape[others[0]])]
    for sweep in range(2):
        oracle.chunks(rng)
        for color in range(2):
            left, used, have, planes = R * len(middle) * padded, 0, 0, None
            for r in range(R):
                for y in middle:
                    for j in range(padded):
                        if used == have:
                            have, used = min(room, left), 0
                            left -= have
                            planes = oracle.fill(have)
                        for b in range(64) if j < half else ():
                            place = dict(zip(others[:-1], y, strict=True))
                            place[axis] = b * R + r
                            place[others[-1]] = 2 * j + (color + b * R + r + sum(y)) % 2
                            site = sites[tuple(place[a] for a in range(len(shape)))]
                            if oracle.flips(x, site, planes, used, b):
                                x[site] = -x[site]
                        used += 1
        np.testing.assert_array_equal(out[sweep], x)
        assert measured[sweep, 0] == pytest.approx(float(model.energy(x.reshape(shape))), abs=1e-9)
        assert measured[sweep, 1] == x.sum()
    np.testing.assert_array_equal(state[: model.n_sites], x)


GRAPH = rg.Graph([*((0, k) for k in range(1, 12)), (1, 2), (2, 3), (5, 6)])
REPLICAS = [
    (rg.Ising((3, 3), K=0.4), "metropolis", 5),
    (rg.Ising((8, 6), K=-0.4, h=0.1), "metropolis", 64),
    (rg.Ising((3, 4, 2), K=0.3, boundary="free"), "heat-bath", 3),
    (rg.Ising((6, 5), K=0.3, lattice="triangular"), "metropolis", 17),
    (rg.Ising((9,), K=0.7), "metropolis", 64),
    (rg.Ising((2, 3, 2, 2), K=0.2, h=0.1), "metropolis", 7),
    (rg.Ising(GRAPH, K=0.3, h=-0.2), "heat-bath", 9),
    (rg.SpinGlass((4, 4, 4), K=0.6, seed=3), "metropolis", 12),
    (rg.SpinGlass((5, 4), K=0.6, h=0.1, seed=3), "heat-bath", 1),
]


@pytest.mark.parametrize(("model", "rule", "chains"), REPLICAS)
def test_replicas_equal_their_scalar_oracle(model, rule, chains):
    signs = model.disorder if isinstance(model, rg.SpinGlass) else None
    move = _replicas.prepare(model, RULES[rule], signs)
    site, ends, _ = _replicas.classes(model.geometry)
    room = move.tables[9]
    degrees = np.unique(np.diff(lattice.adjacency(model.geometry)[0]))
    table = np.concatenate([_stripes.table(model, int(d), RULES[rule]).ravel() for d in degrees])
    oracle = Oracle(model, rule, _lanes_tables.planes(table.tolist(), room), room, signs)
    x = np.random.default_rng(3).choice(np.array([-1, 1], np.int8), (chains, model.n_sites))
    states = np.concatenate([x, np.zeros((chains, model.shape[-1]), np.int8)], axis=1)
    out, measured = np.empty((chains, 2, model.n_sites), np.int8), np.empty((chains, 2, 2))
    move.run(states, np.random.default_rng(4), 1, out, measured)
    rng = np.random.default_rng(4)
    for sweep in range(2):
        oracle.chunks(rng)
        begin = 0
        for end in ends:
            for first in range(begin, end, room):
                last = min(first + room, end)
                planes = oracle.fill(last - first)
                for place in range(first, last):
                    for b in range(chains) if site[place] >= 0 else ():
                        if oracle.flips(x[b], site[place], planes, place - first, b):
                            x[b, site[place]] *= -1
            begin = end
        np.testing.assert_array_equal(out[:, sweep], x)
        np.testing.assert_allclose(measured[:, sweep, 0], model.energy(x.reshape(chains, *model.shape)), atol=1e-9)
        np.testing.assert_array_equal(measured[:, sweep, 1], x.sum(axis=1))


def test_how_the_work_is_cut_changes_nothing():
    for model, chains in ((rg.Ising((64, 64), K=0.4), 1), (rg.Ising((6, 6), K=0.4), 5)):
        move = metropolis.update.prepare(model, chains)
        size = model.n_sites + model.shape[-1]
        whole, cut = np.ones((chains, size), np.int8), np.ones((chains, size), np.int8)
        rngs = [np.random.default_rng(1), np.random.default_rng(1)]
        nothing = np.empty((chains, 3, 0), np.int8), np.empty((chains, 3, 2))
        move.run(whole, rngs[0], 4, *nothing)
        for sweeps in (5, 1, 6):
            move.run(cut, rngs[1], sweeps, nothing[0][:, :1], nothing[1][:, :1])
        np.testing.assert_array_equal(whole, cut)
        assert rngs[0].bit_generator.state == rngs[1].bit_generator.state


@pytest.mark.parametrize(
    ("model", "chains", "kernel"),
    [
        (rg.Ising((64, 64), K=0.4), 4, "multispin-stripes"),
        (rg.Ising((64, 64), K=0.4), 64, "multispin-replicas"),
        (rg.Ising((512, 64), K=0.4), 64, "multispin-stripes"),
        (rg.Ising((64, 63), K=0.4), 4, "multispin-replicas"),
        (rg.Ising((64, 64), K=0.4, boundary="free"), 4, "multispin-replicas"),
        (rg.Ising((64,), K=0.4), 4, "multispin-replicas"),
        (rg.Ising((8, 8), K=0.4, couplings={"nnn": 0.1}), 4, "sequential"),
        (rg.Ising(rg.Graph([(0, k) for k in range(1, 17)]), K=0.4), 4, "bonds"),
    ],
)
def test_the_kernel_is_chosen_by_the_lattice(model, chains, kernel):
    assert metropolis.update.prepare(model, chains).kernel == kernel
    assert heat_bath.update.prepare(model, chains).kernel == kernel
