r"""Transfer matrices of any model of q states with nearest neighbours: chains and square lattices, free or periodic.

    Z = Σ_x exp( Σ_<ij> bond[x_i, x_j] + Σ_i site[x_i] ) = Tr (V^{1/2} W V^{1/2})^M

with W the product over the sites of a row of exp(bond) to the next row, and V diagonal, the weight of a row by itself.
W is applied site by site, q·q^L operations for each of the L sites, so that no matrix is ever made. The trace runs over
one row of each class of rows that are images of each other under translations, reflection, and the exchanges of states
that the tables allow. Rows are those of the side that is cheaper; q^L ≤ 10⁵.

Means and variances are exact derivatives: everything carries its first two derivatives by ε, where the tables are
bond + ε dbond and site + ε dsite. On the free boundary of M the trace becomes a sum over the rows at both ends.

A periodic side of length 2 has two bonds between its two sites. Source: Kramers & Wannier (1941); the factorised
form is that of Blöte & Nightingale (1982).
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet import lattice

Floats = npt.NDArray[np.float64]
Tables = tuple[npt.ArrayLike, npt.ArrayLike]

MAX_ROWS = 100_000  # states of a row
_MEMORY = 1 << 23  # numbers that are carried at a time
_DENSE = 8  # states of a row up to which a matrix is made
_MOST_PERMUTED = 6  # states up to which all their exchanges are tried


class Sums(NamedTuple):
    """ln Z, and mean and variance of the sum that was asked for."""

    log_Z: float
    mean: float
    variance: float


class Strip(NamedTuple):
    """Of an infinitely long strip, for each row: ln λ_0, the mean of the sum asked for, and ln(λ_0/|λ_1|)."""

    log_Z: float
    mean: float
    gap: float


class _Rows(NamedTuple):
    """Rows of length L: half their log-weight and half their sum (q^L,), and the step to the next row (3q, 3q)."""

    length: int
    q: int
    half_log: Floats
    half_sum: Floats
    step: Floats
    step_scale: float  # what was taken out of the logarithms, for each step and each row
    row_scale: float


def sums(
    bond: npt.ArrayLike,
    site: npt.ArrayLike,
    shape: int | Sequence[int],
    boundary: str | Sequence[str] = "periodic",
    of: Tables | None = None,
) -> Sums:
    """Exact ln Z, and mean and variance of S = Σ_<ij> dbond[x_i, x_j] + Σ_i dsite[x_i].

    Parameters
    ----------
    bond : array_like, shape (q, q)
        Log-weights, symmetric; −inf forbids.
    site : array_like, shape (q,), or 0
    shape : int or one or two ints
    boundary : "periodic", "free", or one of them for each side
    of : (dbond, dsite), optional
        The sum asked for; (bond, site), that is −H, unless given.

    Raises
    ------
    ValueError
        If the lattice has more than two sides or rows with more than 10⁵ states, or bond, site or of are no such
        tables: complex, NaN, +inf, not symmetric, or of another shape.
    """
    sides = lattice.check_shape(shape)
    names = lattice.check_boundary(boundary, sides)
    tables = _checked(bond, site, of)
    if len(sides) > 2:
        raise ValueError(f"shape={sides}: transfer matrices of rows take one or two dimensions; enumerate, or sample")
    if len(sides) == 1:
        sides, names = (sides[0], 1), (names[0], "free")
    along = min((0, 1), key=lambda axis: _cost(sides[1 - axis], len(tables[0]), names[axis]))
    steps, width = sides[along], sides[1 - along]
    rows = _rows(width, names[1 - along], tables)
    found, log = _open(rows, steps) if names[along] == "free" else _closed(rows, steps, names[1 - along], tables)
    mean = found[1] / found[0]
    return Sums(math.log(found[0]) + log, float(mean), float(max(0.0, found[2] / found[0] - mean**2)))


def of_model(model: Any) -> Sums:
    """Exact ln Z, and mean and variance of the energy H, of a model of tables on a chain or square lattice.

    Parameters
    ----------
    model : Ising (with K and h alone), Potts, Clock, BlumeCapel or DiscreteModel

    Raises
    ------
    ValueError
        As `sums`, or if the model has no tables or another lattice.
    """
    bond, site = tables_of(model)
    log_Z, mean, variance = sums(bond, site, model.shape, model.boundary)
    return Sums(log_Z, 0.0 - mean, variance)


def tables_of(model: Any) -> tuple[Floats, Floats]:
    """Log-weights (q, q) of a bond and (q,) of a site, of a model on a chain or square lattice.

    Raises
    ------
    ValueError
        If the model has none.
    """
    if getattr(model, "lattice", "hypercubic") != "hypercubic":
        raise ValueError(f"lattice={model.lattice!r}: transfer matrices take chains and square lattices; enumerate")
    if hasattr(model, "log_bond"):
        return model.log_bond, model.log_site
    ising = hasattr(model, "K") and hasattr(model, "h") and not getattr(model, "attributes", None)
    if not ising or hasattr(model, "bond_couplings") or getattr(model, "couplings", None):
        raise ValueError(f"{type(model).__name__}: it is not told by one table of bonds between nearest neighbours")
    spins = np.array([-1.0, 1.0])
    return model.K * np.outer(spins, spins), model.h * spins


def strip(
    bond: npt.ArrayLike, site: npt.ArrayLike, width: int, boundary: str = "periodic", of: Tables | None = None
) -> Strip:
    """The infinitely long strip, per row of ``width`` sites.

    Parameters as `sums`; the inverse correlation length along the strip is ``gap``.

    Raises
    ------
    ValueError
        If the rows have more than 10⁵ states, or bond, site or of are no such tables: complex, NaN, +inf, not
        symmetric, or of another shape.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    tables = _checked(bond, site, of)
    rows = _rows(width, lattice.check_boundary(boundary, (width,))[0] if width > 1 else "free", tables)
    size = len(rows.half_log)

    def apply(vector: Floats) -> Floats:
        block = np.zeros((3, size, 1))
        block[0, :, 0] = np.ravel(vector)
        return _apply(rows, block)[0, :, 0]

    if size <= _DENSE:  # too few for a search by vectors
        values, vectors = np.linalg.eigh(np.stack([apply(row) for row in np.eye(size)]))
        order = np.argsort(-np.abs(values))[:2]
        values, vectors = values[order], vectors[:, order]
    else:
        operator = LinearOperator((size, size), matvec=apply, dtype=np.float64)
        values, vectors = eigsh(operator, k=2, which="LM", v0=np.ones(size), tol=1e-13)
    first = int(np.argmax(values))
    block = np.zeros((3, size, 1))
    block[0, :, 0] = vectors[:, first]
    after = _apply(rows, block)
    mean = float(vectors[:, first] @ after[1, :, 0] / values[first])
    top = math.log(values[first])
    return Strip(
        top + rows.step_scale + rows.row_scale, mean, top - math.log(max(abs(float(values[1 - first])), 1e-300))
    )


