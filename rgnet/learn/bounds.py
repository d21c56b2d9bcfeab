"""Neural lower bounds on mutual information, trained on one part of the draws and evaluated on another.

A critic f(x, y) scores pairs; ⟨·⟩ is over p(x, y), ⟨·⟩₀ over p(x) p(y):

    InfoNCE (van den Oord et al. 2018, eq. 4)          I ≥ ⟨f − ln (1/n) Σ_j e^{f(x_j, y)}⟩ ,  at most ln n
    NWJ     (Nguyen, Wainwright & Jordan 2010)         I ≥ ⟨f⟩ − ⟨e^{f−1}⟩₀
    MINE    (Donsker & Varadhan 1975; Belghazi 2018)   I ≥ ⟨f⟩ − ln ⟨e^f⟩₀
    SMILE   (Song & Ermon 2020, eq. 8)                 I ≈ ⟨f⟩ − ln ⟨clip(e^f, e^−τ, e^τ)⟩₀

The first three hold for any f. They hold for numbers that were measured only where f has not seen the draws: on its
own training data a critic finds information that is not there. So the draws are split in three, by chain: the critic
learns on the first part, the second stops the learning, the third gives the value and its error.

- *InfoNCE* sets n draws against each other: the own pair is among them, so no batch of n gives more than ln n. A value
  near that cap says only that there is more.
- *NWJ* and *MINE* have no cap, and a variance that grows as e^I (McAllester & Stratos 2020): where a handful of draws
  carries ⟨e^f⟩₀ it is too small as a rule, and the "bound" too high. It is then handed out as an estimate.
- *SMILE* clips that variance away, and with it the bound: an estimate, below or above.

Where x or y takes few values they are states: the critic has an output for each, and ⟨·⟩₀ sums over all of them with
their frequencies, which for InfoNCE is H(x) minus the cross-entropy of a classifier.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import stats
from rgnet.estimate import Estimate
from rgnet.information.samples import Layout, as_labels, as_points, check_unit, paired
from rgnet.learn import _critics
from rgnet.learn._critics import BOUNDS, KINDS
from rgnet.learn._torch import as_tensor, fork_seed, generator, torch
from rgnet.learn.training import Training, fit, split_chains

Array = npt.NDArray[Any]
Split = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]

FEW_STATES = 64  # values up to which a variable counts as states
CRITICS = ("separable", "joint")
_SHUFFLE = 5  # spawn key: the order in which held-out rows meet


@dataclass(frozen=True)
class Critic:
    """The network that scores pairs.

    Parameters
    ----------
    form : "separable" or "joint"
        f = u(x)·g(y), or one network of both together (batch² evaluations).
    hidden : sequence of int
        Units of each hidden layer.
    embedding : int
        Length of u and g.
    """

    form: str = "separable"
    hidden: tuple[int, ...] = (64,)
    embedding: int = 32

    def __post_init__(self) -> None:
        if self.form not in CRITICS:
            raise ValueError(f"critic={self.form!r}: choose one of {', '.join(CRITICS)}")
        sizes = (*(self.hidden if isinstance(self.hidden, Sequence) else (None,)), self.embedding)
        if any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in sizes):
            raise ValueError(
                f"hidden={self.hidden!r}, embedding={self.embedding!r}: whole numbers of at least 1, "
                f"hidden a sequence such as (64,)"
            )
        object.__setattr__(self, "hidden", tuple(int(n) for n in self.hidden))


def mutual_information_bound(
    x: Any,
    y: Any,
    bound: str = "infonce",
    *,
    critic: str = "separable",
    hidden: Sequence[int] = (64, 64),
    embedding: int = 32,
    clip: float = 5.0,
    chains: int | None = None,
    unit: str = "nats",
    training: Training | None = None,
) -> Estimate:
    """Lower bound on I(x; y) by a critic, evaluated on draws that the critic has not seen.

    Parameters
    ----------
    x, y : array (n,), (n, ...), or DataArray with ``draw`` and perhaps ``chain``
        Row i of each belonging together. Where one of them takes at most 64 values (labels, spins, strings) these are
        states, whatever ``critic`` says; else columns are real numbers, brought to zero mean and unit variance.
    bound : "infonce", "nwj", "mine" or "smile"
    critic : "separable" or "joint"
    hidden : sequence of int
        Units of the hidden layers of each network.
    embedding : int
        Length of the vectors whose product a separable critic is.
    clip : float
        τ of SMILE.
    chains : int, optional
        That the rows of plain arrays are so many chains of consecutive draws. DataArrays are chains.
    unit : "nats" or "bits"
    training : Training, optional
        ``held_out`` is the share of the chains (independent draws: of the draws) that give the value; the same share
        of the others stops the training. ``batch`` is also n of InfoNCE, at evaluation as well.

    Returns
    -------
    Estimate
        kind "lower"; "estimate" for SMILE, and for NWJ and MINE where fewer than 50 effective draws carry ⟨e^f⟩₀.
        Never clipped: about 0 or a little below for independent data. n is the number of held-out draws.

    Raises
    ------
    ValueError
        If a name is unknown, shapes disagree, values are not finite, or a part has fewer rows than one batch.
    ShortChainError
        If the held-out chains are too short for an error bar.
    TrainingError
        If training ends in NaN.
    """
    training = training or Training()
    check_unit(unit)
    check_bound(bound, clip)
    net = Critic(critic, hidden, embedding)  # type: ignore[arg-type]
    (first, second), layout = paired(x, y, chains=chains)
    split = three_parts(layout, len(first), training.held_out)
    result = held_out_bound(first, second, split, bound, net, training, clip=clip)
    return error_bar(result, _part_layout(layout, len(split[2])), strict=True).to(unit)


@dataclass(frozen=True, eq=False)
class Terms:
    """What every held-out row contributes: their mean is ``value``."""

    rows: npt.NDArray[np.float64]
    value: float
    kind: str
    method: str


def check_bound(bound: Any, clip: float = 5.0) -> None:
    """Raise for an unknown bound or an impossible clip."""
    if bound not in BOUNDS:
        raise ValueError(f"bound={bound!r}: choose one of {', '.join(BOUNDS)}")
    if isinstance(clip, bool) or not isinstance(clip, int | float) or not clip > 0 or not math.isfinite(clip):
        raise ValueError(f"clip={clip!r}: SMILE clips at e^±clip, a positive number such as 5")


def three_parts(layout: Layout, n: int, held_out: float) -> Split:
    """Rows to learn from, to stop by and to judge, whole chains where there are three.

    Two chains: the second judges, the first is cut in time. One chain, or independent rows: in order.
    """
    chains, draws = (1, n) if layout is None else layout
    rest, judge = split_chains(chains, draws, held_out)
    learn, stop = split_chains(len(rest) // draws, draws, held_out) if chains > 2 else _cut(len(rest), held_out)
    return rest[learn], rest[stop], judge


def _cut(n: int, held_out: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    if n < 2:
        raise ValueError(f"{n} draws are left to train on: give more draws, or a smaller held_out")
    return split_chains(1, n, held_out)


def _part_layout(layout: Layout, rows: int) -> Layout:
    if layout is None:
        return None
    return (1, rows) if layout[0] == 1 else (rows // layout[1], layout[1])


def held_out_bound(
    x: Array, y: Array, split: Split, bound: str, critic: Critic, training: Training, *, clip: float = 5.0
) -> Terms:
    """Train a critic on rows (n, ...) of the first part, return the terms of the third.

    Raises
    ------
    ValueError
        If a part has fewer rows than one batch.
    """
    check_batches([len(part) for part in split], training.batch)
    states = [few_states(item) for item in (x, y)]
    if states[0] is None and states[1] is not None:  # every bound may exchange the two
        x, y, states = y, x, states[::-1]
    columns, scale = small_rows(y, split[0])
    with fork_seed(training.seed, _SHUFFLE, 1):
        if states[0] is not None:
            first = torch.tensor(states[0][0])
            module: torch.nn.Module = _critics.Table(states[0][1], columns.shape[1], critic.hidden)
        else:
            first = standardized(x, split[0])
            sizes = first.shape[1], columns.shape[1]
            if critic.form == "separable":
                module = _critics.Separable(*sizes, critic.hidden, critic.embedding)
            else:
                module = _critics.Joint(*sizes, critic.hidden)
    module = _critics.Scaled(module, scale)
    parts = [(first[torch.from_numpy(part)], columns[torch.from_numpy(part)]) for part in split]

    def loss(net: Any, a: torch.Tensor, b: torch.Tensor, _: Any) -> torch.Tensor:
        return -_critics.objective(bound, *net(a, b))

    def evaluate(net: Any, a: torch.Tensor, b: torch.Tensor, _: Any) -> dict[str, float]:
        terms = evaluated(net, (a, b), bound, training.batch, clip)
        return {"loss": -terms.value, "bound": terms.value}

    with one_thread():
        fit(module, loss, (parts[0], parts[1]), training, evaluate=evaluate)
        return evaluated(module, parts[2], bound, training.batch, clip)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch keeps to one core: batches are too small to share, and the bits do not depend on the machine's."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_batches(sizes: Sequence[int], batch: int) -> None:
    """Raise where a part is smaller than one batch, or a batch has no two rows."""
    if batch < 2:
        raise ValueError(f"batch={batch}: a bound sets draws against each other; give at least 2, better 256")
    if min(sizes) < batch:
        raise ValueError(
            f"batch={batch}: the parts to learn from, stop by and judge have {', '.join(map(str, sizes))} rows, and "
            f"each must fill a batch; take Training(batch={max(2, min(sizes))}) or more draws"
        )


def few_states(array: Array) -> tuple[npt.NDArray[np.int64], int] | None:
    """Labels and their number where rows take at most 64 values, else None.

    Raises
    ------
    ValueError
        If values are no numbers and too many for states.
    """
    rows = array.reshape(len(array), -1)
    if rows.shape[1] <= 16:
        labels, count = as_labels(rows)
        if count <= FEW_STATES:
            return labels, count
    if array.dtype.kind not in "biuf":
        raise ValueError(f"values of type {array.dtype} take more than {FEW_STATES} states: give real numbers")
    return None


def standardized(array: Array, learn: npt.NDArray[np.int64]) -> torch.Tensor:
    """Columns of zero mean and unit variance on the rows ``learn``; constant columns become 0."""
    if array.dtype.kind not in "biuf":  # strings beside states
        labels, count = as_labels(array)
        array = np.eye(count)[labels]
    points = as_points(array)
    mean, spread = points[learn].mean(axis=0), points[learn].std(axis=0)
    return as_tensor((points - mean) / np.where(spread > 0, spread, 1.0))


def small_rows(array: Array, learn: npt.NDArray[np.int64]) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Rows as `standardized`, but of spins as they are; and the mean and 1/spread that are still to be applied."""
    if array.dtype != np.int8:
        columns = standardized(array, learn)
        return columns, (torch.zeros(columns.shape[1]), torch.ones(columns.shape[1]))
    flat = np.ascontiguousarray(array.reshape(len(array), -1))
    own = flat[learn]
    mean = own.mean(axis=0)
    spread = np.sqrt(np.maximum(np.square(own, dtype=np.int16).mean(axis=0) - mean**2, 0.0))
    return torch.from_numpy(flat), (as_tensor(mean), as_tensor(1.0 / np.where(spread > 1e-6, spread, 1.0)))


