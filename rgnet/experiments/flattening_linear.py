"""Flattening linear networks and matrix multiplication, counted on real factorizations (claim D2).

Sparse factors are built and multiplied, the product is compared with the matrix it should be, and non-zero weights are
counted: Fourier butterflies, matrices of rank k, products of two random sparse matrices at several (n, p) with their
scatter, and Strassen's fast matrix multiplication with its linear maps spread over layers or flattened.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "what flattening linear networks and fast matrix multiplication costs, counted (claim D2)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017): flattening multiplies the synapses by O(n/log n) for the fast Fourier transform, "
    "n/2k for rank k, [1 − (1 − p²)ⁿ]/2p for a product of two sparse matrices, and n^0.627 or more for fast matrix "
    "multiplication."
)
REQUIRES = ()
OMEGA = 2.373  # of the paper: the best exponent known then
_MOST_LEVELS = 20  # of counts by formula
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fourier: tuple[int, ...] = Field(
        (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024), min_length=1, description="sizes of Fourier transforms, 2^l"
    )
    rank_n: int = Field(64, ge=2, le=512, description="side of the matrices of low rank")
    sparse_n: tuple[Annotated[int, Field(ge=2, le=1024)], ...] = Field(
        (16, 32, 64, 128, 256), min_length=1, description="sides of the sparse matrices"
    )
    sparse_p: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.02, 0.05, 0.1, 0.3), min_length=1, description="their densities, each with each side"
    )
    draws: int = Field(200, ge=20, description="pairs of sparse matrices for each (n, p)")
    levels: int = Field(5, ge=1, le=6, description="Strassen's algorithm is built up to n = 2^levels")

    @model_validator(mode="after")
    def _check(self) -> Self:
        odd = [n for n in self.fourier if n < 2 or n & (n - 1) or n > 4096]
        if odd:
            raise ValueError(f"fourier={odd}: sizes are powers of two from 2 to 4096")
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Count: groups "fourier", "rank", "sparse" and "multiplication"."""
    report(0.0, "Fourier transforms")
    fourier = _fourier(parameters)
    report(0.2, "low rank")
    rank = _rank(parameters, np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))))
    sparse = _sparse(parameters, seed, report)
    report(0.8, "matrix multiplication")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    return {"fourier": fourier, "rank": rank, "sparse": sparse, "multiplication": _multiplication(parameters, rng)}


