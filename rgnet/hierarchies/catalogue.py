"""The hierarchies by name, as studies call them: how each is built, and from which parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of hierarchy.

    Attributes
    ----------
    build : callable
        Makes the hierarchy from its parameters.
    required : tuple of str
        Parameters without a default.
    optional : mapping
        The other parameters, with their defaults.
    """

    build: Callable[..., Any]
    required: tuple[str, ...]
    optional: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters."""
        return (*self.required, *self.optional)


def _tree(depth: int, flip: float, branching: int, q: int) -> Any:
    from rgnet.hierarchies.tree import Tree

    return Tree.symmetric(depth, branching=branching, flip=flip, q=q)


def _random_hierarchy(v: int, m: int, s: int, L: int, classes: int, rules: int, noise: float) -> Any:
    from rgnet.hierarchies.random_hierarchy import RandomHierarchy

    return RandomHierarchy(v, m, s, L, classes, seed=rules, noise=noise)


def _lattice(shape: tuple[int, ...], K: tuple[float, ...], noise: float) -> Any:
    from rgnet.hierarchies.lattice_hierarchy import LatticeHierarchy

    return LatticeHierarchy(tuple(shape), K=list(K), noise=noise)


HIERARCHIES: Mapping[str, Kind] = {
    "tree": Kind(_tree, ("depth", "flip"), {"branching": 2, "q": 2}),
    "random_hierarchy": Kind(_random_hierarchy, ("v", "m", "s", "L", "classes"), {"rules": 0, "noise": 0.0}),
    "lattice": Kind(_lattice, ("shape", "K"), {"noise": 0.0}),
}


def build(name: str, parameters: Mapping[str, Any]) -> Any:
    """The hierarchy of a name and its parameters; those left out have their defaults.

    Raises
    ------
    ValueError
        If the name or a parameter is unknown, one is missing, or the hierarchy refuses their values.
    """
    if name not in HIERARCHIES:
        raise ValueError(f"hierarchy={name!r}: known are {', '.join(HIERARCHIES)}")
    kind = HIERARCHIES[name]
    unknown = [key for key in parameters if key not in kind.parameters]
    missing = [key for key in kind.required if key not in parameters]
    if unknown or missing:
        wrong = [*(f"{key} is no parameter" for key in unknown), *(f"{key} is missing" for key in missing)]
        raise ValueError(f"hierarchy {name!r}: {', '.join(wrong)}; it takes {', '.join(kind.parameters)}")
    return kind.build(**{**kind.optional, **parameters})
