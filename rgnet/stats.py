"""Error bars of correlated series: autocorrelation time, binning, blocked jackknife, bootstrap by chain.

For a stationary series with autocorrelation ρ(t), the integrated autocorrelation time and the error of the mean are

    τ = ½ + Σ_{t≥1} ρ(t) ,      stderr² = 2τ σ²/N ,      N_eff = N/(2τ) ,

so τ = ½ for independent draws (emcee's and ArviZ's time is 2τ). The sum is cut at the smallest window W ≥ 5·2τ(W)
(Sokal 1997; the rule of emcee), and the bias from subtracting the sample mean is corrected to first order in 1/N
(Wolff 2004, eq. 49). A series that is too short for its own τ raises `ShortChainError`, which carries the estimate.

Jackknife and bootstrap work on blocks of consecutive draws of one chain, never across chains; a block must be long
compared with τ.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from rgnet.estimate import Estimate

Array = npt.NDArray[Any]

WINDOW = 5.0  # in units of 2τ
MIN_EFFECTIVE = 50.0  # independent draws below which an error bar is not trusted (emcee's tolerance)
MIN_BLOCKS = 20  # the error of an error bar is then 16 %
BLOCK_LENGTH = 5.0  # in autocorrelation times: neighbouring blocks then share about 10 % of their variance


class ShortChainError(ValueError):
    """The series is too short for its own autocorrelation time; ``estimate`` holds what it gave all the same."""

    def __init__(self, message: str, estimate: Estimate) -> None:
        super().__init__(message)
        self.estimate = estimate


def as_chains(x: Any) -> Array:
    """A series as a float array (chain, draw): from (draw,), (chain, draw), or a DataArray with those dimensions.

    Raises
    ------
    ValueError
        If there are other dimensions, fewer than two draws, or values that are not finite.
    """
    if hasattr(x, "dims"):
        unknown = [name for name in x.dims if name not in ("chain", "draw")]
        if unknown or "draw" not in x.dims:
            raise ValueError(
                f"a series has the dimensions (chain, draw) or (draw,), not {tuple(x.dims)}; select one first"
            )
        x = x.transpose(*(name for name in ("chain", "draw") if name in x.dims)).values
    array = np.atleast_2d(np.asarray(x, dtype=np.float64))
    if array.ndim != 2 or array.shape[1] < 2:
        raise ValueError(f"a series of shape {np.shape(x)}: give (draw,) or (chain, draw) with at least two draws")
    if not np.isfinite(array).all():
        raise ValueError(f"the series has {np.count_nonzero(~np.isfinite(array))} values that are not finite numbers")
    return array


def autocorrelation(x: Any) -> Array:
    """Autocorrelation ρ(t), t = 0 … draws − 1, averaged over chains about their common mean; ρ(0) = 1.

    A constant series has no autocorrelation: all NaN.
    """
    chains = as_chains(x)
    draws = chains.shape[1]
    spectrum = scipy.fft.rfft(chains - chains.mean(), n=scipy.fft.next_fast_len(2 * draws, real=True), axis=1)
    power = (spectrum * spectrum.conj()).real.mean(axis=0)
    covariance = scipy.fft.irfft(power, n=scipy.fft.next_fast_len(2 * draws, real=True))[:draws]
    covariance /= draws - np.arange(draws)
    if np.ptp(chains) == 0:
        return np.full(draws, np.nan)
    return np.asarray(covariance / covariance[0])


def _time_and_window(chains: Array) -> tuple[float, int]:
    rho = autocorrelation(chains)
    times = 0.5 + np.cumsum(rho) - rho[0]
    inside = np.arange(rho.size) < WINDOW * 2.0 * np.maximum(times, 0.5)  # anticorrelated series need a window too
    window = int(np.argmin(inside)) if not inside.all() else rho.size - 1
    corrected = times[window] * (1.0 + (2.0 * window + 1.0) / chains.size)
    return max(float(corrected), 1e-3), window


def autocorrelation_time(x: Any) -> float:
    """Integrated autocorrelation time τ in draws (½ for independent draws); NaN for a constant series.

    No check of length is made: `mean` does that.
    """
    chains = as_chains(x)
    return float("nan") if np.ptp(chains) == 0 else _time_and_window(chains)[0]


def mean(x: Any) -> Estimate:
    """Mean of a correlated series with an error that contains its autocorrelation.

    Parameters
    ----------
    x : array (draw,) or (chain, draw), or such a DataArray

    Raises
    ------
    ShortChainError
        If the chains hold fewer than 50 independent draws together, if one chain is shorter than 20 τ, or if all
        values are equal. The error's ``estimate`` is what would have been returned.
    """
    chains = as_chains(x)
    value, size = float(chains.mean()), chains.size
    if np.ptp(chains) == 0:
        estimate = Estimate(value, float("nan"), method="mean", n=size)
        raise ShortChainError(
            f"all {size} values are {value:.10g}: a series that never changes has no error bar", estimate
        )
    tau, window = _time_and_window(chains)
    variance = float(((chains - value) ** 2).sum() / max(size - 2.0 * tau, 1.0))
    effective = size / (2.0 * tau)
    estimate = Estimate(
        value,
        float(np.sqrt(variance / effective)),
        method=f"mean, autocorrelation time {tau:.3g} draws (window {window})",
        n=size,
        n_effective=effective,
    )
    draws = chains.shape[1]
    if min(effective, size) < MIN_EFFECTIVE or draws < 20.0 * tau:
        needed = int(np.ceil(max(max(2.0 * tau, 1.0) * MIN_EFFECTIVE / chains.shape[0], 20.0 * tau)))
        raise ShortChainError(
            f"{chains.shape[0]} x {draws} draws with an autocorrelation time of {tau:.3g} draws are worth "
            f"{min(effective, size):.3g} independent ones; an error bar needs {MIN_EFFECTIVE:g} and chains of 20 "
            f"autocorrelation times: take at least {needed} draws a chain, or leave more sweeps between draws",
            estimate,
        )
    return estimate


def binning(x: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Naive error of the mean of bin averages, against the bin size (1, 2, 4, …, while at least 16 bins are left).

    The error rises with the bin size and settles where bins are independent (Flyvbjerg & Petersen 1989).

    Returns
    -------
    sizes, stderrs : arrays
    """
    chains = as_chains(x)
    sizes, errors = [], []
    size = 1
    while chains.shape[0] * (chains.shape[1] // size) >= 16:
        bins = chains.shape[1] // size
        averages = chains[:, : bins * size].reshape(chains.shape[0], bins, size).mean(axis=2)
        sizes.append(size)
        errors.append(float(averages.std(ddof=1) / np.sqrt(averages.size)))
        size *= 2
    return np.array(sizes, dtype=np.int64), np.array(errors)


def block_edges(n_chains: int, n_draws: int, n_blocks: int = 64) -> npt.NDArray[np.int64]:
    """Blocks of consecutive draws, none across chains: rows (chain, start, stop).

    About ``n_blocks`` in all, equally many in each chain, of lengths that differ by at most one draw.
    """
    per_chain = min(n_draws, max(1, -(-n_blocks // n_chains)))
    bounds = np.linspace(0, n_draws, per_chain + 1).round().astype(np.int64)
    return np.array([(c, a, b) for c in range(n_chains) for a, b in itertools.pairwise(bounds)], dtype=np.int64)


def long_blocks(series: Mapping[str, Array], n_blocks: int = 64) -> tuple[npt.NDArray[np.int64], float]:
    """Blocks of consecutive draws that are long compared with the slowest of several series.

    What is estimated from a series z may be its mean or its fluctuations, and under some moves the sign of z forgets
    itself long before its size does. So τ is the largest of those of z and |z − ⟨z⟩|.

    Parameters
    ----------
    series : mapping of name to array (chain, draw)
        Series that never change are passed over.
    n_blocks : int
        Number of blocks wanted, at least 20; fewer are made where they would be shorter than 5 τ.

    Returns
    -------
    edges : array (blocks, 3)
        As `block_edges`.
    tau : float
        The longest autocorrelation time, in draws; ½ if nothing ever changes.

    Raises
    ------
    ValueError
        If ``n_blocks`` is not a whole number of at least 20.
    ShortChainError
        If there is no room for 20 such blocks, unless there are 20 chains, which are independent however short.
    """
    if isinstance(n_blocks, bool) or not isinstance(n_blocks, (int, np.integer)) or n_blocks < MIN_BLOCKS:
        raise ValueError(
            f"blocks={n_blocks!r}: a whole number of at least {MIN_BLOCKS}; fewer give no honest error bar"
        )
    chains, draws = next(iter(series.values())).shape
    times = {}
    for name, z in series.items():
        centred = z - z.mean()
        if draws > 1 and np.ptp(centred) > 0:
            size = np.abs(centred)
            times[name] = max(autocorrelation_time(x) for x in (centred, size) if np.ptp(x) > 1e-9 * size.max())
    worst = max(times, key=lambda name: times[name], default=None)
    tau = 0.5 if worst is None else times[worst]
    needed = max(1, int(np.ceil(BLOCK_LENGTH * tau)))
    per_chain = min(-(-n_blocks // chains), draws // needed)
    if per_chain == 0 and chains >= MIN_BLOCKS:
        per_chain = 1
    if per_chain * chains < MIN_BLOCKS:
        estimate = Estimate(tau, float("nan"), method="integrated autocorrelation time, in draws", n=chains * draws)
        raise ShortChainError(
            f"{chains} x {draws} draws are too few for an error bar: the autocorrelation time of {worst} is {tau:.3g} "
            f"draws, and {MIN_BLOCKS} blocks of {BLOCK_LENGTH:g} of them are needed; take at least "
            f"{needed * -(-MIN_BLOCKS // chains)} draws a chain, or leave more sweeps between draws",
            estimate,
        )
    return block_edges(chains, draws, per_chain * chains), tau


def block_means(x: npt.ArrayLike, edges: npt.NDArray[np.int64]) -> Array:
    """Mean of x (chain, draw, ...) over each block: shape (blocks, ...)."""
    x = np.asarray(x)
    return np.stack([x[chain, start:stop].mean(axis=0) for chain, start, stop in edges])


def jackknife(
    block_statistics: Array, function: Callable[[Array], Any], weights: npt.ArrayLike | None = None
) -> tuple[Array, Array]:
    """Value and delete-one-block jackknife error of a function of means (Quenouille 1949; Tukey 1958).

    Parameters
    ----------
    block_statistics : array (blocks, ...)
        Means over each block.
    function : callable
        Maps a mean of shape (...) to a number or array.
    weights : array (blocks,), optional
        Number of draws in each block, where they differ.

    Returns
    -------
    value, stderr : arrays
        The function of the overall mean, and its error.
    """
    blocks = np.asarray(block_statistics, dtype=np.float64)
    count = blocks.shape[0]
    if count < 2:
        raise ValueError(f"{count} block: a jackknife needs at least two")
    weight = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    weighted = blocks * weight.reshape(-1, *(1,) * (blocks.ndim - 1))
    total, mass = weighted.sum(axis=0), weight.sum()
    value = np.asarray(function(total / mass))
    left_out = np.stack(
        [np.asarray(function((total - block) / (mass - w))) for block, w in zip(weighted, weight, strict=True)]
    )
    with np.errstate(invalid="ignore"):  # where the function is infinite there is no error, NaN
        spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    return value, np.sqrt((count - 1) / count * spread)


def bootstrap(
    statistics: Array, function: Callable[[Array], Any], *, resamples: int = 1000, seed: int = 0
) -> tuple[Array, Array, Array]:
    """Value, error and 95 % percentile interval of a function of means, resampling rows with replacement (Efron 1979).

    Parameters
    ----------
    statistics : array (rows, ...)
        Means of independent rows: one for each chain (``block_means`` over ``block_edges(chains, draws, chains)``),
        or one for each long block where there are few chains.
    function : callable
        Maps a mean of shape (...) to a number or array.

    Returns
    -------
    value, stderr : arrays
    interval : array (2, ...)
    """
    rows = np.asarray(statistics, dtype=np.float64)
    if rows.shape[0] < 2:
        raise ValueError(f"{rows.shape[0]} row: a bootstrap needs at least two chains or blocks")
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    picks = rng.integers(0, rows.shape[0], size=(resamples, rows.shape[0]))
    samples = np.stack([np.asarray(function(rows[pick].mean(axis=0))) for pick in picks])
    value = np.asarray(function(rows.mean(axis=0)))
    return value, samples.std(axis=0, ddof=1), np.quantile(samples, (0.025, 0.975), axis=0)


def round_trips(walker: Any) -> npt.NDArray[np.int64]:
    """Ways from the lowest coupling to the highest and back, of all walkers, as draws show them.

    Parameters
    ----------
    walker : DataArray (chain, draw, replica)

    Returns
    -------
    array (chain,)
    """
    values = np.asarray(walker.transpose("chain", "draw", "replica"))
    chains, draws, R = values.shape
    rows = np.arange(chains)
    heading = np.zeros((chains, R), dtype=np.int8)  # +1 once at the bottom, −1 on the way back
    trips = np.zeros(chains, dtype=np.int64)
    for k in range(draws):
        bottom, top = values[:, k, 0], values[:, k, -1]
        trips += heading[rows, bottom] == -1
        heading[rows, bottom] = 1
        arrived = heading[rows, top] == 1
        heading[rows[arrived], top[arrived]] = -1
    return trips
