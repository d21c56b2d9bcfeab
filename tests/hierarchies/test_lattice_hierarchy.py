"""Lattices as hierarchies: couplings, configurations and observations, against full enumeration."""

import itertools
import json
import math

import numpy as np
import pytest

from rgnet import exact
from rgnet.hierarchies._lattice_density import _enumerated, _strip, density
from rgnet.hierarchies.lattice_hierarchy import LatticeHierarchy
from rgnet.layers import BlockAverage, Decimation, Kadanoff, Majority
from rgnet.models import Ising

TORUS = ("periodic", "periodic")


def clean_table(h):
    """All configurations, and p(i, s) (states, configurations), from the models' own energies."""
    every = exact.states(h.shape)
    rows = [p * exact.distribution(h.model(i).energy, h.shape) for i, p in enumerate(h.prior)]
    return every, np.array(rows)


def channel_matrix(h, level):
    """All data of the last level and p(y_n | y_level) (configurations of y_level, data), by brute force."""
    every = exact.states(h.shape)
    matrix = np.eye(len(every))
    for k, channel in enumerate(h.channels, start=1):
        shape, values = h.level_shapes[k + 1], h._values()[k + 1]
        if hasattr(channel, "matrix"):
            out = exact.states(shape, values=values)
            seen = {-1: h.noise, 1: 1 - h.noise}
            step = np.ones((len(every), len(out)))
            for i, x in enumerate(every.reshape(len(every), -1)):
                for j, y in enumerate(out.reshape(len(out), -1)):
                    step[i, j] = math.prod(
                        h.erasure if b == 0 else (1 - h.erasure) * seen[int(a * b)] for a, b in zip(x, y, strict=True)
                    )
        elif channel.is_random:
            sites = math.prod(shape)
            out = np.array(list(itertools.product((-1, 1), repeat=sites))).reshape(-1, *shape)
            step = np.exp([[float(channel.log_prob(y, x, ndim=len(shape))) for y in out] for x in every])
        else:
            y = channel(every, ndim=len(shape))
            out, where = np.unique(y.reshape(len(y), -1), axis=0, return_inverse=True)
            out, step = out.reshape(-1, *shape), np.eye(len(out))[where.ravel()]
        if k >= level:
            matrix = matrix @ step if k > level or level == 0 else step
        if k < level:
            matrix = np.eye(len(out))
        every = out
    return every, matrix


def information(joint):
    joint = np.asarray(joint)
    x, y = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    use = joint > 0
    return float((joint[use] * np.log((joint / x / y)[use])).sum())


def with_defaults(**changes):
    return LatticeHierarchy((3, 3), **{"couplings": {"K": [0.2, 0.5, 0.7], "h": [0.0, 0.1, -0.1]}, **changes})


CLEAN = [
    LatticeHierarchy((3, 3), K=[0.1, 0.4, 0.8]),
    LatticeHierarchy((4, 3), {"K": [0.2, 0.5], "h": [0.1, -0.2]}, boundary=("periodic", "free"), prior=[0.25, 0.75]),
    LatticeHierarchy(10, {"K": [0.2, 0.6], "h": 0.1}),
    LatticeHierarchy(7, K=[-0.5, 0.6], boundary="free"),
    LatticeHierarchy((2, 2, 3), {"K": 0.3, "h": [0.0, 0.2, 0.4]}, boundary="free"),
    LatticeHierarchy((4, 2), K=[0.3, 0.6]),
]
COARSE = [
    with_defaults(noise=0.15),
    LatticeHierarchy((2, 3), K=[0.2, 0.7], erasure=0.3, noise=0.1, boundary="free"),
    with_defaults(layers=[Majority(3)]),
    LatticeHierarchy(8, {"K": [0.3, 0.9], "h": [0.2, 0.0]}, layers=[Decimation(2), Kadanoff(2, 0.4)]),
    LatticeHierarchy((2, 4), K=[0.2, 0.8], noise=0.1, layers=[Majority(2)], boundary="free", prior=[0.2, 0.8]),
    LatticeHierarchy((2, 2), K=[0.2, 0.8], erasure=0.1, layers=[Decimation(2)], boundary="free"),
]


