"""Numba kernels of chains and trees: sampling, and belief propagation.

Random words come from xoshiro256++ (Blackman & Vigna 2021), its state seeded by a NumPy SeedSequence. Two-state levels
are sampled bit-sliced, 64 draws in a word: u < p is decided for all of them from the leading bit on, and stops when no
draw is undecided, after about 8 words (exact to 2⁻⁶⁴). Other alphabets compare a 64-bit word with cumulative
probabilities (exact to 2⁻⁵³).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet._jit import njit

Array = npt.NDArray[Any]
_TOP = np.uint64(2**64 - 1)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_TINY = 1e-200  # products below it are left to the logarithmic route
_LINEAR = 16  # alphabets above it are searched by bisection

FINE, IMPOSSIBLE, UNDERFLOW = 0, 1, 2
LANES = 16  # draws side by side in belief propagation: one walk over the tree for all of them


def thresholds(matrix: Array) -> tuple[Array, Array]:
    """Cumulative probabilities (rows, states − 1) in units of 2⁻⁶⁴, and the last possible state of each row."""
    cumulative = np.cumsum(matrix, axis=1)[:, :-1]
    words = np.where(cumulative < 1.0, cumulative, 0.0) * 2.0**64
    last = matrix.shape[1] - 1 - np.argmax(matrix[:, ::-1] > 0, axis=1)
    return np.where(cumulative < 1.0, words.astype(np.uint64), _TOP), last.astype(np.int64)


def bit_thresholds(matrix: Array) -> tuple[Array, Array]:
    """min(p, 1 − p) of p(1 | a) in units of 2⁻⁶⁴, and the words (0 or all ones) that turn u < min into u < p."""
    p = matrix[:, 1]
    small = np.where(p > 0.5, 1.0 - p, p)
    small = np.maximum(small, 0.0)
    flips = np.where(p > 0.5, _TOP, _ZERO)
    words = (small * 2.0**64).astype(np.uint64)
    if matrix.shape[0] == 1:  # the root: both states of its absent parent alike
        words, flips = np.repeat(words, 2), np.repeat(flips, 2)
    return words, flips


@njit
def _next(s0: Any, s1: Any, s2: Any, s3: Any) -> Any:
    total = s0 + s3
    word = ((total << np.uint64(23)) | (total >> np.uint64(41))) + s0
    t = s1 << np.uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
    return word, s0, s1, s2, s3


@njit
def spread_bits(parent: Any, branching: int, words: Any, flips: Any, state: Any, child: Any) -> None:
    """Children of two-state sites: parent (groups, sites) and child (groups, sites · branching), 64 draws a word."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    t0, t1 = words[0], words[1]
    same = t0 == t1
    for g in range(parent.shape[0]):
        for site in range(parent.shape[1]):
            up = parent[g, site]
            for c in range(branching):
                less0, less1 = _ZERO, _ZERO
                open0 = _TOP
                open1 = _ZERO if same else _TOP
                bit = np.uint64(64)
                while (open0 | open1) != _ZERO and bit > _ZERO:
                    bit -= _ONE
                    random, s0, s1, s2, s3 = _next(s0, s1, s2, s3)
                    if (t0 >> bit) & _ONE:
                        less0 |= open0 & ~random
                        open0 &= random
                    else:
                        open0 &= ~random
                    if not same:
                        if (t1 >> bit) & _ONE:
                            less1 |= open1 & ~random
                            open1 &= random
                        else:
                            open1 &= ~random
                if same:
                    less1 = less0
                child[g, site * branching + c] = (~up & (less0 ^ flips[0])) | (up & (less1 ^ flips[1]))
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3


@njit
def unpack_bits(words: Any, out: Any) -> None:
    """Words (groups, sites) of 64 draws each to out (draws, sites); surplus draws of the last group are left out."""
    for draw in range(out.shape[0]):
        group, shift = draw // 64, np.uint64(draw % 64)
        for site in range(out.shape[1]):
            out[draw, site] = (words[group, site] >> shift) & _ONE


