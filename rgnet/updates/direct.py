"""Direct sampling of the Gaussian field: independent exact draws.

Noise ε of independent standard normal numbers, filtered: φ = A^(−1/2) ε has the covariance A⁻¹. On hypercubic lattices
A is diagonal in plane waves along periodic sides, with 4 sin²(k/2), k = 2πn/L, and in cosines along free sides, with
4 sin²(πn/2L); on the periodic triangular lattice the third bond adds 4 sin²((k_x − k_y)/2). So φ is ε, filtered by fast
Fourier and cosine transforms (noise is noise in any orthonormal basis, so free sides need the inverse transform only).
Other lattices take φ = L^(−T) ε with Cholesky's A = L Lᵀ, for up to `MOST` sites.

The energy is H = ½ |ε|² exactly. Every sweep draws its noise, so that how work is cut changes nothing.
Source: Hockney & Eastwood (1981) for the transforms; Rue (2001) for Cholesky's factor.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.linalg

from rgnet.exact import gaussian_field as exact
from rgnet.models.gaussian_field import GaussianField
from rgnet.updates.base import Array, Move, Update

MOST = 4096  # sites of a lattice without transform: 130 MB for the factor
_DRAWS_PER_CALL = 4096  # each takes some ten microseconds, however small


def record(
    state: Array,
    rng: np.random.Generator,
    every: int,
    out: Array,
    measured: Array,
    shape: tuple[int, ...],
    periodic: tuple[int, ...],
    free: tuple[int, ...],
    factor: npt.NDArray[np.float64],
) -> None:
    """The contract of `rgnet.updates.base`; ``factor`` is λ^(−1/2) by mode, or Cholesky's L."""
    n_sites = int(np.prod(shape))
    for k in range(len(measured)):
        noise = rng.standard_normal(n_sites)
        for _ in range(every - 1):
            noise = rng.standard_normal(n_sites)
        if factor.shape != shape:
            field = scipy.linalg.solve_triangular(factor, noise, lower=True, trans="T", check_finite=False)
        else:
            field = _filtered(noise.reshape(shape), periodic, free, factor).ravel()
        state[:n_sites] = field
        if measured.shape[1]:
            square = field * field
            measured[k, :4] = 0.5 * (noise @ noise), field.sum(), square.sum(), (square * square).sum()
        if out.shape[1]:
            out[k] = field


def _filtered(x: Any, periodic: tuple[int, ...], free: tuple[int, ...], factor: Any) -> Any:
    if not periodic:
        return scipy.fft.idctn(x * factor, axes=free, type=2, norm="ortho")
    # Real noise along all periodic axes, modes along free ones; a real transform keeps half the last periodic axis
    last = periodic[-1]
    length = x.shape[last]
    kept = tuple(slice(length // 2 + 1) if axis == last else slice(None) for axis in range(x.ndim))
    waves = scipy.fft.rfftn(x, axes=periodic) * factor[kept]
    x = scipy.fft.irfftn(waves, s=[x.shape[axis] for axis in periodic], axes=periodic)
    return scipy.fft.idctn(x, axes=free, type=2, norm="ortho") if free else x


def _prepare(model: GaussianField, chains: int) -> Move:
    axes = range(model.ndim)
    periodic = tuple(axis for axis in axes if model.boundary[axis] == "periodic")
    free = tuple(axis for axis in axes if model.boundary[axis] == "free")
    if exact.has_waves(model.geometry):
        name, factor = "fourier", 1.0 / np.sqrt(model.r + exact.laplacian_modes(model.geometry))
    else:
        name, factor = "cholesky", scipy.linalg.cholesky(exact.matrix(model.geometry, model.r), lower=True)
    measures = ("energy", "magnetization", "phi2", "phi4")
    spins = min(1 << 20, _DRAWS_PER_CALL * model.n_sites)
    return Move(name, record, (model.shape, periodic, free, factor), {}, measures, spins_per_call=spins)


def _check(model: GaussianField) -> str | None:
    if not exact.has_waves(model.geometry) and model.n_sites > MOST:
        return (
            f"this lattice has no Fourier modes, and a Cholesky factor of {model.n_sites} > {MOST} sites is too large"
        )
    return None


update = Update("direct", _check, _prepare, None, ("GaussianField",))
