"""Parameters of a lattice hierarchy, checked: its couplings, and how many chains each of them gets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rgnet.hierarchies._levels import whole


def couplings_of(couplings: Mapping[str, Any] | None, K: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """K and h of each state of y_0, from a mapping or K alone."""
    rule = 'give couplings={"K": [0.3, 0.5]}, perhaps with "h", or K=[0.3, 0.5]'
    if (couplings is None) == (K is None):
        raise ValueError(f"couplings={couplings!r}, K={K!r}: {rule}")
    given = {"K": K} if couplings is None else dict(couplings)
    if "K" not in given or set(given) - {"K", "h"}:
        raise ValueError(f"couplings of {', '.join(map(str, given)) or 'nothing'}: {rule}")
    arrays = {}
    for name in ("K", "h"):
        try:
            array = np.atleast_1d(np.asarray(given.get(name, 0.0), dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}={given[name]!r}: couplings are real numbers; {rule}") from error
        if array.ndim != 1 or not np.isfinite(array).all():
            raise ValueError(f"{name}={given[name]!r}: a list of finite real numbers; {rule}")
        arrays[name] = array
    count = max(x.size for x in arrays.values())
    if count < 2 or any(x.size not in (1, count) for x in arrays.values()):
        sizes = ", ".join(f"{x.size} of {name}" for name, x in arrays.items())
        raise ValueError(f"{sizes}: give at least two states of y_0, and as many K as h (or one for all)")
    values = [tuple(float(v) for v in np.broadcast_to(arrays[name], (count,))) for name in ("K", "h")]
    if len(set(zip(*values, strict=True))) < count:
        raise ValueError(
            f"K={values[0]}, h={values[1]}: two states of y_0 have the same couplings; merge them in the prior"
        )
    return values[0], values[1]


def chains_of(prior: Sequence[float], chains: int | None) -> list[int]:
    """Chains of each state of y_0, in proportion to the prior."""
    for total in range(1, 1001) if chains is None else [whole("chains", chains, 1)]:
        counts = [round(p * total) for p in prior]
        exact = all(abs(p * total - c) < 1e-6 for p, c in zip(prior, counts, strict=True))
        if exact and sum(counts) == total:
            return counts
    raise ValueError(
        f"chains={chains}, prior={tuple(prior)}: each chain keeps one state of y_0, so prior·chains has to be whole; "
        f"give such a number of chains"
        + (f", a multiple of {sum(chains_of(prior, None))}" if chains is not None else " or a prior of small fractions")
    )
