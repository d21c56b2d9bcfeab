"""Flattening by training: shallower networks fitted to a deep one, and the smallest that reach an error.

Lin, Tegmark & Rolnick (2017) define the cost of flattening f to l hidden layers within ε,

    C_n(f, l, ε) = min N_n(f')/N_n(f) ,      C_s(f, l, ε) = min N_s(f')/N_s(f) ,

the minimum being over all networks f' with l hidden layers within ε of f; N_n counts neurons, N_s synapses. What
training finds is an upper bound of that minimum, and says besides how often a training gets there.

Within ε means here: the root mean square error over a box, in units of the target's standard deviation there. That is
another demand than the theorem's, which asks for the Taylor coefficients at vanishing inputs, hence for ε → 0.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import qmc

from rgnet.cheap import activations, network
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralNetwork
from rgnet.learn import _flatten_fit
from rgnet.learn._flatten_fit import Task
from rgnet.learn._torch import torch

__all__ = ["flatten", "shallow", "synapses_of"]

WIDTHS = (*range(1, 11), 12, 14, 16, 18, 20, 22, 25, 28, 32, 36, 40, 45, 50, 56, 64, 72, 80, 90, 100, 112, 128)
HELD_OUT = 14  # 2^14 points judge
MOST_SYNAPSES = 2048  # of one network: a step solves as many equations
USUAL_SYNAPSES = 450  # up to which the usual widths go: minutes on one core
COARSE = 2.0  # ratio of the widths tried before the grid is refined
Report = Callable[[float, str], None]


def flatten(
    target: Any,
    n_inputs: int | None = None,
    *,
    hidden_layers: int | Sequence[int] = 1,
    widths: Sequence[int] | None = None,
    tolerance: float = 0.1,
    restarts: int = 4,
    grown: int | None = None,
    groups: int = 3,
    activation: Any = "sin",
    box: Any = 1.0,
    steps: int = 240,
    seed: int = 0,
    report: Report | None = None,
) -> xr.Dataset:
    """Find the smallest width with which networks of few hidden layers reach an error, by training.

    All hidden layers have the same width. The widths of the grid are tried from the smallest in steps of about a
    factor two until every group has a restart that reaches the tolerance; then, by bisection, those between; then
    smaller ones until no group has any. What a wider network can, a narrower one is taken not to miss by luck: widths
    skipped in this way are NaN.

    Parameters
    ----------
    target : NeuralNetwork, Compiled, or callable
        With one output; a callable takes points (n, inputs) and gives (n,) or (n, 1).
    n_inputs : int, optional
        Needed with a callable.
    hidden_layers : int or sequence of int
    widths : sequence of int
        The grid, rising; unless given those of `usual_widths`, up to 450 synapses.
    tolerance : float
        ε: root mean square error on held-out points over the box, in units of the target's standard deviation.
    restarts, groups : int
        Each of the groups has so many restarts, and a smallest width of its own: the scatter is from group to group.
    grown : int
        So many restarts of each group, the last ones, begin on a small box at the corner of the high ends, which grows
        to the full one in the first two thirds of the steps; the others have the full box throughout. Three of four,
        unless given.
    activation : str, formula or Activation
        Of the shallow networks. Sines are learned most easily by far; they need not be those of the target.
    box : number, pair, or a pair for each input
        [−box, box] for each input, or (low, high).
    steps : int
        At most so many steps of each training.
    seed : int
        The same seed gives the same numbers on one machine.
    report : callable, optional
        ``report(fraction, words)`` now and then; it may raise to stop.

    Returns
    -------
    Dataset
        Over (hidden_layers, width, group, restart): ``error`` and ``max_error`` on held-out points, in units of the
        target's standard deviation; ``grown`` (0 or 1) over restart. Over (hidden_layers, width): ``success``, the
        share of restarts that reached the tolerance, ``neurons`` and ``synapses``. Over (hidden_layers, group):
        ``smallest``, the least width that did. Over hidden_layers: ``smallest_mean``, ``smallest_stderr`` (over the
        groups), ``neurons_mean``, ``neurons_stderr``; these are NaN where a group found none, then ``censored`` is 1
        and ``largest_tried``, the widest that was trained, is a lower bound of that group's. For a target that is
        a network also ``C_n`` and ``C_s``: mean neurons and mean synapses relative to the target's.

    Raises
    ------
    CheapError
        If an argument makes no sense, the target is constant or not finite on the box, or has several outputs.
    """
    depths = _depths(hidden_layers)
    for name, value, least in (
        ("restarts", restarts, 1),
        ("groups", groups, 2),
        ("steps", steps, 10),
        ("seed", seed, 0),
    ):
        _whole(name, value, least)
    starts = _starts(grown, restarts)
    task, deep = _task(target, n_inputs, box, tolerance, seed)
    sigma = activations.get(activation)
    n = len(task.low)
    grid = _grid(usual_widths(n, max(depths)) if widths is None else widths)
    for depth in depths:
        _check_size(n, grid[-1], depth)
    shape = (len(depths), len(grid), groups, restarts)
    error, largest = np.full(shape, np.nan), np.full(shape, np.nan)
    for place, depth in enumerate(depths):

        def train(k: int, place: int = place, depth: int = depth) -> list[bool]:
            """Which groups have a restart that reaches the tolerance at this width."""
            words = f"{depth} hidden layer{'s' if depth > 1 else ''} of {grid[k]}"
            share = place / len(depths)
            stream = np.random.SeedSequence(int(seed), spawn_key=(1, depth, grid[k]))
            found = _flatten_fit.fit(
                task, sigma, (n, *(grid[k],) * depth, 1), np.tile(starts, groups), steps, tolerance, stream,
                lambda part: report(share, words) if report else None,
            )  # fmt: skip
            error[place, k] = found.error.reshape(groups, restarts)
            largest[place, k] = found.largest.reshape(groups, restarts)
            return [bool((row <= tolerance).any()) for row in found.error.reshape(groups, restarts)]

        _search(grid, train)
    if report:
        report(1.0, "done")
    found = _table(error, largest, depths, grid, n, tolerance, deep, sigma.name)
    return found.assign_coords(grown=("restart", starts.astype(np.int64)))


def shallow(
    target: Any, n_inputs: int | None = None, *, hidden_layers: int = 1, width: int, tolerance: float = 0.1,
    restarts: int = 8, activation: Any = "sin", box: Any = 1.0, steps: int = 240, seed: int = 0,
) -> NeuralNetwork:  # fmt: skip
    """Train networks of one form as `flatten` does, and return the best as a network of `rgnet.cheap`.

    Parameters and errors as `flatten`; ``width`` is that of each hidden layer. Three restarts of four grow their box.
    The result takes points of the user's box. A training ends at the tolerance, so that where it succeeds the error is
    just below.
    """
    (depth,), (size,) = _depths(hidden_layers), _grid((width,))
    for name, value, least in (("restarts", restarts, 1), ("steps", steps, 10), ("seed", seed, 0)):
        _whole(name, value, least)
    task, _ = _task(target, n_inputs, box, tolerance, seed)
    sigma = activations.get(activation)
    n = len(task.low)
    _check_size(n, size, depth)
    stream = np.random.SeedSequence(int(seed), spawn_key=(1, depth, size))
    found = _flatten_fit.fit(
        task,
        sigma,
        (n, *(size,) * depth, 1),
        _starts(None, restarts),
        steps,
        tolerance,
        stream,
        lambda part: None,
    )
    best = int(np.argmin(found.error))
    pairs = [(w[best].double().numpy(), b[best].double().numpy()) for w, b in found.weights]
    # the input map x -> 2(x − low)/(high − low) − 1 and the output's scale go into the first and the last layer
    stretch = 2.0 / (task.high - task.low)
    pairs[0] = (pairs[0][0] * stretch, pairs[0][1] - pairs[0][0] @ (stretch * task.low + 1.0))
    pairs[-1] = (pairs[-1][0] * task.scale, pairs[-1][1] * task.scale + task.mean)
    layers = tuple(
        network.layer(w, b, None if k == len(pairs) - 1 else sigma)  # type: ignore[arg-type]
        for k, (w, b) in enumerate(pairs)
    )
    names = getattr(getattr(target, "network", target), "inputs", tuple(f"x{i + 1}" for i in range(n)))
    return NeuralNetwork(layers, tuple(names), ("y",))


def synapses_of(n_inputs: int, width: int, hidden_layers: int) -> int:
    """Weights of a full network of equal hidden layers and one output, biases not counted."""
    return n_inputs * width + (hidden_layers - 1) * width**2 + width


def usual_widths(n_inputs: int, hidden_layers: int, most_synapses: int = USUAL_SYNAPSES) -> tuple[int, ...]:
    """The grid of widths, up to so many synapses."""
    found = tuple(width for width in WIDTHS if synapses_of(n_inputs, width, hidden_layers) <= most_synapses)
    return found or WIDTHS[:1]


def _search(grid: Sequence[int], train: Callable[[int], list[bool]]) -> None:
    """Train at the widths that decide each group's smallest."""
    tried: dict[int, list[bool]] = {}

    def groups_at(k: int) -> list[bool]:
        if k not in tried:
            tried[k] = train(k)
        return tried[k]

    low, k = -1, 0
    while not all(groups_at(k)):
        low = k
        if k == len(grid) - 1:
            break
        k = max(k + 1, int(np.searchsorted(grid, COARSE * grid[k], side="right")) - 1)
    else:
        high = k
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if all(groups_at(middle)) else (middle, high)
        k = high
    while k > 0 and any(groups_at(k)):
        k -= 1
        groups_at(k)


