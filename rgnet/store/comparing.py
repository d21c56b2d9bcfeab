"""Whether two files hold the same data, bit for bit."""

import os
from collections.abc import Collection
from typing import Any

import numpy as np

from rgnet.store import attributes, sealing
from rgnet.store.reading import group_names, opened, read_variables

_LAYOUT = attributes.INTERNAL - {"coordinates"}  # how dimensions and types are kept, compared with the variable


def same(path_a: str | os.PathLike[str], path_b: str | os.PathLike[str], ignore: Collection[str] = ()) -> list[str]:
    """Names of what differs between two files; empty if they agree bit for bit.

    Parameters
    ----------
    path_a, path_b : str or os.PathLike
    ignore : collection of str
        Names of attributes and variables that are no data, such as durations. ``rgnet_version`` never counts.

    Returns
    -------
    list of str
        ``"group/variable"`` where dimensions, type, shape or any stored bit differ or one file lacks it,
        ``"group@attribute"``, ``"group/variable@attribute"``, ``"@attribute"`` of the root, ``"group"`` where one file
        lacks the whole group. −0 and 0 differ, as do two NaN of different bits.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, FileError
        As `rgnet.open` does.
    """
    a, b = sealing.as_path(path_a), sealing.as_path(path_b)
    skip = {*ignore, "rgnet_version", *_LAYOUT}
    with opened(a) as (file_a, _, _), opened(b) as (file_b, _, _):
        found = _attributes("", file_a.attrs, file_b.attrs, skip)
        names_a, names_b = group_names(file_a), group_names(file_b)
        found += sorted(set(names_a) ^ set(names_b))
        for name in names_a:
            if name in names_b:
                found += _groups(name, file_a[name], file_b[name], skip)
    return found


def _groups(path: str, a: Any, b: Any, skip: set[str]) -> list[str]:
    found = _attributes(path, a.attrs, b.attrs, skip)
    variables_a, variables_b = read_variables(a), read_variables(b)
    for name in dict.fromkeys((*variables_a, *variables_b)):
        if name in skip:
            continue
        shown = f"{path}/{'spin' if name == 'spin_packed' else name}"
        if name not in variables_a or name not in variables_b or not _equal(variables_a[name], variables_b[name]):
            found.append(shown)
        else:
            found += _attributes(shown, variables_a[name][1].attrs, variables_b[name][1].attrs, skip)
    return list(dict.fromkeys(found))


def _attributes(where: str, a: Any, b: Any, skip: set[str]) -> list[str]:
    names = [name for name in dict.fromkeys((*a, *b)) if name not in skip]
    return [f"{where}@{name}" for name in names if name not in a or name not in b or not _same_bits(a[name], b[name])]


def _equal(named_a: tuple[tuple[str, ...], Any], named_b: tuple[tuple[str, ...], Any]) -> bool:
    (dims_a, a), (dims_b, b) = named_a, named_b
    if dims_a != dims_b or a.shape != b.shape or a.dtype != b.dtype or a.attrs.get("dtype") != b.attrs.get("dtype"):
        return False
    if not a.chunks or a.size == 0:
        return _same_bits(a[()], b[()])
    return all(_same_bits(a[part], b[part]) for part in a.iter_chunks())  # two files need not fit into memory


def _same_bits(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return bool(np.all(a == b)) if a.dtype.kind in "OUS" else bool(a.tobytes() == b.tobytes())
