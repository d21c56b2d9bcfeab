"""Gaussian cascades: every level is a linear map of the one above, plus Gaussian noise.

    y_0 ~ N(0, C_0) ,     y_{k+1} = A_k y_k + ξ_k ,   ξ_k ~ N(0, Q_k) .

With Φ = A_{b−1} … A_a and the noise gathered on the way, C_{b|a} = Σ_j A_{b−1}…A_{j+1} Q_j (A_{b−1}…A_{j+1})ᵀ,

    I(y_a; y_b) = ½ ln det C_b / det C_{b|a} = ½ ln det(1 + C_a^{1/2} Φᵀ C_{b|a}^{-1} Φ C_a^{1/2}) ,

the second form being used, of which every term is positive: no digits cancel. Where a direction passes with no noise at
all the information is infinite; any noise, however small beside the signal or the other sites', leaves it finite. The
posterior is Gaussian, with mean G y_n, G = C_k Φᵀ C_n^{-1}, and covariance C_k^{1/2} (1 + C_k^{1/2} Φᵀ C_{n|k}^{-1} Φ
C_k^{1/2})^{-1} C_k^{1/2}. G y_n is a minimal sufficient statistic for y_k, and so are the data projected on any basis
of the row space of G.

`Cascade.tree` is the multiscale field: a site's children are a·parent + √(1 − a²) σ ξ, so that each site has variance
1 where σ = 1. Sources: Basseville et al. (1992), IEEE Trans. Inf. Theory 38, 766; Cover & Thomas (2006), ch. 8.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.estimate import Estimate
from rgnet.hierarchies._levels import level_of, whole
from rgnet.hierarchies._shared import Floats, fraction, site_dims, take_data
from rgnet.hierarchies._statistic import Statistic

_ZERO = 1e-13  # eigenvalues of a covariance of unit variances below this are none
_SURE = 1e-8  # and above this are known to many digits
_MAX_SITES = 4096  # of a tree: its covariance is a matrix of the sites squared


@dataclass(frozen=True, eq=False, init=False)
class Cascade:
    """A linear Gaussian hierarchy.

    Parameters
    ----------
    matrices : sequence of arrays
        A_k of shape (d_{k+1}, d_k); at least one.
    noises : sequence of numbers or arrays
        Q_k: a variance common to all sites, the variances (d_{k+1},), or a covariance matrix (d_{k+1}, d_{k+1}).
    prior : number or array
        C_0: likewise. Means are zero; add A_k … A_0 ⟨y_0⟩ where they are not.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, or a covariance is not symmetric and positive semidefinite.
    """

    matrices: tuple[Floats, ...]
    noises: tuple[Floats, ...]
    prior: Floats

    def __init__(self, matrices: Sequence[npt.ArrayLike], noises: Sequence[npt.ArrayLike], prior: npt.ArrayLike = 1.0):
        maps = tuple(_real(f"matrices[{k}]", a) for k, a in enumerate(matrices))
        if not maps or len(maps) != len(noises):
            raise ValueError(
                f"{len(maps)} matrices and {len(noises)} noises: give one noise for each matrix, at least one"
            )
        for k, a in enumerate(maps):
            if a.ndim != 2 or 0 in a.shape or (k > 0 and a.shape[1] != maps[k - 1].shape[0]):
                rule = f"(d, {maps[k - 1].shape[0]})" if k else "(d_1, d_0)"
                raise ValueError(f"matrices[{k}] has shape {a.shape}: level {k} to {k + 1} needs {rule}")
        set_ = object.__setattr__
        set_(self, "matrices", maps)
        set_(self, "noises", tuple(_covariance(f"noises[{k}]", q, len(maps[k])) for k, q in enumerate(noises)))
        set_(self, "prior", _covariance("prior", prior, maps[0].shape[1]))

    @classmethod
    def tree(
        cls,
        depth: int,
        branching: int,
        a: float | Sequence[float],
        noise: float = 0.0,
        sigma: float | Sequence[float] = 1,
    ) -> "Cascade":
        """The multiscale field on a tree: level k has branching^k sites.

        Parameters
        ----------
        depth, branching : int
        a : float, or one for each step
            Correlation of a child with its parent, |a| ≤ 1.
        noise : float
            Variance of the noise of the observation, a last level of its own if above 0.
        sigma : float, or one for each step
            Standard deviation of a child's own part, in units of √(1 − a²).

        Raises
        ------
        ValueError
            If a number is out of range, or the last level has more than 4096 sites.
        """
        depth, branching = whole("depth", depth, 1), whole("branching", branching, 1)
        if depth * math.log(branching) > math.log(_MAX_SITES) + 1e-9:
            raise ValueError(
                f"depth={depth}, branching={branching}: more than {_MAX_SITES} sites, whose covariance would not be "
                f"quick; give a smaller depth"
            )
        each = [_per_step("a", a, depth), _per_step("sigma", sigma, depth)]
        for x in each[0]:
            fraction("|a|", abs(x))
        if any(x < 0 for x in each[1]):
            raise ValueError(f"sigma={sigma!r}: a standard deviation is at least 0")
        copies = np.ones((branching, 1))
        matrices = [x * np.kron(np.eye(branching**k), copies) for k, x in enumerate(each[0])]
        noises: list[float] = [(1 - x * x) * s * s for x, s in zip(*each, strict=True)]
        variance = float(_covariance("noise", noise, 1)[0, 0])
        if variance > 0:
            matrices.append(np.eye(branching**depth))
            noises.append(variance)
        return cls(matrices, noises)

    @property
    def steps(self) -> int:
        """Number of the last level, the data."""
        return len(self.matrices)

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """Sites (real numbers) of each level."""
        return (self.matrices[0].shape[1], *(len(a) for a in self.matrices))

    @property
    def alphabet(self) -> tuple[None, ...]:
        """States of a site, by level: None, since they are real numbers."""
        return (None,) * (self.steps + 1)

    def covariance(self, level: int) -> Floats:
        """Covariance C_k of a level, (d_k, d_k)."""
        level, result = level_of(level, self.steps), self.prior
        for a, q in zip(self.matrices[:level], self.noises, strict=False):
            result = a @ result @ a.T + q
        return result

    def _between(self, a: int, b: int) -> tuple[Floats, Floats]:
        """Φ and C_{b|a} from level a to a lower one b."""
        phi, noise = np.eye(self.level_sizes[a]), np.zeros((self.level_sizes[a],) * 2)
        for matrix, q in zip(self.matrices[a:b], self.noises[a:b], strict=True):
            phi, noise = matrix @ phi, matrix @ noise @ matrix.T + q
        return phi, noise

    def sample(self, n: int, seed: int = 0) -> xr.Dataset:
        """Draw ``n`` independent samples, every level of each: ``y_k (draw[, site_k])``, float64."""
        n, seed = whole("n", n, 1), whole("seed", seed, 0)
        levels = [_noise(self.prior, n, seed, 0)]
        for k, (a, q) in enumerate(zip(self.matrices, self.noises, strict=True)):
            levels.append(levels[-1] @ a.T + _noise(q, n, seed, k + 1))
        variables = {
            f"y_{k}": (site_dims(k, x.shape[1]), x if x.shape[1] > 1 else x[:, 0]) for k, x in enumerate(levels)
        }
        attrs = {"hierarchy": "Cascade", "level_sizes": json.dumps(self.level_sizes), "seed": seed}
        return xr.Dataset(variables, attrs=attrs)

    def posterior(self, data: Any, level: int = 0) -> tuple[Any, Floats]:
        """The Gaussian p(y_level | data), exactly.

        Parameters
        ----------
        data : array (n, d_n), or (n,) for d_n = 1, or what `sample` returned
        level : int

        Returns
        -------
        mean : array or DataArray
            (n, d_level), or (n,) for one site.
        covariance : array (d_level, d_level)
            The same for all data.

        Raises
        ------
        ValueError
            If the data are of another shape, or not finite.
        """
        level = level_of(level, self.steps)
        array, labelled = self._data(data)
        gain, covariance = self._gain(level)
        mean = array @ gain.T
        mean = mean[:, 0] if mean.shape[1] == 1 else mean
        sites = self.level_sizes[level]
        return xr.DataArray(mean, dims=site_dims(level, sites)) if labelled else mean, covariance

    def _data(self, data: Any) -> tuple[Floats, bool]:
        array, labelled = take_data(data, self.steps)
        sites = self.level_sizes[-1]
        array = _real("data", array[:, None] if array.ndim == 1 and sites == 1 else array)
        if array.ndim != 2 or array.shape[1] != sites:
            raise ValueError(f"data of shape {array.shape}: give (n, {sites}), draws first")
        return array, labelled

    def _gain(self, level: int) -> tuple[Floats, Floats]:
        """G (d_k, d_n) and the covariance of the posterior."""
        phi, _ = self._between(level, self.steps)
        c_k, c_n = self.covariance(level), self.covariance(self.steps)
        if level == self.steps:
            return np.eye(len(c_n)), np.zeros_like(c_n)
        root, signal = self._signal(level, self.steps)
        if signal is not None:
            inner = np.linalg.solve(np.eye(len(root)) + signal @ signal.T, root)
            covariance = root.T @ inner
        else:
            covariance = c_k - c_k @ phi.T @ _solve(c_n, phi @ c_k)
        return _solve(c_n, phi @ c_k).T, (covariance + covariance.T) / 2

    def _signal(self, a: int, b: int) -> tuple[Floats, Floats | None]:
        """C_a^{1/2}, and C_a^{1/2} Φᵀ L^{-T} with L Lᵀ = C_{b|a}; None where something passes without any noise."""
        from scipy.linalg import solve_triangular

        phi, noise = self._between(a, b)
        root = self._factor(0, a, _root(self.prior)) if a else _root(self.prior)
        passed = root @ phi.T
        # Each site in units of its own noise, before anything of it cancelled: silence is no matter of units
        size, reach = np.zeros(len(root.T)), np.abs(root)
        for matrix, q in zip(self.matrices[a:b], self.noises[a:b], strict=True):
            size, reach = np.hypot(np.abs(matrix) @ size, np.sqrt(np.diag(q))), reach @ np.abs(matrix).T
        unit = np.where(size > 0, size, 1.0)
        passed, reach = passed / unit, reach / unit
        scaled = noise / unit[:, None] / unit
        try:
            lower = np.linalg.cholesky(scaled)
            if np.diag(lower).min() ** 2 > _SURE:
                return root, np.asarray(solve_triangular(lower, passed.T, lower=True).T)
        except np.linalg.LinAlgError:
            pass
        # Noise as a factor, of which the smallest directions are known to the square of what the covariance tells
        factor = self._factor(a, b, np.zeros((0, len(root.T)))) / unit
        _, values, vectors = np.linalg.svd(np.concatenate([factor, np.zeros((len(unit), len(unit)))]))
        silent = values[: len(unit)] <= _ZERO
        quiet, loud = vectors[silent], vectors[~silent]
        through = np.abs(passed @ quiet.T)
        # Rounding turns silent directions towards those of little noise
        turned = max(1e-12, 1e-14 / values[: len(unit)][~silent].min(initial=1.0))
        if (through > turned * (np.sqrt((reach**2) @ (quiet**2).T) + 1e-3 * reach.max(initial=0.0))).any():
            return root, None
        return root, np.asarray(passed @ loud.T) / values[: len(unit)][~silent]

    def _factor(self, a: int, b: int, start: Floats) -> Floats:
        """R with RᵀR the covariance of y_b where y_a has ``start``ᵀ start: rows, at most as many as sites."""
        for matrix, q in zip(self.matrices[a:b], self.noises[a:b], strict=True):
            start = np.concatenate([start @ matrix.T, _root(q)])
            if len(start) > start.shape[1]:
                start = np.asarray(np.linalg.qr(start, mode="r"))
        return start

    def mutual_information(self, level_a: int, level_b: int) -> Estimate:
        """I(y_a; y_b) in nats, exact; infinite where a part of y_b is y_a's without noise, as for a = b."""
        a, b = sorted(level_of(x, self.steps, name) for name, x in (("level_a", level_a), ("level_b", level_b)))
        signal = self._signal(a, b)[1]
        value = math.inf
        if signal is not None:
            gram = signal @ signal.T if signal.shape[0] <= signal.shape[1] else signal.T @ signal
            value = 0.5 * math.fsum(np.log1p(np.maximum(np.linalg.eigvalsh(gram), 0.0)))
        interval = (value, value)
        return Estimate(value, 0.0, interval, "exact", "determinants of covariances", unit="nats")

    def sufficient(self, level: int = 0) -> Statistic:
        """The minimal sufficient statistic of the data for y_level: real numbers (n, rank), linear in the data.

        It is the posterior mean in a basis of its own: ``matrix`` (rank, d_n) has orthonormal rows, which span the row
        space of G.
        """
        level = level_of(level, self.steps)
        _, values, rows = np.linalg.svd(self._gain(level)[0], full_matrices=False)
        matrix = rows[values > 1e-10 * values.max(initial=0.0)]

        def statistic(data: Any) -> Floats:
            return np.asarray(self._data(data)[0] @ matrix.T)

        return Statistic(level, statistic, matrix=matrix, method="row space of the posterior mean")


