"""Small systems of continuous variables by numerical integration: a few sites, chains, narrow strips.

A model is given by its log-weights on a grid of nodes x_a with weights w_a of the integral over one site: ``site`` (G,)
and ``bond`` (G, G). `few` sums over all grids of up to five sites on any graph; `chain` uses the transfer operator

    T(a, b) = √w_a exp(½ site_a + bond_ab + ½ site_b) √w_b,    Z = tr Tᴺ for a ring,

whose discretisation by Gauss–Legendre nodes, or by equal steps around a circle, converges faster than any power of the
number of nodes for smooth weights. `phi4` puts the columns of a narrow strip in the place of sites.

Source: Baxter (1982), section 2.1, for the operator; Nyström (1930) for its discretisation.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.lattice import Geometry, Graph

Floats = npt.NDArray[np.float64]
Place = int | Sequence[int] | Graph

_MOST_STATES = 2500  # of a column, side of the transfer matrix
_MOST_SITES = 5
_TAIL = 32.0  # ln of what is neglected beyond the last node


class Phi4Moments(NamedTuple):
    """ln Z, and means of lattice sums: H, Σ φ, Σ φ² and Σ φ⁴."""

    log_Z: float
    energy: float
    magnetization: float
    phi2: float
    phi4: float


def legendre(low: float, high: float, n: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss–Legendre integration from ``low`` to ``high``, (n,) each."""
    x, w = np.polynomial.legendre.leggauss(n)
    return np.asarray(0.5 * (low + high) + 0.5 * (high - low) * x), np.asarray(0.5 * (high - low) * w)


def hermite(width: float, n: int) -> tuple[Floats, Floats]:
    """Nodes and weights for ∫ f(x) dx with f like a normal density of standard deviation ``width``, (n,) each."""
    x, w = np.polynomial.hermite_e.hermegauss(n)
    return np.asarray(width * x), np.asarray(width * w * np.exp(0.5 * x * x))


def circle(n: int) -> tuple[Floats, Floats]:
    """Angles −π, …, in n equal steps, and their weights 2π/n."""
    return -math.pi + 2 * math.pi * np.arange(n) / n, np.full(n, 2 * math.pi / n)


def few(
    edges: Sequence[Sequence[int]], n_sites: int, site: npt.ArrayLike, bond: npt.ArrayLike, weights: npt.ArrayLike
) -> tuple[float, Floats]:
    """A few sites on any graph: ln Z, and the probability of every node of the product grid, (G, …, G).

    Parameters
    ----------
    edges : pairs of sites
        A pair that occurs twice is two bonds.
    n_sites : int
        At most 5.
    site, weights : (G,) array_like
    bond : (G, G) array_like

    Raises
    ------
    ValueError
        If there are too many sites.
    """
    if not 1 <= n_sites <= _MOST_SITES:
        raise ValueError(f"n_sites={n_sites}: the product grid is for 1 to {_MOST_SITES} sites; use chain")
    site, bond, weights = (np.asarray(x, dtype=np.float64) for x in (site, bond, weights))
    total = np.zeros((site.size,) * n_sites)
    for i in range(n_sites):
        total += (site + np.log(weights)).reshape([-1 if k == i else 1 for k in range(n_sites)])
    for i, j in edges:
        a, b = sorted((int(i), int(j)))
        total += (bond if i < j else bond.T).reshape([site.size if k in (a, b) else 1 for k in range(n_sites)])
    top = total.max()
    p = np.exp(total - top)
    norm = p.sum()
    return float(top + math.log(norm)), p / norm


