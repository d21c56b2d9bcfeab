"""Attributes that read back as they were written.

HDF5 has numbers and text. Here int (of 64 bits), float and str are stored as they are; bool, None, list, dict and
longer ints as JSON text after the mark ``json:``, and so is the rare str that begins with that mark or that HDF5 cannot
hold. NumPy scalars become Python ones, tuples lists.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

_MARK = "json:"
# Names that HDF5, netCDF or xarray give a meaning of their own; the first are written by them and by rgnet.store
INTERNAL = frozenset(
    {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "coordinates", "dtype"}
    | {"_Netcdf4Dimid", "_Netcdf4Coordinates", "_nc3_strict", "_NCProperties"}
)
RESERVED = INTERNAL | {"_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned"}


def encode(attrs: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Attributes as HDF5 holds them: text, int64 or float64.

    Raises
    ------
    TypeError
        If a value is none of str, int, float, bool, None, list and dict (with text keys), or made of others.
    ValueError
        If a name is not text, or is reserved.
    """
    result = {}
    for name, value in attrs.items():
        if not isinstance(name, str) or not is_text(name) or name == "":
            raise ValueError(f"attribute {name!r} of {where}: a name is text, not empty; rename it")
        if name in RESERVED:
            raise ValueError(f"attribute {name!r} of {where}: netCDF gives this name a meaning of its own; rename it")
        result[name] = _encode_value(_plain(value, f"attribute {name!r} of {where}"))
    return result


def decode(name: str, value: Any) -> Any:
    """One attribute as it was written; ValueError if rgnet cannot have written it."""
    if isinstance(value, str):
        return json.loads(value[len(_MARK) :]) if value.startswith(_MARK) else value
    if isinstance(value, np.ndarray) and value.shape == (1,) and value.dtype.kind in "if":
        return value[0].item()  # netCDF has no scalar attributes
    raise ValueError(f"attribute {name!r} is neither text nor a number")


def is_text(value: str) -> bool:
    """Whether HDF5 can hold it: UTF-8 without NUL."""
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def _encode_value(value: Any) -> Any:
    if isinstance(value, str) and is_text(value) and not value.startswith(_MARK):
        return value
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return np.int64(value)
    return _MARK + json.dumps(value)


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): _plain(item, where) for key, item in value.items()}
    raise TypeError(
        f"{where} holds {value!r} of type {type(value).__name__}: an attribute is text, a real number, a bool, None, "
        f"or a list or dict (keys are text) of those; make an array a variable, or a list by .tolist()"
    )