def _real(name: str, value: npt.ArrayLike) -> Floats:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: give real numbers ({error})") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(array))} values that are not finite numbers")
    return array


def _covariance(name: str, value: npt.ArrayLike, size: int) -> Floats:
    """A covariance matrix (size, size) from a variance, variances or itself."""
    array = _real(name, value)
    if array.ndim < 2 and array.shape in ((), (size,)):
        array = np.diag(np.broadcast_to(array, (size,)))
    if array.shape != (size, size):
        raise ValueError(f"{name} has shape {array.shape}: give a variance, ({size},) variances or ({size}, {size})")
    largest = float(np.abs(array).max())
    if np.abs(array - array.T).max() > 1e-12 * largest:
        raise ValueError(f"{name} is not symmetric: a covariance matrix is")
    diagonal = np.count_nonzero(array - np.diag(np.diag(array))) == 0
    least = float(np.diag(array).min() if diagonal else np.linalg.eigvalsh(array)[0])
    if least < -1e-12 * size * largest or (diagonal and least < 0):
        raise ValueError(f"{name} has the variance {least:.3g} in some direction: a variance is at least 0")
    return array


def _per_step(name: str, value: float | Sequence[float], depth: int) -> list[float]:
    array = _real(name, cast(npt.ArrayLike, value))
    if array.shape not in ((), (depth,)):
        raise ValueError(f"{name} of shape {array.shape}: give one number, or one for each of the {depth} steps")
    return [float(x) for x in np.broadcast_to(array, (depth,))]


