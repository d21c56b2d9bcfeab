"""The Gaussian field on finite lattices, exactly: p(φ) ∝ exp(−½ φᵀ A φ), A = r − Δ.

Everything follows from the eigenvalues r + λ_k of A: ln Z = ½ N ln 2π − ½ Σ_k ln(r + λ_k), ⟨H⟩ = Var H = N/2, and
⟨φ_i φ_j⟩ = A⁻¹_ij. Along a periodic side λ = 4 sin²(k/2), k = 2πn/L, along a free one λ = 4 sin²(πn/2L) with cosines
for modes, n = 0 … L − 1, and the axes of a hypercubic lattice add up. The periodic triangular lattice has plane waves
too, with a third term 4 sin²((k_x − k_y)/2). Other lattices are diagonalised as matrices.

Source: any text on the free lattice field, such as Montvay & Münster (1994), section 2.1.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.lattice import Geometry, Graph

Floats = npt.NDArray[np.float64]
Place = int | Sequence[int] | Graph


def has_waves(where: Geometry) -> bool:
    """Whether the modes are known in closed form: hypercubic lattices, and the triangular torus."""
    return where.kind == "hypercubic" or (where.kind == "triangular" and set(where.boundary) == {"periodic"})


def laplacian_modes(where: Geometry) -> Floats:
    """λ_k of −Δ, of the lattice's shape: by wave number along periodic sides, by cosine along free ones.

    Raises
    ------
    ValueError
        If the lattice has no such modes.
    """
    if not has_waves(where):
        raise ValueError(f"a {where.kind} lattice with boundary={where.boundary}: no modes in closed form; use matrix")
    angles = [
        (2 if name == "periodic" else 1) * math.pi * np.arange(side) / side
        for side, name in zip(where.shape, where.boundary, strict=True)
    ]
    grids = np.meshgrid(*angles, indexing="ij")
    total = sum(4.0 * np.sin(grid / 2) ** 2 for grid in grids)
    if where.kind == "triangular":
        total = total + 4.0 * np.sin((grids[0] - grids[1]) / 2) ** 2
    return np.asarray(total, dtype=np.float64)


def matrix(where: Geometry, r: float) -> Floats:
    """A = r − Δ as a matrix (N, N): φᵀ A φ = Σ_<ij> (φ_i − φ_j)² + r Σ φ²."""
    A = r * np.eye(where.n_sites)
    for i, j in lattice.bonds(where):
        A[i, i] += 1.0
        A[j, j] += 1.0
        A[i, j] -= 1.0
        A[j, i] -= 1.0
    return A


def eigenvalues(shape: Place, r: float, boundary: str | Sequence[str] = "periodic", kind: str = "hypercubic") -> Floats:
    """Eigenvalues of A, 1/G(k): of the lattice's shape where its modes are waves (`laplacian_modes`), else (N,).

    Parameters
    ----------
    shape : int, tuple of int, or Graph
    r : float
        Positive.
    boundary, kind
        As `rgnet.lattice.geometry`.

    Raises
    ------
    ValueError
        If r is not positive and finite, or the lattice is impossible.
    """
    if not (math.isfinite(r) and r > 0):
        raise ValueError(f"r={r}: the Gaussian field needs a finite r > 0")
    where = lattice.geometry(shape, boundary, kind)
    values = r + laplacian_modes(where) if has_waves(where) else np.linalg.eigvalsh(matrix(where, r))
    return np.asarray(values, dtype=np.float64)


def propagator(shape: Place, r: float, kind: str = "hypercubic") -> Floats:
    """G(k) = ⟨|φ(k)|²⟩/N = 1/(r + λ_k) on a torus, φ(k) = Σ_x φ_x e^{−ikx}; of the lattice's shape.

    Raises
    ------
    ValueError
        As `eigenvalues`, or for a graph, which has no waves.
    """
    if isinstance(shape, Graph):
        raise ValueError(f"{shape!r}: a graph has no translations, and so no waves; use covariance(graph, r)")
    return np.asarray(1.0 / eigenvalues(shape, r, "periodic", kind))


def log_Z(shape: Place, r: float, boundary: str | Sequence[str] = "periodic", kind: str = "hypercubic") -> float:
    """ln Z = ln ∫ dᴺφ exp(−½ φᵀ A φ) of the whole lattice. Parameters as `eigenvalues`."""
    values = eigenvalues(shape, r, boundary, kind)
    return float(0.5 * np.log(2 * math.pi / values).sum())


def energy(shape: Place) -> float:
    """⟨H⟩ = N/2, whatever r and the lattice; Var H is the same."""
    return 0.5 * lattice.geometry(shape, "free").n_sites


def phi2(shape: Place, r: float, boundary: str | Sequence[str] = "periodic", kind: str = "hypercubic") -> float:
    """Σ_i ⟨φ_i²⟩ = Σ_k G(k), the whole lattice's; −2 ∂ ln Z/∂r. Parameters as `eigenvalues`."""
    return float((1.0 / eigenvalues(shape, r, boundary, kind)).sum())


def covariance(shape: Place, r: float, boundary: str | Sequence[str] = "periodic", kind: str = "hypercubic") -> Floats:
    """⟨φ_i φ_j⟩ = A⁻¹ as a matrix (N, N), for lattices of some thousand sites. Parameters as `eigenvalues`."""
    eigenvalues(2, r)  # checks r
    return np.asarray(np.linalg.inv(matrix(lattice.geometry(shape, boundary, kind), r)))


def correlation(shape: Place, r: float, kind: str = "hypercubic") -> Floats:
    """⟨φ_0 φ_x⟩ for every displacement x on a torus, of the lattice's shape.

    Raises
    ------
    ValueError
        As `propagator`.
    """
    return np.asarray(np.fft.ifftn(propagator(shape, r, kind)).real)
