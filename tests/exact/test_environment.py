"""Exact information of block rules about their environment, against direct sums over all states."""

import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet.exact import environment as env
from rgnet.exact import ising2d


@pytest.fixture(scope="module")
def torus():
    """4×4, no buffer: twelve sites of environment, 2^16 states."""
    return env.joint(rg.Ising((4, 4), K=0.4), buffer=0)


@pytest.fixture(scope="module")
def chain():
    return env.joint(rg.Ising((8,), K=0.7, h=0.3), block=2, buffer=1)


def direct(x, h, e, p):
    """I(h; e) by dictionaries, from every state on its own."""
    both, first, second = {}, {}, {}
    for row in range(len(x)):
        a, b = h[row], e[row].tobytes()
        both[a, b] = both.get((a, b), 0.0) + p[row]
        first[a] = first.get(a, 0.0) + p[row]
        second[b] = second.get(b, 0.0) + p[row]
    return sum(v * np.log(v / first[a] / second[b]) for (a, b), v in both.items())


def test_regions_on_a_torus():
    where = env.regions((4, 6), 2, 1)
    assert where.block.tolist() == [0, 1, 6, 7]
    assert where.environment.tolist() == [3, 4, 9, 10, 15, 16, 21, 22]
    frame = env.regions((64, 64), 2, 1, 2)
    assert len(frame.environment) == 8 * 8 - 4 * 4
    assert len(env.regions((64, 64), 8, 4, 4).environment) == 24**2 - 16**2
    assert len(env.regions((12, 12, 12), 2, 1, 1).environment) == 6**3 - 4**3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(3, 7), min_size=1, max_size=3), st.integers(1, 3), st.integers(0, 1), st.integers(1, 2))
def test_regions_count_kings_moves(shape, block, buffer, width):
    def distance(site):
        return max(
            min(min(abs((c - o) % side), abs((o - c) % side)) for o in range(block))
            for c, side in zip(site, shape, strict=True)
        )

    want = [k for k, s in enumerate(itertools.product(*map(range, shape))) if buffer < distance(s) <= buffer + width]
    if want:
        assert env.regions(shape, block, buffer, width).environment.tolist() == want
    else:
        with pytest.raises(ValueError, match="no site"):
            env.regions(shape, block, buffer, width)


def test_joint_equals_a_direct_sum(chain):
    model = rg.Ising((8,), K=0.7, h=0.3)
    x = rg.exact.states((8,))
    p = rg.exact.distribution(model.energy, (8,))
    assert chain.probabilities.shape == (4, 16)
    assert chain.probabilities.sum() == pytest.approx(1.0, abs=1e-14)
    whole = direct(x, [tuple(row) for row in x[:, :2]], x[:, 3:7], p)
    assert chain.information == pytest.approx(whole, abs=1e-13)
    first = direct(x, x[:, 0].tolist(), x[:, 3:7], p)
    assert env.information(np.array([-1, -1, 1, 1]), chain) == pytest.approx(first, abs=1e-13)
    assert env.information(rg.Decimation(2), chain) == pytest.approx(first, abs=1e-13)


@pytest.mark.parametrize(
    "model",
    [
        rg.Ising((2, 4), K=0.3, h=-0.2),
        rg.Ising((3, 4), K=0.3, couplings={"nnn": 0.2, "plaquette": -0.1, "corner": 0.15}),
        rg.Ising((2, 2, 3), K=0.2, h=0.1),
    ],
    ids=["field", "more couplings", "3D"],
)
def test_gray_code_equals_the_energy_of_each_state(model):
    class Plain(NamedTuple):
        shape: tuple[int, ...]
        boundary: tuple[str, ...]
        energy: Any

    plain = Plain(model.shape, model.boundary, model.energy)
    fast, slow = (env.joint(m, block=2, buffer=0, width=1) for m in (model, plain))
    np.testing.assert_allclose(fast.probabilities, slow.probabilities, rtol=1e-11, atol=1e-16)


def test_layers_arrays_and_channels_agree(torus):
    total = torus.blocks.reshape(16, -1).sum(axis=1)
    majority = env.information(rg.Majority(2), torus)
    assert env.information((np.sign(total) + 1) / 2, torus) == pytest.approx(majority, abs=1e-13)
    up = 1 / (1 + np.exp(-2 * 0.4 * total))
    soft = env.information(rg.Kadanoff(2, 0.4), torus)
    assert env.information(up, torus) == pytest.approx(soft, abs=1e-13)
    assert env.information(np.column_stack([1 - up, up]), torus) == pytest.approx(soft, abs=1e-13)
    assert env.information(np.eye(16), torus) == pytest.approx(torus.information, abs=1e-13)


