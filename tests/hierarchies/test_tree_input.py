import itertools

import numpy as np
import pytest

from rgnet.hierarchies import tree_exact
from rgnet.hierarchies.tree import Tree


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 2, [0.5, 0.5], np.eye(2)), r"depth=0: a whole number of at least 1"),
        ((2, 0, [0.5, 0.5], np.eye(2)), r"branching=0: a whole number of at least 1"),
        ((2, (2,), [0.5, 0.5], np.eye(2)), r"has 1 entries; a tree of depth 2 takes 2"),
        ((2, 2, [0.5, 0.6], np.eye(2)), r"prior sums to 1.1, \+0.1 off"),
        ((2, 2, [0.5, 0.5], [[0.5, 0.5], [0.5, 0.4]]), r"row 1 of channel sums to 0.9, -0.1 off"),
        ((2, 2, [0.5, 0.5], [[1.5, -0.5], [0.5, 0.5]]), r"channel\[0, 1\] = -0.5"),
        ((2, 2, [0.5, 0.5], np.eye(3)), r"channel has shape \(3, 3\); it must be \(2, 2\)"),
        ((2, 2, [0.5, 0.5], [np.eye(2)]), r"channel holds 1 matrices; a tree of depth 2 takes one or 2"),
        ((2, 2, [0.5, 0.5], [np.eye(2), np.eye(3)]), r"channel\[1\] has shape \(3, 3\)"),
    ],
)
def test_impossible_parameters(arguments, words):
    with pytest.raises(ValueError, match=words):
        Tree(*arguments)


def test_other_bad_input():
    tree = Tree.symmetric(2)
    with pytest.raises(ValueError, match=r"flip=1.5"):
        Tree.symmetric(2, flip=1.5)
    with pytest.raises(ValueError, match=r"q=1"):
        Tree.symmetric(2, q=1)
    with pytest.raises(ValueError, match=r"y_2 is an array \(n, 4\), draws first"):
        tree.posterior(np.zeros(4, dtype=int))
    with pytest.raises(ValueError, match=r"draw 1 of the data has a state outside 0 … 1"):
        tree.posterior(np.array([[0, 0, 0, 0], [0, 2, 0, 0]]))
    with pytest.raises(ValueError, match=r"level=-1"):
        tree.posterior(np.zeros((1, 4), dtype=int), level=-1)
    with pytest.raises(ValueError, match=r"level_b=5"):
        tree.mutual_information(0, 5)
    with pytest.raises(ValueError, match=r"grid=1"):
        tree_exact.bounds(tree, grid=1)
    with pytest.raises(ValueError, match=r"n=0"):
        tree.sample(0)
    with pytest.raises(ValueError, match=r"2199023255551 sites in one draw"):
        Tree.symmetric(40).sample(1)


@pytest.mark.parametrize("flip", ["a", None, True, -0.1, float("nan")])
def test_a_flip_is_a_probability(flip):
    with pytest.raises(ValueError, match="the probability that a child differs"):
        Tree.symmetric(depth=2, flip=flip)


def test_size_of_a_draw():
    Tree.symmetric(depth=10).check_sampling()
    deep = Tree.symmetric(depth=25)
    for call in (deep.check_sampling, lambda: deep.sample(1)):
        with pytest.raises(ValueError, match=r"depth=25, branching=2: .* sites in one draw"):
            call()


@pytest.mark.parametrize(
    "tree",
    [
        Tree.symmetric(2, 2, 0.2, 3),
        Tree(2, (2, 3), [0.3, 0.7], [[[0.9, 0.1], [0.0, 1.0]], [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]]),
        Tree(2, 2, [0.0, 1.0], np.eye(2)),
    ],
)
def test_log_likelihood_by_enumeration(tree):
    """Sums over all hidden levels, and p(leaves | root) that sums to one."""
    leaves, q = tree.level_sizes[-1], tree.alphabet[-1]
    x = np.array(list(itertools.product(range(q), repeat=leaves)))
    found = tree.log_likelihood(x)
    brute = np.zeros_like(found)
    first, second = tree.channels
    for middle in itertools.product(range(tree.alphabet[1]), repeat=tree.level_sizes[1]):
        up = np.prod(first[:, list(middle)], axis=1)
        down = np.prod(second[np.repeat(middle, tree.branchings[1]), x], axis=1)
        brute += np.outer(down, up)
    np.testing.assert_allclose(np.exp(found), brute, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(np.exp(found).sum(axis=0), 1.0, rtol=1e-12)


def test_log_likelihood_does_not_underflow():
    """2000 leaves: ln p is far below the least float's."""
    tree = Tree(1, 2000, [0.5, 0.5], [[0.5, 0.5], [0.1, 0.9]])
    found = tree.log_likelihood(np.zeros((1, 2000), dtype=int))
    np.testing.assert_allclose(found, [[2000 * np.log(0.5), 2000 * np.log(0.1)]], rtol=1e-12)
