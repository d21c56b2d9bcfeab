"""The product gate: how its error depends on the scale λ, and the floor that each arithmetic sets (claim A2).

Four neurons multiply, with an error ∝ λ² in exact arithmetic and a rounding error ∝ eps/λ² in any other
(`rgnet.cheap.gates`, `rgnet.cheap.precision`). Every curve here is one gate, made and evaluated in one arithmetic at
many λ: the largest |gate − uv| at the corners and 4096 points of [−1, 1]² (64 points in arbitrary precision), beside
the bound that the formula gives. A curve is

    plain      expanded at 0 (at ½ where σ_2(0) = 0), as in the paper: truncation ∝ λ²
    best       expanded where the predicted floor is lowest: ∝ λ⁴ where there is a zero of σ_4
    order p    gates at several scales summed, expanded as "best": ∝ λ^p

The best λ and the floor are predicted from the Taylor coefficients and eps alone; the search over λ only checks them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "the product gate of four neurons: error against scale, and the floor of each arithmetic (claim A2)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017): four hidden neurons multiply two numbers to any accuracy, if inputs are scaled by "
    "λ → 0 and outputs by λ⁻². How does the error fall, and where does an arithmetic of so many digits stop it?"
)
REQUIRES = ()
ARITHMETICS = ("float32", "float64", "mp")
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activations: tuple[str, ...] = Field(
        ("softplus", "tanh", "gelu", "exp"), description="names or formulae", min_length=1
    )
    orders: tuple[int, ...] = Field((6, 8), description="powers of λ of the sums of gates, even, up to 12")
    digits: int = Field(50, description="of the arbitrary precision", ge=20, le=60)
    scales: int = Field(33, description="values of λ on each curve", ge=5)
    smallest: float = Field(1e-8, description="the smallest λ", gt=0, lt=1e-2)

    @field_validator("activations")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from rgnet.cheap import activations

        for name in names:
            activations.get(name)
        return names

    @field_validator("orders")
    @classmethod
    def _even(cls, orders: tuple[int, ...]) -> tuple[int, ...]:
        if wrong := [order for order in orders if order not in (2, 4, 6, 8, 10, 12)]:
            raise ValueError(f"orders={wrong}: the power of λ is one of 2, 4, 6, 8, 10, 12")
        return orders


@dataclass(frozen=True)
class _Curve:
    activation: str
    point: str
    arithmetic: str
    at: Any
    order: int | None


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Make and measure every gate: the group "curves"."""
    import xarray as xr

    curves = _curves(parameters)
    columns: dict[str, list[Any]] = {}
    for done, curve in enumerate(curves):
        report(done / len(curves), f"{curve.activation}, {curve.point}, {curve.arithmetic}")
        for name, value in _measure(curve, parameters).items():
            columns.setdefault(name, []).append(value)
    table = xr.Dataset(
        {
            name: (("curve", "step") if np.ndim(values[0]) else ("curve",), np.array(values))
            for name, values in columns.items()
        },
        coords={
            "activation": ("curve", [curve.activation for curve in curves]),
            "point": ("curve", [curve.point for curve in curves]),
            "arithmetic": ("curve", [curve.arithmetic for curve in curves]),
        },
        attrs={
            "digits": parameters.digits,
            "box": "[-1, 1]^2",
            "method": "largest |gate - uv| on the box beside the bound; floor: predicted at the predicted scale, "
            "without a search; least: of the scales tried",
        },
    )
    report(1.0, "done")
    return {"curves": table}


def _curves(parameters: Parameters) -> list[_Curve]:
    from rgnet.cheap import activations

    found = []
    for name in parameters.activations:
        plain = "1/2" if activations.is_zero(activations.get(name).taylor(2, 0)[2]) else "0"
        for arithmetic in ARITHMETICS:
            found.append(_Curve(name, "plain", arithmetic, plain, None))
            found.append(_Curve(name, "best", arithmetic, None, None))
    for order in parameters.orders:
        found += [_Curve(parameters.activations[0], f"order {order}", kind, None, order) for kind in ARITHMETICS]
    return found


