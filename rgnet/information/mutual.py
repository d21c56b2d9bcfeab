"""``entropy`` and ``mutual_information`` of whatever is given: symbols are counted, real numbers measured.

Whole numbers, booleans and strings are symbols; floats are real, but for "auto" symbols too where rows repeat so often
that there are at most n/10 and at most √n distinct ones: spins as ±1.0, averages over blocks of spins. (Rounded
measurements have more, and are measured.) A method that is named decides by itself.
"""

from typing import Any

import numpy as np

from rgnet.estimate import Estimate
from rgnet.information import discrete
from rgnet.information.continuous import combined
from rgnet.information.continuous.mixed import discrete_continuous
from rgnet.information.counts import Counts
from rgnet.information.entropies import FORMULAE
from rgnet.information.samples import as_labels, paired

ROSS = "ross"
METHODS = ("auto", *FORMULAE, *(name for name in combined.METHODS if name != "auto"), ROSS)


def mutual_information(
    x: Any,
    y: Any = None,
    *,
    method: str = "auto",
    k: int = 3,
    chains: int | None = None,
    unit: str = "nats",
    seed: int = 0,
) -> Estimate:
    """Mutual information I(x; y) of two variables, discrete, continuous, or one of each.

    Parameters
    ----------
    x, y : array (n,), (n, ...), or DataArray with ``draw`` and perhaps ``chain``
        Draws, row i of each belonging together. Each row of whole numbers, booleans or strings is one symbol, so that
        a configuration of many spins is one of very many; see `retained` for those. Or ``x`` alone: `Counts` of two
        variables.
    method : str
        For symbols: "plug-in", "miller-madow", "grassberger", "jackknife", "chao-shen", "chao-wang-jost", "zhang".
        For real numbers: "ksg", "ksg2", "gaussian", "copula", "mixture". For one of each: "ross". "auto" goes by what
        is given: symbols `discrete.mutual_information`, real numbers `continuous.mutual_information`, one of each
        Ross' method, several real columns as normal scores. Floats with at most n/10 and at most √n distinct rows are
        symbols to it, unless beside real numbers one of these rows occurs once.
    k : int
        Neighbours, for real numbers.
    chains : int, optional
        That the rows of plain arrays are so many chains of consecutive correlated draws.
    unit : "nats" or "bits"
    seed : int
        Of the surrogates of the default for real numbers.

    Returns
    -------
    Estimate
        Not clipped: about as often negative as positive where there is no information. ``method`` says what was done.

    Raises
    ------
    ValueError
        If the method is unknown, shapes disagree, values are not finite, or one of the methods refuses its data.
    ShortChainError
        If chains are too short for their autocorrelation time.
    """
    if hasattr(x, "data_vars") or hasattr(y, "data_vars"):
        raise ValueError("a Dataset is no variable: choose one of its variables, such as data['magnetization']")
    if method not in METHODS:
        raise ValueError(f"method={method!r}: choose one of {', '.join(METHODS)}")
    if isinstance(x, Counts) or method in FORMULAE:
        return discrete.mutual_information(x, y, method=method, chains=chains, unit=unit)
    if y is None:
        raise ValueError("y=None: give two variables, or Counts of two")
    symbols = [_is_symbol(item) for item in (x, y)]
    if method == "auto" and not all(symbols):
        symbols = _with_repeated(x, y, symbols, chains)
    if method == ROSS or (method == "auto" and any(symbols) and not all(symbols)):
        labels, real = (x, y) if symbols[0] else (y, x)
        if not any(symbols):
            raise ValueError(f"method={method!r} takes one variable of symbols: neither has whole numbers or strings")
        return discrete_continuous(labels, real, k=k, chains=chains, unit=unit, scores=method == "auto")
    if method == "auto" and all(symbols):
        return discrete.mutual_information(x, y, method=method, chains=chains, unit=unit)
    return combined.mutual_information(x, y, method=method, k=k, chains=chains, unit=unit, seed=seed)


def _with_repeated(x: Any, y: Any, symbols: list[bool], chains: int | None) -> list[bool]:
    """Which variables are symbols if floats that repeat are."""
    arrays, _ = paired(x, y, chains=chains)
    n, found, single = len(arrays[0]), list(symbols), [False, False]
    for place in (0, 1):
        if not symbols[place]:
            labels, count = as_labels(arrays[place])
            found[place] = count >= 2 and count * 10 <= n and count * count <= n
            single[place] = found[place] and int(np.bincount(labels).min()) < 2
    if not all(found) and any(single):  # such a symbol has no neighbour of its own
        return symbols
    return found


def _is_symbol(variable: Any) -> bool:
    array = variable if hasattr(variable, "dtype") else np.asarray(variable)
    return bool(array.dtype.kind in "biuUS")
