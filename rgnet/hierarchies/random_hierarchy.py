"""The random hierarchy model: a class is written out level by level by random production rules.

    y_0 = class (1 site)  →  y_1 (s sites)  →  …  →  y_L (s^L sites)  [ →  y_{L+1}, noisy ]

Each of the n_c classes and each of the v symbols of a level has m synonymous productions, tuples of s symbols of the
level below, of which one is chosen uniformly at every site. The rules of a level are drawn uniformly among those
*without ambiguity*: all its productions are different, so that a tuple tells its parent, which needs v m ≤ v^s and
n_c m ≤ v^s. Hence without noise the data determine every level, and H(y_k) = H(y_0) + (s^k − 1)/(s − 1) · ln m. With
noise a last level replaces each symbol, with probability ``noise``, by a uniformly random one (perhaps the same).

Inference is exact by belief propagation on the tree: upward messages λ(p) = (1/m) Σ_r Π_j λ_j(rule_r(p)_j), downward
ones likewise without the child addressed, in logarithms. Deep networks learn the class from about P* = n_c m^L samples,
while a learner that ignores the hierarchy needs a number exponential in the dimension s^L.

Sources: Cagnetta, Petrini, Tomasini, Favero & Wyart (2024), Phys. Rev. X 14, 031001 (model, P*); Pearl (1988), ch. 4
(belief propagation). Claim B5.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from rgnet.estimate import Estimate
from rgnet.hierarchies import _random_hierarchy_inference as inference
from rgnet.hierarchies import _random_hierarchy_kernels as kernels
from rgnet.hierarchies import ranking
from rgnet.hierarchies._levels import level_of, whole
from rgnet.hierarchies._shared import (
    Array,
    Floats,
    check_prior,
    digits_of,
    entropy,
    fits,
    fraction,
    log,
    number_of,
    site_dims,
    softmax,
    symbol_dtype,
    take_data,
)
from rgnet.hierarchies._statistic import Statistic

_MAX_SITES, _MAX_RULES = 1 << 26, 1 << 22


@dataclass(frozen=True)
class RandomHierarchy:
    """A random hierarchy model.

    Parameters
    ----------
    v : int
        Symbols of each level below the classes, at least 2.
    m : int
        Synonyms: productions of each class and symbol.
    s : int
        Branching: symbols in a production, at least 2.
    L : int
        Levels of rules.
    classes : int
        Number of classes n_c, at least 2.
    seed : int
        Of the rules.
    prior : sequence of float, optional
        Probabilities of the classes; uniform unless given.
    noise : float
        Probability that a symbol of the data is replaced by a uniformly random one; above 0 there is one more level.

    Attributes
    ----------
    rules : tuple of arrays
        rules[k] (parents, m, s): the productions that lead from level k to level k + 1.

    Raises
    ------
    ValueError
        If a parameter is out of range, or no rules without ambiguity exist: v m > v^s or n_c m > v^s.
    """

    v: int
    m: int
    s: int
    L: int
    classes: int
    seed: int = 0
    prior: Any = None
    noise: float = 0.0
    rules: tuple[Array, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        for name, least in {"v": 2, "m": 1, "s": 2, "L": 1, "classes": 2, "seed": 0}.items():
            set_(self, name, whole(name, getattr(self, name), least))
        set_(self, "noise", fraction("noise", self.noise))
        if not fits(self.v, self.s, 1 << 62):
            raise ValueError(f"v={self.v}, s={self.s}: v^s tuples, at most 2^62; give smaller ones")
        tuples = self.v**self.s
        if self.m * max(self.v, self.classes) > tuples:
            name, parents = ("v", self.v) if self.v >= self.classes else ("classes", self.classes)
            raise ValueError(
                f"v={self.v}, m={self.m}, s={self.s}, classes={self.classes}: {name}·m = {parents * self.m} "
                f"productions, but only v^s = {tuples} different tuples: the rules would be ambiguous; give m ≤ "
                f"{tuples // parents}" + (f", or classes ≤ {tuples // self.m}" if name == "classes" else "")
            )
        if (size := self.m * max(self.v, self.classes)) > _MAX_RULES:
            raise ValueError(f"{size} productions between two levels, at most {_MAX_RULES}: give smaller v or m")
        if not fits(self.s, self.L, _MAX_SITES):
            raise ValueError(f"s={self.s}, L={self.L}: s^L is more than {_MAX_SITES} sites of data; give a smaller L")
        set_(self, "prior", check_prior(self.prior, self.classes))
        set_(self, "rules", tuple(self._draw_rules(level) for level in range(self.L)))

    def _draw_rules(self, level: int) -> Array:
        parents = self.classes if level == 0 else self.v
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(level,)))
        codes = rng.choice(self.v**self.s, size=parents * self.m, replace=False)
        return digits_of(codes, self.v, self.s).astype(symbol_dtype(self.v)).reshape(parents, self.m, self.s)

    @property
    def steps(self) -> int:
        """Number of the last level, the data: L, or L + 1 with noise."""
        return self.L + (self.noise > 0)

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """Sites of each level: s^k."""
        return (*(self.s**k for k in range(self.L + 1)), *((self.s**self.L,) * (self.noise > 0)))

    @property
    def alphabet(self) -> tuple[int, ...]:
        """States of a site, by level: the classes, then v."""
        return (self.classes, *((self.v,) * self.steps))

    @property
    def count(self) -> int:
        """Number of different clean data (y_L), all classes together; a Python int of any size."""
        return self.classes * self.count_per_class

    @property
    def count_per_class(self) -> int:
        """Number of different clean data of one class, m^{(s^L − 1)/(s − 1)}."""
        return int(self.m ** ranking.nodes(self.s, self.L))

    @property
    def p_star(self) -> int:
        """Samples from which deep networks learn the class, about n_c m^L (Cagnetta et al. 2024)."""
        return int(self.classes * self.m**self.L)

    def sample(self, n: int, seed: int = 0) -> xr.Dataset:
        """Draw ``n`` independent samples, every level of each.

        Returns
        -------
        Dataset
            ``y_0 (draw)`` and ``y_k (draw, site_k)``, integers of the smallest signed dtype that fits.
        """
        n, seed = whole("n", n, 1), whole("seed", seed, 0)
        cumulated = np.cumsum(self.prior)
        draws = self._stream(seed, 0).random(n) * cumulated[-1]
        y = np.searchsorted(cumulated, draws, side="right").astype(symbol_dtype(self.classes))
        levels = [y[:, None]]
        for k, rule in enumerate(self.rules):
            rng, parents = self._stream(seed, k + 1), levels[-1]
            out = np.empty((n, parents.shape[1] * self.s), dtype=rule.dtype)
            small = np.min_scalar_type(self.m - 1)
            for rows in inference.batches(n, out.shape[1]):
                part = parents[rows]
                kernels.expand(part, rng.integers(0, self.m, size=part.shape, dtype=small), rule, out[rows])
            levels.append(out)
        if self.noise > 0:
            levels.append(self._noisy(levels[-1], self._stream(seed, self.L + 1)))
        variables = {
            f"y_{k}": (site_dims(k, x.shape[1]), x if x.shape[1] > 1 else x[:, 0]) for k, x in enumerate(levels)
        }
        own = {name: getattr(self, name) for name in ("v", "m", "s", "L", "classes", "noise")}
        attrs = {"hierarchy": "RandomHierarchy", **own, "rules_seed": self.seed, "prior": json.dumps(self.prior)}
        return xr.Dataset(variables, attrs={**attrs, "seed": seed})

    def _stream(self, seed: int, level: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(level,)))

    def _noisy(self, clean: Array, rng: np.random.Generator) -> Array:
        result = clean.copy()
        for rows in inference.batches(len(clean), clean.shape[1]):
            part = result[rows]
            hit = rng.random(part.shape) < self.noise
            part[hit] = rng.integers(0, self.v, size=int(hit.sum()), dtype=clean.dtype)
        return result

    def posterior(self, data: Any, level: int = 0) -> Any:
        """p(y_level | data), exactly, site by site.

        Parameters
        ----------
        data : array (n, sites) of int, array (n, sites, v) of float, or what `sample` returned
            Symbols of the last level, −1 where not observed; or soft evidence, the likelihood of each symbol.
        level : int

        Returns
        -------
        array or DataArray
            (n, classes) for level 0, else (n, sites, v): the marginal of each site.

        Raises
        ------
        ValueError
            If the data are of another shape or kind, or a row is impossible under this hierarchy.
        """
        level = level_of(level, self.steps)
        array, was_labelled = take_data(data, self.steps)
        array = inference.check_evidence(array, self.s**self.L, self.v)
        sites, states = self.level_sizes[level], self.alphabet[level]
        result = np.empty((len(array), sites, states))
        for rows, messages, _ in self._messages(array):
            inference.possible(messages, log(self.prior), rows.start)
            above = inference.down(messages, self.rules, log(self.prior), min(level, self.L))
            if level <= self.L:
                result[rows] = softmax(above + messages[level][0])
            else:
                result[rows] = softmax(
                    inference.seen_through_noise(above, inference.log_evidence(array[rows], self.v), self.noise)
                )
        result = result if sites > 1 else result[:, 0]
        return xr.DataArray(result, dims=(*site_dims(level, sites), "state")) if was_labelled else result

    def log_likelihood(self, data: Any) -> Floats:
        """ln p(y_n = data | y_0), exactly: array (n, classes); −inf for a class that cannot produce them.

        Parameters
        ----------
        data : array (n, sites) of int, array (n, sites, v) of float, or what `sample` returned
            As `posterior`.
        """
        array, _ = take_data(data, self.steps)
        array = inference.check_evidence(array, self.s**self.L, self.v)
        result = np.empty((len(array), self.classes))
        for rows, messages, shift in self._messages(array):
            result[rows] = messages[0][0][:, 0] + shift[:, None]
        return result

    def _messages(self, array: Array) -> Any:
        """Batches of checked data with their upward messages and shifts."""
        for rows in inference.batches(len(array), self.s**self.L * self.v * self.m):
            evidence = inference.log_evidence(array[rows], self.v, self.noise)
            yield rows, *inference.up(evidence, self.rules)

    def parse(self, data: Any) -> tuple[list[Array], list[Array]]:
        """Every level of clean data (y_L), and the productions used.

        Parameters
        ----------
        data : array (n, s^L) of int

        Returns
        -------
        levels : list of arrays
            y_0 (n, 1), …, y_L (n, s^L).
        choices : list of arrays
            For the levels 0 … L − 1, which of its m productions each site used: (n, s^k).

        Raises
        ------
        ValueError
            If a tuple of the data is no production.
        """
        y = inference.check_evidence(np.asarray(data), self.s**self.L, self.v)
        if y.dtype.kind == "f" or (y.size and y.min() < 0):
            raise ValueError("data that are not fully observed have no parse: use `posterior`")
        levels, choices = [y], list[Array]()
        for k in range(self.L - 1, -1, -1):
            codes = number_of(self.rules[k].reshape(-1, self.s), self.v)
            order = np.argsort(codes)
            wanted = number_of(levels[0].reshape(len(y), -1, self.s), self.v)
            place = np.minimum(np.searchsorted(codes[order], wanted), len(codes) - 1)
            bad = (codes[order][place] != wanted).any(axis=1)
            if bad.any():
                raise ValueError(
                    f"draw {int(np.flatnonzero(bad)[0])} (one of {int(bad.sum())}) has at level {k + 1} a tuple that "
                    f"no rule produces; noisy data have no parse: use `posterior`"
                )
            parent, choice = np.divmod(order[place], self.m)
            levels.insert(0, parent.astype(symbol_dtype(self.alphabet[k])))
            choices.insert(0, choice)
        return levels, choices

    def rank(self, data: Any) -> Any:
        """The class and the number, within it, of clean data: a bijection (`rgnet.hierarchies.ranking`).

        Parameters
        ----------
        data : array (s^L,) or (n, s^L) of int

        Returns
        -------
        (int, int), or a list of them
            Python ints; the second from 0 to `count_per_class` − 1.

        Raises
        ------
        ValueError
            As `parse`.
        """
        array = np.asarray(data)
        levels, choices = self.parse(np.atleast_2d(array))
        digits = np.concatenate(choices, axis=1)
        pairs = [(int(c), ranking.join(row, self.m)) for c, row in zip(levels[0][:, 0], digits, strict=True)]
        return pairs[0] if array.ndim == 1 else pairs

    def unrank(self, label: int, index: int) -> Array:
        """The clean data (s^L,) of class ``label`` with number ``index``: the inverse of `rank`.

        Raises
        ------
        ValueError
            If there is no such class or number.
        """
        if whole("label", label, 0) >= self.classes:
            raise ValueError(f"label={label}: the classes are 0 to {self.classes - 1}")
        digits = ranking.split(index, self.m, ranking.nodes(self.s, self.L))
        y, start = np.array([[label]]), 0
        for rule in self.rules:
            choice, start = digits[start : start + y.shape[1]], start + y.shape[1]
            y = rule[y[0], choice].reshape(1, -1)
        return np.asarray(y[0])

    def mutual_information(self, level_a: int, level_b: int, *, n: int | None = None, seed: int = 0) -> Estimate:
        """I(y_a; y_b) in nats.

        Exact between clean levels, where it is the entropy of the upper one. With the noisy level it is exact by
        enumeration of at most 2^20 data, and otherwise, with ``n=``, an unbiased estimate from ``n`` samples: the mean
        of ln p(y_n | y_a)/p(y_n), or for a = 0 of H(y_0) − H(y_0 | y_n = data), each exact by belief propagation.

        Raises
        ------
        ValueError
            If a level does not exist, or the value is neither exact nor ``n`` given.
        """
        a, b = sorted(level_of(x, self.steps, name) for name, x in (("level_a", level_a), ("level_b", level_b)))
        if b <= self.L:
            value = float(entropy(self.prior)) + ranking.nodes(self.s, a) * math.log(self.m)
            return Estimate(value, 0.0, kind="exact", method=f"H(y_{a}): the data determine it", unit="nats")
        sites = self.s**self.L
        if fits(self.v, sites, inference.MAX_STATES):
            value = self._enumerated(a)
            return Estimate(value, 0.0, kind="exact", method=f"enumeration of {self.v}^{sites} data", unit="nats")
        if n is None:
            raise ValueError(
                f"I(y_{a}; y_{b}) with noise is exact only for at most 2^20 data, and here are {self.v}^{sites}; "
                f"give n= for an unbiased estimate from n samples and their exact posteriors"
            )
        values = self._pointwise(self.sample(whole("n", n, 2), seed), a)
        error = float(values.std(ddof=1) / math.sqrt(len(values)))
        method = f"mean over samples of the exact {'entropy of the posterior' if a == 0 else 'log-likelihood ratio'}"
        return Estimate(float(values.mean()), error, method=method, n=len(values), n_effective=len(values), unit="nats")

    def _enumerated(self, a: int) -> float:
        whole_entropy, _ = inference.enumerated_entropies(self.rules, self.noise, self.v, 0)(np.array(self.prior))
        if a > self.L:
            return whole_entropy
        nothing = np.full((1, self.s**self.L), -1)
        marginals = self.posterior(nothing, a).reshape(-1, self.alphabet[a])
        below = inference.enumerated_entropies(self.rules, self.noise, self.v, a)
        return whole_entropy - math.fsum(below(p)[1] for p in marginals)

    def _pointwise(self, data: xr.Dataset, a: int) -> Floats:
        """Numbers whose mean over samples is I(y_a; y_n)."""
        y_n, values = data[f"y_{self.steps}"].values, np.empty(data.sizes["draw"])
        symbols = data[f"y_{a}"].values.reshape(len(y_n), -1).astype(np.int64)
        for rows, messages, shift in self._messages(y_n):
            joint = messages[0][0][:, 0] + log(self.prior)
            if a == 0:
                values[rows] = entropy(self.prior) - entropy(softmax(joint))
                continue
            values[rows] = -np.logaddexp.reduce(joint, axis=1) - shift
            if a <= self.L:
                evidence = inference.log_evidence(y_n[rows], self.v, self.noise)
                part, own = inference.up(evidence, self.rules, a)
                values[rows] += np.take_along_axis(part[0][0], symbols[rows, :, None], axis=2).sum(axis=(1, 2)) + own
        return values

    def sufficient(self, level: int = 0) -> Statistic:
        """The minimal sufficient statistic of clean or noisy data for y_level: labels, one for each posterior.

        Without noise it is the level itself, numbered; with noise the data are merged from the bottom up wherever they
        say the same about the symbols above.

        Raises
        ------
        ValueError
            If there are too many labels for an integer (2^63), or too many messages to be listed.
        """
        from rgnet.hierarchies._random_hierarchy_statistics import clean, noisy

        level = level_of(level, self.steps)
        return clean(self, level) if self.noise == 0 else noisy(self, level)
