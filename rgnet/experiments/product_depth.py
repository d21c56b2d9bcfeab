"""What depth saves: neurons that multiply n numbers, with every number of hidden layers (claim D5).

One hidden layer takes 2ⁿ neurons, the binary tree of product gates about 4n with log2 n hidden layers (Lin, Tegmark &
Rolnick 2017), k layers about n^{(k−1)/k}·2^{n^{1/k}} for k ≤ log2 n (Rolnick & Tegmark 2017). Here

    counts      neurons for every n and k, group sizes chosen for the fewest, beside that formula
    tree        trees up to n = 1024: built, and measured
    layers      networks of every depth: built, and measured
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "neurons that multiply n numbers with every number of hidden layers, from 2ⁿ to 4n (claim D5)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017) and Rolnick & Tegmark (2017): a tree multiplies n numbers with about 4n neurons, k "
    "hidden layers with about n^((k−1)/k)·2^(n^(1/k)), one with 2ⁿ. Is that what it costs, and how exact are they?"
)
REQUIRES = ()
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activation: str = Field("softplus", description="name or formula in one variable")
    largest: int = Field(64, description="largest n that is counted", ge=2, le=512)
    tree: tuple[int, ...] = Field(
        (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024),
        description="n of the trees that are built",
        min_length=2,
    )
    built: tuple[int, ...] = Field((4, 8, 12, 16, 24, 32), description="n of networks of every depth", min_length=1)
    most: int = Field(5000, description="largest number of neurons that is built for these", ge=4)


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Count, build and measure."""
    del seed  # nothing is drawn but the points of the reports
    counts = _counts(parameters.largest)
    tree = _tree(parameters, report)
    layers = _layers(parameters, report)
    report(1.0, "done")
    return {"counts": counts, "tree": tree, "layers": layers}


def _counts(largest: int) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import product_layers

    sizes = np.arange(2, largest + 1)
    depths = np.arange(1, int(math.log2(largest)) + 1)
    found = {name: np.full((len(sizes), len(depths)), np.nan) for name in ("neurons", "formula")}
    trees = np.array([product_layers.neurons(int(n)) for n in sizes])
    for i, n in enumerate(sizes.tolist()):
        for j, k in enumerate(depths.tolist()):
            if 2**k <= n:
                found["neurons"][i, j] = product_layers.neurons(n, k)
                found["formula"][i, j] = product_layers.formula(n, k)
    table = xr.Dataset(
        {name: (("n", "depth"), values) for name, values in found.items()}, coords={"n": sizes, "depth": depths}
    )
    return table.assign(tree=("n", trees))


def _tree(parameters: Parameters, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap.products import product

    rows = []
    for i, n in enumerate(parameters.tree):
        report(0.6 * i / len(parameters.tree), f"a tree of n = {n}")
        made = product(n, parameters.activation).report
        rows.append((made.neurons, made.synapses, made.depth, made.promised, made.achieved))
    names = ("neurons", "synapses", "depth", "promised", "achieved")
    return xr.Dataset(
        {name: ("n", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)},
        coords={"n": list(parameters.tree)},
    )


def _layers(parameters: Parameters, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import product_layers
    from rgnet.cheap.products import product

    cases = [
        (n, k)
        for n in parameters.built
        for k in range(1, product_layers.deepest(n) + 1)
        if product_layers.neurons(n, k) <= parameters.most
    ]
    rows = []
    for i, (n, k) in enumerate(cases):
        report(0.6 + 0.4 * i / len(cases), f"n = {n} in {k} hidden layers")
        made = product(n, parameters.activation, k).report
        rows.append((n, k, made.neurons, made.synapses, made.promised, made.achieved))
    names = ("n", "depth", "neurons", "synapses", "promised", "achieved")
    return xr.Dataset(
        {name: ("network", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )


def line(tree: "xr.Dataset") -> tuple[float, float, float]:
    """Slope and intercept of neurons against n by least squares, and the largest deviation of it."""
    x, y = tree["n"].values.astype(float), tree["neurons"].values.astype(float)
    slope, start = np.polyfit(x, y, 1)
    return float(slope), float(start), float(np.abs(y - slope * x - start).max())


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    groups = results[0][1]
    counts, tree, layers = groups["counts"], groups["tree"], groups["layers"]
    ratio = (counts["neurons"] / counts["formula"]).values
    low, high = float(np.nanmin(ratio)), float(np.nanmax(ratio))
    slope, start, off = line(tree)
    trees = bool((tree["achieved"] <= tree["promised"]).all())
    all_kept = bool((layers["achieved"] <= layers["promised"]).all())
    n = int(tree["n"][-1])
    words = (
        f"With groups chosen for the fewest neurons, k hidden layers take {low:.2f} to {high:.2f} times "
        f"n^((k−1)/k)·2^(n^(1/k)) neurons for k ≤ log2 n, n ≤ {int(counts['n'][-1])}: "
        + ("within a factor of two, as claimed. " if low >= 0.5 and high <= 2 else "NOT within a factor of two. ")
        + f"Trees are linear in n: {slope:.2f} n {start:+.1f} neurons (at most {off:.0f} off, by the copies where n is "
        f"no power of two), {int(tree['neurons'][-1])} for n = {n}, with {int(tree['depth'][-1])} hidden layers, where "
        f"one would take 2^{n}. "
        f"In float64 with {results[0][0]['activation']} the tree of n = {n} errs by {float(tree['achieved'][-1]):.1g} "
        f"({float(tree['promised'][-1]):.1g} promised); "
        f"{'every' if trees and all_kept else 'NOT every'} network that was built keeps its promise. "
    )
    top = int(max(k for k, d in zip(layers["n"].values, layers["depth"].values, strict=True) if d == 1))
    same = layers.isel(network=np.flatnonzero(layers["n"].values == top))
    shallow, deep = same.isel(network=0), same.isel(network=-1)
    gain = float(shallow["achieved"]) / max(float(deep["achieved"]), 1e-300)
    return words + (
        f"For n = {top} one layer of {int(shallow['neurons'])} neurons errs by {float(shallow['achieved']):.1g}, "
        f"the tree of {int(deep['neurons'])} by {float(deep['achieved']):.1g}: depth "
        + (
            f"saves precision too, a factor of {gain:.1g}, which the neuron counts do not show."
            if gain > 1
            else "costs precision here."
        )
    )
