"""From a sealed file to labelled Datasets, lazily by draw.

Large variables are read when they are used, and of those only the chunks that hold what is asked for. No file stays
open meanwhile: each access opens the file by its name and checks that its seal is still the one that was verified, so
files can be replaced, and Datasets sent to other processes.
"""

import contextlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, overload

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from rgnet.store import attributes, guard, packing, sealing
from rgnet.store.sealing import FileError
from rgnet.store.writing import FORMAT, FORMAT_VERSION, HEADER, PACKED_ATTRS

_EAGER_BYTES = 1 << 20
_TEXT_BYTES = 1 << 26  # that are read in one step
_MOST_GROUPS = 10_000  # xarray takes a time that grows as the square of it to form a tree


@overload
def open(path: str | os.PathLike[str]) -> xr.DataTree: ...
@overload
def open(path: str | os.PathLike[str], group: None) -> xr.DataTree: ...
@overload
def open(path: str | os.PathLike[str], group: str) -> xr.Dataset: ...
def open(path: str | os.PathLike[str], group: str | None = None) -> xr.DataTree | xr.Dataset:
    """Open a file that rgnet wrote: labelled data, spins unpacked to int8, read lazily by draw.

    Parameters
    ----------
    path : str or os.PathLike
    group : str, optional
        Path of one group, such as ``"samples"``.

    Returns
    -------
    xarray.DataTree of all groups with the root attributes, or the xarray.Dataset of ``group``.
        Text comes as fixed-width NumPy text. No file stays open, and the file must stay where it is: data that is
        read after it was replaced raises.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    FileError
        If the file is truncated, damaged, foreign, of a newer format or hostile, or there is no such group.
    """
    place = sealing.as_path(path)
    with opened(place) as (file, attrs, digest):
        left = guard.allowance(file)
        names = group_names(file)
        if group is not None:
            if group.strip("/") not in names:
                raise FileError(f"{place} has no group {group!r}; it has {_listed(names)}")
            return _dataset(file[group.strip("/")], place, digest, left)
        if len(names) > _MOST_GROUPS:
            raise FileError(
                f"{place} has {len(names)} groups, more than the {_MOST_GROUPS} that one tree may have; "
                f"open one of them: {_listed(names)}"
            )
        data = {name: _dataset(file[name], place, digest, left) for name in names}
        return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attrs), **data})


def _listed(names: list[str], most: int = 20) -> str:
    further = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + further or "none"