@njit
def spread(parent: Any, branching: int, limits: Any, last: Any, state: Any, child: Any) -> None:
    """Children of sites with any alphabet: parent (draws, sites) and child (draws, sites · branching)."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    width = limits.shape[1]
    for draw in range(parent.shape[0]):
        for site in range(parent.shape[1]):
            a = parent[draw, site]
            for c in range(branching):
                word, s0, s1, s2, s3 = _next(s0, s1, s2, s3)
                k = 0
                if width <= _LINEAR:
                    for j in range(width):
                        k += word >= limits[a, j]
                else:
                    high = width
                    while k < high:
                        middle = (k + high) // 2
                        if word >= limits[a, middle]:
                            k = middle + 1
                        else:
                            high = middle
                child[draw, site * branching + c] = min(k, last[a])
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3


@njit
def _upward(
    x: Any, level: int, branch: Any, alphabet: Any, start: Any, channels: Any, up: Any, message: Any, least: Any
) -> None:
    """Likelihoods ``up`` of every node and messages to its parent, given leaves x (LANES, leaves)."""
    depth = branch.size
    for i in range(x.shape[1]):
        node = start[depth] + i
        for a in range(alphabet[depth - 1]):
            for n in range(LANES):
                message[node, a, n] = channels[depth - 1, a, x[n, i]]
        if level == depth:
            for b in range(alphabet[depth]):
                for n in range(LANES):
                    up[node, b, n] = 1.0 if x[n, i] == b else 0.0
    largest = np.empty(LANES)
    for k in range(depth - 1, -1, -1):
        for i in range(start[k + 1] - start[k]):
            node, first = start[k] + i, start[k + 1] + i * branch[k]
            largest[:] = 0.0
            for a in range(alphabet[k]):
                for n in range(LANES):
                    up[node, a, n] = message[first, a, n]
                for c in range(1, branch[k]):
                    for n in range(LANES):
                        one, other = up[node, a, n], message[first + c, a, n]
                        product = one * other
                        up[node, a, n] = product
                        product += 1.0 if (one == 0.0) | (other == 0.0) else 0.0
                        least[n] = product if product < least[n] else least[n]
                for n in range(LANES):
                    largest[n] = up[node, a, n] if up[node, a, n] > largest[n] else largest[n]
            for n in range(LANES):
                largest[n] = 1.0 / largest[n] if largest[n] > 0.0 else 0.0
            for a in range(alphabet[k]):
                for n in range(LANES):
                    up[node, a, n] *= largest[n]
            if k > 0:
                for a in range(alphabet[k - 1]):
                    for n in range(LANES):
                        message[node, a, n] = channels[k - 1, a, 0] * up[node, 0, n]
                    for b in range(1, alphabet[k]):
                        for n in range(LANES):
                            message[node, a, n] += channels[k - 1, a, b] * up[node, b, n]


@njit
def _downward(
    level: int, branch: Any, alphabet: Any, start: Any, channels: Any, message: Any, down: Any, right: Any, least: Any
) -> None:
    """What all data outside a node's subtree say about it, down to a level."""
    left = np.empty((channels.shape[1], LANES))
    for k in range(level):
        for i in range(start[k + 1] - start[k]):
            node, first = start[k] + i, start[k + 1] + i * branch[k]
            for a in range(alphabet[k]):
                for n in range(LANES):
                    right[branch[k] - 1, a, n] = 1.0
                    left[a, n] = down[node, a, n]
                for c in range(branch[k] - 1, 0, -1):
                    for n in range(LANES):
                        one, other = right[c, a, n], message[first + c, a, n]
                        right[c - 1, a, n] = one * other
                        least[n] = min(least[n], 1.0 if (one == 0.0) | (other == 0.0) else one * other)
            for c in range(branch[k]):
                for a in range(alphabet[k]):
                    for n in range(LANES):
                        one, before, here = left[a, n], right[c, a, n], message[first + c, a, n]
                        right[c, a, n] = before * one
                        left[a, n] = one * here
                        least[n] = min(least[n], 1.0 if (one == 0.0) | (before == 0.0) else before * one)
                        least[n] = min(least[n], 1.0 if (one == 0.0) | (here == 0.0) else one * here)
                for n in range(LANES):
                    total = 0.0
                    for b in range(alphabet[k + 1]):
                        down[first + c, b, n] = 0.0
                        for a in range(alphabet[k]):
                            down[first + c, b, n] += right[c, a, n] * channels[k, a, b]
                        total = max(total, down[first + c, b, n])
                    for b in range(alphabet[k + 1]):
                        down[first + c, b, n] *= 1.0 / total if total > 0.0 else 0.0


@njit
def propagate(
    data: Any, level: int, prior: Any, branch: Any, alphabet: Any, start: Any, channels: Any, out: Any, status: Any
) -> None:
    """Marginals out (n, sites, states) of one level given data (n, leaves), and a status for each draw.

    Messages are divided by their largest entry, 16 draws side by side. A draw in which two positive factors gave less
    than 1e-200 is UNDERFLOW: its states may come back against stronger evidence, so it needs logarithms.
    """
    shape = (start[-1], channels.shape[1], LANES)
    up, message, down = np.zeros(shape), np.zeros(shape), np.zeros(shape if level > 0 else (1, shape[1], LANES))
    right = np.zeros((branch.max(), shape[1], LANES))
    x, least = np.empty((LANES, data.shape[1]), dtype=np.int64), np.empty(LANES)
    for begin in range(0, data.shape[0], LANES):
        lanes = min(LANES, data.shape[0] - begin)
        for n in range(LANES):
            least[n] = 1.0
            for i in range(data.shape[1]):
                x[n, i] = data[begin + min(n, lanes - 1), i]
        _upward(x, level, branch, alphabet, start, channels, up, message, least)
        for a in range(prior.size):
            for n in range(LANES):
                down[0, a, n] = prior[a]
        _downward(level, branch, alphabet, start, channels, message, down, right, least)
        for n in range(lanes):
            possible = 0.0  # by the root: the data's own level always has a state left
            for a in range(prior.size):
                possible += prior[a] * up[0, a, n]
            for i in range(out.shape[1]):
                node, total = start[level] + i, 0.0
                for a in range(alphabet[level]):
                    one, other = down[node, a, n], up[node, a, n]
                    out[begin + n, i, a] = one * other
                    total += one * other
                    least[n] = min(least[n], 1.0 if (one == 0.0) | (other == 0.0) else one * other)
                for a in range(alphabet[level]):
                    out[begin + n, i, a] /= total if total > 0.0 else 1.0
            status[begin + n] = UNDERFLOW if least[n] < _TINY else (FINE if possible > 0.0 else IMPOSSIBLE)