@pytest.mark.parametrize("with_spins", [False, True])
@pytest.mark.parametrize(
    ("shape", "boundary"),
    [
        ((4, 4), TORUS),
        ((5, 3), TORUS),
        ((5, 3), ("free", "periodic")),
        ((5, 3), ("periodic", "free")),
        ((7, 2), ("free", "free")),
        ((5, 2), TORUS),
        ((2, 2), TORUS),
        ((9, 1), ("periodic", "free")),
        ((9, 1), ("free", "free")),
    ],
)
def test_the_strip_counts_the_states_that_enumeration_does(shape, boundary, with_spins):
    brute, strip = _enumerated(shape, boundary, with_spins), _strip(shape, boundary, with_spins)
    tables = [{(int(s), int(m)): float(g) for s, m, g in zip(*d, strict=True)} for d in (brute, strip)]
    assert tables[0].keys() == tables[1].keys()
    assert all(tables[0][key] == pytest.approx(tables[1][key], abs=1e-12) for key in tables[0])


@pytest.mark.parametrize("shape", [(8, 8), (6, 12), (5, 7)])
def test_the_density_of_states_gives_kaufmans_partition_function(shape):
    states, K = density(shape, TORUS, False), np.array([-0.3, 0.2, 0.44, 0.9])
    assert states is not None
    found = np.logaddexp.reduce(states.log_count + K[:, None] * states.bonds, axis=1)
    assert np.allclose(found, exact.ising2d.log_Z(K, shape), rtol=1e-13)
    assert np.logaddexp.reduce(states.log_count) == pytest.approx(math.prod(shape) * math.log(2), rel=1e-14)


def test_the_density_of_states_gives_the_rings_partition_function_in_a_field():
    states = density((60,), ("periodic",), True)
    assert states is not None
    found = np.logaddexp.reduce(states.log_count + 0.4 * states.bonds + 0.3 * states.spins)
    assert found == pytest.approx(float(exact.chain1d.log_Z(0.4, 0.3, 60)), rel=1e-13)
    assert density((40, 40), TORUS, False) is None
    assert density((4, 4, 4), ("periodic",) * 3, False) is None


@pytest.mark.parametrize("h", CLEAN, ids=str)
def test_posteriors_of_clean_configurations_are_exact(h):
    every, table = clean_table(h)
    assert np.allclose(h.posterior(every), (table / table.sum(axis=0)).T, rtol=1e-10)
    assert np.allclose(h.log_Z(), [exact.log_Z(h.model(i).energy, h.shape) for i in range(len(h.K))], rtol=1e-12)
    assert np.array_equal(h.posterior(every, 1).argmax(axis=-1), every > 0)


@pytest.mark.parametrize("h", CLEAN, ids=str)
def test_information_and_statistic_of_clean_configurations_are_exact(h):
    every, table = clean_table(h)
    found = h.mutual_information(0, 1)
    assert (found.kind, found.unit) == ("exact", "nats")
    assert found.value == pytest.approx(information(table), abs=1e-12)
    p = table.sum(axis=0)
    assert h.mutual_information(1, 1).value == pytest.approx(float(-(p * np.log(p)).sum()), rel=1e-12)
    assert h.mutual_information(0, 0).value == pytest.approx(float(-(np.array(h.prior) @ np.log(h.prior))))
    check_statistic(h, every, table)


