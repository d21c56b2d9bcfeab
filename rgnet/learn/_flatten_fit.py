"""Many small networks of one form, fitted to one target at once by Levenberg and Marquardt's method.

With residuals r and Jacobian J (both by hand, the forward and backward pass in batched matrix products) a step solves

    (JᵀJ + μ diag JᵀJ) δ = −Jᵀr

for every network of the batch; μ falls where the step helped and rises where it did not (Marquardt 1963). For networks
of up to some thousand weights this converges where gradient methods creep (Hagan & Menhaj 1994).

A product of n factors over [−1, 1]ⁿ is a smooth parity: far from a solution the gradient hardly knows the target. So
networks may begin on a small box at the upper corner of the full one, where any smooth target is nearly linear, and
have the box grown (a continuation: Bengio, Louradour, Collobert & Weston 2009).
"""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.cheap.activations import Activation
from rgnet.learn._torch import torch
from rgnet.learn.neural_network import activation_module

Function = Callable[[torch.Tensor], torch.Tensor]
Target = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
Weights = list[tuple[torch.Tensor, torch.Tensor]]  # of each layer: (networks, out, in) and (networks, out)

GROWING = 0.65  # share of the steps in which the box grows
FIRST = 0.3  # its first side, in units of the full one
REDRAW = 10  # steps after which new points are drawn while the box grows
HOPELESS = 0.5  # error of a network on a box half grown beyond which it never finds back
PATIENCE = 25  # steps on the full box in which the error has to fall by a twentieth
ROWS = 2.5  # points to a weight while the box grows
LAST_ROWS = 4.0  # points to a weight on the full box
LEAST_ROWS = 400
MEMORY = 96 << 20  # bytes of Jacobians held at once
GAUSSIAN = 1.0 / math.sqrt(2.0 * math.pi)