def _table(
    error: npt.NDArray[np.float64], largest: npt.NDArray[np.float64], depths: tuple[int, ...], grid: tuple[int, ...],
    n: int, tolerance: float, deep: NeuralNetwork | None, activation: str,
) -> xr.Dataset:  # fmt: skip
    reached: npt.NDArray[np.bool_] = np.less_equal(error, tolerance)  # not where NaN
    trained = ~np.isnan(error[..., 0, 0])
    sizes = np.array(grid, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        success = np.where(trained, reached.mean(axis=(2, 3)), np.nan)
    by_group = np.where(np.any(reached, axis=3), sizes[None, :, None], np.inf).min(axis=1)  # (depth, group)
    smallest = np.where(np.isfinite(by_group), by_group, np.nan)
    censored: npt.NDArray[np.bool_] = np.any(np.isnan(smallest), axis=1)
    mean = np.where(censored, np.nan, np.where(censored[:, None], 0.0, smallest).mean(axis=1))
    scatter = np.where(censored[:, None], 0.0, smallest).std(axis=1, ddof=1) / math.sqrt(smallest.shape[1])
    layers = np.array(depths, dtype=np.float64)
    weights = np.array([[synapses_of(n, width, depth) for width in grid] for depth in depths])
    found = xr.Dataset(
        {
            "error": (("hidden_layers", "width", "group", "restart"), error),
            "max_error": (("hidden_layers", "width", "group", "restart"), largest),
            "success": (("hidden_layers", "width"), success),
            "neurons": (("hidden_layers", "width"), np.outer(depths, grid)),
            "synapses": (("hidden_layers", "width"), weights),
            "smallest": (("hidden_layers", "group"), smallest),
            "smallest_mean": ("hidden_layers", mean),
            "smallest_stderr": ("hidden_layers", np.where(censored, np.nan, scatter)),
            "neurons_mean": ("hidden_layers", layers * mean),
            "neurons_stderr": ("hidden_layers", layers * np.where(censored, np.nan, scatter)),
            "censored": ("hidden_layers", censored.astype(np.int64)),
            "largest_tried": ("hidden_layers", np.where(trained, sizes, 0.0).max(axis=1).astype(np.int64)),
        },
        coords={"hidden_layers": list(depths), "width": list(grid)},
        attrs={"n_inputs": n, "tolerance": tolerance, "activation": activation},
    )
    if deep is not None:
        spent = np.array([[synapses_of(n, 1, d) if not np.isfinite(w) else synapses_of(n, int(w), d) for w in row]
                          for d, row in zip(depths, by_group, strict=True)], dtype=np.float64)  # fmt: skip
        found["C_n"] = found["neurons_mean"] / deep.neurons
        found["C_s"] = ("hidden_layers", np.where(censored, np.nan, spent.mean(axis=1)) / deep.synapses)
        found.attrs |= {"target_neurons": deep.neurons, "target_synapses": deep.synapses}
    return found


def _task(
    target: Any, n_inputs: int | None, box: Any, tolerance: float, seed: int
) -> tuple[Task, NeuralNetwork | None]:
    """The target over its box, checked and scaled, with the points that judge."""
    from rgnet.cheap import reports

    deep = getattr(target, "network", target)
    deep = deep if isinstance(deep, NeuralNetwork) else None
    if deep is not None:
        if len(deep.outputs) != 1:
            raise CheapError(
                f"a target of {len(deep.outputs)} outputs: one at a time is fitted, so give a function of one, such as "
                f"lambda x: network(x)[:, 0]"
            )
        if n_inputs not in (None, len(deep.inputs)):
            raise CheapError(f"n_inputs={n_inputs}: the network has {len(deep.inputs)}; leave n_inputs out")
        n_inputs = len(deep.inputs)
    elif not callable(target):
        raise CheapError(
            f"target={target!r}: give a network, such as cheap.product(4), or a function of points (n, inputs)"
        )
    if n_inputs is None:
        raise CheapError("n_inputs=None with a function as the target: say how many inputs it takes")
    _whole("n_inputs", n_inputs, 1)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 1e-4 <= tolerance < 1:
        raise CheapError(
            f"tolerance={tolerance!r}: root mean square error in units of the target's standard deviation, from 1e-4 "
            f"(training is in float32) to below 1, where a constant would do"
        )
    sides = np.array(reports.check_box(box, n_inputs), dtype=np.float64)
    low, high = sides[:, 0], sides[:, 1]

    def values(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return _values(target, x)

    sobol = qmc.Sobol(n_inputs, rng=np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=(0,))))
    held = 2.0 * sobol.random_base2(HELD_OUT) - 1.0
    wanted = values(low + 0.5 * (held + 1.0) * (high - low))
    if not np.isfinite(wanted).all():
        raise CheapError(
            f"the target is {wanted[~np.isfinite(wanted)][0]} at {np.sum(~np.isfinite(wanted))} of {len(wanted)} "
            f"points of the box: it must be finite there; give a smaller box"
        )
    mean, scale = float(wanted.mean()), float(wanted.std())
    if not math.isfinite(scale) or scale <= 1e-12 * max(1.0, abs(mean)):
        raise CheapError(
            f"the target's standard deviation over the box is {scale:.3g}: it must be finite and not zero; give "
            f"another box, or a target that varies on it"
        )
    points, scaled = (torch.tensor(item, dtype=torch.float32) for item in (held, (wanted - mean) / scale))
    return Task(values, low, high, mean, scale, points, scaled), deep


