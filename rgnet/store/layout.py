"""What lies in a file and how much room it takes, without reading the data."""

import json
import math
import os
from dataclasses import dataclass
from typing import Any

import h5py

from rgnet.store import guard, sealing
from rgnet.store.reading import group_names, opened, read_attributes, read_variables


@dataclass(frozen=True)
class StoredVariable:
    """A variable as a file holds it.

    Attributes
    ----------
    name : str
        As `rgnet.open` names it: packed spins are ``spin``.
    dims, shape, dtype
        As `rgnet.open` gives them.
    bytes : int
        On the disk, compressed; for text that of the references alone.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    bytes: int

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class StoredGroup:
    """A group: its path, attributes and variables."""

    path: str
    attrs: dict[str, Any]
    variables: tuple[StoredVariable, ...]


@dataclass(frozen=True)
class StoredFile:
    """A file: the SHA-256 of all bytes before its seal, its root attributes, its groups, parents first."""

    sha256: str
    attrs: dict[str, Any]
    groups: tuple[StoredGroup, ...]


def layout(path: str | os.PathLike[str]) -> StoredFile:
    """What lies in a file, checked as `rgnet.open` checks it. Raises what that raises."""
    with opened(sealing.as_path(path)) as (file, attrs, digest):
        left = guard.allowance(file)
        groups = (_group(name, file[name], left) for name in group_names(file))
        return StoredFile(digest, attrs, tuple(groups))


def _group(path: str, group: Any, left: guard.Allowance) -> StoredGroup:
    variables = (_stored(name, dims, item) for name, (dims, item) in read_variables(group).items())
    return StoredGroup(path, read_attributes(group, left), tuple(variables))


def _stored(name: str, dims: tuple[str, ...], item: Any) -> StoredVariable:
    stored = int(item.id.get_storage_size())
    if name == "spin_packed":
        attrs = read_attributes(item)
        names, sizes = json.loads(attrs["packed_dims"]), json.loads(attrs["packed_sizes"])
        return StoredVariable("spin", (*dims[:-1], *names), (*item.shape[:-1], *sizes), "int8", stored)
    if h5py.check_string_dtype(item.dtype):
        dtype = "text"
    else:
        dtype = "bool" if item.attrs.get("dtype") == "bool" else str(item.dtype)
    return StoredVariable(name, dims, tuple(item.shape), dtype, stored)
