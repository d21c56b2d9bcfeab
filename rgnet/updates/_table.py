"""Heat bath and Metropolis for models of q states, from their tables of log-weights alone.

**Heat bath:** a site is drawn anew with P(a) ∝ exp(site[a] + Σ_neighbours bond[a, x_j]), whatever it was. Every
probability is positive but where −∞ stands in a table, so that any order of the sites is ergodic (for −∞ by way of the
state that is allowed next to all, `rgnet.models.discrete`). **Metropolis:** one of the q − 1 other states is proposed,
each with probability (15/16)/(q − 1), and accepted with min(1, exp(−ΔH)); every site may stay or go anywhere, so that
sites in a fixed order are ergodic even where ΔH = 0 (`rgnet.updates.metropolis`).

**Tables.** Both are a distribution over the next state given how many neighbours are in each state, and, Metropolis,
the present one. A state's code is (d + 1)^a, d the largest number of neighbours, so that the sum of the neighbours'
codes tells those numbers; where all sites have d, the last is known from the others and the codes are one power
smaller. The row of that sum in ``cuts`` holds the q − 1 cumulative probabilities, and the next state is the number of
them that a uniform random number reaches. Where that table would be too large, kernels compute the weights.

Sources: Metropolis, Rosenbluth, Rosenbluth, Teller & Teller (1953); Geman & Geman (1984).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.updates import _table_halves, _table_rows, _table_sites
from rgnet.updates.base import Move, Update, always_exact, spins_per_call
from rgnet.updates.metropolis import PROPOSAL

MODELS = ("Potts", "Clock", "BlumeCapel", "DiscreteModel")

_MOST_ENTRIES = 1 << 16  # of a table of cumulative probabilities: half a megabyte
_ROWS_FROM = 512  # sites from which seeding 32 generators a sweep pays
_WIDEST = 600.0  # span of log-weights up to which products of weights cannot underflow
_ONE = 1 << 62  # random words are whole numbers below it

Floats = npt.NDArray[np.float64]


def _prepare(model: Any, rule: str, in_turn: bool) -> Move:
    names = ("energy", *model.columns)
    columns = np.concatenate([np.reshape(table, (len(table), -1)) for table in model.columns.values()], axis=1)
    tail = (lattice.bonds(model.geometry), model.log_bond, model.log_site + 0.0, columns.astype(np.float64))
    degree, regular = _degrees(model)
    codes = neighbor_codes(len(model.log_site), degree, regular)
    rows = (int(codes.max()) * degree + 1) * (len(codes) if rule == "metropolis" else 1)
    if rows * (len(codes) - 1) > _MOST_ENTRIES:
        return _computed(model, rule, in_turn, degree, tail, names)
    cuts, jump = cumulative(model.log_bond, model.log_site, codes, degree, rule)
    first = model.states[0]
    if not in_turn and model.geometry.kind == "hypercubic" and model.n_sites >= _ROWS_FROM:
        whole = np.round(cuts * float(_ONE)).astype(np.int64)
        near, row_colors, n_colors, length, closed = _rows(model)
        energies = bond_sums(model.log_bond, codes, degree)
        if n_colors == 2 and length % 2 == 0:
            energies = np.tile(energies, (len(whole) // len(energies), 1))
            halves = (near // length, row_colors, closed, first, codes, jump, whole, energies, length, *tail[2:])
            return Move("table halves", _table_halves.record, halves, measures=names)
        tables = (
            near,
            row_colors,
            n_colors,
            length,
            closed,
            first,
            codes.astype(np.uint16),
            jump,
            whole,
            energies,
            *tail,
        )
        return Move("table rows", _table_rows.record, tables, measures=names)
    tables = (*_sites(model, in_turn), first, codes, jump, cuts, *tail)
    spins = spins_per_call(model.geometry)
    return Move("table sites", _table_sites.record, tables, measures=names, spins_per_call=spins)


def _computed(model: Any, rule: str, in_turn: bool, degree: int, tail: Any, names: tuple[str, ...]) -> Move:
    """Where there are too many numbers of neighbours to look up."""
    sites, first, bond, site = _sites(model, in_turn), model.states[0], model.log_bond, model.log_site
    spins = spins_per_call(model.geometry)
    if rule == "metropolis":
        tables = (*sites, first, PROPOSAL, *tail)
        return Move("proposals", _table_sites.record_proposals, tables, measures=names, spins_per_call=spins)
    finite = bond[np.isfinite(bond)]
    logs = bool(degree * np.ptp(finite) + np.ptp(site) > _WIDEST)
    factors = (bond, site) if logs else (np.exp(bond - finite.max()), np.exp(site - site.max()))
    tables = (*sites, first, *factors, logs, *tail)
    return Move("weights", _table_sites.record_weights, tables, measures=names, spins_per_call=spins)


def _sites(model: Any, in_turn: bool) -> tuple[Any, ...]:
    """The order of the sites, and their neighbours in one row."""
    order = np.arange(model.n_sites, dtype=np.int32) if in_turn else lattice.by_color(model.geometry)[0]
    return order, *lattice.adjacency(model.geometry)[:2]


def _rows(model: Any) -> tuple[Any, ...]:
    """Where the neighbouring rows begin, the rows' colours, number of colours, length of a row, whether it closes."""
    lead, length = model.shape[:-1], model.shape[-1]
    n_colors, along = lattice.axis_colors(model.shape, model.boundary)
    colors = np.zeros(lead, dtype=np.int64)
    for axis, part in enumerate(along[:-1]):
        colors += part.reshape([-1 if a == axis else 1 for a in range(len(lead))])
    near = np.empty((1, 0), dtype=np.int64)
    if lead:
        near = np.ascontiguousarray(lattice.nearest_neighbors(lead, model.boundary[:-1]).T.astype(np.int64) * length)
    return near, colors.ravel() % n_colors, n_colors, length, model.boundary[-1] == "periodic"


