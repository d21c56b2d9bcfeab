"""What tells functions of one name apart: their instructions, and all values from which Numba makes constants.

Numba freezes what a function reads: globals, closures, defaults, numbers of a module; and the functions that it calls.
All of these are physics, and belong to the digest; places, names and addresses do not. Instructions are those of the
Python version that runs.
"""

import hashlib
import sys
from collections.abc import Callable, Collection, Mapping
from types import BuiltinFunctionType, CodeType, ModuleType
from typing import Any

import numpy as np

_LIBRARIES = {*sys.stdlib_module_names, "numpy", "numba", "scipy"}  # their functions are known by their names
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), np.generic)


def digest(*functions: Callable[..., float] | None) -> str:
    """16 hexadecimal digits of the code of functions and of every value that they read."""
    return hashlib.sha256(repr([_content(function, {}, {}, ()) for function in functions]).encode()).hexdigest()[:16]


def _content(item: Any, seen: dict[int, int], space: Mapping[str, Any], names: Collection[str]) -> Any:
    """Any value as plain data; ``space`` are the globals of code, ``names`` those of attributes that it may read."""
    plain = getattr(item, "py_func", item)
    if isinstance(plain, (tuple, list)):
        return [_content(value, seen, space, names) for value in plain]
    if isinstance(plain, (set, frozenset)):
        return sorted(repr(_content(value, seen, space, names)) for value in plain)
    if isinstance(plain, dict):
        return [(repr(key), _content(value, seen, space, names)) for key, value in plain.items()]
    if isinstance(plain, np.ndarray) and plain.dtype.kind != "O":
        # NumPy shows a long array with dots, and so not all of it
        return str(plain.dtype), plain.shape, hashlib.sha256(np.ascontiguousarray(plain).tobytes()).hexdigest()
    if isinstance(plain, _PLAIN):
        return type(plain).__name__, repr(plain)
    if not isinstance(plain, (CodeType, ModuleType)) and not hasattr(plain, "__code__"):
        return type(plain).__name__, getattr(plain, "__qualname__", getattr(plain, "__name__", ""))
    if id(plain) in seen:  # recursion, of functions or of modules
        return "again", seen[id(plain)]
    seen[id(plain)] = len(seen)
    if isinstance(plain, ModuleType):
        return _of_module(plain, seen, names)
    return _of_code(plain, seen, space) if isinstance(plain, CodeType) else _of_function(plain, seen)


def _of_function(function: Any, seen: dict[int, int]) -> Any:
    if str(function.__module__).partition(".")[0] in _LIBRARIES:
        return function.__module__, function.__qualname__
    space = function.__globals__
    held = [cell.cell_contents for cell in function.__closure__ or () if cell.cell_contents is not function]
    values = (held, function.__defaults__, function.__kwdefaults__)
    return _of_code(function.__code__, seen, space), [_content(value, seen, space, ()) for value in values]


def _of_code(code: CodeType, seen: dict[int, int], space: Mapping[str, Any]) -> Any:
    """Instructions, constants (with functions inside), and the globals of the names that are read."""
    constants = [_content(value, seen, space, ()) for value in code.co_consts]
    used = [(name, _content(space[name], seen, space, code.co_names)) for name in code.co_names if name in space]
    return code.co_code.hex(), code.co_names, constants, used


def _of_module(module: ModuleType, seen: dict[int, int], names: Collection[str]) -> Any:
    """What code may read of a module of one's own, or the numbers it may read of a library."""
    found = {name: vars(module)[name] for name in names if name in vars(module)}
    own = module.__name__.partition(".")[0] not in _LIBRARIES
    kept = {
        name: value
        for name, value in found.items()
        if not isinstance(value, (BuiltinFunctionType, type)) and (own or isinstance(value, (int, float, complex)))
    }
    parts = [(name, _content(value, seen, {}, names)) for name, value in kept.items()]
    del seen[id(module)]  # other code may read other names of it
    return parts