def _cost(width: int, q: int, along: str) -> tuple[bool, float]:
    """Whether rows have too many states, and the work; the smaller is the better."""
    states = float(q) ** width
    return states > MAX_ROWS, states if along == "free" else states**2 / (2 * width)


def _checked(bond: npt.ArrayLike, site: npt.ArrayLike, of: Tables | None) -> tuple[Floats, Floats, Floats, Floats]:
    for name, part in zip(("bond", "site", "of[0]", "of[1]"), (bond, site, *(of or ())), strict=False):
        if np.iscomplexobj(part):
            first = np.ravel(part)[np.argmax(np.ravel(np.imag(part)) != 0)]
            raise ValueError(f"{name} has the entry {first}: log-weights are real numbers; give real tables")
    weights = np.asarray(bond, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or len(weights) < 2 or (weights != weights.T).any():
        raise ValueError(f"bond of shape {weights.shape}: give a symmetric table (q, q) of log-weights, q ≥ 2")
    if np.isnan(weights).any() or (weights == math.inf).any():
        raise ValueError("bond has entries NaN or +inf: give log-weights, −inf for what is forbidden")
    parts = [np.broadcast_to(np.asarray(part, dtype=np.float64), shape) for part, shape in _shapes(weights, site, of)]
    if (parts[1] != parts[1].T).any() or not np.isfinite(parts[0]).all() or not np.isfinite(parts[2]).all():
        raise ValueError("site and dsite are finite tables (q,), and dbond is symmetric (q, q)")
    allowed = np.isfinite(weights)
    return weights, parts[0], np.where(allowed, parts[1], 0.0), parts[2]


def _shapes(bond: Floats, site: npt.ArrayLike, of: Tables | None) -> list[tuple[npt.ArrayLike, tuple[int, ...]]]:
    q = len(bond)
    dbond, dsite = (bond, site) if of is None else of
    return [(site, (q,)), (dbond, (q, q)), (dsite, (q,))]


def _rows(length: int, boundary: str, tables: tuple[Floats, Floats, Floats, Floats]) -> _Rows:
    bond, site, dbond, dsite = tables
    q = len(site)
    if float(q) ** length > MAX_ROWS:
        raise ValueError(
            f"rows of {length} sites have {q}^{length} states, and transfer matrices take at most {MAX_ROWS}; give one "
            f"side of at most {int(math.log(MAX_ROWS, q))}, or sample"
        )
    digits = _digits(length, q)
    pairs = [(j, (j + 1) % length) for j in range(length if boundary == "periodic" else length - 1)]
    half_log = sum((site[digit] for digit in digits), np.zeros(q**length)) / 2
    half_sum = sum((dsite[digit] for digit in digits), np.zeros(q**length)) / 2
    for i, j in pairs:
        half_log = half_log + bond[digits[i], digits[j]] / 2
        half_sum = half_sum + dbond[digits[i], digits[j]] / 2
    top, top_row = bond.max(), half_log.max()
    w0 = np.exp(bond - top)
    w1, w2, zero = dbond * w0, dbond**2 * w0, np.zeros_like(w0)
    step = np.block([[w0, zero, zero], [w1, w0, zero], [w2, 2 * w1, w0]])
    return _Rows(length, q, half_log - top_row, half_sum, step, float(length * top), float(2 * top_row))


def _digits(length: int, q: int) -> list[npt.NDArray[np.int64]]:
    index = np.arange(q**length)
    return [index // q ** (length - 1 - j) % q for j in range(length)]


def _weigh(rows: _Rows, psi: Floats) -> Floats:
    """Half of a row's own weight, with derivatives; psi is (3, q^L, vectors)."""
    weight, own = np.exp(rows.half_log)[:, None], rows.half_sum[:, None]
    a, b, c = psi
    return np.stack([weight * a, weight * (b + own * a), weight * (c + 2 * own * b + own**2 * a)])


def _apply(rows: _Rows, psi: Floats) -> Floats:
    """One row further: V^{1/2} W V^{1/2}, with derivatives."""
    vectors = psi.shape[2]
    psi = _weigh(rows, psi)
    for _ in range(rows.length):
        # The first site of the row goes over to the next row and becomes the last one
        psi = (rows.step @ psi.reshape(3 * rows.q, -1)).reshape(3, rows.q, -1, vectors).swapaxes(1, 2)
        psi = psi.reshape(3, -1, vectors)
    return _weigh(rows, psi)


def _power(rows: _Rows, psi: Floats, steps: int) -> tuple[Floats, Floats]:
    """So many rows further, and the logarithm of what was taken out of each vector."""
    logs = np.zeros(psi.shape[2])
    for _ in range(steps):
        psi = _apply(rows, psi)
        largest = np.maximum(np.abs(psi[0]).max(axis=0), 1e-300)
        psi /= largest
        logs += np.log(largest)
    return psi, logs


def _dot(a: Floats, b: Floats) -> Floats:
    """Products of vectors, with derivatives, (3, vectors)."""

    def inner(i: int, j: int) -> Floats:
        return np.asarray((a[i] * b[j]).sum(axis=0))

    return np.stack([inner(0, 0), inner(0, 1) + inner(1, 0), inner(0, 2) + 2 * inner(1, 1) + inner(2, 0)])


def _open(rows: _Rows, steps: int) -> tuple[Floats, float]:
    """All rows at both ends."""
    end = np.zeros((3, len(rows.half_log), 1))
    end[0] = 1.0
    end = _weigh(rows, end)
    psi, logs = _power(rows, end, steps - 1)
    return _dot(end, psi)[:, 0], float(logs[0]) + (steps - 1) * rows.step_scale + steps * rows.row_scale


def _closed(rows: _Rows, steps: int, boundary: str, tables: tuple[Floats, ...]) -> tuple[Floats, float]:
    """The trace, over one row of each class."""
    members, sizes = _classes(rows.length, rows.q, boundary, tables)
    size = len(rows.half_log)
    batch = max(1, _MEMORY // (3 * size))
    parts, logs = [], []
    for begin in range(0, len(members), batch):
        chosen = members[begin : begin + batch]
        psi = np.zeros((3, size, len(chosen)))
        psi[0, chosen, np.arange(len(chosen))] = 1.0
        half, half_logs = _power(rows, psi, steps // 2)
        if steps % 2:
            whole, more = _power(rows, half, 1)
            parts.append(_dot(half, whole))
            logs.append(2 * half_logs + more)
        else:
            parts.append(_dot(half, half))
            logs.append(2 * half_logs)
    found, log = np.concatenate(parts, axis=1), np.concatenate(logs)
    top = float(log.max())
    return (found * (sizes * np.exp(log - top))).sum(axis=1), top + steps * (rows.step_scale + rows.row_scale)


def _classes(
    length: int, q: int, boundary: str, tables: tuple[Floats, ...]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """One row of each class, and the sizes of the classes."""
    digits = _digits(length, q)
    powers = [q ** (length - 1 - j) for j in range(length)]
    lowest = np.arange(q**length)
    shifts = range(length) if boundary == "periodic" else range(1)
    for exchange in _exchanges(q, tables):
        moved = [exchange[digit] for digit in digits]
        for row in (moved, moved[::-1]):
            for shift in shifts:
                image = sum(row[(j + shift) % length] * powers[j] for j in range(length))
                np.minimum(lowest, image, out=lowest)
    members, sizes = np.unique(lowest, return_counts=True)
    return members.astype(np.intp), sizes


def _exchanges(q: int, tables: tuple[Floats, ...]) -> Iterator[npt.NDArray[np.int64]]:
    """Exchanges of the states under which all tables are what they were; they form a group."""
    if q <= _MOST_PERMUTED:
        candidates = [np.array(order) for order in itertools.permutations(range(q))]
    else:
        turns = [(np.arange(q) + k) % q for k in range(q)]
        candidates = [*turns, *((q - turn) % q for turn in turns)]
    bond, site, dbond, dsite = tables
    for order in candidates:
        pair = np.ix_(order, order)
        same = (bond[pair] == bond).all() and (dbond[pair] == dbond).all()
        if same and (site[order] == site).all() and (dsite[order] == dsite).all():
            yield order
