"""Monte Carlo renormalization group: critical exponents from correlations between levels.

With K'_a the couplings of level n and K_b those of level n − 1, the linearised flow T_ab = ∂K'_a/∂K_b solves

    Σ_a A_ca T_ab = B_cb ,    A_ca = cov(S_c^n, S_a^n) ,    B_cb = cov(S_c^n, S_b^{n−1}) ,

the chain rule for ∂⟨S_c^n⟩/∂K_b (Swendsen 1979, Phys. Rev. Lett. 42, 859, eqs. 5–8). Its leading eigenvalue λ gives
y = ln λ/ln b, y_t in the sector even under x → −x and y_h in the odd one; the sectors are never mixed. Covariances
are connected in both, ⟨S⟩ of odd operators being subtracted although it vanishes for symmetric models.

With all operators T would be exact. With N_c of them it is truncated, which no error bar contains: compare the
entries of the whole (level, N_c) table instead.
"""

import json
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import stats
from rgnet.flow import _sums
from rgnet.flow._sums import Array

FLAGS = (
    "ok",
    "complex_leading_eigenvalue",
    "leading_eigenvalue_not_positive",
    "operators_dependent",
    "no_such_operator",
)
OK, COMPLEX, NOT_POSITIVE, DEPENDENT, ABSENT = range(5)
_LEADING = ("lambda_{sector}", "lambda_{sector}_imag", "y_{letter}")  # rows of `_leading`
_NOTE = "errors are statistical and do not contain truncation to N_c operators: compare entries over level and N_c"


def mcrg(levels: Sequence[Any], even: _sums.Chosen = None, odd: _sums.Chosen = None, blocks: int = 64) -> xr.Dataset:
    """Swendsen's Monte Carlo RG: exponents y_t and y_h for every pair of levels and every number of operators.

    Parameters
    ----------
    levels : list of Datasets, or of operator sums (`rgnet.operators.measure`)
        As ``Network.levels`` returns them.
    even, odd : sequence of names or Operators, optional
        Operators of each sector, in the order in which they enter; ``[]`` leaves a sector out. By default the standard
        sets (`rgnet.operators.defaults`), or, of measured sums, all of that sector.
    blocks : int
        Number of jackknife blocks of consecutive draws, at least 20. Fewer are used where they would be shorter
        than 5 autocorrelation times of the leading operators.

    Returns
    -------
    Dataset over (level, operators)
        ``level`` n stands for T between levels n − 1 and n, ``operators`` for N_c. Variables ``y_t``, ``y_h``, the
        leading eigenvalues ``lambda_even``, ``lambda_odd`` with their imaginary parts ``…_imag``, errors ``…_stderr``
        (delete-one-block jackknife within chains; NaN where a replicate has no real positive leading eigenvalue), all
        eigenvalues by falling modulus (``eigenvalues_even``, …, over ``eigenvalue``), and ``flag_t``, ``flag_h``:
        0 where y holds, else why it is NaN (see their attribute ``flag_meanings``).

    Warns
    -----
    UserWarning
        If operators depend linearly on earlier ones at some level (such as "third" on 2 x 2); the table is NaN from
        the first of them on, and the attribute ``dependent`` lists them.

    Raises
    ------
    ValueError
        If there are fewer than two levels, they do not follow one another on the same draws, an operator is of the
        wrong sector, or a level is frozen or so small that the first operator is constant there.
    ShortChainError
        If there are fewer than 20 blocks of 5 autocorrelation times.
    """
    items = _sums.as_list(levels, 2)
    chosen = {"even": _sums.choose(items, "even", even), "odd": _sums.choose(items, "odd", odd)}
    together = (*chosen["even"], *chosen["odd"])
    if not together:
        raise ValueError("even=[], odd=[]: no operator is left; give at least one, such as even=['nn']")
    sums = _sums.collect(items, together)
    starts = {"even": 0, "odd": len(chosen["even"])}
    edges, tau = _sums.blocks_of_draws(sums, [starts[s] for s in chosen if chosen[s]], blocks)
    ratios = [fine / coarse for coarse, fine in zip(sums.scale[:-1], sums.scale[1:], strict=True)]
    size = max(len(item) for item in chosen.values())
    result = xr.Dataset(
        coords={
            "level": sums.level[1:],
            "operators": np.arange(1, size + 1),
            "eigenvalue": np.arange(size),
            "scale": ("level", sums.scale[1:]),
        },
        attrs={sector: json.dumps([item.name for item in chosen[sector]]) for sector in chosen}
        | {"b": json.dumps(ratios), **_sums.describe(sums, edges, tau), "note": _NOTE},
    )
    dependent: list[str] = []
    for sector, letter in (("even", "t"), ("odd", "h")):
        columns = slice(starts[sector], starts[sector] + len(chosen[sector]))
        tables, words = _sector(sums, columns, edges, ratios, size)
        dependent += words
        for name, table in tables.items():
            dims = ("level", "operators", "eigenvalue")[: table.ndim]
            result[name.format(sector=sector, letter=letter)] = (dims, table)
        result[f"flag_{letter}"].attrs = {"flag_values": list(range(len(FLAGS))), "flag_meanings": " ".join(FLAGS)}
    result.attrs["dependent"] = json.dumps(dependent)
    if dependent:
        warnings.warn(
            f"{'; '.join(dependent)}: the table is NaN from there on; put such operators last or drop the level",
            stacklevel=2,
        )
    return result


