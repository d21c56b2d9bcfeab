"""Information kept by coarse levels: channels composed family by family, against sums over all data."""

import itertools
import math

import numpy as np
import pytest

import rgnet as rg
from rgnet.exact import _push
from rgnet.hierarchies.exact_levels import information_by_level
from rgnet.hierarchies.lattice_hierarchy import LatticeHierarchy
from rgnet.hierarchies.random_hierarchy import RandomHierarchy
from rgnet.hierarchies.tree import Tree
from rgnet.information.tables import mutual_information_of


def likelihood(tree, leaves):
    """p(leaves | root), (n, states)."""
    message = np.eye(tree.alphabet[-1])[leaves]
    for channel, b in zip(tree.channels[::-1], tree.branchings[::-1], strict=True):
        up = message @ channel.T
        message = up.reshape(len(leaves), -1, b, up.shape[-1]).prod(axis=2)
    return message[:, 0]


def enumerated(tree, layers, values):
    leaves = np.array(list(itertools.product(range(len(values)), repeat=tree.level_sizes[-1])))
    level = np.array(values)[leaves], likelihood(tree, leaves) * tree.prior
    found = [mutual_information_of(level[1].T)]
    for layer in layers:
        y, weights = _push.push(_push.chunks(*level), [layer])
        if y.dtype.kind == "f":  # means of the same numbers in another order are the same mean
            y, place = np.unique(np.round(y, 9), axis=0, return_inverse=True)
            weights = np.stack([np.bincount(place.reshape(-1), column) for column in weights.T], axis=1)
        level = y, weights
        found.append(mutual_information_of(level[1].T / level[1].sum()))
    return found


TREES = {
    "symmetric": (Tree.symmetric(3, flip=0.1), (1, -1)),
    "asymmetric": (Tree(3, 2, [0.3, 0.7], [[0.9, 0.1], [0.35, 0.65]]), (1, -1)),
    "threes": (Tree.symmetric(2, branching=3, flip=0.15), (1, -1)),
    "mixed": (Tree(2, (3, 2), [0.5, 0.5], [[0.8, 0.2], [0.1, 0.9]]), (1, -1)),
    "three states": (Tree.symmetric(2, branching=3, flip=0.3, q=3), (0, 1, 2)),
}
LAYERS = {
    "majority": rg.Majority,
    "decimation": rg.Decimation,
    "average": rg.BlockAverage,
    "kadanoff": lambda b: rg.Kadanoff(b, 0.7),
}


CASES = [(name, kind) for name in TREES for kind in LAYERS if len(TREES[name][1]) == 2 or kind == "decimation"]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_composed_channels_are_right(name, kind):
    tree, values = TREES[name]
    layers = [LAYERS[kind](b) for b in tree.branchings[::-1]]
    found = information_by_level(tree, rg.Network(layers))
    assert found == pytest.approx(enumerated(tree, layers, values), abs=1e-12)
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(found))


@pytest.mark.slow
def test_layers_across_families_are_enumerated_or_left_out():
    tree = Tree.symmetric(2, branching=4, flip=0.1)  # two halves of a family share their parent
    found = information_by_level(tree, rg.Network([rg.Majority(2)]))
    assert found == pytest.approx(enumerated(tree, [rg.Majority(2)], (1, -1)), abs=1e-12)
    wide = Tree.symmetric(2, branching=(4, 5), flip=0.1)
    assert math.isnan(information_by_level(wide, rg.Network([rg.Majority(2)]))[1])


def test_networks_of_fewer_levels_than_the_tree():
    tree = Tree.symmetric(4, flip=0.2)
    found = information_by_level(tree, rg.Network([rg.Majority(2)]))
    assert found == pytest.approx([0.07487871681466093, enumerated(tree, [rg.Majority(2)], (1, -1))[1]], abs=1e-12)


def test_deep_trees_by_bounds():
    found = information_by_level(Tree.symmetric(9, flip=0.1), rg.Network([rg.Decimation(2)] * 9))
    assert found[-1] == pytest.approx(math.log(2) - entropy(0.5 * (1 - 0.8**9)), abs=1e-12)
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()


def entropy(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def test_noisy_rules_by_enumeration():
    rules = RandomHierarchy(3, 2, 2, 2, 2, seed=4, noise=0.2)
    data = np.array(list(itertools.product(range(3), repeat=4)))
    joint = np.exp(rules.log_likelihood(data)) / 2
    assert joint.sum() == pytest.approx(1, abs=1e-12)
    found = information_by_level(rules, rg.Network([rg.Decimation(2)] * 2))
    assert found[0] == pytest.approx(float(rules.mutual_information(0, 3)), abs=1e-12)
    first = np.array([joint[data[:, 0] == symbol].sum(axis=0) for symbol in range(3)])
    assert found[2] == pytest.approx(mutual_information_of(first), abs=1e-12)
    assert found[0] > found[1] > found[2]


def test_data_too_large_to_enumerate_are_unknown():
    rules = RandomHierarchy(8, 2, 2, 4, 2, noise=0.2)
    assert np.isnan(information_by_level(rules, rg.Network([rg.Decimation(2)]))).all()


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_lattices_by_enumeration(noise):
    lattice = LatticeHierarchy((4, 2), K=[0.2, 0.6], noise=noise)
    found = information_by_level(lattice, rg.Network([rg.Majority(2)]))
    same = LatticeHierarchy((4, 2), K=[0.2, 0.6], noise=noise, layers=[rg.Majority(2)])
    last = same.steps
    assert found == [float(same.mutual_information(0, last - 1)), float(same.mutual_information(0, last))]
    assert np.isnan(information_by_level(LatticeHierarchy((16, 16), K=[0.2, 0.6], noise=0.1),
                                         rg.Network([rg.Majority(2)]))).all()  # fmt: skip