def chain(
    site: npt.ArrayLike,
    bond: npt.ArrayLike,
    weights: npt.ArrayLike,
    n: int,
    boundary: str = "periodic",
    *,
    on_sites: Mapping[str, npt.ArrayLike] | None = None,
    on_bonds: Mapping[str, npt.ArrayLike] | None = None,
) -> tuple[float, dict[str, float]]:
    """A chain or ring of n sites: ln Z, and the mean of Σ_i f(x_i) or Σ_i f(x_i, x_{i+1}) for each given function.

    Parameters
    ----------
    site, weights : (G,) array_like
    bond : (G, G) array_like
        Symmetric.
    n : int
        Sites; a ring of two has two bonds.
    boundary : "periodic" or "free"
    on_sites, on_bonds : mapping of name to array
        Functions on the nodes, (G,) and (G, G).

    Raises
    ------
    ValueError
        If the bond is not symmetric, n is too small, or the boundary unknown.
    """
    site, bond, weights = (np.asarray(x, dtype=np.float64) for x in (site, bond, weights))
    if not np.allclose(bond, bond.T, rtol=1e-12, atol=1e-12):
        raise ValueError("bond is not symmetric: a bond has no direction; give bond[a, b] = bond[b, a]")
    if boundary not in ("periodic", "free") or n < 2:
        raise ValueError(f"n={n}, boundary={boundary!r}: a chain is periodic or free and has at least two sites")
    half = 0.5 * (site + np.log(weights))
    logs = half[:, None] + bond + half[None, :]
    top = logs.max()
    T = np.exp(logs - top)
    sites = {name: np.asarray(f, dtype=np.float64) for name, f in (on_sites or {}).items()}
    pairs = {name: np.asarray(f, dtype=np.float64) for name, f in (on_bonds or {}).items()}
    if boundary == "periodic":
        return _ring(T, top, n, sites, pairs)
    return _open(T, top, half, n, sites, pairs)


def _ring(
    T: Floats, top: float, n: int, sites: Mapping[str, Floats], pairs: Mapping[str, Floats]
) -> tuple[float, dict[str, float]]:
    values, Q = np.linalg.eigh(T)
    largest = values[-1]
    ratio = values / largest
    p, before = ratio**n, ratio ** (n - 1) / largest
    Z = float(p.sum())
    means = {name: n * float(p @ np.einsum("ak,a,ak->k", Q, f, Q)) / Z for name, f in sites.items()}
    for name, f in pairs.items():
        means[name] = n * float(before @ np.einsum("ak,ak->k", Q, (T * f) @ Q)) / Z
    return float(n * (math.log(largest) + top) + math.log(Z)), means


def _open(
    T: Floats, top: float, half: Floats, n: int, sites: Mapping[str, Floats], pairs: Mapping[str, Floats]
) -> tuple[float, dict[str, float]]:
    end = np.exp(half - half.max())
    left, scale = [end], 0.0
    for _ in range(n - 1):
        following = T @ left[-1]
        norm = following.max()
        left.append(following / norm)
        scale += math.log(norm)
    Z = float(left[-1] @ end)
    means = dict.fromkeys((*sites, *pairs), 0.0)
    for i in range(n):  # the chain is its own mirror image
        a, b = left[i], left[n - 1 - i]
        joint = a * b
        for name, f in sites.items():
            means[name] += float(joint @ f) / float(joint.sum())
        if i < n - 1:
            b = left[n - 2 - i]
            weight = float(a @ T @ b)
            for name, f in pairs.items():
                means[name] += float(a @ (T * f) @ b) / weight
    return float(scale + (n - 1) * top + 2 * half.max() + math.log(Z)), means


