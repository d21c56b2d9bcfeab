"""The proof that sampled states are those of the model: every state of a tiny lattice, and two p-values.

``p_values(model, data)`` tests draws of any discrete model against enumeration: a chi-square over cells (E, first
component of the order parameter), the rarest cells pooled until they hold ten draws, and a z-test of the mean energy.
Energies are counted here from the Hamiltonian's definition, bond by bond, with no help from the package; a model that
is not known here lends its own ``energy``.
"""

import functools
import itertools
import math

import numpy as np
import scipy.stats

CHAINS = 8
THIN = {  # sweeps after which draws of a tiny lattice are nearly independent
    "metropolis": 20,
    "heat-bath": 30,
    "metropolis-sequential": 20,
    "heat-bath-sequential": 30,
    "wolff": 8,
    "swendsen-wang": 8,
}
_VECTORS = {"triangular": ((1, 0), (0, 1), (1, -1))}


def name_of(model):
    return model.to_dict()["name"]


def bonds(model):
    """Every bond once, (i, j), in the package's order: by bond vector, then sites in C order; a graph's as given."""
    kind = getattr(model, "lattice", "hypercubic")
    if not isinstance(kind, str):
        return [(int(i), int(j)) for i, j in kind.edges]
    shape, boundary = model.shape, model.boundary
    axes = range(len(shape))
    vectors = _VECTORS.get(kind, [tuple(int(a == axis) for a in axes) for axis in axes])
    return [pair for vector in vectors for pair in pairs(shape, boundary, vector)]


def pairs(shape, boundary, offset):
    """Ordered pairs (site, site at the offset)."""
    sites = list(itertools.product(*(range(side) for side in shape)))
    number = {site: k for k, site in enumerate(sites)}
    for site in sites:
        other = [x + step for x, step in zip(site, offset, strict=True)]
        other = [x % side if name == "periodic" else x for x, side, name in zip(other, shape, boundary, strict=True)]
        if tuple(other) in number:
            yield number[site], number[tuple(other)]


def values(model):
    """What a site can be."""
    name = name_of(model)
    if name in ("Ising", "SpinGlass"):
        return (-1, 1)
    return (-1, 0, 1) if name == "BlumeCapel" else tuple(range(model.q))


