"""What a comparison found, in words that follow from its numbers."""

import math
from dataclasses import dataclass
from typing import Any

import xarray as xr

from rgnet.estimate import parenthesis

_SIGNIFICANT = 3.0  # standard errors
_HARDLY = 0.5  # of the Fisher information: less than that is called forgotten
_ALIKE = 0.5  # CKA of a network that learned nothing above which it is no sign of learning
Number = tuple[float, float]


@dataclass(frozen=True)
class _Top:
    """The table, and its numbers at the deepest level that the RG has."""

    table: xr.Dataset
    level: int
    reference: str
    names: list[str]

    def number(self, network: str, variable: str, **choice: Any) -> Number:
        """Value and error; NaN where there is none."""
        if network not in self.table["network"].values:
            return math.nan, math.nan
        at: dict[str, Any] = {"level": self.level, **choice}
        if "rg_level" in self.table[variable].dims:
            at["rg_level"] = self.level
        value, error = (self.table[v].sel(network=network, **at) for v in (variable, f"{variable}_stderr"))
        return float(value), float(error)

    def control(self, network: str) -> str:
        """Name of the same network with random weights."""
        return f"{network} (random)"


def verdict(table: xr.Dataset) -> str:
    """What was found, for and against the claims that training is an RG.

    Parameters
    ----------
    table : Dataset
        As `rgnet.comparison.compare` returns it, with the coupling ``K`` among its attributes if that is known.
    """
    roles = zip(table["network"].values.tolist(), table["role"].values.tolist(), strict=True)
    top = _Top(
        table,
        int(table["rg_level"].values[-1]),
        str(table.attrs["reference"]),
        [name for name, role in roles if role == "network"],
    )
    parts = [_setting(top), *_readable(top), *_flow(top), *_locality(top), *_causes(top), *_alignment(top)]
    return "\n\n".join([" ".join(parts), *_claims(top)])


def _setting(top: _Top) -> str:
    attrs = top.table.attrs
    side = int(top.table["scale"].sel(network=top.reference, level=top.level))
    where = f"At K = {float(attrs['K']):.5g}, on" if "K" in attrs else "On"
    return (
        f"{where} {int(attrs['chains'])} x {int(attrs['draws'])} samples that none was trained on, level {top.level} "
        f"of each network stands beside the block spins of {top.reference}, {side} sites a side."
    )


def _readable(top: _Top) -> list[str]:
    """How much of the block spins can be read off, and how much of that was learned."""
    found = _known({name: top.number(name, "decodability") for name in top.names})
    if not found:
        return []
    shown = []
    for name, value in found.items():
        control = top.number(top.control(name), "decodability")
        random = f" ({parenthesis(*control)} with random weights)" if math.isfinite(control[0]) else ""
        shown.append(f"{name} {parenthesis(*value)}{random}")
    return [f"A linear probe reads off it this fraction of their entropy: {', '.join(shown)}."]


def _flow(top: _Top) -> list[str]:
    """Whose nearest-neighbour coupling flows as the reference's does, at every level."""
    own = {k: _coupling(top, top.reference, k) for k in range(1, top.level + 1)}
    own = {k: value for k, value in own.items() if math.isfinite(value[0])}
    if not own:
        return []
    same, other = [], []
    for name in top.names:
        worst = _departure(top, name)
        if worst:
            there = f"{parenthesis(*_coupling(top, name, worst))} against {parenthesis(*own[worst])} at level {worst}"
            other.append(f"{name} ({there})")
        elif worst is not None:
            same.append(name)
    steps = " → ".join(parenthesis(*value) for value in own.values())
    lists = [f"within errors the same in {', '.join(same)}"] if same else []
    lists += [f"another in {', '.join(other)}"] if other else []
    first = str(top.table["operator"].values[0])
    return [f"Effective coupling K_{first} of {top.reference} from level 1 on: {'; '.join([steps, *lists])}."]


def _coupling(top: _Top, name: str, level: int) -> Number:
    return top.number(name, "coupling", level=level, operator=str(top.table["operator"].values[0]))


def _departure(top: _Top, name: str) -> int | None:
    """Level, of those on the same scale, where the coupling is farthest from the reference's, in errors.

    0: significant nowhere; None: not known.
    """
    far = {}
    scale = top.table["scale"]
    for k in range(1, top.level + 1):
        own, value = _coupling(top, top.reference, k), _coupling(top, name, k)
        same = int(scale.sel(network=name, level=k)) == int(scale.sel(network=top.reference, level=k))
        if same and math.isfinite(own[0]) and math.isfinite(value[0]):
            far[k] = abs(_z(value, own))
    if not far:
        return None
    worst = max(far, key=lambda k: far[k])
    return worst if far[worst] > _SIGNIFICANT else 0


