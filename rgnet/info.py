"""What a file is, how it came about, and whether what it was made from is still there: ``rgnet info FILE``.

Of a point: study, model, sampling, networks, what could not be done. Of a result: the points it was merged from, by
their SHA-256, each compared with the file of that name beside it. Of both: when, how long, with which versions, from
which commit. Whatever an older rgnet did not note is left out.
"""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rgnet import store

SOURCE_STATES = ("unchanged", "changed", "damaged", "missing")
_HEADER = ("format", "format_version", "rgnet_version")
_SAMPLING = (
    "chains", "draws", "update", "kernel", "warmup", "thin", "tau_energy", "tau_magnetization",
)  # fmt: skip
_KNOWN = frozenset(
    {*_HEADER, "kind", "study", "study_sha256", "point", "points", "made_from", "notes", "duration_s"}
    | {"compute_seconds", "finished", "provenance", "platform", "versions"}
)
_MOST = 12  # entries of a list that are shown


def as_dict(path: str | os.PathLike[str]) -> dict[str, Any]:
    """All that `describe` says and more, ready for JSON.

    Returns
    -------
    dict
        Always: ``file``, ``bytes``, ``sha256`` (of all bytes before the last line, the seal; the one by which results
        name their points), ``kind`` (``"point"``, ``"result"`` or ``"plain"``), ``format_version``, ``rgnet_version``,
        ``attributes`` (of the file, other than those below) and ``groups``: path, attributes, and of every variable
        name, dimensions, shape, dtype, bytes on the disk and, of packed spins, ``bits_per_spin``.

        Where the file has them: ``study``, ``study_sha256``, ``point``, ``sampling``, ``notes``, ``duration_s`` or
        ``compute_seconds``, ``finished``, ``provenance``, ``made_from``, and of a result ``sources``: name, file,
        SHA-256 and state of each point: ``"unchanged"``, ``"changed"``, ``"damaged"`` or ``"missing"``.
        Numbers that are not finite are None.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, FileError
        As `rgnet.open` does.
    """
    place = Path(path).absolute() if isinstance(path, (str, os.PathLike)) else path
    if isinstance(place, Path) and place.suffix.lower() == ".toml" and place.is_file():
        raise store.FileError(
            f"{place} is a study, not data: `rgnet run` computes it, `rgnet status` tells how far it is; "
            f"give one of the HDF5 files in its folder"
        )
    stored = store.layout(path)
    attrs, groups = stored.attrs, stored.groups
    found: dict[str, Any] = {
        "file": str(place),
        "bytes": Path(path).stat().st_size,
        "sha256": stored.sha256,
        "kind": attrs["kind"] if attrs.get("kind") in ("point", "result") else "plain",
        "format_version": attrs["format_version"],
        "rgnet_version": attrs.get("rgnet_version"),
    }
    names = ("study", "study_sha256", "point", "notes", "duration_s", "compute_seconds", "finished", "made_from")
    found |= {name: attrs[name] for name in names if name in attrs}
    # Noted one by one at first
    provenance: dict[str, Any] = {name: attrs[name] for name in ("platform", "versions") if name in attrs}
    provenance.update(_mapping(attrs.get("provenance")))
    if provenance:
        found["provenance"] = provenance
    sampling = _sampling(groups)
    if sampling:
        found["sampling"] = sampling
    if isinstance(attrs.get("points"), Mapping):
        found["sources"] = [_source(place.parent, name, entry) for name, entry in attrs["points"].items()]
    found["attributes"] = {name: value for name, value in attrs.items() if name not in _KNOWN}
    found["groups"] = [_group(group) for group in groups]
    return _finite(found)  # type: ignore[no-any-return]


def _sampling(groups: Iterable[store.StoredGroup]) -> dict[str, Any]:
    samples = next((group for group in groups if group.path == "samples"), None)
    if samples is None:
        return {}
    sizes = {dim: size for item in samples.variables for dim, size in zip(item.dims, item.shape, strict=True)}
    said = {"chains": sizes.get("chain"), "draws": sizes.get("draw"), **samples.attrs}
    return {name: said[name] for name in _SAMPLING if said.get(name) is not None}


def _source(folder: Path, name: str, entry: Any) -> dict[str, Any]:
    """One point that a result was made from, and whether the file beside the result is still that one."""
    entry = _mapping(entry)
    file, sha256 = str(entry.get("file", f"{name}.h5")), entry.get("sha256")
    state = "missing"
    if Path(file).name == file:  # a name and no path: nothing outside the folder is opened
        try:
            state = "unchanged" if store.digest(folder / file) == sha256 else "changed"
        except store.FileError:
            state = "damaged"
        except OSError:
            state = "missing"
    return {"name": name, "file": file, "sha256": sha256, "state": state}