def _degrees(model: Any) -> tuple[int, bool]:
    """Largest number of neighbours, and whether all sites have it."""
    degrees = np.diff(lattice.adjacency(model.geometry)[0])
    return int(degrees.max()), bool((degrees == degrees[0]).all())


def neighbor_codes(q: int, degree: int, regular: bool) -> npt.NDArray[np.int64]:
    """The code of each state, (q,); those that would overflow are too large for a table anyway."""
    powers = [float(degree + 1) ** a for a in range(q)]
    if regular:
        powers = [0.0, *powers[:-1]]
    return np.minimum(powers, 2.0**40).astype(np.int64)


def _numbers(codes: npt.NDArray[np.int64], degree: int) -> npt.NDArray[np.int64]:
    """Numbers of neighbours in each state, (rows, q), by the sum of the codes; sums that never occur get anything."""
    sums = np.arange(int(codes.max()) * degree + 1)
    digits = [sums // code % (degree + 1) if code else np.zeros_like(sums) for code in codes]
    if codes[0] == 0:
        digits[0] = np.maximum(degree - sum(digits), 0)
    return np.stack(digits, axis=1)


def bond_sums(bond: Floats, codes: npt.NDArray[np.int64], degree: int) -> Floats:
    """Log-weight of a site's bonds, (rows, q), by the sum of the neighbours' codes and the site's state."""
    numbers = _numbers(codes, degree)
    total = np.zeros(numbers.shape)
    for other, weights in enumerate(bond):
        present = numbers[:, other] > 0
        total[present] += numbers[present, other, None] * weights
    return total


def cumulative(bond: Floats, site: Floats, codes: npt.NDArray[np.int64], degree: int, rule: str) -> tuple[Floats, int]:
    """Cumulative probabilities of the next state, (rows, q − 1), and how many rows a present state is apart."""
    log = bond_sums(bond, codes, degree) + site
    log -= log.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        weights = np.nan_to_num(np.exp(log))  # NaN only where no state is allowed, which never occurs
    if rule == "heat-bath":
        total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
        return _cuts(weights / total), 0
    q = len(site)
    parts = []
    for old in range(q):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = np.nan_to_num(np.exp(np.minimum(log - log[:, [old]], 0.0)))
        move = PROPOSAL / (q - 1) * ratio
        move[:, old] = 0.0
        move[:, old] = 1.0 - move.sum(axis=1)
        parts.append(_cuts(move))
    return np.concatenate(parts), len(log)


def _cuts(p: Floats) -> Floats:
    """Cumulative probabilities; exactly 1 from the last possible state on."""
    cuts = np.minimum(np.cumsum(p, axis=1), 1.0)
    after = np.cumsum(p[:, ::-1], axis=1)[:, ::-1]
    return np.ascontiguousarray(np.where(after[:, 1:] > 0, cuts[:, :-1], 1.0))


def _make(name: str, rule: str, in_turn: bool) -> Update:
    def prepare(model: Any, chains: int = 1) -> Move:
        return _prepare(model, rule, in_turn)

    return Update(name, always_exact, prepare, models=MODELS)


updates = (
    _make("metropolis", "metropolis", False),
    _make("heat-bath", "heat-bath", False),
    _make("metropolis-sequential", "metropolis", True),
    _make("heat-bath-sequential", "heat-bath", True),
)