def _sector(
    sums: _sums.Sums, columns: slice, edges: npt.NDArray[np.int64], ratios: Sequence[float], size: int
) -> tuple[dict[str, Array], list[str]]:
    """Tables (level, operators) of one sector, by name, and its dependent operators in words."""
    names = [item.name for item in sums.operators[columns]]
    pairs = len(ratios)
    tables: dict[str, Array] = {
        name: np.full((pairs, size), np.nan) for key in _LEADING for name in (key, f"{key}_stderr")
    }
    tables |= {
        key: np.full((pairs, size, size), np.nan) for key in ("eigenvalues_{sector}", "eigenvalues_{sector}_imag")
    }
    tables["flag_{letter}"] = np.full((pairs, size), ABSENT, dtype=np.int8)
    words = []
    for n in range(1, pairs + 1) if names else ():
        coarse, fine = sums.values[n][..., columns], sums.values[n - 1][..., columns]
        rows, found = _pair(coarse, fine, edges, names, ratios[n - 1], sums.name(n))
        words += [f"{sums.name(n)}: {text}" for text in found]
        for name, row in rows.items():
            tables[name][n - 1][tuple(slice(count) for count in row.shape)] = row
    return tables, words


def _pair(
    coarse: Array, fine: Array, edges: npt.NDArray[np.int64], names: Sequence[str], b: float, who: str
) -> tuple[dict[str, Array], list[str]]:
    """Rows over N_c for one pair of levels and one sector, by name, and dependent operators in words."""
    moments, weights = _sums.block_moments((coarse, fine), edges), edges[:, 2] - edges[:, 1]
    found = _sums.dependencies(_split(np.average(moments, axis=0, weights=weights))[0], names)
    usable = min(found, default=len(names))
    if usable == 0:
        raise ValueError(
            f"{who}: {found[0]}, so no set of operators that begins with it works there; put another operator first, "
            f"or drop that level"
        )
    kept = [0, *range(1, 1 + usable), *range(1 + len(names), 1 + len(names) + usable)]
    moments = moments[:, kept][:, :, kept]

    def leading(mean: Array) -> Array:
        return _leading(spectrum(*_split(mean)), b)

    value, stderr = stats.jackknife(moments, leading, weights)
    own = spectrum(*_split(np.average(moments, axis=0, weights=weights)))
    flags = np.full(len(names), DEPENDENT, dtype=np.int8)
    flags[:usable] = np.where(value[1] != 0, COMPLEX, np.where(value[0] > 0, OK, NOT_POSITIVE))
    rows = dict(zip(_LEADING, value, strict=True))
    rows |= {f"{key}_stderr": row for key, row in zip(_LEADING, stderr, strict=True)}
    rows["flag_{letter}"] = flags
    rows["eigenvalues_{sector}"] = own.real
    rows["eigenvalues_{sector}_imag"] = np.where(np.isnan(own.real), np.nan, own.imag)
    return rows, list(found.values())


def _split(moments: Array) -> tuple[Array, Array]:
    """A and B from the mean of z zᵀ, z = (1, coarse sums, fine sums)."""
    matrix = _sums.covariance(moments)
    count = matrix.shape[-1] // 2
    return matrix[:count, :count], matrix[:count, count:]


def spectrum(a: Array, b: Array) -> npt.NDArray[np.complex128]:
    """Eigenvalues of T = A⁻¹B truncated to the first 1, 2, … operators: shape (N_c, N), row N_c − 1 by falling modulus.

    Rows are padded by NaN; of a complex pair, the member with positive imaginary part comes first.
    """
    count = a.shape[0]
    result = np.full((count, count), np.nan + 0j)
    for used in range(1, count + 1):
        values = np.linalg.eigvals(np.linalg.solve(a[:used, :used], b[:used, :used]))
        order = np.lexsort((-values.imag, -np.round(np.abs(values), 12)))
        result[used - 1, :used] = values[order]
    return result


def _leading(eigenvalues: npt.NDArray[np.complex128], b: float) -> Array:
    """Real part, imaginary part and y of the leading eigenvalue for each N_c; y is NaN unless real and positive."""
    first = eigenvalues[:, 0]
    real = (first.imag == 0) & (first.real > 0)
    y = np.where(real, np.log(np.where(real, first.real, 1.0)) / math.log(b), np.nan)
    return np.stack([first.real, first.imag, y])
