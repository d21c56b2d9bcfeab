"""A continuous model of one's own, by two small functions: Metropolis for it without writing a kernel.

    p(x) ∝ exp( Σ_<ij> bond(x_i, x_j) + Σ_i site(x_i) ),   low ≤ x_i < high periodic, or any real x_i.

The functions are plain Python on two floats and one float, which Numba compiles. For example the sine-Gordon model,
−H = −½ Σ (φ_i − φ_j)² + y Σ cos 2πφ_i, with a small mass that keeps the field at home, and the generalised XY model
of Lee & Grinstein (1985), where half-vortices compete with vortices:

>>> import math
>>> import rgnet as rg
>>> def spring(a, b):
...     return -0.5 * (a - b) ** 2
>>> def well(a):
...     return 0.5 * math.cos(2 * math.pi * a) - 0.05 * a * a
>>> sine_gordon = rg.ContinuousModel((8, 8), bond=spring, site=well, is_symmetric=True)
>>> def mixed(a, b):
...     return 0.4 * math.cos(a - b) + 0.8 * math.cos(2 * (a - b))
>>> generalised_xy = rg.ContinuousModel((8, 8), bond=mixed, domain=(-math.pi, math.pi), is_symmetric=True)
>>> data = rg.sample(generalised_xy, draws=50, chains=2, warmup=200, thin=5, seed=1)

Numba compiles functions that are passed as arguments once in every process (some seconds) and never keeps them on
disk. Symmetries are the user's to state. Exact limits: short chains by quadrature (`rgnet.exact.quadrature`).
Operators for the RG: as for φ⁴ on the real line, those of XY on a circle.

Source: Metropolis, Rosenbluth, Rosenbluth, Teller & Teller (1953).
"""

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice as geometries
from rgnet.lattice import Graph
from rgnet.models import _checks, _code, _real
from rgnet.models._checks import Place, finite
from rgnet.models._on_lattice import OnLattice
from rgnet.models._real import Floats

Function = Callable[..., float]
_REMEDY = (
    "put it at the top of a module that can be imported, or build the model yourself, and give it as model= to "
    "rgnet.observables.thermodynamics or rgnet.models.order_field"
)
_PROBES = (0.21, 0.83, 0.57)  # where the functions are tried: fractions of the domain


