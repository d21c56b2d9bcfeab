"""Make a chain with memory Markov: the state carries the part of the past that is still needed.

If y_{i+1} depends on y_{i−m+1}, …, y_i, then z_i = (y_{c(i)}, …, y_i) is a Markov chain, where c(i) is the first
variable that any later step still reads (claims.md B1). Nothing else is carried: z_n = y_n, and z_0 = y_0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from rgnet.hierarchies._levels import Array, level_of, probabilities, smallest_dtype, whole
from rgnet.hierarchies.chain import Chain

MOST = 20_000_000  # entries of one transition matrix


@dataclass(frozen=True, eq=False)
class Enlarged:
    """A chain with memory as a Markov chain of windows of its variables.

    Attributes
    ----------
    chain : Chain
        The Markov chain of z_0, …, z_n; z_i is the number, in C order, of the states (y_{first[i]}, …, y_i).
    states : tuple of int
        Number of states of y_0, …, y_n.
    first : tuple of int
        The first variable that z_i carries.
    """

    chain: Chain
    states: tuple[int, ...]
    first: tuple[int, ...]

    @property
    def steps(self) -> int:
        """n."""
        return self.chain.steps

    def read(self, variable: int, level: int | None = None) -> Array:
        """The map z_level → y_variable, an array over the states of z_level (level: the variable's own).

        Raises
        ------
        ValueError
            If z_level does not carry the variable.
        """
        variable = level_of(variable, self.steps, "variable")
        level = variable if level is None else level_of(level, self.steps)
        if not self.first[level] <= variable <= level:
            raise ValueError(f"z_{level} carries y_{self.first[level]} … y_{level}, not y_{variable}")
        window = self.states[self.first[level] : level + 1]
        return np.asarray(np.indices(window)[variable - self.first[level]].ravel())

    def sample(self, n: int, seed: int = 0) -> xr.Dataset:
        """Independent draws of the variables y_0, …, y_n themselves, over (draw,)."""
        drawn = self.chain.sample(n, seed)
        variables = {
            f"y_{i}": ("draw", self.read(i).astype(smallest_dtype(self.states[i]))[drawn[f"y_{i}"].values])
            for i in range(self.steps + 1)
        }
        return xr.Dataset(variables, attrs=drawn.attrs)


def enlarge(prior: Any, kernels: Sequence[Any], order: int | None = None) -> Enlarged:
    """The Markov chain of a process whose next variable depends on several past ones.

    Parameters
    ----------
    prior : array (s_0,)
        p(y_0).
    kernels : sequence of arrays
        kernels[i] has shape (s_{i+1−m}, …, s_i, s_{i+1}) and holds p(y_{i+1} | y_{i+1−m}, …, y_i), its last axis
        summing to one; the memory 1 ≤ m ≤ i + 1 may differ from step to step.
    order : int, optional
        The longest memory that is meant, as a check.

    Returns
    -------
    Enlarged
        The chain, and the maps that read each y_i off its states.

    Raises
    ------
    ValueError
        If shapes disagree, a kernel looks further back than y_0 or ``order``, rows do not sum to one, or a transition
        matrix would have more than 2·10⁷ entries.
    """
    tables = [probabilities("prior", prior, (None,))]
    states, memory = [tables[0][0].size], []
    if len(kernels) == 0:
        raise ValueError("kernels=[]: a chain has at least one step")
    for i, kernel in enumerate(kernels):
        m = np.ndim(np.asarray(kernel, dtype=object)) - 1
        longest = i + 1 if order is None else min(i + 1, whole("order", order, 1))
        if not 1 <= m <= longest:
            raise ValueError(
                f"kernels[{i}] has {m + 1} axes, so y_{i + 1} depends on {m} variables; it may on 1 … {longest}, and "
                "its last axis is y's own"
            )
        tables.append(probabilities(f"kernels[{i}]", kernel, (*states[i + 1 - m : i + 1], None)))
        states.append(tables[-1][0].shape[-1])
        memory.append(m)
    last = len(memory)
    first = [min([i] + [j + 1 - memory[j] for j in range(i, last)]) for i in range(last + 1)]
    exact = all(kept is not None for _, kept in tables)
    chosen = [kept if exact and kept is not None else table for table, kept in tables]
    matrices = [
        _transition(kernel, states[first[i] : i + 1], first[i + 1] - first[i], i) for i, kernel in enumerate(chosen[1:])
    ]
    return Enlarged(Chain(chosen[0], matrices), tuple(states), tuple(first))


def _transition(kernel: Array, window: list[int], dropped: int, step: int) -> Array:
    """Matrix from the states of a window to those of the next: y_{i+1} comes in, the first ``dropped`` go."""
    before, new = int(np.prod(window)), kernel.shape[-1]
    kept = int(np.prod(window[dropped:]))
    if before * kept * new > MOST:
        raise ValueError(
            f"step {step} needs a transition matrix of {before} x {kept * new} entries, more than {MOST}: the memory "
            "is too long, or the alphabets too large"
        )
    rows = np.broadcast_to(kernel, (*window[: len(window) - (kernel.ndim - 1)], *kernel.shape)).reshape(before, new)
    out = np.zeros((before, kept, new), dtype=kernel.dtype)
    out[np.arange(before), np.arange(before) % kept] = rows
    return out.reshape(before, kept * new)
