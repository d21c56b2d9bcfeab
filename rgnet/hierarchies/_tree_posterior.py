"""Belief propagation on trees, vectorised over draws: a fast linear route, and a logarithmic one for its underflows."""

from typing import TYPE_CHECKING

import numpy as np

from rgnet.hierarchies import _tree_kernels as kernels
from rgnet.hierarchies._levels import Array, impossible_draw, in_batches

if TYPE_CHECKING:
    from rgnet.hierarchies.tree import Tree

_WORK = 1e8  # message terms in one kernel call, about half a second
_SMALL = 1e-100  # probabilities below it take the logarithmic route from the start


def posterior(tree: "Tree", data: Array, level: int) -> Array:
    """Single-site marginals (n, sites, states) of a level given leaves (n, leaves).

    Raises
    ------
    ValueError
        If a draw has probability zero (names the first).
    """
    sizes, alphabet, most = tree.level_sizes, tree.alphabet, max(tree.alphabet)
    padded = np.zeros((tree.depth, most, most))
    for k, channel in enumerate(tree.channels):
        padded[k, : channel.shape[0], : channel.shape[1]] = channel
    start = np.concatenate(([0], np.cumsum(sizes)))
    out = np.zeros((data.shape[0], sizes[level], alphabet[level]))
    status = np.full(data.shape[0], kernels.UNDERFLOW, dtype=np.int8)
    branch, states = np.array(tree.branchings), np.array(alphabet)
    batch = max(kernels.LANES, int(_WORK / (int(start[-1]) * most * most * (1 if level == 0 else 3))))
    linear = all(float(p[p > 0].min()) > _SMALL for p in (tree.prior, *tree.channels))
    for rows in in_batches(data.shape[0] if linear else 0, batch):
        x = np.ascontiguousarray(data[rows], dtype=np.int64)
        kernels.propagate(x, level, tree.prior, branch, states, start, padded, out[rows], status[rows])
    again = np.flatnonzero(status == kernels.UNDERFLOW)
    for rows in in_batches(again.size, max(1, int(1e6 / (int(start[-1]) * most * most)))):
        picked = again[rows]
        out[picked] = logarithmic(tree, data[picked], level)
        status[picked] = np.where(np.isfinite(out[picked]).all(axis=(1, 2)), kernels.FINE, kernels.IMPOSSIBLE)
    impossible = status == kernels.IMPOSSIBLE
    if impossible.any():
        raise ValueError(impossible_draw(int(np.argmax(impossible))))
    return out


def log_likelihood(tree: "Tree", data: Array) -> Array:
    """ln p(leaves | root), (n, states): messages whose largest entry is taken out, site by site, into a logarithm."""
    out = np.empty((len(data), tree.alphabet[0]))
    most = max(tree.alphabet)
    for rows in in_batches(len(data), max(1, int(1e6 / (tree.level_sizes[-1] * most * most)))):
        up = np.where(data[rows][..., None] == np.arange(tree.alphabet[-1]), 0.0, -np.inf)
        for k in range(tree.depth - 1, -1, -1):
            with np.errstate(divide="ignore"):
                message = _apply(up, np.log(tree.channels[k].T))
            up = message.reshape(len(up), tree.level_sizes[k], tree.branchings[k], -1).sum(axis=2)
        out[rows] = up[:, 0]
    return out


def logarithmic(tree: "Tree", data: Array, level: int) -> Array:
    """The same in logarithms throughout, in NumPy; rows of NaN where a draw has probability zero."""
    depth, count = tree.depth, data.shape[0]
    with np.errstate(divide="ignore"):
        log_prior = np.log(tree.prior)
        channels = [np.log(channel) for channel in tree.channels]
    up = np.where(data[..., None] == np.arange(tree.alphabet[-1]), 0.0, -np.inf)
    messages = []
    kept = up
    for k in range(depth - 1, -1, -1):
        message = _apply(up, channels[k].T)
        message = message.reshape(count, tree.level_sizes[k], tree.branchings[k], -1)
        messages.append(message)
        up = message.sum(axis=2)
        kept = up if k == level else kept
    messages.reverse()
    down = np.broadcast_to(log_prior, (count, 1, log_prior.size))
    for k in range(level):
        # All siblings but one: sums from the left and from the right, as −∞ cannot be subtracted
        message = messages[k]
        left, right = np.zeros_like(message), np.zeros_like(message)
        np.cumsum(message[:, :, :-1], axis=2, out=left[:, :, 1:])
        right[:, :, :-1] = np.cumsum(message[:, :, :0:-1], axis=2)[:, :, ::-1]
        outside = down[:, :, None, :] + left + right
        down = _apply(outside.reshape(count, tree.level_sizes[k + 1], -1), channels[k])
    log_p = down + kept
    # Data of probability zero may show at the root only: the leaves' own level always has one state left
    root = (log_prior + up).max(axis=(1, 2), keepdims=True)
    largest = np.where(np.isfinite(root), log_p.max(axis=2, keepdims=True), np.nan)
    p = np.exp(np.where(np.isfinite(largest), log_p - np.where(np.isfinite(largest), largest, 0.0), np.nan))
    return np.asarray(p / p.sum(axis=2, keepdims=True))


def _apply(log_x: Array, log_matrix: Array) -> Array:
    """log Σ_a exp(x[…, a] + m[a, b]), without overflow; −∞ stands for zero."""
    terms = log_x[..., :, None] + log_matrix
    largest = terms.max(axis=-2, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    total = np.exp(terms - shift).sum(axis=-2)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(total) + shift[..., 0, :])