def _measure(curve: _Curve, parameters: Parameters) -> dict[str, Any]:
    """Errors along one curve, and what is predicted for it."""
    from rgnet.cheap import gates, precision

    digits = parameters.digits if curve.arithmetic == "mp" else None
    how = precision.arithmetic(curve.arithmetic, digits)
    maker = gates.maker("product", curve.activation, how, at=_point(curve), order=curve.order)
    shape = precision.product(1.0, 1.0)
    best = precision.predict(maker.sigma, shape, how, None, maker.factors)
    top = precision.largest_scale(maker.sigma, shape)
    grid = np.geomspace(top, parameters.smallest, parameters.scales)
    told = [
        gates.product_gate(
            curve.activation, scale=float(scale), at=maker.sigma.at, order=curve.order, dtype=curve.arithmetic,
            digits=digits,
        ).report
        for scale in grid
    ]  # fmt: skip
    at_best = gates.product_gate(
        curve.activation, scale=best.scale, at=maker.sigma.at, order=curve.order, dtype=curve.arithmetic, digits=digits
    ).report
    errors = np.array([item.achieved for item in told])
    cut = np.array([item.notes["truncation"] for item in told])
    rounded = np.array([item.notes["rounding"] for item in told])
    straight = (cut > 1e3 * rounded) & (grid < 0.1 * top) & (errors > 0)
    slope = float(np.polyfit(np.log(grid[straight]), np.log(errors[straight]), 1)[0]) if straight.sum() > 2 else np.nan
    span = np.log10(errors[straight].max() / errors[straight].min()) if straight.any() else 0.0
    least = int(np.argmin(np.where(errors > 0, errors, np.inf)))
    return {
        "scale": grid,
        "error": errors,
        "promised": np.array([item.promised for item in told]),
        "truncation": cut,
        "at": float(maker.sigma.at),
        "power": maker.power,
        "neurons": at_best.neurons,
        "best_scale": best.scale,
        "floor": best.error,
        "error_at_best_scale": at_best.achieved,
        "least_scale": float(grid[least]),
        "least_error": float(errors[least]),
        "slope": slope,
        "decades": float(span),
    }


def _point(curve: _Curve) -> Any:
    import mpmath

    with mpmath.workdps(80):
        return None if curve.at is None else mpmath.mpf(1) / 2 if curve.at == "1/2" else mpmath.mpf(0)


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    import xarray as xr

    table = xr.concat([groups["curves"] for _, groups in results], "curve")
    kind, point = table["arithmetic"].values, table["point"].values
    straight = (kind == "mp") & np.isfinite(table["slope"].values)
    off = np.abs(table["slope"].values - table["power"].values)[straight]
    plain = straight & (point == "plain")
    decades = float(table["decades"].values[plain].min()) if plain.any() else 0.0
    ratio = (table["floor"] / table["error_at_best_scale"]).values
    broken = int((table["error"] > table["promised"]).sum())
    floats = kind != "mp"
    better = (table["floor"] / table["least_error"]).values[floats]

    first = table.isel(curve=int(np.flatnonzero((point == "plain") & (kind == "float64"))[0]))
    example = (
        f"For {first['activation'].item()} at {float(first['at']):.2g} in float64 the formula says λ = "
        f"{float(first['best_scale']):.1e} and an error of at most {float(first['floor']):.1e}; "
        f"{float(first['error_at_best_scale']):.1e} is measured there, and {float(first['least_error']):.1e} at "
        f"the best λ tried, {float(first['least_scale']):.1e}."
    )

    def floors(where: str, arithmetic: str) -> str:
        chosen = (point == where) & (kind == arithmetic)
        values = table["floor"].values[chosen]
        return f"{values.min():.1g} to {values.max():.1g}" if len(values) > 1 else f"{values.min():.1g}"

    law = (
        f"In arbitrary precision the error falls as the power of λ that the Taylor series says (slopes within "
        f"{off.max():.1g} of 2, 4, …), for the paper's gate over {decades:.0f} decades of the error"
        if len(off) and off.max() < 0.05
        else "In arbitrary precision the error does not follow the power of λ that the Taylor series says"
    )
    held = (
        "No error exceeds its bound"
        if not broken
        else f"{broken} of {table['error'].size} errors exceed their bounds: distrust them"
    )
    return (
        f"{law}. {held}; at the predicted λ the bound is {ratio[floats].min():.1f} to {ratio[floats].max():.1f} times "
        f"what is measured, and no λ tried does better than the predicted floor by more than a factor "
        f"{better.max():.1f}. {example} "
        f"So four neurons do multiply, but not to any accuracy: expanded as in the paper they stop at "
        f"{floors('plain', 'float64')} on the unit box in float64, {floors('plain', 'float32')} in float32. Nothing "
        f"but another point of expansion brings that to {floors('best', 'float64')} and {floors('best', 'float32')}, "
        f"with the same four neurons where σ_4 has a zero; more neurons, at several scales, bring less. Each digit "
        f"costs more than one: n digits of the product need about 2n in the arithmetic with truncation ∝ λ², 1.5n "
        f"with λ⁴."
    )