def _group(group: store.StoredGroup) -> dict[str, Any]:
    variables = []
    for item in group.variables:
        entry: dict[str, Any] = {
            "name": item.name, "dims": list(item.dims), "shape": list(item.shape), "dtype": item.dtype,
            "bytes": item.bytes,
        }  # fmt: skip
        if item.name == "spin" and item.dtype == "int8" and item.size:
            entry["bits_per_spin"] = round(8 * item.bytes / item.size, 4)
        variables.append(entry)
    return {"path": group.path, "attributes": group.attrs, "variables": variables}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def describe(path: str | os.PathLike[str]) -> str:
    """Some lines that tell a reader what a file is. Raises what `as_dict` raises."""
    found = as_dict(path)
    rows = [*_head(found), *_study(found), *_point(found), *_origin(found), *_sources(found), *_notes(found)]
    width = max(len(label) for label, _ in rows) + 2
    lines = [f"{_clean(label):{width}}{_clean(text)}".rstrip() for label, text in rows]
    return "\n".join([*lines, "", *_contents(found)])


Rows = Iterator[tuple[str, str]]


def _head(found: Mapping[str, Any]) -> Rows:
    kinds = {
        "point": "one point of a study: its samples, and what was measured on them",
        "result": "the merged tables of a study's points",
        "plain": "data written by rgnet.store.write",
    }
    yield "File", found["file"]
    yield "Holds", kinds[found["kind"]]
    yield "Size", f"{_bytes(found['bytes'])}, format {found['format_version']}"
    yield "SHA-256", f"{found['sha256']} (checked; of all but the last line)"


def _study(found: Mapping[str, Any]) -> Rows:
    study = _mapping(found.get("study"))
    if study:
        title = f": {study['title']}" if study.get("title") else ""
        yield "Study", f"{study.get('name', '?')}{title}"
        yield "Seed", str(study.get("seed", "unknown"))
    if found.get("study_sha256"):
        yield "Study file", f"SHA-256 {found['study_sha256']}"


def _point(found: Mapping[str, Any]) -> Rows:
    point = _mapping(found.get("point"))
    if point:
        yield (
            "Point",
            f"{point.get('name', '?')} (ensemble {point.get('ensemble', '?')}, seed {point.get('seed', '?')})",
        )
    model = _mapping(point.get("model"))
    if "hierarchy" in model:
        rest = (f"{key} {_value(v)}" for key, v in model.items() if key != "hierarchy")
        yield "Hierarchy", ", ".join([str(model["hierarchy"]), *rest])
    elif "experiment" in model:
        told = _mapping(model.get("parameters"))
        rest = (f"{key} {json.dumps(v, ensure_ascii=False)}" for key, v in told.items() if v is not None)
        yield "Experiment", ", ".join([str(model["experiment"]), *rest])
    elif model:
        sides = "×".join(map(str, _list(model.get("shape"))))
        rest = (f"{key} {_value(v)}" for key, v in model.items() if key not in ("name", "shape") and v != {})
        yield "Model", ", ".join([f"{model.get('name', '?')} {sides}", *rest])
    sampling = _mapping(found.get("sampling"))
    if sampling:
        words = {"tau_energy": "τ of the energy", "tau_magnetization": "τ of the magnetisation"}
        yield "Sampling", ", ".join(f"{words.get(name, name)} {_value(value)}" for name, value in sampling.items())
    for name, network in _mapping(point.get("networks")).items():
        yield "Network", f"{name}: {_some(_layer(layer) for layer in _list(_mapping(network).get('layers')))}"
    if point and "experiment" not in model:
        yield "Analyses", _some(_list(point.get("analyses")) or ["none beyond thermodynamics"])


def _layer(layer: Any) -> str:
    if not isinstance(layer, Mapping):
        return str(layer)
    rest = {key: value for key, value in layer.items() if key not in ("layer", "repeat") and value is not None}
    times = f" × {layer['repeat']}" if layer.get("repeat", 1) != 1 else ""
    return f"{layer.get('layer', '?')}({', '.join(f'{k}={_value(v)}' for k, v in rest.items())}){times}"


