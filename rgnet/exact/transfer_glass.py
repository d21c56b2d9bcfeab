r"""Spin glasses on narrow square lattices: ln Z and ground-state energies, any couplings of the bonds, with field.

    Z = Σ_s exp( Σ_b K_b s_i s_j + h Σ s )       the weight of all spins of a row at once, site by site
    E_0 = −max_s ( Σ_b K_b s_i s_j + h Σ s )     the same with max for Σ: the limit T → 0

The weights of the 2^L states of a row are kept as logarithms; a bond to the next row takes two of them to
ln(e^{a + K} + e^{b − K}), or to the larger of a + K and b − K. Around a periodic side the first row is remembered, 2^L
times the work. Source: Morgenstern & Binder (1979).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WIDEST = 14  # sites of a row …
WIDEST_CLOSED = 9  # … and where the rows close to a torus


def log_Z(model: Any) -> float:
    """Return ln Z of a `SpinGlass` on a chain or square lattice.

    Raises
    ------
    ValueError
        If the lattice is another, or neither side fits into a row: at most 14 sites, 9 where the other side is
        periodic.
    """
    return _collapse(model, np.logaddexp)


def ground_energy(model: Any) -> float:
    """Lowest energy H of a `SpinGlass` on a chain or square lattice. Errors as `log_Z`."""
    return 0.0 - _collapse(model, np.maximum)


def _collapse(model: Any, add: Callable[..., Any]) -> float:
    ahead, beside, closed = _couplings(model)
    if ahead.shape[1] > (WIDEST_CLOSED if closed else WIDEST):
        raise ValueError(
            f"shape={model.shape}: rows of {ahead.shape[1]} spins; give one side of at most {WIDEST} sites, "
            f"{WIDEST_CLOSED} where the other is periodic, or enumerate, or sample"
        )
    width = ahead.shape[1]
    spins = 1 - 2 * (np.arange(2**width)[:, None] >> np.arange(width)[::-1] & 1)
    own = model.h * spins.sum(axis=1) + [
        (beside_row * spins[:, : len(beside_row)] * np.roll(spins, -1, axis=1)[:, : len(beside_row)]).sum(axis=1)
        for beside_row in beside
    ]
    if not closed:
        weights = own[0][:, None]
        for bonds, row in zip(ahead[:-1], own[1:], strict=True):
            weights = _next_row(weights, bonds, add) + row[:, None]
        return float(add.reduce(weights[:, 0]))  # type: ignore[attr-defined]
    weights = np.where(np.eye(2**width) == 1, own[0][:, None], -np.inf)
    for bonds, row in zip(ahead[:-1], own[1:], strict=True):
        weights = _next_row(weights, bonds, add) + row[:, None]
    return float(add.reduce(_next_row(weights, ahead[-1], add).diagonal()))  # type: ignore[attr-defined]


def _next_row(weights: Floats, bonds: Floats, add: Callable[..., Any]) -> Floats:
    """Log-weights (2^L, vectors) of the next row's states, by its bonds (L,) to this row."""
    vectors = weights.shape[1]
    for K in bonds:
        up, down = weights.reshape(2, -1, vectors)
        # The first spin goes over to the next row and becomes the last one
        weights = np.stack([add(up + K, down - K), add(up - K, down + K)], axis=1).reshape(-1, vectors)
    return weights


def _cost(width: int, along: str) -> tuple[bool, int]:
    """Whether rows are too long, and the logarithm of the work: rows that close remember their first one."""
    return (width > WIDEST_CLOSED, 2 * width) if along == "periodic" else (width > WIDEST, width)


def _couplings(model: Any) -> tuple[Floats, list[Floats], bool]:
    """Bonds to the next row (M, L), along a row, and whether the rows close; rows are the cheaper side that fits."""
    if getattr(model, "lattice", "hypercubic") != "hypercubic" or len(model.shape) > 2:
        raise ValueError(
            f"shape={model.shape}, lattice={model.lattice!r}: chains and square lattices alone; enumerate, or sample"
        )
    shape = model.shape if len(model.shape) == 2 else (*model.shape, 1)
    names = model.boundary if len(model.shape) == 2 else (*model.boundary, "free")
    couplings = model.bond_couplings()
    first = (shape[0] - (names[0] == "free")) * shape[1]
    ahead = np.zeros(shape)
    ahead[: shape[0] - (names[0] == "free")] = couplings[:first].reshape(-1, shape[1])
    beside = np.zeros(shape)
    beside[:, : shape[1] - (names[1] == "free")] = couplings[first:].reshape(shape[0], -1) if shape[1] > 1 else 0.0
    if _cost(shape[0], names[1]) < _cost(shape[1], names[0]):
        ahead, beside, names = beside.T, ahead.T, names[::-1]
    return ahead, list(beside), names[0] == "periodic"
