"""Random words as the multi-spin kernels meet them: interleaved lanes, seeded anew every sweep."""

import numpy as np
import pytest
import scipy.stats

from rgnet.updates import _lanes

TESTS = 16
P_LEAST = 1e-4 / TESTS


def words(per_sweep, sweeps, seed=1):
    """(sweep, word) of random words."""
    out = np.empty(per_sweep * sweeps, dtype=np.uint64)
    _lanes.stream(np.random.default_rng(seed), _lanes.new_lanes(), out, per_sweep)
    return out.reshape(sweeps, per_sweep)


def z_of_ones(x):
    """Normal deviate of the number of ones."""
    ones, bits = int(np.bitwise_count(x).sum()), x.size * 64
    return (ones - bits / 2) / np.sqrt(bits / 4)


def p_of(z):
    return 2 * scipy.stats.norm.sf(abs(z))


@pytest.mark.parametrize("per_sweep", [128, 4096])
def test_bits_bytes_and_serial_correlations(per_sweep):
    x = words(per_sweep, (1 << 20) // per_sweep)
    p = {"ones": p_of(z_of_ones(x))}
    counts = np.bincount(x.view(np.uint8).ravel(), minlength=256)
    p["bytes"] = scipy.stats.chisquare(counts).pvalue
    by_bit = ((x.ravel()[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).sum(axis=0, dtype=np.int64)
    p["bit positions"] = scipy.stats.chi2.sf(((by_bit - x.size / 2) ** 2 / (x.size / 4)).sum(), 64)
    p["next lane"] = p_of(z_of_ones(x[:, 1:] ^ x[:, :-1]))
    p["next step of a lane"] = p_of(z_of_ones(x[:, 8:] ^ x[:, :-8]))
    p["next sweep"] = p_of(z_of_ones(x[1:] ^ x[:-1]))
    p["next sweep, first step"] = p_of(z_of_ones(x[1:, :8] ^ x[:-1, :8]))
    p["a bit and its neighbour"] = p_of(z_of_ones(x ^ (x >> np.uint64(1) | x << np.uint64(63))))
    assert min(p.values()) > P_LEAST, p
    assert np.unique(x).size == x.size


def test_a_generator_with_a_flaw_is_seen():
    x = words(4096, 64)
    x[:, 8::16] = x[:, :-8:16] ^ (x[:, 8::16] & np.uint64(0xFFFFFFFFFFFFFFF0))  # four bits repeat
    assert p_of(z_of_ones(x[:, 8:] ^ x[:, :-8])) < P_LEAST


def test_sweeps_depend_on_the_numpy_generator_alone():
    rng, lanes, out = np.random.default_rng(1), _lanes.new_lanes(), np.empty(256, dtype=np.uint64)
    whole = words(64, 4)
    _lanes.stream(rng, lanes, out[:64], 64)
    _lanes.stream(rng, _lanes.new_lanes(), out[64:], 64)
    np.testing.assert_array_equal(out.reshape(4, 64), whole)