def read_attrs(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Root attributes of a file, as they were written, after the checks that `open` makes."""
    place = sealing.as_path(path)
    with opened(place) as (_, attrs, _):
        return attrs


def verify(path: str | os.PathLike[str]) -> str:
    """Check that a file is whole, and one that rgnet wrote: its SHA-256. Raises what `open` raises."""
    with opened(sealing.as_path(path)) as (_, _, digest):
        return digest


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Any, dict[str, Any], str]]:
    """A checked HDF5 file, its root attributes and its digest: seal first, then format, then contents."""
    with sealing.opened(path) as stream, _refusing(path):
        digest = sealing.check(stream, path)
        # HDF5 gets the very stream that was checked, so a file renamed over the name meanwhile does no harm. Nor do
        # locks: files are never written in place, and others may hold this one open with other lock settings.
        with h5py.File(stream, "r") as raw:
            _check_format(raw.attrs, path)
            guard.check(raw, path)
            yield raw, read_attributes(raw, guard.allowance(raw)), digest


@contextlib.contextmanager
def _refusing(path: Path, passed: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    try:
        yield
    except (FileError, MemoryError):
        raise
    except Exception as error:  # h5py meets a malformed file with nearly any exception
        if isinstance(error, passed):
            raise
        raise FileError(
            f"{path} cannot be read ({type(error).__name__}: {_shown(error)}); do not trust this file, compute it again"
        ) from error


def _shown(error: Exception) -> str:
    text = " ".join(str(error).split())
    text = text if len(text) <= 300 else f"{text[:200]}…{text[-60:]}"
    return text if text.isprintable() else repr(text)  # what a file holds must not command the terminal


def _check_format(attrs: Any, path: Path) -> None:
    for name in set(HEADER) & set(attrs):  # of any format, before its other contents are looked at
        guard.check_attribute(attrs, name, path, "/")
    if attrs.get("format") != FORMAT:
        raise FileError(f"{path} is no rgnet file: its attribute format is not {FORMAT!r}; give one that rgnet wrote")
    version = np.ravel(attrs.get("format_version", 0))
    if version.shape != (1,) or version.dtype != np.int64 or version[0] < 1:
        raise FileError(f"{path} has no valid format_version; compute the point again")
    if version[0] > FORMAT_VERSION:
        author = str(attrs.get("rgnet_version", "unknown"))[:40]
        raise FileError(
            f"{path} has format {version[0]}, written by rgnet {author}; this rgnet "
            f"reads up to format {FORMAT_VERSION}: install a newer one"
        )


def group_names(file: Any) -> list[str]:
    """Paths of all groups, parents first. Without recursion: their depth is the file's choice."""
    names: list[str] = []
    waiting = [("", file)]
    while waiting:
        prefix, group = waiting.pop()
        names += [prefix] if prefix else []
        children = [(name, child) for name, child in group.items() if isinstance(child, h5py.Group)]
        waiting += [(f"{prefix}/{name}".lstrip("/"), child) for name, child in reversed(children)]
    return names


def read_attributes(item: Any, left: guard.Allowance | None = None) -> dict[str, Any]:
    """The attributes of a group or variable as they were written, netCDF's own left out."""
    result = {}
    for name in item.attrs:
        if name not in attributes.INTERNAL:
            value = item.attrs[name]
            if left is not None and isinstance(value, str):
                guard.spend_text(left, len(value))
            result[name] = attributes.decode(name, value)
    return result


def read_variables(group: Any) -> dict[str, tuple[tuple[str, ...], Any]]:
    """Dimensions and HDF5 dataset of each variable of a group, by name.

    Each dimension is a dataset of the group; variables refer to it by address (netCDF-4's dimension scales). Looking
    up addresses is far quicker than asking HDF5 for the names of what is referred to.
    """
    items = {name: item for name, item in group.items() if isinstance(item, h5py.Dataset)}
    scales = {guard.address(item): name for name, item in items.items()}
    result = {}
    for name, item in items.items():
        if guard.is_bare_dimension(item):
            continue
        if item.ndim == 0:
            dims: tuple[str, ...] = ()
        elif "DIMENSION_LIST" in item.attrs:
            references = [axis[0] for axis in item.attrs["DIMENSION_LIST"]]
            dims = tuple(scales[guard.address(item.file[reference])] for reference in references)
        else:
            dims = (name,)
        if len(dims) != item.ndim or len(set(dims)) != len(dims):
            raise ValueError(f"{item.name} of shape {item.shape} has dimensions {dims}")
        result[name] = (dims, item)
    return result


def _dataset(group: Any, path: Path, digest: str, left: guard.Allowance) -> xr.Dataset:
    variables = {}
    for name, (dims, item) in read_variables(group).items():
        variables["spin" if name == "spin_packed" else name] = _variable(name, dims, item, path, digest, left)
    attrs = read_attributes(group, left)
    others = group.attrs.get("coordinates", "").split()
    coords = {name: item for name, item in variables.items() if name in others or item.dims == (name,)}
    return xr.Dataset({k: v for k, v in variables.items() if k not in coords}, coords=coords, attrs=attrs)


def _variable(
    name: str, dims: tuple[str, ...], item: Any, path: Path, digest: str, left: guard.Allowance
) -> xr.Variable:
    attrs = read_attributes(item, left)
    shape, dtype, chunks = item.shape, item.dtype, item.chunks or ()
    sizes = None
    if name == "spin_packed":
        _, names, sizes = (attrs.pop(key) for key in PACKED_ATTRS)
        names, sizes = tuple(json.loads(names)), tuple(json.loads(sizes))
        _check_packed(name, names, sizes, shape, dtype)
        dims, shape, dtype, chunks = (*dims[:-1], *names), (*shape[:-1], *sizes), np.dtype(np.int8), chunks[:-1]
    elif h5py.check_string_dtype(dtype):
        return xr.Variable(dims, _text(item, left), attrs)
    else:
        if item.attrs.get("dtype") == "bool":
            dtype = np.dtype(np.bool_)
        size = math.prod(shape) * item.dtype.itemsize
        if (dims == (name,) or size <= _EAGER_BYTES) and guard.may_spend_values(left, size):
            return xr.Variable(dims, item[...].astype(dtype, copy=False), attrs)
        if dims == (name,):  # xarray makes an index of it, whatever its size
            raise ValueError(f"coordinates {name} of {size} bytes are too long for a file of this size")
    lazy = indexing.LazilyIndexedArray(StoredArray(path, digest, item.name, shape, dtype, sizes))
    cached: Any = indexing.MemoryCachedArray(lazy)  # type: ignore[no-untyped-call]
    encoding = {"preferred_chunks": dict(zip(dims, chunks, strict=False))}
    return xr.Variable(dims, indexing.CopyOnWriteArray(cached), attrs, encoding=encoding)


def _text(item: Any, left: guard.Allowance) -> npt.NDArray[Any]:
    """Fixed-width text, read in steps: a short file can name one long text a million times."""
    if item.size == 0 or item.ndim == 0:
        values = np.asarray(item.asstr()[...])
        guard.spend_text(left, sum(map(len, values.flat)))
        return values.astype(str)
    rows = math.prod(item.shape[1:])
    step = max(1, _TEXT_BYTES // max(1, left.text) // rows)
    parts = []
    for start in range(0, item.shape[0], step):
        part = np.asarray(item.asstr()[start : start + step])
        guard.spend_text(left, sum(map(len, part.flat)))
        parts.append(part)
    width = max(len(text) for part in parts for text in part.flat)
    if 4 * width * item.size > guard.MOST_TEXT:
        raise ValueError(f"{item.name} is {item.size} texts, one of them {width} characters long: too many for one")
    return np.concatenate(parts).astype(str)


def _check_packed(name: str, names: Any, sizes: Any, shape: tuple[int, ...], dtype: Any) -> None:
    fits = len(names) == len(sizes) and all(isinstance(size, int) and size > 0 for size in sizes)
    if not fits or dtype != np.uint8 or not shape or shape[-1] != math.ceil(math.prod(sizes) / 8):
        raise ValueError(f"{name} of shape {shape} does not hold the bits of spins of shape {sizes}")


class StoredArray(BackendArray):
    """One variable of a sealed file, read when indexed; ``sizes`` are those of the packed space dimensions."""

    def __init__(
        self, path: Path, digest: str, name: str, shape: tuple[int, ...], dtype: Any, sizes: tuple[int, ...] | None
    ) -> None:
        self.path, self.digest, self.name, self.sizes = path, digest, name, sizes
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        batch = len(self.shape) - len(self.sizes or ())
        with sealing.opened(self.path) as stream, _refusing(self.path, (IndexError,)):
            sealing.check_unchanged(stream, self.path, self.digest)
            with h5py.File(stream, "r") as file:
                stored = read_outer(file[self.name], (*key[:batch], slice(None)) if self.sizes else key)
        if not self.sizes:
            return np.asarray(stored).astype(self.dtype, copy=False)
        x = packing.unpack(stored, self.sizes)
        axis = x.ndim - len(self.sizes)
        for item in key[batch:]:
            x = x[(*[slice(None)] * axis, item)]
            axis += not _is_integer(item)
        return x


def _is_integer(item: Any) -> bool:
    return isinstance(item, (int, np.integer))


def read_outer(stored: Any, key: tuple[Any, ...]) -> npt.NDArray[Any]:
    """Orthogonal indexing of an HDF5 dataset by integers, slices of positive step, and 1-D arrays of integers.

    HDF5 is slow at lists of indices: each chunk that holds wanted entries is read from the first to the last of them.
    """
    axis = next((number for number, item in enumerate(key) if isinstance(item, np.ndarray)), None)
    if axis is None:
        return np.asarray(stored[key])
    size = stored.shape[axis]
    if np.any((key[axis] < -size) | (key[axis] >= size)):
        raise IndexError(f"index out of range: axis {axis} of {stored.name} has size {size}")
    wanted = key[axis] % size if size else key[axis]
    if wanted.size == 0:
        return read_outer(stored, (*key[:axis], slice(0, 0), *key[axis + 1 :]))
    position = sum(not _is_integer(item) for item in key[:axis])
    blocks = wanted // (stored.chunks[axis] if stored.chunks else size)
    parts = []
    order = np.argsort(blocks, kind="stable")
    for here in np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1):
        first, last = int(wanted[here].min()), int(wanted[here].max())
        part = read_outer(stored, (*key[:axis], slice(first, last + 1), *key[axis + 1 :]))
        parts.append(np.take(part, wanted[here] - first, axis=position))
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return np.take(np.concatenate(parts, axis=position), back, axis=position)