def states(model):
    """Every configuration, (number, N)."""
    row = np.array(values(model), dtype=np.int64)
    number = np.arange(len(row) ** model.n_sites)[:, None]
    return row[number // len(row) ** np.arange(model.n_sites)[::-1] % len(row)]


def _tables(model):
    """Log-weights of a bond (q, q) and of a site (q,), by the definition of the model; its values are their rows."""
    name, s = name_of(model), np.array(values(model), dtype=float)
    if name == "Potts":
        return model.K * np.equal.outer(s, s), model.h * (s == 0)
    if name == "Clock":
        angle = 2 * np.pi * s / model.q
        return model.K * np.cos(np.subtract.outer(angle, angle)), model.h * np.cos(angle)
    if name == "BlumeCapel":
        return model.K * np.outer(s, s), model.h * s - model.D * s**2
    if name == "Ising" and not getattr(model, "couplings", ()):
        return model.K * np.outer(s, s), model.h * s
    if name == "SpinGlass":
        return np.outer(s, s), model.h * s
    if name == "DiscreteModel":
        return np.asarray(model.bond, dtype=float), np.asarray(model.site, dtype=float)
    return None


def energies(model, x):
    """H of every row of x, (..., N), from its definition."""
    x = np.asarray(x, dtype=np.int64)
    tables = _tables(model)
    if tables is None:
        return np.asarray(model.energy(x.reshape(*x.shape[:-1], *model.shape)))
    bond, site = tables
    rows = x - values(model)[0] if len(values(model)) != 2 or values(model)[0] == 0 else (x + 1) // 2
    scale = np.asarray(model.bond_couplings()) if name_of(model) == "SpinGlass" else itertools.repeat(1.0)
    total = site[rows].sum(axis=-1)
    for (i, j), strength in zip(bonds(model), scale, strict=False):
        total = total + strength * bond[rows[..., i], rows[..., j]]
    return -total


def orders(model, x):
    """The first component of the order parameter of every row of x, (..., N)."""
    x, name = np.asarray(x), name_of(model)
    if name == "Potts":
        return ((model.q * (x == 0) - 1) / (model.q - 1)).sum(axis=-1)
    if name == "Clock":
        return np.cos(2 * np.pi * x / model.q).sum(axis=-1)
    if name in ("Ising", "SpinGlass", "BlumeCapel"):
        return x.sum(axis=-1)
    return _first(model.observe(x.reshape(*x.shape[:-1], *model.shape).astype(model.dtype))["magnetization"], x.ndim)


def p_values(model, data, reference=None):
    """p-values of the states and of the mean energy of draws of ``model``, tested against ``reference`` (None: it).

    ``data`` is a Dataset, whose energy and magnetization are taken as they stand, or configurations (..., *shape).
    """
    if hasattr(data, "data_vars"):
        energy = data["energy"].values.ravel()
        order = _first(data["magnetization"].values, data["energy"].ndim + 1).ravel()
    else:
        rows = np.asarray(data).reshape(-1, model.n_sites)
        energy, order = energies(model, rows), orders(model, rows)
    return p_of(model, energy, order, reference)


def p_of(model, energy, order, reference=None):
    """As `p_values`, of energies and order parameters (draws,)."""
    cells, p, mean, variance = _enumerated(model, reference)
    expected = p * energy.size
    number = {tuple(cell): k for k, cell in enumerate(cells.tolist())}
    found, counts = np.unique(_key(energy, order), axis=0, return_counts=True)
    observed = np.zeros(len(cells))
    for cell, count in zip(found.tolist(), counts, strict=True):
        if tuple(cell) not in number:
            return 0.0, 0.0  # no state of the model has that energy and order parameter
        observed[number[tuple(cell)]] = count
    return _chi_square(observed, expected), _z_test(energy, mean, math.sqrt(variance))


@functools.lru_cache(maxsize=4)
def _enumerated(model, reference):
    """Cells (E, order parameter), their probabilities, and mean and variance of the energy."""
    x = states(model)
    truth = energies(model if reference is None else reference, x)
    allowed = np.isfinite(truth)
    x, truth = x[allowed], truth[allowed]
    p = np.exp(-(truth - truth.min()))
    p /= p.sum()
    carried = energies(model, x)  # cells by the energy that the draws carry
    cells, index = np.unique(_key(carried, orders(model, x)), axis=0, return_inverse=True)
    mean = (p * carried).sum()
    return cells, np.bincount(index.ravel(), weights=p), mean, max(0.0, (p * carried**2).sum() - mean**2)


def _key(energy, order):
    """Cells as whole numbers; the odd shift keeps simple fractions away from where rounding turns."""
    if not np.isfinite(energy).all():
        return np.full((len(energy), 2), np.iinfo(np.int64).min)
    return np.round(np.stack([energy, order], axis=1) * 1e6 + 0.27182818).astype(np.int64)


def _chi_square(observed, expected):
    rarest = np.argsort(expected)
    few = rarest[: max(1, int(np.searchsorted(np.cumsum(expected[rarest]), 10.0)) + 1)]
    rest = np.setdiff1d(rarest, few)
    observed = np.append(observed[rest], observed[few].sum())
    expected = np.append(expected[rest], expected[few].sum())
    if len(expected) == 1:
        return 1.0
    return float(scipy.stats.chi2.sf(((observed - expected) ** 2 / expected).sum(), len(expected) - 1))


def _z_test(energy, mean, sd):
    if sd < 1e-9:
        return 1.0
    return float(2 * scipy.stats.norm.sf(abs(energy.mean() - mean) / (sd / math.sqrt(energy.size))))


def _first(magnetization, ndim):
    """The first component, where there are components behind the draws."""
    magnetization = np.asarray(magnetization)
    return magnetization[..., 0] if magnetization.ndim >= ndim else magnetization


def sampled(model, update, draws=5000, *, chains=CHAINS, thin=None, seed=7, **options):
    """Draws by the sampler, thinned until they are nearly independent."""
    from rgnet.sampling import sample

    thin = thin or sum(THIN.get(part, 20) for part in update.split("+"))
    return sample(model, draws, chains=chains, update=update, warmup=100, thin=thin, seed=seed, **options)


def moved(move, model, draws=20_000, *, thin=20, chains=2, seed=7, width=None):
    """Draws straight from a Move's kernel, with no sampler: configurations (chains·draws, *shape), measured (…, width).

    ``width`` is the number of columns that the kernel writes (None: one for each name in ``measures``).
    """
    streams = np.random.SeedSequence(seed, spawn_key=(99,)).spawn(chains)
    width = len(move.measures) if width is None else width
    inner = model.n_sites * getattr(model, "components", 1)
    group = min(chains, move.group)
    x, numbers = [], []
    for first in range(0, chains, group):
        members = range(first, min(first + group, chains))
        rng = np.random.Generator(np.random.PCG64(streams[first]))
        state = np.full((len(members), inner + model.shape[-1]), model.outside, dtype=model.dtype)
        for row, chain in zip(state, members, strict=True):
            row[:inner] = np.asarray(model.start(chain, rng)).ravel()
        out = np.empty((len(members), draws, inner), dtype=model.dtype)
        measured = np.empty((len(members), draws, width))
        warm = np.empty((len(members), 1, inner), dtype=model.dtype)
        calls = ((100, warm, np.empty((len(members), 1, width))), (thin, out, measured))
        for every, rows, numbers_of in calls:
            # a kernel that moves one chain knows no axis of chains
            arrays = (state, rows, numbers_of) if move.group > 1 else (state[0], rows[0], numbers_of[0])
            move.record(arrays[0], rng, every, arrays[1], arrays[2], *move.tables, *move.settings.values())
        x.append(out.reshape(-1, inner))
        numbers.append(measured.reshape(-1, width))
    shape = (-1, *((model.components,) if getattr(model, "components", 1) > 1 else ()), *model.shape)
    return np.concatenate(x).reshape(shape), np.concatenate(numbers)


def check_measured(move, model, x, measured):
    """What a kernel measured beside its configurations x is what the model says of them."""
    column = 0
    kept = {"energy": model.energy(x), **model.observe(x)}
    for name in move.measures:
        if name not in kept:
            column += 1  # an improved estimator, which no configuration gives
            continue
        wanted = np.asarray(kept[name], dtype=np.float64).reshape(len(x), -1)
        got = measured[:, column : column + wanted.shape[1]]
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-7 * max(1.0, np.abs(wanted).max()), err_msg=name)
        column += wanted.shape[1]
