"""What a file may contain: only what rgnet writes. The rest is refused before any data is read.

A file can be sealed and hostile all the same: it can name other files (external links and storage, virtual datasets),
code to load (filters, pickled objects) or terabytes that are not there. What is read at once, whatever a small file
declares, is bounded by an `Allowance`.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rgnet.store import attributes
from rgnet.store.sealing import FileError

MOST_DEEP = 32  # groups in groups: every one that HDF5, xarray and this package walk is a call deeper
MOST_OBJECTS = 250_000
MOST_TEXT = 1 << 26  # bytes of one variable, as fixed-width text
MOST_RANK = 32  # dimensions that HDF5 allows
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
_REFERENCES = h5py.h5t.vlen_create(h5py.h5t.STD_REF_OBJ)
_LAYOUTS = {h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED}
_DIMENSION_ONLY = b"This is a netCDF dimension but not a netCDF variable"
_MOST_COMPRESSED = 1100  # deflate reaches 1032 : 1
_MOST_IN_CHUNK = 1 << 26  # bytes; rgnet makes chunks of 1 MB, and HDF5 unpacks a whole one for any entry of it
_EAGER_BYTES = 1 << 28
_EAGER_FACTOR = 32


@dataclass
class Allowance:
    """How many bytes may still be read at once from a file.

    Attributes
    ----------
    text : int
        Of text, which is not compressed: all of it together is no longer than the file, unless names of one text are
        kept in many places.
    values : int
        Of numbers, unpacked: deflate makes a thousand bytes of one.
    """

    text: int
    values: int


def allowance(file: Any) -> Allowance:
    """What an open file may make one read, by its size."""
    file_size = int(file.id.get_filesize())
    return Allowance(file_size, max(_EAGER_BYTES, _EAGER_FACTOR * file_size))


def spend_text(left: Allowance, size: int) -> None:
    """Take from what is left; ValueError if there is not so much."""
    left.text -= size
    if left.text < 0:
        raise ValueError("it declares more text than the file holds")


def may_spend_values(left: Allowance, size: int) -> bool:
    """Take from what is left, if there is as much."""
    if size > left.values:
        return False
    left.values -= size
    return True


def check(file: Any, path: Path) -> None:
    """Refuse a file with anything that rgnet does not write.

    Raises
    ------
    FileError
        Naming the file, the object and what is wrong with it.
    """
    file_size = int(file.id.get_filesize())  # of the open file: another may have taken its name
    check_attributes(file, path, "/")
    seen = {address(file)}
    waiting = [("", 0, h5py.h5o.open(file.id, b"/"))]
    while waiting:
        parent, depth, group = waiting.pop()
        if depth > MOST_DEEP:
            _refuse(path, parent, f"lies more than {MOST_DEEP} groups deep")
        for name in group:
            where = f"{parent}/{name.decode(errors='replace')}"
            if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                _refuse(path, where, "is a link to somewhere else")
            item = h5py.h5o.open(group, name)
            place = h5py.h5o.get_info(item).addr
            if place in seen:
                _refuse(path, where, "is a second name of another object")
            seen.add(place)
            if len(seen) > MOST_OBJECTS:
                _refuse(path, where, f"is one of more than {MOST_OBJECTS} objects")
            if isinstance(item, h5py.h5g.GroupID):
                waiting.append((where, depth + 1, item))
                check_attributes(h5py.Group(item), path, where)
            elif isinstance(item, h5py.h5d.DatasetID):
                check_attributes(h5py.Dataset(item), path, where)
                problem = _problem(h5py.Dataset(item), file_size)
                if problem:
                    _refuse(path, where, problem)
            else:
                _refuse(path, where, "is neither a group nor a dataset")
            if b"\0" in name or not _is_utf8(name):
                _refuse(path, where, "has a name that is no text")


def check_attributes(item: Any, path: Path, where: str) -> None:
    """Refuse attributes of other kinds than rgnet and netCDF-4 write, before any of them is read."""
    for name in item.attrs:
        check_attribute(item.attrs, name, path, where)


def check_attribute(attrs: Any, name: str, path: Path, where: str) -> None:
    """The same for one of them."""
    if not attributes.is_text(name) or not _is_plain(attrs.get_id(name), name):
        _refuse(path, where, f"has an attribute {name!r} that is neither text nor a number")


def _is_plain(held: Any, name: str) -> bool:
    kind = held.get_type()
    if name == "DIMENSION_LIST":
        return len(held.shape or ()) == 1 and held.shape[0] <= MOST_RANK and bool(kind == _REFERENCES)
    if name == "NAME":
        return isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str() and held.shape == ()
    if name in attributes.INTERNAL - {"coordinates", "dtype"}:
        return True  # never read
    if isinstance(kind, h5py.h5t.TypeStringID):
        is_text = kind.is_variable_str() and kind.get_cset() == h5py.h5t.CSET_UTF8
        return bool(is_text and held.get_space().get_simple_extent_type() == h5py.h5s.SCALAR)
    return name not in attributes.INTERNAL and held.shape == (1,) and _is_standard(kind, held.dtype)


def address(item: Any) -> int:
    """Where an object of a file lies: equal for two names of one object."""
    return int(h5py.h5o.get_info(item.id).addr)


def is_bare_dimension(item: Any) -> bool:
    """Whether a dataset stands only for a dimension without coordinates."""
    name = item.attrs.get("NAME", b"")
    return isinstance(name, bytes) and name.startswith(_DIMENSION_ONLY)


def _refuse(path: Path, where: str, problem: str) -> None:
    shown = where if len(where) <= 200 else f"{where[:150]}…{where[-40:]}"
    if not shown.isprintable():
        shown = repr(shown)  # a name must not command the terminal that shows it
    raise FileError(f"{path}: {shown} {problem}, which rgnet does not write; do not trust this file, compute it again")


def _problem(item: Any, file_size: int) -> str:
    """What is wrong with a dataset, or nothing."""
    plan = item.id.get_create_plist()
    layout = plan.get_layout()
    if layout not in _LAYOUTS:
        return "is a virtual dataset, put together from other files"
    if plan.get_external_count():
        return "keeps its data in another file"
    filters = {plan.get_filter(number)[0] for number in range(plan.get_nfilters())}
    if not filters <= _FILTERS:
        return "needs an unknown filter"
    kind = item.id.get_type()
    is_text = isinstance(kind, h5py.h5t.TypeStringID)
    if not (is_text and kind.is_variable_str() and kind.get_cset() == h5py.h5t.CSET_UTF8):
        if not isinstance(kind, (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID)):
            return f"has the type {item.dtype}"
        if not _is_standard(kind, item.dtype):
            return f"has numbers of an unusual make ({item.dtype})"
    if item.shape is None:
        return "has no shape"
    if is_bare_dimension(item):
        return ""  # declares a length, stores nothing, is never read
    too_much = f"declares shape {item.shape}, more than the file holds"
    if layout != h5py.h5d.CHUNKED:
        return too_much if math.prod(item.shape) * item.dtype.itemsize > file_size else ""
    in_chunk = math.prod(item.chunks) * item.dtype.itemsize
    chunks = math.prod(math.ceil(size / chunk) for size, chunk in zip(item.shape, item.chunks, strict=True))
    stored = item.id.get_storage_size()
    if max(stored, chunks) > file_size or chunks * in_chunk > _MOST_COMPRESSED * stored:
        return too_much
    if item.id.get_num_chunks() != chunks:
        return too_much
    if chunks and in_chunk > _MOST_IN_CHUNK:
        return f"has chunks of {in_chunk} bytes"
    if chunks and (is_text or h5py.h5z.FILTER_FLETCHER32 not in filters):
        return "has no checksums"
    return ""


def _is_standard(kind: Any, dtype: np.dtype[Any]) -> bool:
    """Whether it is the type that HDF5 itself has for these numbers: no odd bits, exponents or paddings."""
    if not isinstance(kind, (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID)):
        return False
    if dtype.kind not in "iuf" or dtype.itemsize > 8 or dtype == np.float16:
        return False
    return bool(kind == h5py.h5t.py_create(dtype))


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
