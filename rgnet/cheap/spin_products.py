"""Hamiltonians of spins as networks: H(s) in products of bits, one logistic neuron for each.

With s = 2x − 1 a product of m spins is a polynomial of their bits,

    ∏_{i∈S} s_i = Σ_{T⊆S} 2^{|T|} (−1)^{m−|T|} ∏_{i∈T} x_i ,

so that H = −Σ_S J_S ∏_{i∈S} s_i costs a neuron for each S and each part of it, equal ones merged: one a bond and one a
site for the Ising model, whose cheapness this is (Lin, Tegmark & Rolnick 2017). The neurons, their error
and the choice of β: `rgnet.cheap.bits`.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.cheap import bits
from rgnet.cheap.errors import CheapError
from rgnet.cheap.reports import Compiled
from rgnet.lattice import Graph
from rgnet.models import Ising, SpinGlass
from rgnet.operators import Operator

Array = npt.NDArray[Any]
Terms = dict[tuple[int, ...], Fraction]

_LARGEST_PRODUCT = 16  # spins, 2^16 products of bits


def hamiltonian_network(
    model: Any, n: int | None = None, *, beta: float | None = None, tolerance: float | None = None
) -> Compiled:
    """H(s) of a model of spins ±1 as a network with one hidden layer; inputs are the spins, in C order.

    Parameters
    ----------
    model : Ising, SpinGlass, or mapping {sites: J}
        A mapping means H = −Σ J ∏ s over the sites named, such as ``{(0, 1): 0.4, (2,): 0.1}``.
    n : int, optional
        Number of spins, with a mapping.
    beta, tolerance : float, optional
        One of them; with neither, β is so large that rounding alone is left.

    Returns
    -------
    Compiled
        Error promised and achieved against ``model.energy``, on all 2ⁿ states up to 16 spins.

    Raises
    ------
    CheapError
        If the model is of another kind, or the tolerance is below the floor that float64 sets.

    Examples
    --------
    >>> import rgnet as rg
    >>> hamiltonian_network(rg.Ising((4, 4), K=0.4)).network.neurons
    48
    """
    if isinstance(model, Mapping):
        couplings, names = bits.monomials(model, n)
        spins = len(names)
    else:
        couplings, spins = couplings_of(model), int(model.n_sites)
    terms = in_bits({key: -value for key, value in couplings.items()})
    constant = terms.pop((), Fraction(0))
    made, used, promised = bits.assemble(
        bits.products(list(terms), spins), np.array([list(terms.values())], dtype=object).reshape(1, -1), [constant],
        inputs=tuple(f"s{i}" for i in range(spins)), outputs=("H",), beta=beta, tolerance=tolerance, spins=True,
    )  # fmt: skip

    def target(s: Array) -> Array:
        if not isinstance(model, Mapping):
            return np.asarray(model.energy(s.reshape(-1, *model.shape)))
        total = np.zeros(len(s), dtype=np.longdouble)
        for key, value in couplings.items():
            total -= np.longdouble(float(value)) * s[:, list(key)].prod(axis=1, dtype=np.int64)
        return total

    report = bits.measure(made, target, promised, used, tolerance, spins=True, notes={"spin products": len(couplings)})
    return Compiled(made, report)


def in_bits(couplings: Mapping[tuple[int, ...], Any]) -> Terms:
    """Σ c_S ∏_{i∈S} s_i as a polynomial of the bits x = (s + 1)/2, equal products merged, exactly."""
    result: Terms = {}
    for sites, value in couplings.items():
        if len(sites) > _LARGEST_PRODUCT:
            raise CheapError(
                f"a product of {len(sites)} spins is one of 2^{len(sites)} products of bits: at most "
                f"{_LARGEST_PRODUCT} spins are expanded; build a product of more as a tree"
            )
        for size in range(len(sites) + 1):
            factor = Fraction(value) * (-1) ** (len(sites) - size) * 2**size
            for part in itertools.combinations(sites, size):
                result[part] = result.get(part, Fraction(0)) + factor
    return {key: value for key, value in result.items() if value}


def couplings_of(model: Any) -> Terms:
    """Products of spins {sorted sites: J} with H = −Σ J ∏ s, equal ones merged; sites in C order.

    Raises
    ------
    CheapError
        If the model is no Ising model and no spin glass.
    """
    result: Terms = {}
    for sites, value in _every(model):
        result[sites] = result.get(sites, Fraction(0)) + value
    return {key: value for key, value in result.items() if value}


def _every(model: Any) -> Iterator[tuple[tuple[int, ...], Fraction]]:
    if isinstance(model, SpinGlass) or (isinstance(model, Ising) and isinstance(model.lattice, Graph)):
        pairs = lattice.bonds(model.geometry).tolist()
        values = model.bond_couplings().tolist() if isinstance(model, SpinGlass) else [model.K] * len(pairs)
        for (a, b), value in zip(pairs, values, strict=True):
            yield (min(a, b), max(a, b)) if a != b else (), Fraction(value)
        for site in range(model.n_sites if model.h else 0):
            yield (site,), Fraction(model.h)
    elif isinstance(model, Ising):
        for item, value in model.terms:
            if value:
                for sites in _placed(item, model.shape, model.boundary):
                    yield sites, Fraction(value)
    else:
        raise CheapError(
            f"{type(model).__name__}: products of spins ±1 are known of Ising models and spin glasses; give those of "
            f"another as a mapping {{sites: J}}, with H = −Σ J ∏ s"
        )


def _placed(item: Operator, shape: Sequence[int], boundary: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """The sites of every term of an operator on a lattice; a spin twice is 1, a term beyond a free side is none."""
    sites = np.indices(shape).reshape(len(shape), -1)
    sides = np.array(shape)[:, None]
    periodic = np.array([name == "periodic" for name in boundary])[:, None]
    for term in item.terms:
        places = [sites + np.array(offset)[:, None] for offset in term]
        # A free side counts a term that lies within it, wherever the other sides wrap
        inside = np.logical_and.reduce([(((at >= 0) & (at < sides)) | periodic).all(axis=0) for at in places])
        numbers = np.stack([np.ravel_multi_index(tuple(at % sides), tuple(shape)) for at in places], axis=1)
        for row in numbers[inside].tolist():
            yield tuple(sorted(site for site in set(row) if row.count(site) % 2))


def translation_classes(subsets: Sequence[Sequence[int]], shape: Sequence[int], boundary: Sequence[str]) -> list[int]:
    """A label for each set of sites, the same for sets that translations along periodic sides make equal."""
    ranges = [range(side if name == "periodic" else 1) for side, name in zip(shape, boundary, strict=True)]
    shifts, sides = np.array(list(itertools.product(*ranges))), np.array(shape)
    known: dict[tuple[int, ...], int] = {}
    result: list[int] = []
    for subset in subsets:
        key = tuple(sorted(subset))
        if key not in known:
            at = np.array(np.unravel_index(list(key), tuple(shape))).T  # (sites, axes)
            images = np.moveaxis((at[None] + shifts[:, None]) % sides, -1, 0)
            numbers = np.sort(np.ravel_multi_index(tuple(images), tuple(shape)), axis=1)
            known.update(dict.fromkeys(map(tuple, numbers.tolist()), len(result)))
        result.append(known[key])
    return result