@torch.no_grad()
def evaluated(module: Any, rows: Sequence[torch.Tensor], bound: str, batch: int, clip: float, seed: int = 0) -> Terms:
    """Terms of rows in batches of exactly ``batch``, dealt out at random: no draw meets only its neighbours in time.

    ``module(*rows)`` gives scores as `rgnet.learn._critics` describes them.
    """
    n = len(rows[0])
    order = torch.randperm(n, generator=generator(seed, _SHUFFLE)).to(rows[0].device)
    own, against = torch.empty(n, dtype=torch.float64), torch.empty(n, dtype=torch.float64)
    for start in range(0, n, batch):
        index = order[start : start + batch]
        new = len(index)
        index = torch.cat([index, order[: batch - new]])  # the last batch is filled up with rows already counted
        scores, table, weights = module(*(item[index] for item in rows))
        one, two = _critics.held_out_terms(bound, scores, table, weights, clip)
        own[index[:new]], against[index[:new]] = one[:new].cpu(), two[:new].cpu()
    return _terms(bound, own.numpy(), against.numpy(), batch, clip)


def _terms(bound: str, own: Array, against: Array, batch: int, clip: float) -> Terms:
    """Rows that average to the bound; for a logarithm of a mean, to first order about it."""
    kind, n = KINDS[bound], len(own)
    if bound == "infonce":
        rows = own - against
        return Terms(rows, float(rows.mean()), kind, f"InfoNCE on held-out draws, batch {batch}: at most ln {batch}")
    carried = float(against.sum() ** 2 / max(float((against**2).sum()), 1e-300))
    note = ""
    if bound != "smile" and carried < stats.MIN_EFFECTIVE:
        kind = "estimate"
        note = f"; no bound: only {carried:.3g} of {n} draws carry the mean of e^f"
    if bound == "nwj":
        rows = own - against / math.e
        return Terms(rows, float(rows.mean()), kind, f"NWJ on held-out draws{note}")
    total = max(float(against.mean()), 1e-300)
    rows = own - math.log(total) - (against / total - 1.0)
    name = "Donsker–Varadhan (MINE)" if bound == "mine" else f"SMILE (clip {clip:g})"
    return Terms(rows, float(rows.mean()), kind, f"{name} on held-out draws{note}")