def phi4(
    shape: Place,
    r: float,
    u: float,
    h: float = 0.0,
    boundary: str | Sequence[str] = "periodic",
    kind: str = "hypercubic",
    nodes: int | None = None,
) -> Phi4Moments:
    """The φ⁴ model of `rgnet.models.phi4` on up to four sites of any lattice, on chains, and on strips of two rows.

    Parameters
    ----------
    shape : int, (length,), (length, 2), or Graph of up to 4 sites
        The last side of a strip is the narrow one.
    r, u, h : float
        u > 0, or u = 0 and r > 0.
    boundary, kind
        As `rgnet.lattice.geometry`.
    nodes : int, optional
        Of the grid for a site: 64 for chains, 32 for strips and for a few sites unless given;
        long correlations need more.

    Raises
    ------
    ValueError
        If the lattice is too large, or the weight cannot be normalised.
    """
    if not all(map(math.isfinite, (r, u, h))) or u < 0 or (u == 0 and r <= 0):
        raise ValueError(f"r={r}, u={u}, h={h}: give finite couplings with u > 0, or u = 0 with r > 0")
    where = lattice.geometry(shape, boundary, kind)
    edge = _edge(r, u, h)
    if where.n_sites <= 4 or where.kind != "hypercubic":
        x, w = legendre(-edge, edge, nodes or 32)
        return _phi4_few(where, r, u, h, x, w)
    width = 1 if where.ndim == 1 else where.shape[1]
    x, w = legendre(-edge, edge, nodes or (64 if width == 1 else 32))
    if where.ndim > 2 or x.size**width > _MOST_STATES:
        raise ValueError(f"shape={where.shape}: give a chain, a strip (length, 2), or up to 4 sites; or fewer nodes")
    columns = np.array(list(itertools.product(x, repeat=width)))
    weights = np.prod(np.array(list(itertools.product(w, repeat=width))), axis=1)
    site = _local(columns, r, u, h).sum(axis=1)
    if width > 1:
        inside = lattice.bonds(lattice.geometry((width,), where.boundary[1]))
        site = site - 0.5 * ((columns[:, inside[:, 0]] - columns[:, inside[:, 1]]) ** 2).sum(axis=1)
    bond = -0.5 * ((columns[:, None] - columns[None]) ** 2).sum(axis=2)
    sums: dict[str, Any] = {f"{power}": (columns**power).sum(axis=1) for power in (1, 2, 4)}
    log_Z, means = chain(
        site, bond, weights, where.shape[0], where.boundary[0], on_sites={**sums, "site": site}, on_bonds={"bond": bond}
    )
    moments = (-means["site"] - means["bond"], means["1"], means["2"], means["4"])
    return Phi4Moments(log_Z, *map(float, moments))


def _phi4_few(where: Geometry, r: float, u: float, h: float, x: Floats, w: Floats) -> Phi4Moments:
    bonds = [(int(i), int(j)) for i, j in lattice.bonds(where)]
    log_Z, p = few(bonds, where.n_sites, _local(x, r, u, h), -0.5 * (x[:, None] - x[None]) ** 2, w)
    axes = range(where.n_sites)
    single = [p.sum(axis=tuple(a for a in axes if a != i)) for i in axes]
    first, second, fourth = (float(sum(q @ x**power for q in single)) for power in (1, 2, 4))
    energy = 0.5 * r * second + 0.25 * u * fourth - h * first
    for i, j in bonds:
        low, high = sorted((i, j))
        pair = p.sum(axis=tuple(a for a in axes if a not in (low, high)))
        energy += 0.5 * float((pair * (x[:, None] - x[None]) ** 2).sum())
    return Phi4Moments(log_Z, energy, first, second, fourth)


def _local(x: Floats, r: float, u: float, h: float) -> Floats:
    return -0.5 * r * x**2 - 0.25 * u * x**4 + h * x


def _edge(r: float, u: float, h: float) -> float:
    """Where the local weight has fallen by exp(−`_TAIL`) from its largest, gradients only narrowing it."""
    bottom = math.sqrt(-r / u) if r < 0 else 0.0
    high = max(1.0, 2 * bottom)
    best = max(float(_local(np.array([bottom]), r, u, abs(h))[0]), 0.0)
    while float(_local(np.array([high]), r, u, abs(h))[0]) > best - _TAIL:
        high *= 1.5
    low = bottom
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float(_local(np.array([middle]), r, u, abs(h))[0]) > best - _TAIL:
            low = middle
        else:
            high = middle
    return high
