"""From Datasets to a sealed file: what can be stored, how it is laid out, and the HDF5 image in memory."""

import json
import math
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5netcdf
import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import __version__
from rgnet.store import attributes, guard, packing, sealing, structures

FORMAT = "rgnet"
FORMAT_VERSION = 1
HEADER = ("format", "format_version", "rgnet_version")
PACKED_ATTRS = ("packing", "packed_dims", "packed_sizes")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class _Stored:
    """A variable as the file holds it."""

    name: str
    dims: tuple[str, ...]
    values: npt.NDArray[Any]
    attrs: dict[str, Any]


def write(
    path: str | os.PathLike[str], groups: Mapping[str, xr.Dataset], attrs: Mapping[str, Any] | None = None
) -> None:
    """Write Datasets to one HDF5 file, all or nothing; an older file of that name is replaced at the last moment.

    Parameters
    ----------
    path : str or os.PathLike
    groups : mapping of group path to Dataset
        Such as ``{"samples": data, "majority/level_1": level}``. Variables may be integers, float32, float64, bool or
        text. A variable ``spin`` of int8 values ±1 is stored as bits of each draw.
    attrs : mapping
        Root attributes: str, int, float, and as JSON text bool, None, list and dict; they read back equal. Those that
        tell the format are set here: ``format``, ``format_version``, ``rgnet_version``.

    Raises
    ------
    TypeError, ValueError
        If something cannot be stored so that it reads back equal; nothing is written then.
    OSError
        If the disk is full or the folder cannot be written. An older file is kept, no temporary one is left.
    """
    target = sealing.as_path(path)
    sealing.check_target(target)
    _check_tree(groups)
    root = {name: value for name, value in (attrs or {}).items() if name not in HEADER}
    header = {"format": FORMAT, "format_version": FORMAT_VERSION, "rgnet_version": __version__}
    image = _image(groups, {**header, **root})
    if structures.first_unsound(image) is not None:
        raise RuntimeError(
            f"{target} was not written: HDF5 {h5py.version.hdf5_version} lays files out in a way that rgnet "
            f"{__version__} would refuse to read; use an older h5py, or a newer rgnet"
        )
    sealing.save(target, image)


def _check_tree(groups: Mapping[str, xr.Dataset]) -> None:
    if not isinstance(groups, Mapping):
        raise TypeError(f"groups of type {type(groups).__name__}: give a mapping of group name to xarray.Dataset")
    for name, data in groups.items():
        parts = name.split("/") if isinstance(name, str) else []
        if not parts or any(part in ("", ".", "..") or not attributes.is_text(part) for part in parts):
            raise ValueError(f"group {name!r}: a group has a name such as 'samples' or 'majority/level_1'")
        if len(parts) > guard.MOST_DEEP:
            raise ValueError(f"group {name!r} lies more than {guard.MOST_DEEP} groups deep; use a flatter tree")
        if not isinstance(data, xr.Dataset):
            raise TypeError(f"group {name!r} is a {type(data).__name__}: give an xarray.Dataset (DataArray.to_dataset)")
        for variable in data.variables:
            _check_name(variable, data, name)
    objects = sum(1 + len({*data.variables, *data.sizes}) for data in groups.values())
    if objects > guard.MOST_OBJECTS:
        raise ValueError(
            f"{objects} groups and variables, and a file has at most {guard.MOST_OBJECTS}; use several files"
        )
    try:
        xr.DataTree.from_dict(dict(groups))
    except (ValueError, KeyError) as error:
        first = str(error).strip("'\"").split("\n")[0]
        raise ValueError(
            f"groups {', '.join(groups)} do not form a tree ({first}): a group inherits the dimensions of the group "
            f"around it, and shares no name with its variables; make them siblings or rename them"
        ) from error


def _image(groups: Mapping[str, xr.Dataset], attrs: Mapping[str, Any]) -> bytes:
    with h5py.File(
        f"rgnet-{secrets.token_hex(8)}", "w", driver="core", backing_store=False, block_size=1 << 22, track_order=True
    ) as memory:
        with h5netcdf.File(memory, "w") as file:
            for name, value in attributes.encode(attrs, "the file").items():
                file.attrs[name] = value
            for path in sorted(groups, key=lambda name: name.count("/")):  # a group before those in it
                _write_group(file.create_group(path), path, groups[path])
        memory.flush()
        return bytes(memory.id.get_file_image())


def _write_group(group: Any, path: str, data: xr.Dataset) -> None:
    for name, value in attributes.encode(data.attrs, f"group {path!r}").items():
        group.attrs[name] = value
    names = [str(name) for name in data.variables]
    if "spin" in names and {"spin_packed", "spin_byte"} & {*names, *data.sizes}:
        raise ValueError(f"group {path!r}: the names spin_packed and spin_byte are kept for packed spins; rename yours")
    others = [name for name in data.coords if name not in data.dims]
    if others:
        group.attrs["coordinates"] = " ".join(str(name) for name in others)
    for name in names:
        item = _stored(name, data.variables[name], path)
        for dim, size in zip(item.dims, item.values.shape, strict=True):
            if dim not in group.dimensions:
                group.dimensions[dim] = size
        _create(group, item)