def error_bar(terms: Terms, layout: Layout, *, strict: bool) -> Estimate:
    """The mean of the terms with its error: rows of a chain are correlated, rows without layout are not.

    Parameters
    ----------
    terms : Terms
    layout : (chains, draws) or None
        Several rows a draw (places in one configuration) are averaged first.
    strict : bool
        Raise where chains are too short for an error bar; else say so in ``method``.
    """
    kind: Any = terms.kind
    n = len(terms.rows)
    if layout is None:
        if n < stats.MIN_EFFECTIVE and strict:
            raise ValueError(f"{n} held-out draws: an error bar needs at least {stats.MIN_EFFECTIVE:g}; give more")
        stderr = float(terms.rows.std(ddof=1)) / math.sqrt(n)
        return Estimate(terms.value, stderr, None, kind, terms.method, n, float(n), "nats")
    series = terms.rows.reshape(*layout, -1).mean(axis=2)
    note = ""
    if np.ptp(series) <= 1e-12 * max(1.0, abs(terms.value)):
        return Estimate(terms.value, 0.0, None, kind, terms.method, n, float(n), "nats")
    try:
        found = stats.mean(series)
    except stats.ShortChainError as error:
        if strict:
            raise
        found, note = error.estimate, "; too few draws for a reliable error"
    # A correlation time from few draws may come out as good as nothing: never better than independent draws
    stderr = max(found.stderr, float(series.std()) / math.sqrt(series.size)) if note else found.stderr
    return Estimate(terms.value, stderr, None, kind, f"{terms.method}{note}", n, found.n_effective, "nats")


def subfolder(training: Training, name: str, **changes: Any) -> Training:
    """The same training, its checkpoints in a folder of their own."""
    folder = None if training.checkpoint is None else Path(training.checkpoint) / name
    return replace(training, checkpoint=folder, **changes)