def _locality(top: _Top) -> list[str]:
    """Who knows most of the world beyond the buffer, at the coarsest level where all or most have such a world."""
    own = top.table["environment"].sel(network=top.reference)
    levels = [int(level) for level in own["level"].values[1:] if math.isfinite(float(own.sel(level=level)))]
    many = {k: len(_known({n: top.number(n, "environment", level=k) for n in top.names})) for k in levels}
    if not levels or not max(many.values()):
        return []
    level = max(k for k in levels if many[k] == max(many.values()))
    base = top.number(top.reference, "environment", level=level)
    groups: dict[str, list[str]] = {"more": [], "as much": [], "less": []}
    for name, value in _known({n: top.number(n, "environment", level=level) for n in top.names}).items():
        z = _z(value, base)
        word = "more" if z > _SIGNIFICANT else "less" if z < -_SIGNIFICANT else "as much"
        groups[word].append(f"{name} {parenthesis(*value)}")
    lists = "; ".join(f"{word}: {', '.join(those)}" for word, those in groups.items() if those)
    return [
        f"One unit of {top.reference} at level {level} knows at least {parenthesis(*base)} nats of its environment; "
        f"{lists}."
    ]


def _causes(top: _Top) -> list[str]:
    """What the levels keep of each cause."""
    found = []
    for target in top.table["target"].values.tolist():
        kept = _known({n: top.number(n, "fraction", target=target) for n in [top.reference, *top.names]})
        if kept:
            found.append(
                f"about {target}: {', '.join(f'{name} {parenthesis(*value)}' for name, value in kept.items())}"
            )
    return [f"Fraction of the information kept {'; '.join(found)}."] if found else []


def _alignment(top: _Top) -> list[str]:
    roles = zip(top.table["network"].values.tolist(), top.table["role"].values.tolist(), strict=True)
    controls = {name: top.number(name, "cka") for name, role in roles if role == "control"}
    if not (known := _known(controls)):
        return []
    name, value = next(iter(known.items()))
    words = "high values are no sign of learning" if value[0] > _ALIKE else "higher values are not by chance"
    return [f"CKA with the block spins is {value[0]:.2f} for {name!r}, which learned nothing: {words}."]


def _claims(top: _Top) -> list[str]:
    """Who is right about what."""
    found = []
    for name, claim in (
        ("rsmi", "Locality supplies the target (Koch-Janusz & Ringel)"),
        ("rbm", "Likelihood training is RG (Mehta & Schwab)"),
    ):
        learned = top.number(name, "decodability")
        # Random filters stand beside those whose own random weights pass nothing on
        controls = _known({n: top.number(n, "decodability") for n in (top.control(name), "random")})
        control = next(iter(controls.values()), (math.nan, math.nan))
        if name in top.names and math.isfinite(learned[0]) and math.isfinite(control[0]):
            found.append(f"{claim}: {_evidence(top, name, _z(learned, control))}.")
    return [*found, *_supervised(top)]


def _evidence(top: _Top, name: str, z: float) -> str:
    """Whether a network that was told nothing of the RG came nearer to it: more readable, and of its coupling."""
    readable = "more" if z > _SIGNIFICANT else "less" if z < -_SIGNIFICANT else "not significantly more"
    told = f"training made the block spins {readable} readable than random weights do"
    count = int(readable == "more")
    worst = _departure(top, name)
    if worst is not None:
        told += ", the coupling flows " + (f"otherwise (level {worst})" if worst else "alike")
        return f"{('against', 'for and against', 'for')[count + (not worst)]}, {told}"
    return f"{('against', 'for')[count]}, {told}"


def _supervised(top: _Top) -> list[str]:
    """Whether the network that was told K keeps K, and what of h."""
    if "cnn" not in top.names or not {"K", "h"} <= set(top.table["target"].values.tolist()):
        return []
    k, h = (top.number("cnn", "fraction", target=target) for target in ("K", "h"))
    own_k, own_h = (top.number(top.reference, "fraction", target=target) for target in ("K", "h"))
    if not all(math.isfinite(v[0]) for v in (k, h, own_k, own_h)):
        return []
    more = _z(k, own_k) > _SIGNIFICANT
    forgot = h[0] < _HARDLY and _z(h, own_h) < -_SIGNIFICANT
    words = f"the cnn, told K, keeps {'more' if more else 'no more'} of it than {top.reference}"
    words += " and has forgotten h: it distils its target, not the RG's" if forgot else " and has not forgotten h"
    told_nothing = {n: top.number(n, "fraction", target="K") for n in ("average", top.control("cnn"))}
    equals = [n for n, value in _known(told_nothing).items() if _z(value, k) >= -_SIGNIFICANT]
    if more and equals:
        words += f"; but so does {' and '.join(equals)}, told nothing"
    return [f"RG is supervised (Lin, Tegmark & Rolnick): {words}."]


def _known(found: dict[str, Number]) -> dict[str, Number]:
    """Those that exist, the largest first."""
    return dict(
        sorted(((k, v) for k, v in found.items() if math.isfinite(v[0])), key=lambda item: item[1][0], reverse=True)
    )


def _z(a: Number, b: Number) -> float:
    error = math.hypot(a[1], b[1])
    return (a[0] - b[0]) / error if error > 0 else math.copysign(math.inf, a[0] - b[0]) if a[0] != b[0] else 0.0