def test_no_rule_beats_the_best_odd_one(torus):
    best = env.best_odd_rule(torus)
    assert (best.rule == -best.rule[::-1]).all()
    assert env.information(best.rule, torus) == pytest.approx(best.information, abs=1e-13)
    brute = max(
        env.information(np.concatenate([half, -np.array(half)[::-1]]), torus)
        for half in itertools.product((-1, 1), repeat=8)
    )
    assert best.information == pytest.approx(brute, abs=1e-13)
    # Coins are worse than a spin that breaks ties
    coin, first = (env.information(rg.Majority(2, ties=ties), torus) for ties in ("random", "first"))
    assert coin < first <= best.information + 1e-13
    assert first > 0.999 * best.information


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_odd_rules_stay_below(torus, seed):
    half = np.random.default_rng(seed).random(8)
    rule = np.concatenate([half, 1 - half[::-1]])
    assert 0 <= env.information(rule, torus) <= env.best_odd_rule(torus).information + 1e-12


def test_overlap(torus):
    assert env.overlap(rg.Majority(2), torus, with_=rg.Majority(2)) == pytest.approx(1.0)
    total = torus.blocks.reshape(16, -1).sum(axis=1)
    p = torus.probabilities.sum(axis=1)
    expected = p @ np.abs(total) / np.sqrt((p @ np.sign(total) ** 2) * (p @ total**2))
    assert env.overlap(rg.Majority(2), torus) == pytest.approx(expected)
    assert env.overlap(-env.best_odd_rule(torus).rule, torus) < 0


def test_other_dimensions_and_values():
    cube = env.joint(rg.Ising((2, 2, 4), K=0.2), block=2, buffer=0, width=1)
    assert cube.probabilities.shape == (256, 256)
    assert 0 < env.information(rg.Majority(2), cube) < cube.information
    independent = env.joint(rg.Ising((3, 4), K=0.0), block=2, buffer=0)
    assert independent.information == pytest.approx(0.0, abs=1e-12)


def test_the_critical_torus():
    """4×6 with a buffer of one: the number that a learned rule is held against."""
    joint = env.joint(rg.Ising((4, 6), K=ising2d.K_c))
    best = env.best_odd_rule(joint)
    assert joint.probabilities.shape == (16, 256)
    # Four rules that differ by a rotation, each breaking ties in its own way; one spin that decides is as good but for
    # a millionth
    assert len(best.degenerate) == 4
    assert 0 < best.information / env.information(rg.Majority(2, ties="first"), joint) - 1 < 2e-6
    assert best.information == pytest.approx(0.401246591, abs=1e-8)
    assert env.information(rg.Majority(2), joint) == pytest.approx(0.400987778, abs=1e-8)
    assert env.overlap(best.rule, joint) == pytest.approx(0.947921577, abs=1e-8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"block": 0}, r"block=0: give a whole number of at least 1"),
        ({"block": 5}, r"block=5: a block fits into the lattice \(4, 4\) up to a side of 4"),
        ({"buffer": 1}, r"buffer=1: no site of the lattice \(4, 4\) is farther than 1.*at most 0"),
        ({"buffer": -1}, r"buffer=-1: give a whole number of at least 0"),
        ({"buffer": 0, "width": 0}, r"width=0: give a whole number of at least 1"),
    ],
)
def test_bad_regions(arguments, words):
    with pytest.raises(ValueError, match=words):
        env.joint(rg.Ising((4, 4), K=0.4), **arguments)


class LatticeGas(NamedTuple):
    """Particles n = 0, 1 that attract each other."""

    shape: tuple[int, ...]
    boundary: tuple[str, ...] = ("periodic",)

    def energy(self, x):
        return -0.5 * (x * np.roll(x, 1, axis=-1)).sum(axis=-1)


def test_bad_models_and_rules(torus, monkeypatch):
    with pytest.raises(ValueError, match=r"make all sides periodic"):
        env.joint(rg.Ising((4, 4), K=0.4, boundary="free"), buffer=0)
    with pytest.raises(ValueError, match=r"at most 24 sites"):
        env.joint(rg.Ising((6, 6), K=0.4))
    monkeypatch.setattr(env, "MAX_TABLE", 1 << 10)
    with pytest.raises(ValueError, match=r"64 x 64 entries, more than 2\^10 = 1024"):
        env.joint(rg.Ising((12,), K=0.4), block=6, buffer=0)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"2\^31 odd rules, and at most 262144"):
        env.best_odd_rule(env.joint(rg.Ising((10,), K=0.4), block=6, buffer=0))
    with pytest.raises(ValueError, match=r"values in pairs ±a"):
        env.best_odd_rule(env.joint(LatticeGas((6,)), buffer=0, values=(0, 1)))
    with pytest.raises(ValueError, match=r"one row for each of the 16"):
        env.information(np.ones(4), torus)
    with pytest.raises(ValueError, match=r"probabilities from 0 to 1"):
        env.information(np.full(16, 3.0), torus)
    with pytest.raises(ValueError, match=r"scale 3: the block has side 2"):
        env.information(rg.Majority(3), torus)
    with pytest.raises(ValueError, match=r"0 on every block"):
        env.overlap(np.full(16, 0.5), torus)