def _origin(found: Mapping[str, Any]) -> Rows:
    seconds = found.get("duration_s", found.get("compute_seconds"))
    if isinstance(seconds, (int, float)):
        yield "Took", f"{seconds:.1f} s of computing"
    if found.get("finished"):
        yield "Finished", str(found["finished"])
    provenance = _mapping(found.get("provenance"))
    commit = provenance.get("commit")
    yield "rgnet", f"{found['rgnet_version']}" + (f", commit {commit}" if commit else "")
    versions = [f"{name} {version}" for name, version in _mapping(provenance.get("versions")).items()]
    if versions:
        yield "Versions", ", ".join([*([provenance["python"]] if provenance.get("python") else []), *versions])
    if provenance.get("platform"):
        cpus = f", {provenance['cpus']} processors" if provenance.get("cpus") else ""
        yield "Platform", f"{provenance['platform']}{cpus}"


def _sources(found: Mapping[str, Any]) -> Rows:
    sources = found.get("sources")
    if sources is None:
        return
    counts = {state: sum(source["state"] == state for source in sources) for state in SOURCE_STATES}
    told = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
    yield "Made from", f"{len(sources)} point{'s' * (len(sources) != 1)}; of the files beside it: {told or 'none'}"
    for source in _first(sorted(sources, key=lambda source: source["state"] == "unchanged")):
        if isinstance(source, str):
            yield "", source
        else:
            yield "", f"{source['file']}  {str(source['sha256'])[:12]}…  {source['state']}"


def _notes(found: Mapping[str, Any]) -> Rows:
    flat = []
    for name, text in _mapping(found.get("notes")).items():
        inner = _some(f"{key}: {value}" for key, value in text.items()) if isinstance(text, Mapping) else text
        flat.append(f"{name}: {inner}")
    for note in _first(flat):
        yield "Note", note


def _contents(found: Mapping[str, Any]) -> list[str]:
    """Groups with their dimensions and sizes; in each, variables of one type and one shape on one line."""
    groups = [group for group in found["groups"] if group["variables"] or group["attributes"]]
    total = sum(item["bytes"] for group in groups for item in group["variables"])
    lines = [f"{len(groups)} group{'s' * (len(groups) != 1)}, {_bytes(total)} of variables"]
    for group in _first(groups, 2 * _MOST):
        lines += [f"  {group}"] if isinstance(group, str) else _group_lines(group)
    if found["kind"] == "plain" and found["attributes"]:
        lines += ["", "Attributes"]
        lines += [
            f"  {entry}" if isinstance(entry, str) else f"  {_clean(entry[0])} = {_clean(_short(repr(entry[1])))}"
            for entry in _first(list(found["attributes"].items()))
        ]
    return lines


def _group_lines(group: Mapping[str, Any]) -> list[str]:
    sizes = {dim: size for item in group["variables"] for dim, size in zip(item["dims"], item["shape"], strict=True)}
    room = _bytes(sum(item["bytes"] for item in group["variables"]))
    dims = " × ".join(f"{dim} {size}" for dim, size in sizes.items()) or "no dimensions"
    lines = [f"  {_clean(group['path'])}: {_clean(dims)}; {room}"]
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for item in group["variables"]:
        if item["dims"] != [item["name"]]:  # coordinates are said by their dimension
            bits = f" ({item['bits_per_spin']:.3g} bits a spin)" if "bits_per_spin" in item else ""
            alike.setdefault((item["dtype"], tuple(item["dims"])), []).append(f"{item['name']}{bits}")
    for (dtype, dims_of), names in alike.items():
        lines.append("      " + _clean(f"{_some(names, 6)}: {dtype}{_parentheses(dims_of)}"))
    return lines


def _parentheses(dims: tuple[str, ...]) -> str:
    return f"({', '.join(dims)})" if dims else ""


def _first(entries: list[Any], most: int = _MOST) -> list[Any]:
    """The first entries of a list, and how many there are besides."""
    return entries if len(entries) <= most else [*entries[: most - 1], f"… and {len(entries) - most + 1} more"]


def _some(entries: Iterable[Any], most: int = _MOST) -> str:
    return ", ".join(str(entry) for entry in _first(list(entries), most))


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _mapping(value: Any) -> Mapping[str, Any]:
    """What a file says, or nothing where it is of another kind than rgnet writes there."""
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return "/".join(map(str, value if len(set(map(str, value))) > 1 else value[:1]))
    return str(value)


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"


def _clean(text: Any) -> str:
    """Text of a file that cannot command the terminal it is shown on."""
    return "".join(letter if letter.isprintable() else "�" for letter in " ".join(str(text).split()))