def _values(target: Any, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found = np.asarray(target(x), dtype=np.float64)
    if found.shape not in ((len(x),), (len(x), 1)):
        raise CheapError(
            f"the target gives shape {found.shape} for {len(x)} points of shape {x.shape}: one number a point is "
            f"needed, as lambda x: np.prod(x, axis=1) gives"
        )
    return found.reshape(len(x))


def _depths(hidden_layers: Any) -> tuple[int, ...]:
    given = hidden_layers if isinstance(hidden_layers, Sequence) else (hidden_layers,)
    for depth in given:
        _whole("hidden_layers", depth, 1)
    if not given or len(set(given)) < len(given):
        raise CheapError(f"hidden_layers={hidden_layers!r}: give each depth once, such as (1, 2, 3)")
    return tuple(int(depth) for depth in given)


def _grid(widths: Sequence[int]) -> tuple[int, ...]:
    if isinstance(widths, int):
        raise CheapError(f"widths={widths}: give a sequence of widths in rising order, such as (2, 4, 8, 16)")
    for width in widths:
        _whole("widths", width, 1)
    if not len(widths) or any(b <= a for a, b in zip(widths, list(widths)[1:], strict=False)):
        raise CheapError(f"widths={list(widths)}: give widths in rising order, such as (2, 4, 8, 16)")
    return tuple(int(width) for width in widths)


def _check_size(n: int, width: int, depth: int) -> None:
    weights = synapses_of(n, width, depth)
    if weights > MOST_SYNAPSES:
        raise CheapError(
            f"width {width} with {depth} hidden layers has {weights} synapses: every step solves as many equations, "
            f"and at most {MOST_SYNAPSES} are taken on; give smaller widths"
        )


def _starts(grown: int | None, restarts: int) -> npt.NDArray[np.bool_]:
    """Which restarts of a group grow their box."""
    if grown is None:
        grown = restarts - restarts // 4
    _whole("grown", grown, 0)
    if grown > restarts:
        raise CheapError(f"grown={grown} of restarts={restarts}: give at most as many as there are restarts")
    return np.arange(restarts) >= restarts - grown


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise CheapError(f"{name}={value!r}: a whole number of at least {least}")