def check_statistic(h, data, table):
    """Labels are equal exactly where the posteriors are, and lose nothing."""
    T = h.sufficient()
    labels = T(data)
    posterior = (table / table.sum(axis=0)).T
    close = np.abs(posterior[:, None] - posterior[None]).max(axis=-1) < 1e-9
    assert np.array_equal(close, labels[:, None] == labels[None])
    assert T.count == len(set(labels.tolist()))
    assert np.array_equal(T.labels, labels)
    merged = np.zeros((len(table), T.count))
    np.add.at(merged.T, labels, table.T)
    assert information(merged) == pytest.approx(information(table), abs=1e-12)


@pytest.mark.parametrize("h", COARSE, ids=str)
def test_observations_are_exact_by_enumeration(h):
    _, table = clean_table(h)
    data, matrix = channel_matrix(h, 1)
    joint = table @ matrix
    assert np.allclose(matrix.sum(axis=1), 1)
    assert h.mutual_information(0, h.steps).value == pytest.approx(information(joint), abs=1e-12)
    p = table.sum(axis=0)
    assert h.mutual_information(1, h.steps).value == pytest.approx(information(p[:, None] * matrix), abs=1e-11)
    seen = data[joint.sum(axis=0) > 0]
    joint, matrix = joint[:, joint.sum(axis=0) > 0], matrix[:, joint.sum(axis=0) > 0]
    assert np.allclose(h.posterior(seen), (joint / joint.sum(axis=0)).T, rtol=1e-9)
    back = (p[:, None] * matrix / joint.sum(axis=0)).T  # p(y_1 | data)
    up = back @ (exact.states(h.shape).reshape(len(p), -1) > 0)
    assert np.allclose(h.posterior(seen, 1)[..., 1].reshape(len(seen), -1), up, atol=1e-12)
    check_statistic(h, seen, joint)
    for level in range(2, h.steps + 1):
        found = h.posterior(seen, level)
        assert found.shape == (len(seen), *h.level_shapes[level], h.alphabet[level])
        assert np.allclose(found.sum(axis=-1), 1)


@pytest.mark.parametrize("h", COARSE, ids=str)
def test_data_processing_holds_to_rounding(h):
    table = [[h.mutual_information(a, b).value for b in range(h.steps + 1)] for a in range(h.steps + 1)]
    assert np.allclose(table, np.transpose(table), atol=1e-13)
    for a, b, c in itertools.combinations(range(h.steps + 1), 3):
        assert table[a][c] <= min(table[a][b], table[b][c]) + 1e-12


def test_real_levels_have_a_posterior_of_the_couplings():
    h = with_defaults(layers=[BlockAverage(3)])
    _, table = clean_table(h)
    data, matrix = channel_matrix(h, 1)
    joint = table @ matrix
    assert h.alphabet == (3, 2, None)
    assert np.allclose(h.posterior(data), (joint / joint.sum(axis=0)).T, rtol=1e-10)
    assert h.mutual_information(0, 2).value == pytest.approx(information(joint), abs=1e-12)
    with pytest.raises(ValueError, match=r"level 2 has real values"):
        h.posterior(data, 2)
    with pytest.raises(ValueError, match=r"not a possible observation"):
        h.posterior(np.full((1, 1, 1), 0.3))