@dataclass(frozen=True, init=False)
class ContinuousModel(OnLattice):
    """A model of one real number a site, by its log-weights.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
        Sides of the lattice, or the graph that takes its place.
    bond : function of two floats
        Log-weight of a bond, symmetric: bond(a, b) = bond(b, a). Plain or ``@numba.njit``; its name at the top of a
        module is what a file keeps of it, and a digest of its code and of the values that it reads (globals, defaults,
        helpers), so do not change them between a run and its resumption.
    site : function of one float, optional
        Log-weight of a site; none is 0.
    domain : pair of float, optional
        (low, high): the values are periodic, as angles are, and low stands for high too. Without it they are all
        real numbers, and it is for the functions to see that the weight can be normalised.
    is_symmetric : bool
        Whether x → −x leaves the weight unchanged; believed.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If a function is none, cannot be compiled, is not symmetric or has no finite value where it is tried, or the
        domain or the lattice is impossible.
    """

    shape: tuple[int, ...]
    bond: Function
    site: Function | None
    domain: tuple[float, float] | None
    is_symmetric: bool
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: Place,
        bond: Function,
        site: Function | None = None,
        domain: Sequence[float] | None = None,
        is_symmetric: bool = False,
        boundary: str | Sequence[str] = "periodic",
        *,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        sides, names, kind = _checks.place(shape, boundary, lattice)
        ends = None if domain is None else _domain(domain)
        if not isinstance(is_symmetric, bool):
            raise ValueError(f"is_symmetric={is_symmetric!r}: say True or False")
        _try("bond", bond, 2, ends)
        if site is not None:
            _try("site", site, 1, ends)
        for name, value in (
            ("shape", sides), ("bond", bond), ("site", site), ("domain", ends), ("is_symmetric", is_symmetric),
            ("boundary", names), ("lattice", kind),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def dtype(self) -> type[np.float64]:
        """Values are float64."""
        return np.float64

    @property
    def attributes(self) -> Mapping[str, str]:
        """``values = "real"``, or ``"periodic"`` with a domain, ``"angles"`` where that is 2π long."""
        if self.domain is None:
            return {"values": "real"}
        return {"values": "angles" if math.isclose(self.domain[1] - self.domain[0], 2 * math.pi) else "periodic"}

    def functions(self) -> tuple[Any, Any]:
        """``bond`` and ``site``, compiled."""
        from rgnet.models import _pair_sums

        return _pair_sums.jitted(self.bond), _pair_sums.jitted(self.site or _pair_sums.nothing)

    def energy(self, x: npt.ArrayLike) -> Floats:
        """H(x) = −Σ bond − Σ site of each configuration: x of shape (..., *shape), result of shape (...).

        Raises
        ------
        ValueError
            If x is of another shape or not finite.
        """
        from rgnet.models import _pair_sums

        x = _real.checked(x, self.shape)
        total = np.empty(math.prod(x.shape[: x.ndim - self.ndim]))
        _pair_sums.log_weights(
            _pair_sums.rows(x, self.n_sites), geometries.bonds(self.geometry), *self.functions(), total
        )
        return -total.reshape(x.shape[: x.ndim - self.ndim])

    def conjugate(self, x: npt.ArrayLike) -> Floats:
        """−H: the functions hold the couplings, and to vary one common factor is all that is left. (...)."""
        return -self.energy(x)

    @property
    def order_components(self) -> int:
        """1, or with a domain 2."""
        return 1 if self.domain is None else 2

    def order_field(self, x: npt.ArrayLike) -> Floats:
        """x itself, (..., 1, *shape), or with a domain the cosine and sine of its angle, (..., 2, *shape).

        The angle is 2π (x − low)/(high − low), or x itself where the domain is 2π long.
        """
        x = _real.checked(x, self.shape)
        if self.domain is None:
            return np.expand_dims(x, -self.ndim - 1)
        angle = self._angle(x)
        return np.stack([np.cos(angle), np.sin(angle)], axis=-self.ndim - 1)

    def _angle(self, x: Floats) -> Floats:
        assert self.domain is not None
        low, high = self.domain
        return x if self.attributes["values"] == "angles" else 2 * math.pi * (x - low) / (high - low)

    def start(self, chain: int, rng: np.random.Generator) -> Floats:
        """Starting configuration of a chain: constant for even ones; normal or, in a domain, uniform for odd ones."""
        if self.domain is None:
            return _real.start(chain, 1.0, self.shape, rng)
        low, high = self.domain
        if chain % 2:
            return np.minimum(low + (high - low) * rng.random(self.shape), np.nextafter(high, low))
        return np.full(self.shape, 0.0 if self.attributes["values"] == "angles" and low <= 0 < high else low)

    def observe(self, x: Floats) -> Mapping[str, Floats]:
        """``magnetization``: Σ x, (...), and with a domain Σ (cos, sin) of the angle, (..., 2)."""
        space = tuple(range(-self.ndim, 0))
        if self.domain is None:
            return {"magnetization": x.sum(axis=space)}
        angle = self._angle(x)
        return {"magnetization": np.stack([np.cos(angle).sum(axis=space), np.sin(angle).sum(axis=space)], axis=-1)}

    def watch(self, x: Floats) -> Mapping[str, Floats]:
        """The length of the magnetisation, or where x → −x is no symmetry its first component."""
        total = self.observe(x)["magnetization"]
        if self.domain is None:
            return {"magnetization": np.abs(total) if self.is_symmetric else total}
        return {"magnetization": np.hypot(*np.moveaxis(total, -1, 0)) if self.is_symmetric else total[..., 0]}

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready, its functions by name, ``"module:name"``."""
        return {
            "name": "ContinuousModel",
            **_checks.geometry_dict(self),
            "bond": _name(self.bond),
            "site": None if self.site is None else _name(self.site),
            "code": _code.digest(self.bond, self.site),
            "domain": None if self.domain is None else list(self.domain),
            "is_symmetric": self.is_symmetric,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ContinuousModel":
        """The inverse of `to_dict`, for functions at the top of a module that can be imported, or of this script.

        Raises
        ------
        ValueError
            If a function cannot be found by its name, or is not what it was: its code, or a value that it reads.
        """
        bond = _named("bond", data["bond"])
        site = None if data["site"] is None else _named("site", data["site"])
        if (found := _code.digest(bond, site)) != data.get("code"):
            raise ValueError(
                f"bond={data['bond']!r}, site={data['site']!r}: their code has changed since this was stored (digest "
                f"{data.get('code')} then, {found} now, of instructions, globals, defaults and helpers; another "
                f"version of Python compiles to others, too); restore the module, or build the model with the "
                f"functions as they were, and give it as model= to rgnet.observables.thermodynamics or "
                f"rgnet.models.order_field"
            )
        return cls(
            **_checks.geometry_from(data), bond=bond, site=site, domain=data["domain"],
            is_symmetric=data["is_symmetric"],
        )  # fmt: skip


def _domain(domain: Sequence[float]) -> tuple[float, float]:
    if not isinstance(domain, (tuple, list)) or len(domain) != 2:
        raise ValueError(f"domain={domain!r}: give (low, high) of a periodic variable, such as (-math.pi, math.pi)")
    low, high = (finite(f"domain[{number}]", value) for number, value in enumerate(domain))
    if not low < high:
        raise ValueError(f"domain={domain!r}: low must be below high, such as (-math.pi, math.pi)")
    return low, high


def _try(name: str, function: Any, arguments: int, domain: tuple[float, float] | None) -> None:
    """Refuse a function that does not compile, has no finite values, or is not symmetric."""
    from rgnet.models import _pair_sums

    rule = f"give a function of {'two floats' if arguments == 2 else 'one float'} that returns a float"
    if not callable(function):
        raise ValueError(f"{name}={function!r}: {rule}")
    low, high = domain or (0.0, 1.0)
    places = [low + part * (high - low) for part in _PROBES]
    trials = [tuple(places[(k + j) % 3] for j in range(arguments)) for k in range(3)]
    try:
        compiled = _pair_sums.jitted(function)
        values = [float(compiled(*trial)) for trial in trials]
        swapped = [float(compiled(*trial[::-1])) for trial in trials]
    except Exception as error:  # whatever Numba or the function raises, with its first line
        lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("Failed in nopython")]
        reason = lines[0].strip() if lines else type(error).__name__
        raise ValueError(f"{name}={_name(function)}: Numba could not compile or call it ({reason}); {rule}") from error
    for trial, value, other in zip(trials, values, swapped, strict=True):
        if not math.isfinite(value):
            raise ValueError(f"{name}={_name(function)}: it is {value} at {trial}; log-weights are finite numbers")
        if not math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-12):
            raise ValueError(
                f"{name}={_name(function)}: {value} at {trial} and {other} with the two exchanged; a bond has no "
                f"direction, so make it symmetric"
            )


def _name(function: Any) -> str:
    plain = getattr(function, "py_func", function)
    return f"{getattr(plain, '__module__', '?')}:{getattr(plain, '__qualname__', repr(plain))}"


def _named(role: str, name: str) -> Function:
    module, _, path = name.partition(":")
    if module == "?" or "<" in path:
        raise ValueError(f"{role}={name!r}: a function inside another, or without a name, is lost; {_REMEDY}")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        lost = f"a function of another script or session, lost with it ({error})"
        reason = lost if module == "__main__" else f"not found ({error})"
        raise ValueError(f"{role}={name!r}: {reason}; {_REMEDY}") from error
    return found  # type: ignore[no-any-return]