@dataclass(frozen=True)
class Task:
    """What is fitted: a target, scaled to the variance one, over a box scaled to [−1, 1]ⁿ.

    Attributes
    ----------
    target : callable
        Points (n, inputs) of the user's box to (n,).
    low, high : float arrays (inputs,)
    mean, scale : float
        Of the target over the box.
    held, wanted : float32 tensors (points, inputs) and (points,)
        What judges: points in [−1, 1]ⁿ, and the scaled target there.
    """

    target: Target
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    mean: float
    scale: float
    held: torch.Tensor
    wanted: torch.Tensor

    def at(self, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The target, not scaled, at points of [−1, 1]ⁿ."""
        return self.target(self.low + 0.5 * (unit + 1.0) * (self.high - self.low))


@dataclass(frozen=True)
class Fitted:
    """Networks of one form after training.

    Attributes
    ----------
    weights : list of pairs of tensors
        For points in [−1, 1]ⁿ and the scaled target.
    error, largest : float arrays (networks,)
        On the held-out points, in units of the target's standard deviation: root mean square, and maximum.
    """

    weights: Weights
    error: npt.NDArray[np.float64]
    largest: npt.NDArray[np.float64]


def fit(
    task: Task, activation: Activation, sizes: tuple[int, ...], grown: npt.NDArray[np.bool_], steps: int,
    tolerance: float, streams: np.random.SeedSequence, tell: Callable[[float], None],
) -> Fitted:  # fmt: skip
    """Train a network of the given layer sizes for each of ``grown``, in parts that fit into memory.

    Where ``grown`` is True the box grows from a small one; the others have the full box throughout. On one thread:
    the matrices are small, and sums are then made in one order.
    """
    weights = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    rows = max(LEAST_ROWS, round(LAST_ROWS * weights))
    part = max(1, MEMORY // (4 * rows * weights))
    networks = len(grown)
    jobs = [
        (kind, chosen[k : k + part])
        for kind, chosen in ((False, np.flatnonzero(~grown)), (True, np.flatnonzero(grown)))
        for k in range(0, len(chosen), part)
    ]
    result: Weights = [
        (torch.zeros(networks, b, a), torch.zeros(networks, b)) for a, b in itertools.pairwise(sizes)
    ]  # fmt: skip
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for done, ((kind, chosen), stream) in enumerate(zip(jobs, streams.spawn(len(jobs)), strict=True)):
            rng = np.random.default_rng(stream)
            found = _part(
                task, activation, draw(sizes, len(chosen), rng), rows, steps, kind, tolerance, rng,
                lambda share, done=done: tell((done + share) / len(jobs)),  # type: ignore[misc]
            )  # fmt: skip
            for (w, b), (new_w, new_b) in zip(result, found, strict=True):
                w[chosen], b[chosen] = new_w, new_b
        error, largest = judge(result, task, functions(activation))
    finally:
        torch.set_num_threads(before)
    return Fitted(result, error, largest)


def draw(sizes: tuple[int, ...], networks: int, rng: np.random.Generator) -> Weights:
    """First weights: random signs, of nearly equal magnitude, so that every neuron feels every input."""
    found = []
    for a, b in itertools.pairwise(sizes):
        signs = rng.choice([-1.0, 1.0], (networks, b, a)) * rng.uniform(0.7, 1.3, (networks, b, a))
        biases = 0.5 * rng.normal(size=(networks, b))
        found.append((_tensor(signs * (2.0 / math.sqrt(a))), _tensor(biases)))
    return found


def judge(weights: Weights, task: Task, sigma: tuple[Function, Function]) -> tuple[Any, Any]:
    """Root mean square and largest error on the held-out points, for each network."""
    both = []
    for k in range(len(weights[0][1])):
        one = [(w[k : k + 1], b[k : k + 1]) for w, b in weights]
        off = (forward(one, task.held, sigma)[0][0] - task.wanted).double()
        both.append((float(off.square().mean().sqrt()), float(off.abs().max())))
    table = np.nan_to_num(np.array(both).reshape(-1, 2), nan=np.inf)
    return table[:, 0], table[:, 1]


def functions(activation: Activation) -> tuple[Function, Function]:
    """σ and its derivative (of x and σ(x), as a pair of tensors stacked by the caller) for tensors."""
    known: dict[str, tuple[Function, Function]] = {
        "sin": (torch.sin, torch.cos),
        "exp": (torch.exp, torch.exp),
        "tanh": (torch.tanh, lambda x: 1.0 - torch.tanh(x).square()),
        "logistic": (torch.sigmoid, lambda x: torch.sigmoid(x) * torch.sigmoid(-x)),
        "softplus": (torch.nn.functional.softplus, torch.sigmoid),
        "arctan": (torch.atan, lambda x: 1.0 / (1.0 + x * x)),
        "gaussian": (lambda x: torch.exp(-x * x), lambda x: -2.0 * x * torch.exp(-x * x)),
        "gelu": (
            torch.nn.functional.gelu,
            lambda x: torch.special.ndtr(x) + x * GAUSSIAN * torch.exp(-0.5 * x * x),
        ),
    }
    if activation.name in known:
        return known[activation.name]
    module = activation_module(activation)
    return module, functools.partial(_derivative, module)


def forward(
    weights: Weights, x: torch.Tensor, sigma: tuple[Function, Function]
) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """Outputs (networks, points), what the neurons of each hidden layer hear, and what each layer is given."""
    given = [x.expand(len(weights[0][1]), *x.shape)]
    heard: list[torch.Tensor] = []
    for place, (w, b) in enumerate(weights):
        z = torch.baddbmm(b[:, None, :], given[-1], w.transpose(1, 2))
        if place == len(weights) - 1:
            return z[..., 0], heard, given
        heard.append(z)
        given.append(sigma[0](z))
    raise AssertionError("a network has layers")


def jacobian(weights: Weights, x: torch.Tensor, sigma: tuple[Function, Function]) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs (networks, points) and their derivatives (networks, points, parameters), weights before biases."""
    y, heard, given = forward(weights, x, sigma)
    columns: list[torch.Tensor] = []
    back = torch.ones_like(y)[..., None]
    for place in range(len(weights) - 1, -1, -1):
        outer = back[..., :, None] * given[place][..., None, :]
        columns[:0] = [outer.reshape(*y.shape, -1), back]
        if place:
            back = torch.bmm(back, weights[place][0]) * sigma[1](heard[place - 1])
    return y, torch.cat(columns, 2)


def moved(weights: Weights, step: torch.Tensor) -> Weights:
    """The weights plus a step (networks, parameters), in the order of `jacobian`."""
    found, at = [], 0
    for w, b in weights:
        n = w[0].numel()
        change, at = step[:, at : at + n].reshape(w.shape), at + n
        found.append((w + change, b + step[:, at : at + b.shape[1]]))
        at += b.shape[1]
    return found


def _part(
    task: Task, activation: Activation, weights: Weights, rows: int, steps: int, is_grown: bool, tolerance: float,
    rng: np.random.Generator, tell: Callable[[float], None],
) -> Weights:  # fmt: skip
    """Train a batch; a network leaves it once it has reached the tolerance on the held-out points, or stands still."""
    sigma = functions(activation)
    networks = len(weights[0][1])
    result = [(w.clone(), b.clone()) for w, b in weights]
    index = torch.arange(networks)
    damping = torch.full((networks,), 0.1)
    grow = round(GROWING * steps) if is_grown else 0
    few = max(LEAST_ROWS // 2, round(rows * ROWS / LAST_ROWS))
    best, since = torch.full((networks,), math.inf), torch.zeros(networks, dtype=torch.int64)
    x = t = torch.zeros(0)
    unit = np.zeros((0, len(task.low)))
    for step in range(steps):
        if step < grow:
            side = FIRST + (1.0 - FIRST) * step / grow
            if step % REDRAW == 0:
                unit = rng.uniform(0.0, 2.0, (few, len(task.low)))
            raw = task.at(1.0 - side * unit)
            x, t = _tensor(1.0 - side * unit), _tensor((raw - raw.mean()) / max(float(raw.std()), 1e-30))
        elif step == grow:
            unit = rng.uniform(-1.0, 1.0, (rows, len(task.low)))
            x, t = _tensor(unit), _tensor((task.at(unit) - task.mean) / task.scale)
        weights, loss, damping = _step(weights, x, t, damping, sigma)
        if step % 5 == 0:
            tell(step / steps)
        if step < grow // 2 or (step < grow and step % REDRAW != REDRAW - 1):
            continue
        if step < grow:
            done = loss.sqrt() > HOPELESS
        else:
            since = torch.where(loss < 0.9 * best, 0, since + 1)  # a twentieth of its root, nearly
            best = torch.where(since == 0, loss, best)
            done = since >= PATIENCE
        near = torch.nonzero(loss.sqrt() <= tolerance)[:, 0] if step >= grow else index[:0]
        if len(near):
            error, _ = judge([(w[near], b[near]) for w, b in weights], task, sigma)
            done[near[torch.from_numpy(error <= tolerance)]] = True
        if step == steps - 1:
            done[:] = True
        for (w, b), (new_w, new_b) in zip(result, weights, strict=True):
            w[index[done]], b[index[done]] = new_w[done], new_b[done]
        if bool(done.all()):
            break
        if bool(done.any()):
            keep = ~done
            weights = [(w[keep], b[keep]) for w, b in weights]
            index, damping, best, since = index[keep], damping[keep], best[keep], since[keep]
    return result


def _step(
    weights: Weights, x: torch.Tensor, t: torch.Tensor, damping: torch.Tensor, sigma: tuple[Function, Function]
) -> tuple[Weights, torch.Tensor, torch.Tensor]:
    """One step of each network, taken where it lowers the mean square."""
    y, slopes = jacobian(weights, x, sigma)
    off = y - t
    loss = off.square().mean(1)
    square = torch.bmm(slopes.transpose(1, 2), slopes) / len(x)
    pull = torch.bmm(slopes.transpose(1, 2), off[..., None]) / len(x)
    size = torch.diagonal(square, dim1=1, dim2=2)
    square = square + torch.diag_embed(damping[:, None] * (size + 1e-4 * size.mean(1, keepdim=True)))
    factor, failed = torch.linalg.cholesky_ex(square)
    tried = moved(weights, -torch.cholesky_solve(pull, factor)[..., 0])
    new = (forward(tried, x, sigma)[0] - t).square().mean(1)
    good = (new < loss) & (failed == 0)
    kept = [
        (torch.where(good[:, None, None], w, old_w), torch.where(good[:, None], b, old_b))
        for (w, b), (old_w, old_b) in zip(tried, weights, strict=True)
    ]
    return kept, torch.where(good, new, loss), torch.where(good, damping / 3, damping * 4).clamp(1e-8, 1e6)


def _derivative(function: Function, x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        z = x.detach().requires_grad_()
        return torch.autograd.grad(function(z).sum(), z)[0]


def _tensor(array: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float32)