def test_samples_have_the_layout_and_the_distribution_of_the_hierarchy():
    h = LatticeHierarchy((4, 2), K=[0.2, 0.6], noise=0.2, layers=[Majority(2)], prior=[0.25, 0.75])
    data = h.sample(1000, seed=5, chains=8)
    assert data["y_0"].dims == ("chain", "draw")
    assert data["y_1"].dims == data["y_2"].dims == ("chain", "draw", "x", "y")
    assert data["y_3"].dims == ("chain", "draw", "x_level_3", "y_level_3")
    assert data["y_3"].shape == (8, 1000, 2, 1)
    assert data["y_0"].values[:, 0].tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert (data["y_0"] == data["y_0"][:, :1].values).all()
    assert all(isinstance(value, (str, int, float)) for value in data.attrs.values())
    assert json.loads(data.attrs["K"]) == [0.2, 0.6]
    for state in range(2):
        own = data.isel(chain=data["y_0"].values[:, 0] == state)
        bonds = exact.marginals.bond_sum(own["y_1"].values.reshape(-1, 4, 2), h.boundary).reshape(own["y_0"].shape)
        mean, covariance = exact.moments(
            h.model(state).energy, lambda x: exact.marginals.bond_sum(x, h.boundary), h.shape
        )
        spread = bonds.mean(axis=1).std(ddof=1) if len(bonds) > 2 else math.sqrt(covariance[0, 0] / 300)
        assert abs(bonds.mean() - mean[0]) < 6 * spread / math.sqrt(len(bonds))
    flips = (data["y_1"] != data["y_2"]).values
    assert abs(flips.mean() - 0.2) < 5 * math.sqrt(0.16 / flips.size)
    assert set(np.unique(data["y_3"])) == {-1, 1}
    assert data.identical(h.sample(1000, seed=5, chains=8))
    posterior = h.posterior(data)
    assert posterior.dims == ("chain", "draw", "state")
    # Calibration: of the draws with posterior p, a fraction p is of that state
    assert abs(float((posterior[..., 1] - (data["y_0"] == 1)).mean())) < 0.04
    assert h.posterior(data["y_3"], 2).dims == ("chain", "draw", "x", "y", "state")
    assert h.sufficient()(data).dims == ("chain", "draw")
    assert np.array_equal(posterior.values, h.posterior(data["y_3"].values))


def test_erased_spins_are_zero():
    h = LatticeHierarchy(6, K=[0.2, 0.6], erasure=0.4)
    data = h.sample(500, seed=1)
    assert h.alphabet == (2, 2, 3)
    seen, spins = data["y_2"].values, data["y_1"].values
    assert abs((seen == 0).mean() - 0.4) < 5 * math.sqrt(0.24 / seen.size)
    assert np.array_equal(seen[seen != 0], spins[seen != 0])


def test_large_lattices_give_estimates_from_exact_posteriors(monkeypatch):
    from rgnet.hierarchies import lattice_hierarchy

    h = LatticeHierarchy((4, 4), K=[0.3, 0.44, 0.6])
    truth = h.mutual_information(0, 1).value
    monkeypatch.setattr(lattice_hierarchy, "density", lambda *_: None)
    with pytest.raises(ValueError, match=r"give n="):
        h.mutual_information(0, 1)
    found = h.mutual_information(0, 1, n=200, seed=2)
    assert found.kind == "estimate"
    assert found.n == 24 * 200
    assert abs(found.z(truth)) < 4
    assert found.stderr < 0.05
    assert found.interval[1] - found.value > 1.96 * found.stderr
    with pytest.raises(ValueError, match=r"one chain, and an error needs two"):
        h.mutual_information(0, 1, n=50, chains=3)


@pytest.mark.slow
def test_estimates_of_information_are_calibrated(monkeypatch):
    from rgnet.hierarchies import lattice_hierarchy

    h = LatticeHierarchy((4, 4), K=[0.3, 0.6])
    truth = h.mutual_information(0, 1).value
    monkeypatch.setattr(lattice_hierarchy, "density", lambda *_: None)
    inside = 0
    for seed in range(60):
        low, high = h.mutual_information(0, 1, n=50, seed=seed).interval
        inside += low <= truth <= high
    assert inside >= 50


def test_a_torus_of_moderate_size_is_exact_and_beats_its_own_parts():
    values = [LatticeHierarchy((side, side), K=[0.42, 0.46]).mutual_information(0, 1) for side in (4, 6, 8)]
    assert all(value.kind == "exact" for value in values)
    assert values[0].value < values[1].value < values[2].value < math.log(2)
    big = LatticeHierarchy((32, 32), K=[0.42, 0.46])
    x = np.ones((1, 32, 32), dtype=np.int8)
    found = big.posterior(x)
    weight = np.array([2048 * K for K in big.K]) - exact.ising2d.log_Z(np.array(big.K), (32, 32))
    assert np.allclose(found[0, 1] / found[0, 0], math.exp(weight[1] - weight[0]))
    assert big.sufficient()(x).tolist() == [2048]
    assert big.sufficient().count is None


