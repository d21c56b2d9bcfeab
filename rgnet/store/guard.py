"""What a file may contain: only what rgnet writes. The rest is refused before any data is read.

A file can be sealed and hostile all the same: it can name other files (external links and storage, virtual datasets),
code to load (filters, pickled objects) or terabytes that are not there.
"""

import math
from pathlib import Path
from typing import Any

import h5py

from rgnet.store.sealing import FileError

_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
_LAYOUTS = {h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED}
_DIMENSION_ONLY = b"This is a netCDF dimension but not a netCDF variable"
_MOST_COMPRESSED = 1100  # deflate reaches 1032 : 1


def check(file: Any, path: Path) -> None:
    """Refuse a file with anything that rgnet does not write.

    Raises
    ------
    FileError
        Naming the file, the object and what is wrong with it.
    """
    seen = {address(file)}
    waiting = [file["/"]]
    while waiting:
        group = waiting.pop()
        for name in group:
            where = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                _refuse(path, where, "is a link to somewhere else")
            item = group[name]
            if address(item) in seen:
                _refuse(path, where, "is a second name of another object")
            seen.add(address(item))
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                problem = _problem(item, path.stat().st_size)
                if problem:
                    _refuse(path, where, problem)
            else:
                _refuse(path, where, "is neither a group nor a dataset")


def address(item: Any) -> int:
    """Where an object of a file lies: equal for two names of one object."""
    return int(h5py.h5o.get_info(item.id).addr)


def is_bare_dimension(item: Any) -> bool:
    """Whether a dataset stands only for a dimension without coordinates."""
    return bytes(item.attrs.get("NAME", b"")).startswith(_DIMENSION_ONLY)


def _refuse(path: Path, where: str, problem: str) -> None:
    raise FileError(f"{path}: {where} {problem}, which rgnet does not write; do not trust this file, compute it again")


def _problem(item: Any, file_size: int) -> str:
    """What is wrong with a dataset, or nothing."""
    plan = item.id.get_create_plist()
    layout = plan.get_layout()
    if layout not in _LAYOUTS:
        return "is a virtual dataset, put together from other files"
    if plan.get_external_count():
        return "keeps its data in another file"
    if any(plan.get_filter(number)[0] not in _FILTERS for number in range(plan.get_nfilters())):
        return "needs an unknown filter"
    kind = item.id.get_type()
    text = h5py.check_string_dtype(item.dtype)
    is_number = isinstance(kind, (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID))
    is_text = text is not None and text.encoding == "utf-8" and text.length is None
    if not (is_number or is_text):
        return f"has the type {item.dtype}"
    if item.shape is None:
        return "has no shape"
    if is_bare_dimension(item):
        return ""  # declares a length, stores nothing, is never read
    declared = math.prod(item.shape) * item.dtype.itemsize
    if layout == h5py.h5d.CHUNKED:
        chunks = math.prod(math.ceil(size / chunk) for size, chunk in zip(item.shape, item.chunks, strict=True))
        stored = item.id.get_storage_size()
        raw = chunks * math.prod(item.chunks) * item.dtype.itemsize
        if item.id.get_num_chunks() != chunks or stored > file_size or raw > _MOST_COMPRESSED * stored:
            return f"declares shape {item.shape}, more than the file holds"
    elif declared > file_size:
        return f"declares shape {item.shape}, more than the file holds"
    return ""
