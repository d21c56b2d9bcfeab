"""What a report is made of: a result file, and the files of its points as far as they lie beside it."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from rgnet import store
from rgnet.exact import Critical
from rgnet.store import reading, sealing
from rgnet.study import attributes, models
from rgnet.study.results import Results, experiments

MOST_FILES = 12  # of points that are opened: each is checked byte by byte


@dataclass(frozen=True)
class Result:
    """A result file, read.

    Attributes
    ----------
    path : Path
    digest : str
        SHA-256 of the file.
    attrs : dict
        Its root attributes.
    groups : dict
        Its tables by path, such as "thermodynamics" or "majority/mcrg".
    details : dict
        Root attributes of points' files by point, with ``sampling``: attributes of what was sampled.
    changed : tuple of str
        Points whose files are not those that the result was made from.
    experiments : dict
        Parameters and groups of every point, by experiment.
    """

    path: Path
    digest: str
    attrs: dict[str, Any]
    groups: dict[str, xr.Dataset]
    details: dict[str, dict[str, Any]]
    changed: tuple[str, ...] = ()
    experiments: dict[str, Results] = field(default_factory=dict)

    @property
    def study(self) -> dict[str, Any]:
        """The resolved study."""
        return dict(self.attrs["study"])

    @property
    def points(self) -> dict[str, dict[str, Any]]:
        """File and SHA-256 of each point, by name."""
        return dict(self.attrs.get("points", {}))

    @property
    def networks(self) -> list[str]:
        """Names of the networks, in the order of the study."""
        return list(self.study["networks"])

    def tables(self, kind: str) -> Iterator[tuple[str, xr.Dataset]]:
        """Network and table, for every network that has a table of this kind."""
        for network in self.networks:
            if f"{network}/{kind}" in self.groups:
                yield network, self.groups[f"{network}/{kind}"]

    def critical(self, ndim: int, **further: Any) -> Critical | None:
        """The known critical point on lattices of that dimension, with the parameters of a point such as its q."""
        return models.critical_point({**self.study["model"], **further}, ndim)

    def critical_of(self, row: xr.Dataset) -> Critical | None:
        """The known critical point of the model of a table's row."""
        own = {key: row[key].item() for key in ("q", "n") if key in row.coords}
        return self.critical(int(row["ndim"]), **own)

    def at_critical(self, row: xr.Dataset) -> Critical | None:
        """The known critical point if a point of a table is there."""
        known = self.critical_of(row)
        return known if known and _is_at(known, float(row["K"]), float(row["h"])) else None

    def names(self, kind: str, at_critical: bool = False) -> list[str]:
        """Points that have a table of this kind under some network, in order; the critical ones only if so asked."""
        found: dict[str, None] = {}
        for _, table in self.tables(kind):
            places = zip(*(table[name].values for name in ("point", "ndim", "K", "h")), strict=True)
            found |= {
                str(point): None
                for point, ndim, K, h in places
                if not at_critical or _is_at(self.critical(int(ndim)), float(K), float(h))
            }
        return list(found)

    def rows(self, kind: str, among: Sequence[str]) -> Iterator[tuple[str, str, xr.Dataset]]:
        """Network, point and its part of the table, over all networks and the points named."""
        wanted = set(among)
        for network, table in self.tables(kind):
            for index, point in enumerate(str(name) for name in table["point"].values):
                if point in wanted:
                    # With attributes in which points differ, such as the operators on lattices of two and of three
                    # dimensions
                    yield network, point, table.isel(point=index).assign_attrs(attributes(table, point))


def _is_at(known: Critical | None, K: float, h: float) -> bool:
    """Whether a point is the critical one, to seven digits."""
    return known is not None and h == 0 and math.isclose(K, known.K_c, rel_tol=1e-7)


def load(path: str | Path) -> Result:
    """Read a result file.

    Raises
    ------
    FileError
        If it is damaged, not rgnet's, or not a merged result.
    """
    place = Path(path)
    tree = store.open(place)
    attrs = {str(key): value for key, value in tree.attrs.items()}
    if attrs.get("kind") != "result" or not isinstance(attrs.get("study"), dict):
        raise store.FileError(
            f"{place} holds no merged result (it is a {attrs.get('kind', 'file')}); give the result.h5 of a study"
        )
    found = {node.path.strip("/"): node.to_dataset(inherit=False) for node in tree.subtree}
    groups = {name: group.load() for name, group in found.items() if group.data_vars}
    details, changed = _details(place.parent, dict(attrs.get("points", {})))
    return Result(place, digest_of(place), attrs, groups, details, changed, experiments(tree))


def digest_of(path: Path) -> str:
    """SHA-256 of all bytes before the seal: that of a sealed file, and nobody's for one that is damaged."""
    return hashlib.sha256(path.read_bytes()[: -sealing.SEAL_SIZE]).hexdigest()


def ensemble_of(point: str) -> str:
    """The ensemble that a point belongs to: its name up to the first hyphen, which no ensemble's name has."""
    return point.split("-")[0]


def _details(folder: Path, points: dict[str, dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """What the files of the first point of each ensemble say about themselves; missing ones are left out."""
    first: dict[str, str] = {}
    for name in points:
        first.setdefault(ensemble_of(name), name)
    details: dict[str, dict[str, Any]] = {}
    changed = []
    for name in list(first.values())[:MOST_FILES]:
        try:
            # Only beside the result, whatever its attributes say
            with reading.opened(folder / Path(points[name]["file"]).name) as (file, attrs, digest):
                if digest != points[name].get("sha256"):
                    changed.append(name)
                    continue
                sampling = reading.read_attributes(file["samples"]) if "samples" in file else {}
                details[name] = {**attrs, "sampling": sampling}
        except (OSError, ValueError):  # not there, or damaged: the result stands for itself
            continue
    return details, tuple(changed)