def test_a_combination_of_energy_and_field_is_one_number():
    """Where (K, h) move along a line, only one combination of S and M matters."""
    h = LatticeHierarchy((3, 3), {"K": [0.2, 0.4], "h": [0.1, 0.3]}, boundary="free")
    every, table = clean_table(h)
    check_statistic(h, every, table)
    both = LatticeHierarchy((3, 3), {"K": [0.2, 0.4, 0.4], "h": [0.1, 0.3, 0.0]}, boundary="free")
    assert h.sufficient().count < both.sufficient().count


BAD = [
    ({"K": [0.3]}, r"at least two states"),
    ({}, r"give couplings="),
    ({"K": [0.3, 0.4], "couplings": {"K": [0.3, 0.4]}}, r"give couplings="),
    ({"couplings": {"J": [0.3, 0.4]}}, r"couplings of J"),
    ({"couplings": {"K": [0.3, 0.4], "h": [0.1, 0.2, 0.3]}}, r"2 of K, 3 of h"),
    ({"K": [0.3, math.nan]}, r"finite real numbers"),
    ({"K": [0.3, 0.3]}, r"same couplings"),
    ({"K": [0.3, 0.4], "prior": [0.3, 0.3]}, r"prior sums to 0.6"),
    ({"K": [0.3, 0.4], "noise": -0.1}, r"noise=-0.1"),
    ({"K": [0.3, 0.4], "layers": [3]}, r"not a layer"),
    ({"K": [0.3, 0.4], "layers": [Majority(2)]}, r"2 does not divide 3"),
    ({"K": [0.3, 0.4], "boundary": "open"}, r"boundary='open'"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        LatticeHierarchy((3, 3), **changes)


def test_what_is_out_of_reach_says_so():
    field = LatticeHierarchy((16, 16), {"K": [0.3, 0.4], "h": 0.1})
    with pytest.raises(ValueError, match=r"ln Z is not known exactly.*use a chain"):
        field.posterior(np.ones((1, 16, 16), dtype=np.int8))
    noisy = LatticeHierarchy((8, 8), K=[0.3, 0.4], noise=0.1)
    for attempt in (
        lambda: noisy.posterior(np.ones((1, 8, 8), dtype=np.int8)),
        lambda: noisy.mutual_information(0, 2),
        noisy.sufficient,
    ):
        with pytest.raises(ValueError, match=r"enumeration only.*2\^64"):
            attempt()
    h = LatticeHierarchy((3, 3), K=[0.3, 0.4])
    with pytest.raises(ValueError, match=r"data of shape \(2, 4, 4\)"):
        h.posterior(np.ones((2, 4, 4)))
    with pytest.raises(ValueError, match=r"other values than -1, 1"):
        h.posterior(np.zeros((2, 3, 3)))
    with pytest.raises(ValueError, match=r"level=1: the statistic is for the couplings"):
        h.sufficient(1)
    with pytest.raises(ValueError, match=r"level=2"):
        h.posterior(np.ones((2, 3, 3)), 2)
    with pytest.raises(ValueError, match=r"chains=3.*a multiple of 2"):
        h.sample(2, chains=3)
    with pytest.raises(ValueError, match=r"prior of small fractions"):
        LatticeHierarchy((3, 3), K=[0.3, 0.4], prior=[1 / math.pi, 1 - 1 / math.pi]).sample(2)
    with pytest.raises(ValueError, match=r"sweeps: unknown"):
        h.sample(2, sweeps=3)
    with pytest.raises(ValueError, match=r"n=0"):
        h.sample(0)
    assert isinstance(h.model(0), Ising)