def _fourier(p: Parameters) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import linear

    rows = []
    for n in p.fourier:
        found = linear.butterflies(n)
        error = float(np.abs(found.product.toarray() - np.fft.fft(np.eye(n))).max())
        rows.append((sum(found.synapses), found.flat_synapses, found.cost, found.expected, error))
    names = ("deep", "flat", "cost", "formula", "error")
    columns = {name: ("n", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return xr.Dataset(columns, coords={"n": list(p.fourier)}, attrs={"weights": "complex, counted as one each"})


def _rank(p: Parameters, rng: np.random.Generator) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import linear

    n = p.rank_n
    ranks = sorted({min(n, max(1, round(n ** (k / 8)))) for k in range(9)} | {n // 2})
    rows = []
    for k in ranks:
        matrix = rng.standard_normal((n, k)) @ rng.standard_normal((k, n))
        plain, columns = linear.low_rank(matrix, k), linear.low_rank(matrix, k, columns=True)
        error = max(float(np.abs(item.product.toarray() - matrix).max()) for item in (plain, columns))
        rows.append((plain.cost, plain.expected, columns.cost, columns.expected, error / float(np.abs(matrix).max())))
    names = ("cost", "formula", "cost_columns", "formula_columns", "error")
    table = {name: ("k", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return xr.Dataset(table, coords={"k": ranks}, attrs={"n": n})


def _sparse(p: Parameters, seed: int, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import linear

    pairs = [(n, density) for n in p.sparse_n for density in p.sparse_p]
    rows = []
    for index, (n, density) in enumerate(pairs):
        report(0.25 + 0.55 * index / len(pairs), f"sparse matrices, n = {n}, p = {density:g}")
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, index)))
        counts = np.empty((p.draws, 2))
        for draw in range(p.draws):
            found = linear.sparse_product(n, density, rng)
            counts[draw] = found.flat_synapses, sum(found.synapses)
        formula = linear.expected_cost(n, density)
        excess = counts[:, 0] - formula * counts[:, 1]  # of expectation zero, which the ratio's deviation is not
        error = float(excess.std(ddof=1)) / math.sqrt(p.draws)
        mean = counts.mean(axis=0)
        some = counts[counts[:, 1] > 0]
        single = some[:, 0] / some[:, 1]
        rows.append(
            (n, density, formula, mean[0] / mean[1], error / mean[1], float(excess.mean()) / error if error else 0.0,
             single.mean(), single.std(ddof=1))
        )  # fmt: skip
    names = ("n", "p", "formula", "cost", "cost_stderr", "z", "mean_of_ratios", "scatter")
    table = {name: ("pair", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return xr.Dataset(table, attrs={"draws": p.draws, "limit": limit(len(pairs), p.draws)})


def limit(comparisons: int, draws: int) -> float:
    """The |z| that the largest of so many exceeds in one run of a hundred (Student's t, Bonferroni)."""
    from scipy import stats

    return float(stats.t.isf(0.01 / (2 * comparisons), draws - 1))


def _multiplication(p: Parameters, rng: np.random.Generator) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import fast_multiplication as fast

    levels = np.arange(1, _MOST_LEVELS + 1)
    table = {
        name: np.full(len(levels), np.nan)
        for name in ("products", "deep", "flat", "schoolbook", "wrong", "deep_network", "schoolbook_network", "neurons")
    }
    for k in range(p.levels):
        level = k + 1
        deep, flat, school = fast.strassen(level), fast.strassen(level, 1), fast.schoolbook(1 << level)
        a, b = rng.integers(-99, 100, (2, deep.n, deep.n))
        table["wrong"][k] = sum(int(np.count_nonzero(item(a, b) - a @ b)) for item in (deep, flat, school))
        table["products"][k] = deep.multiplications
        table["deep"][k], table["flat"][k] = deep.map_synapses, flat.map_synapses
        table["schoolbook"][k] = school.map_synapses
        table["deep_network"][k], table["schoolbook_network"][k] = deep.synapses, school.synapses
        table["neurons"][k] = deep.neurons
    blocks = np.array([min(fast.synapses_of(int(k), 1 << int(top - k)) for k in range(1, top + 1)) for top in levels])
    return xr.Dataset(
        {
            **{name: ("level", value) for name, value in table.items()},
            "deep_formula": ("level", np.array([float(fast.synapses_of(int(k))) for k in levels])),
            "flat_formula": ("level", np.array([float(fast.synapses_of(int(k), flat=True)) for k in levels])),
            "schoolbook_formula": ("level", 3.0 * 8.0**levels),
            "blocks_formula": ("level", np.minimum(blocks.astype(np.float64), 3.0 * 8.0**levels)),
        },
        coords={"level": levels, "n": ("level", 2**levels)},
        attrs={
            "weights": "of the linear maps; *_network: with four neurons for each product",
            "exponent": fast.exponent({1 << (k + 1): table["products"][k] for k in range(p.levels)})
            if p.levels > 1
            else math.nan,
            "brent": fast.brent_violation(fast.strassen(min(p.levels, 2))),
        },
    )


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    return " ".join(_one(groups) for _, groups in results)


def _one(groups: dict[str, "xr.Dataset"]) -> str:
    fourier, rank, sparse, product = (groups[name] for name in ("fourier", "rank", "sparse", "multiplication"))
    exact = bool((fourier["cost"] == fourier["formula"]).all()) and float(fourier["error"].max()) < 1e-10
    n = int(fourier["n"].values[-1])
    text = (
        f"Butterflies multiply to the Fourier matrix (to {float(fourier['error'].max()):.0e}), and their count "
        + ("is C_s = n/(2 log2 n) exactly" if exact else "DIFFERS from n/(2 log2 n)")
        + f" for n = {int(fourier['n'].values[0])} to {n}, where it is {float(fourier['cost'].values[-1]):.4g}. "
    )
    side = int(rank.attrs["n"])
    same = bool((rank["cost"] == rank["formula"]).all() and (rank["cost_columns"] == rank["formula_columns"]).all())
    text += (
        f"Two factors of rank k of a {side} × {side} matrix "
        + ("count n/2k exactly" if same else "DIFFER from n/2k")
        + f", which is below 1 from k > n/2 on (at k = n it is {float(rank['cost'].values[-1]):.2g}): the deep network "
        f"is then the dearer one, unless a unit matrix is made of k columns "
        f"({float(rank['cost_columns'].values[-1]):.3g} there). "
    )
    z, most = np.abs(sparse["z"].values), float(sparse.attrs["limit"])
    beyond = int(np.count_nonzero(z > most))
    text += (
        f"Products of two random sparse matrices: at {len(z)} (n, p) the counted cost agrees with [1 − (1 − p²)ⁿ]/2p "
        f"within scatter, |z| ≤ {z.max():.1f} where one run in a hundred would exceed {most:.1f}"
        if not beyond
        else f"Products of two random sparse matrices: at {beyond} of {len(z)} (n, p) the cost DIFFERS from the formula"
    )
    text += f"; costs range from {float(sparse['cost'].min()):.2g} to {float(sparse['cost'].max()):.3g}. "
    built = product["products"].values[~np.isnan(product["products"].values)]
    right = float(product["wrong"].sum()) == 0 and int(product.attrs["brent"]) == 0
    ratio = (product["schoolbook_formula"] / product["deep_formula"]).values
    blocks = (product["schoolbook_formula"] / product["blocks_formula"]).values
    sizes = product["n"].values
    first, sooner = (int(sizes[np.argmax(row > 1)]) if (row > 1).any() else 0 for row in (ratio, blocks))
    slope = math.log(ratio[-1] / ratio[-2]) / math.log(2.0)
    return text + (
        f"Strassen's algorithm, {'exact on whole numbers' if right else 'WRONG'}, takes {built[-1]:.0f} products at "
        f"n = {2 ** len(built)} (exponent {float(product.attrs['exponent']):.4f}, log2 7 = {math.log2(7):.4f}), flat "
        f"or deep: depth saves synapses, not products. Flattened, its maps have n^{math.log2(12):.2f} weights, more "
        f"than the flat schoolbook's 3n³; that over the deep count grows as n^{slope:.3f} and exceeds 1 only from "
        f"n = {first} on ({sooner} with the recursion stopped at blocks). The paper's n^{3 - OMEGA:.3f} is the same "
        f"ratio for the best exponent known then, {OMEGA}: a statement of n beyond any matrix that is multiplied, and "
        f"no lower bound, as no count shows that flat networks need n³."
    )
