"""What a run is asked for: looked at before it begins, and shown while it goes on."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from rgnet.models import Model
from rgnet.updates.chains import Callback, Kept


def check_numbers(
    draws: object, chains: object, warmup: object, thin: object, seed: object, swap_every: object = None
) -> None:
    """Refuse what are no whole numbers, or too small ones; None is "as you like", but for draws.

    Raises
    ------
    ValueError
        Naming the number and the rule.
    """
    given = {"draws": (draws, 1), "chains": (chains, 1), "warmup": (warmup, 0), "thin": (thin, 1), "seed": (seed, 0)}
    given["swap_every"] = (swap_every, 1)
    for name, (value, least) in given.items():
        if value is None and name != "draws":
            continue
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name}={value!r}: give a whole number of at least {least}")


def check_memory(model: Model, draws: int, chains: int, configurations: bool, kept: Kept | None = None) -> None:
    """Refuse draws that would not fit into this machine.

    Parameters
    ----------
    chains : int
        Configurations of each draw.
    kept : mapping of name to (shape, type), optional
        What is kept of each beside the configuration itself.

    Raises
    ------
    ValueError
        If they take more than four fifths of the memory.
    """
    size = model.components * model.n_sites * np.dtype(model.dtype).itemsize if configurations else 0
    size += sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in (kept or {}).values())
    needed = chains * draws * size
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.8 * memory:
        what = f"configurations of {model.n_sites} spins" if configurations else f"{len(kept or ())} quantities"
        less = "keep energies alone with configurations=False, or take" if configurations else "or take"
        raise ValueError(
            f"draws={draws}: {chains} chains of {draws} {what} take {needed / 1e9:.3g} GB, and this machine has "
            f"{memory / 1e9:.3g} GB; sample in parts with resume=, measuring each, {less} fewer draws"
        )


@contextmanager
def bar(draws: int, callback: Callback | None) -> Iterator[Callback]:
    """A progress bar that is fed as a callback, before the user's own."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = ("[progress.description]{task.description}", BarColumn(), "{task.completed}/{task.total}")
    with Progress(*columns, TextColumn("H/N = {task.fields[energy]:.5f}"), TimeRemainingColumn()) as shown:
        task = shown.add_task("warm-up", total=draws, energy=float("nan"))

        def report(done: int, total: int, energy: float) -> None:
            shown.update(task, description="draws" if done else "warm-up", completed=done, energy=energy)
            if callback is not None:
                callback(done, total, energy)

        yield report