def _check_name(name: Any, data: xr.Dataset, path: str) -> None:
    for text in (name, *data.variables[name].dims):
        if not isinstance(text, str) or text in ("", ".") or set("/ ") & set(text) or not attributes.is_text(text):
            raise ValueError(
                f"{path}/{name}: {text!r} is no name for a variable or dimension; use text without / or space"
            )
    if name in data.dims and data.variables[name].dims != (name,):
        raise ValueError(f"{path}/{name} has the name of a dimension but other dimensions; rename it")
    if name in data.indexes and data.indexes[name].nlevels > 1:
        raise ValueError(f"{path}/{name} is a MultiIndex, which netCDF has not; use Dataset.reset_index({name!r})")


def _stored(name: str, variable: xr.Variable, path: str) -> _Stored:
    values = np.asarray(variable.values)
    dims = tuple(str(dim) for dim in variable.dims)
    attrs = attributes.encode(variable.attrs, f"{path}/{name}")
    batch = dims.index("draw") + 1 if "draw" in dims else len(dims)
    if name == "spin" and batch < len(dims) and packing.can_pack(values):
        if set(PACKED_ATTRS) & set(attrs):
            raise ValueError(
                f"{path}/spin: the attributes {', '.join(PACKED_ATTRS)} are kept for packing; rename yours"
            )
        attrs |= {
            "packing": packing.PACKING,
            "packed_dims": json.dumps(dims[batch:]),
            "packed_sizes": json.dumps(values.shape[batch:]),
        }
        return _Stored("spin_packed", (*dims[:batch], "spin_byte"), packing.pack(values, len(dims) - batch), attrs)
    if values.dtype.kind == "b":
        return _Stored(name, dims, values.astype(np.int8), {**attrs, "dtype": "bool"})  # as xarray marks them
    native = values.dtype.newbyteorder("=")
    if values.dtype.kind in "iu" or native in (np.float32, np.float64):
        return _Stored(name, dims, values.astype(native, copy=False), attrs)
    return _Stored(name, dims, _text(values, f"{path}/{name}"), attrs)


def _text(values: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    result = np.asarray(values, dtype=object)
    if values.dtype.kind not in "UTO" or not all(isinstance(item, str) for item in result.flat):
        remedy = "store real and imaginary parts as two variables" if values.dtype.kind == "c" else "convert it"
        raise TypeError(
            f"{where} has dtype {values.dtype}: a variable is of integers, float32, float64, bool or text; {remedy}"
        )
    for item in result.flat:
        if not attributes.is_text(item):
            raise ValueError(f"{where} holds {item!r}: text is UTF-8 without NUL; convert it")
    longest = max(map(len, result.flat), default=0)
    if 4 * longest * result.size > guard.MOST_TEXT:  # as fixed-width text, 4 bytes a letter, as it is read back
        raise ValueError(
            f"{where} is {result.size} texts, one of them {longest} letters long, that would be read as "
            f"{4 * longest * result.size} bytes (at most {guard.MOST_TEXT}); store long texts apart, or as attributes"
        )
    return result


def _create(group: Any, item: _Stored) -> None:
    is_text = item.values.dtype == object
    options: dict[str, Any] = {"dtype": h5py.string_dtype()} if is_text else {}
    if item.values.ndim and item.values.size and not is_text:
        options = {
            "chunks": chunk_shape(item.values.shape, item.values.dtype.itemsize),
            "compression": "gzip",
            "compression_opts": 1,
            "fletcher32": True,
        }
    variable = group.create_variable(item.name, item.dims, data=item.values, **options)
    for name, value in item.attrs.items():
        variable.attrs[name] = value


def chunk_shape(shape: tuple[int, ...], itemsize: int, target: int = _CHUNK_BYTES) -> tuple[int, ...]:
    """Chunks of at most ``target`` bytes: whole in the trailing dimensions, one that is split evenly, 1 before it.

    An even split leaves no last chunk that is mostly padding: a divisor of the side is taken where one is near.
    """
    chunks = [1] * len(shape)
    room = max(1, target // itemsize)
    for axis in reversed(range(len(shape))):
        least = math.ceil(shape[axis] / room)
        pieces = next((n for n in range(least, 2 * least) if shape[axis] % n == 0), least)
        chunks[axis] = math.ceil(shape[axis] / pieces)
        if pieces > 1:
            break
        room //= max(1, shape[axis])
        if room <= 1:
            break
    return tuple(chunks)
