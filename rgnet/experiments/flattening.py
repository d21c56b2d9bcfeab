"""What it costs to flatten a product, by training: claim D1.

The deep network is `rgnet.cheap.product(n)`, a tree of product gates. Shallower networks, all hidden layers of equal
width, are fitted to it on the box [−1, 1]ⁿ (`rgnet.learn.flatten`); the smallest width that reaches the error ε gives

    C_n(f, l, ε) = N_n(f')/N_n(f) ,      C_s(f, l, ε) = N_s(f')/N_s(f)

(Lin, Tegmark & Rolnick 2017), as an upper bound of the minimum, as training finds it. For each number l of hidden
layers two laws are fitted to ln N of the neurons N needed, by weighted least squares,

    exponential  ln N = a + b n ,      linear  ln N = ln(a + c n) ,

to the same data with the same errors, so that their χ², and AIC = χ² + 2k with k = 2, can be compared. The errors of
ln N are the scatter of the smallest width between groups of restarts and the coarseness of the grid of widths,
in quadrature; those of a, b, c are scaled up where χ² exceeds its degrees of freedom.

Beside them stand the constructions (one layer 2ⁿ neurons, the tree about 4n) and two lower bounds for one layer that
matches Taylor coefficients: 2ⁿ with a common bias, 2^{n−1}, the Waring rank of a product (Ranestad & Schreyer 2011,
Carlini, Catalisano & Geramita 2012), where each neuron has a bias of its own. Neither binds a network that is within
ε > 0 on a box, as trained ones are.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.optimize import curve_fit

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "neurons that trained networks of few hidden layers need to multiply n numbers (claim D1)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017): to multiply n numbers, a deep network needs about 4n neurons, one hidden layer "
    "2ⁿ. Rolnick & Tegmark (2017): with k hidden layers the cost is about n^{(k−1)/k}·2^{n^{1/k}}. Neither says "
    "whether training finds such networks."
)
REQUIRES = ("torch",)
LAWS = ("exponential", "linear")
Results = Sequence[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]
Array = npt.NDArray[Any]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: tuple[int, ...] = Field((2, 3, 4, 5, 6), min_length=1, description="numbers of factors, rising, 2 to 10")
    hidden_layers: tuple[int, ...] = Field((1, 2, 3), min_length=1, description="numbers of hidden layers")
    tolerance: float = Field(0.1, gt=1e-4, lt=1, description="r.m.s. error over the box / the target's std")
    activation: str = Field("sin", description="of the trained networks: a name or a formula")
    restarts: int = Field(4, ge=1, le=64, description="trainings of each group")
    grown: int = Field(3, ge=0, le=64, description="so many of them on a box that grows to the full one")
    groups: int = Field(3, ge=2, le=64, description="groups, each with a smallest width of its own")
    steps: int = Field(240, ge=10, description="steps of a training, at most")
    most_synapses: int = Field(300, ge=4, le=2048, description="of the widest network tried")

    @field_validator("n", "hidden_layers")
    @classmethod
    def _rising(cls, value: tuple[int, ...], info: Any) -> tuple[int, ...]:
        low, high = (2, 10) if info.field_name == "n" else (1, 8)
        if any(b <= a for a, b in itertools.pairwise(value)) or value[0] < low or value[-1] > high:
            raise ValueError(f"{info.field_name}={list(value)}: give whole numbers from {low} to {high}, rising")
        return value


def run(parameters: Parameters, seed: int, report: Callable[[float, str], None]) -> dict[str, "xr.Dataset"]:
    """Train at every n and depth: the groups "widths", "success" and "fits"."""
    import xarray as xr

    from rgnet.cheap.products import product
    from rgnet.learn.flattening import WIDTHS, flatten, usual_widths

    p = parameters
    names = (
        "neurons", "neurons_stderr", "ln_stderr", "bound", "smallest", "C_n", "C_s", "success", "success_full_box",
        "construction",
    )  # fmt: skip
    shape = (len(p.hidden_layers), len(p.n))
    table = {name: np.full(shape, np.nan) for name in names}
    table["censored"] = np.zeros(shape, dtype=np.int64)
    success = {name: np.full((*shape, len(WIDTHS)), np.nan) for name in ("success", "success_full_box")}
    deep = np.zeros((2, len(p.n)))
    # What a training costs grows with n; the shares of the progress bar only need to be about right
    cost = np.array([float(size) ** 2 for size in p.n])
    for column, n in enumerate(p.n):
        tree = product(n)
        deep[:, column] = tree.network.neurons, tree.network.synapses
        for row, depth in enumerate(p.hidden_layers):
            begin = (cost[:column].sum() + cost[column] * row / len(p.hidden_layers)) / cost.sum()

            def tell(part: float, words: str, n: int = n, begin: float = begin) -> None:
                report(min(begin, 1.0), f"product of {n}: {words}")

            found = flatten(
                tree, hidden_layers=depth, widths=usual_widths(n, depth, p.most_synapses), tolerance=p.tolerance,
                restarts=p.restarts, grown=min(p.grown, p.restarts), groups=p.groups, activation=p.activation,
                steps=p.steps, seed=seed, report=tell,
            ).isel(hidden_layers=0)  # fmt: skip
            built = product(n, depth=depth) if depth < math.ceil(math.log2(n)) else tree
            _note(table, (row, column), found, depth, built.network.neurons)
            _note_success(success, (row, column), found, WIDTHS)
    coords = {"hidden_layers": list(p.hidden_layers), "n": list(p.n)}
    order = np.array(p.n, dtype=np.float64)
    widths = xr.Dataset(
        {name: (("hidden_layers", "n"), values) for name, values in table.items()}
        | {
            "tree_neurons": ("n", deep[0]),
            "tree_synapses": ("n", deep[1]),
            "one_layer": ("n", 2.0**order),
            "bound_common_bias": ("n", 2.0**order),
            "bound_free_bias": ("n", 2.0 ** (order - 1)),
        },
        coords=coords,
        attrs={"tolerance": p.tolerance, "activation": p.activation, "box": 1.0, "groups": p.groups},
    )
    grid = xr.Dataset(
        {name: (("hidden_layers", "n", "width"), values) for name, values in success.items()},
        coords=coords | {"width": list(WIDTHS)},
    )
    report(1.0, "done")
    return {"widths": widths, "success": grid.dropna("width", how="all"), "fits": fits(widths)}


def _note(table: dict[str, Array], place: tuple[int, int], found: "xr.Dataset", depth: int, built: int) -> None:
    widths = found["width"].values.astype(float)
    table["construction"][place] = built
    table["censored"][place] = int(found["censored"])
    table["bound"][place] = depth * float(found["largest_tried"])
    if int(found["censored"]):
        return
    mean = float(found["smallest_mean"])
    trained = np.isfinite(found["error"].values[:, 0, 0])
    near = int(np.argmin(np.where(trained, np.abs(widths - mean), np.inf)))
    # a width is known to one step of the grid: uniform within it
    step = widths[near] - widths[near - 1] if near else 1.0
    table["smallest"][place] = mean
    table["neurons"][place] = float(found["neurons_mean"])
    table["neurons_stderr"][place] = float(found["neurons_stderr"])
    table["ln_stderr"][place] = math.hypot(float(found["smallest_stderr"]) / mean, step / mean / math.sqrt(12))
    table["C_n"][place], table["C_s"][place] = float(found["C_n"]), float(found["C_s"])
    reached = (found["error"].values[near] <= found.attrs["tolerance"]).astype(float)  # (group, restart)
    grown = found["grown"].values.astype(bool)
    table["success"][place] = reached.mean()
    if not grown.all():
        table["success_full_box"][place] = reached[:, ~grown].mean()


def _note_success(
    success: dict[str, Array], place: tuple[int, int], found: "xr.Dataset", widths: Sequence[int]
) -> None:
    error, grown = found["error"].values, found["grown"].values.astype(bool)
    where = np.searchsorted(widths, found["width"].values)
    trained = ~np.isnan(error[:, 0, 0])
    success["success"][place][where[trained]] = found["success"].values[trained]
    if not grown.all():
        reached = error[trained][:, :, ~grown] <= found.attrs["tolerance"]
        success["success_full_box"][place][where[trained]] = reached.mean(axis=(1, 2))


def fits(widths: "xr.Dataset") -> "xr.Dataset":
    """Both laws for each depth, over (hidden_layers, law): NaN where fewer than three n were reached."""
    import xarray as xr

    depths = widths["hidden_layers"].values
    names = ("intercept", "intercept_stderr", "slope", "slope_stderr", "chi2", "aic")
    table = {name: np.full((len(depths), len(LAWS)), np.nan) for name in names}
    points = np.zeros(len(depths), dtype=np.int64)
    for row in range(len(depths)):
        value, error = (widths[name].values[row] for name in ("neurons", "ln_stderr"))
        known = np.isfinite(value)
        points[row] = known.sum()
        if points[row] < 3:
            continue
        n = widths["n"].values[known].astype(float)
        for column, law in enumerate(LAWS):
            for name, item in zip(names, fit_law(law, n, np.log(value[known]), error[known]), strict=True):
                table[name][row, column] = item
    return xr.Dataset(
        {name: (("hidden_layers", "law"), values) for name, values in table.items()}
        | {"points": ("hidden_layers", points)},
        coords={"hidden_layers": depths, "law": list(LAWS)},
    )


def fit_law(law: str, n: Array, log_value: Array, error: Array) -> tuple[float, float, float, float, float, float]:
    """Intercept and slope with their errors, χ² and AIC of ln N = a + b n or ln N = ln(a + c n)."""

    def predicted(x: Array, a: float, b: float) -> Array:
        return a + b * x if law == "exponential" else np.log(np.maximum(a + b * x, 1e-9))

    values = log_value if law == "exponential" else np.exp(log_value)
    slope, intercept = np.polyfit(n, values, 1)
    start = (intercept, slope)
    if law == "linear" and (intercept + slope * n).min() <= 0:
        start = (0.0, float((values / n).mean()))
    (a, b), covariance = curve_fit(predicted, n, log_value, start, error, absolute_sigma=True)
    chi2 = float((((log_value - predicted(n, a, b)) / error) ** 2).sum())
    scale = math.sqrt(max(1.0, chi2 / (len(n) - 2)))
    stderr = np.sqrt(np.diag(covariance)) * scale
    return float(a), float(stderr[0]), float(b), float(stderr[1]), chi2, chi2 + 4.0


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    return " ".join([_of_one(values, groups) for values, groups in results] + [_limits()])


def _of_one(values: dict[str, Any], groups: dict[str, "xr.Dataset"]) -> str:
    widths, laws = groups["widths"], groups["fits"]
    lines = []
    for row, depth in enumerate(widths["hidden_layers"].values):
        name = f"{depth} hidden layer{'s' if depth > 1 else ''}"
        table = widths.isel(hidden_layers=row)
        counts = ", ".join(_count(table, k) for k in range(table.sizes["n"]))
        law = laws.isel(hidden_layers=row)
        lines.append(f"{name}: {counts}{_law_words(law)}")
    rate, plain = (
        [float(x) for x in widths[name].values.ravel() if np.isfinite(x)] for name in ("success", "success_full_box")
    )
    text = (
        f"Trained {widths.attrs['activation']} networks reach {100 * widths.attrs['tolerance']:.3g} % r.m.s. error on "
        f"the product of n = {int(widths['n'][0])} to {int(widths['n'][-1])} numbers in [−1, 1] with these numbers of "
        f"hidden neurons. {'; '.join(lines)}."
    )
    if rate:
        text += f" At these widths {100 * np.mean(rate):.0f} % of all restarts succeed"
        text += f", {100 * np.mean(plain):.0f} % of those that see the full box from the start." if plain else "."
    if int(widths["censored"].sum()):
        text += " (“> N”: N is the most that was tried, and not every group of restarts succeeded.)"
    return text + _against_bound(widths)


def _count(table: "xr.Dataset", k: int) -> str:
    if int(table["censored"][k]):
        return f"> {int(table['bound'][k])} (n = {int(table['n'][k])})"
    error = float(table["neurons_stderr"][k])
    return f"{float(table['neurons'][k]):.3g}" + (f" ± {error:.1g}" if error else "")


def _law_words(law: "xr.Dataset") -> str:
    if int(law["points"]) < 3:
        return " (too few for a fit)"
    rate, c = (f"{float(law['slope'][k]):.2g} ± {float(law['slope_stderr'][k]):.1g}" for k in (0, 1))
    gap = float(law["aic"][1] - law["aic"][0])
    chi2 = (
        f"χ² {float(law['chi2'][0]):.1f} and {float(law['chi2'][1]):.1f} at {int(law['points']) - 2} degrees of freedom"
    )
    words = "the two cannot be told apart" if abs(gap) < 4 else "exponential growth fits better" if gap > 0 else (
        "linear growth fits better"
    )  # fmt: skip
    return f" (growth e^({rate} n), or {c} neurons a factor; {chi2}: {words})"


def _against_bound(widths: "xr.Dataset") -> str:
    if 1 not in widths["hidden_layers"].values:
        return ""
    table = widths.sel(hidden_layers=1)
    known = np.isfinite(table["neurons"].values)
    if not known.any():
        return " With one layer no width in the grid sufficed."
    share = (table["neurons"] / table["bound_common_bias"]).values[known]
    free = (table["neurons"] / table["bound_free_bias"]).values[known]
    fewer = "fewer than" if share.max() < 1 else "as many as or more than" if share.min() >= 1 else "about as many as"
    return (
        f" One layer needs {fewer} the 2ⁿ of the theorem ({_range(share)} of them), "
        f"{_range(free)} times 2ⁿ⁻¹, which a bias for each neuron leaves as the bound."
    )


def _range(values: Array) -> str:
    low, high = (f"{value:.2g}" for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def _limits() -> str:
    return (
        "Trained networks approximate on a box at a finite ε, of which the theorem (Taylor coefficients matched at "
        "vanishing inputs) says nothing; what training finds bounds the minimum from above only, and a width at "
        "which every restart failed may still suffice."
    )