def _root(covariance: Floats) -> Floats:
    """R with Rᵀ R = C; directions of no variance, each site in units of its own, are left out of its rows."""
    own = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if np.count_nonzero(covariance - np.diag(np.diag(covariance))) == 0:
        return np.asarray(np.diag(own)[own > 0])
    unit = np.where(own > 0, own, 1.0)
    values, vectors = np.linalg.eigh(covariance / unit[:, None] / unit)
    keep = values > _ZERO * values[-1]
    return np.asarray((vectors[:, keep] * np.sqrt(values[keep])).T * unit)


def _solve(covariance: Floats, right: Floats) -> Floats:
    """C^{-1} right, on the directions that have a variance; each site in units of its own."""
    from scipy.linalg import cho_factor, cho_solve

    own = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    unit = np.where(own > 0, own, 1.0)
    scaled, right = covariance / unit[:, None] / unit, right / unit[:, None]
    try:
        factor = cho_factor(scaled, lower=True)
        if np.diag(factor[0]).min() ** 2 > _ZERO:
            return np.asarray(cho_solve(factor, right)) / unit[:, None]
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(scaled)
    keep = values > _ZERO * values[-1]
    return np.asarray((vectors[:, keep] / values[keep]) @ (vectors[:, keep].T @ right)) / unit[:, None]


def _noise(covariance: Floats, n: int, seed: int, level: int) -> Floats:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(level,)))
    diagonal = np.diag(covariance)
    if np.count_nonzero(covariance - np.diag(diagonal)) == 0:
        return np.asarray(rng.standard_normal((n, len(covariance))) * np.sqrt(diagonal))
    root = _root(covariance)
    return np.asarray(rng.standard_normal((n, len(root))) @ root)
