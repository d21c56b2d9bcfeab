"""The one ``njit`` of rgnet: one compile policy, and a compile cache that cannot serve stale physics.

Numba's on-disk cache looks only at the file of the function it compiles: a coupling edited in one module leaves
the old physics running in a kernel of another. Here the cache folder is named after a digest of every source file
of the package, so that any edit starts a new folder, while spawned workers of the same sources share one.

The folder is ``$NUMBA_CACHE_DIR/rgnet-DIGEST`` where that variable is set, else ``rgnet/numba-DIGEST`` in the
user's cache folder (``$XDG_CACHE_HOME`` or ``~/.cache``), else one in the temporary folder.
"""

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.compiler_lock import global_compiler_lock

_Function = TypeVar("_Function", bound=Callable[..., object])
_config = cast(Any, numba.config)  # its settings are made at run time
_PATIENCE = 120.0  # seconds that a process waits for another to compile a kernel
_STALE_AFTER = 30 * 24 * 3600.0  # seconds; folders of other digests unused for longer are removed


def source_digest(package: Path = Path(__file__).parent) -> str:
    """Digest of every Python source of the package: equal sources, equal digest (16 hex digits)."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode())
        digest.update(b"\0")
        digest.update(path.read_bytes())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def this_source() -> str:
    """The digest of rgnet's own sources, as they were when this process first asked."""
    return source_digest()


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError:
        return False
    return True


@functools.cache
def cache_folder() -> Path | None:
    """The folder of this process's compiled kernels, created if need be; None where nothing can be written."""
    name = this_source()
    candidates = []
    if os.environ.get("NUMBA_CACHE_DIR"):
        candidates.append(Path(os.environ["NUMBA_CACHE_DIR"]) / f"rgnet-{name}")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    candidates.append(Path(home) / "rgnet" / f"numba-{name}")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    candidates.append(Path(tempfile.gettempdir()) / f"rgnet-{user}" / f"numba-{name}")
    folder = next((path for path in candidates if _writable(path)), None)
    if folder is not None:
        os.utime(folder)
        _remove_stale(folder)
    return folder


def _remove_stale(current: Path) -> None:
    prefix = current.name.rsplit("-", 1)[0] + "-"
    for other in current.parent.glob(f"{prefix}*"):
        try:
            if other != current and time.time() - other.stat().st_mtime > _STALE_AFTER:
                shutil.rmtree(other, ignore_errors=True)
        except OSError:
            continue


def _forget_literals(compiled: Any) -> None:
    """Let one kernel call another by the types of its arguments.

    Numba compiles the callee anew for each whole number that is written at a call: many seconds more for the larger
    kernels, and nothing gained, as LLVM puts the number in where it inlines.
    """
    template, unliteral = compiled.get_call_template, cast(Any, numba.types.unliteral)

    def by_type(args: Any, kws: Any) -> Any:
        return template(tuple(unliteral(each) for each in args), {name: unliteral(each) for name, each in kws.items()})

    compiled.get_call_template = by_type


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of a file among processes, where the system has such; after `_PATIENCE` go on without."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, ImportError):
            import fcntl  # not on Windows

            file = stack.enter_context(open(path, "w"))
            end = time.monotonic() + _PATIENCE
            while time.monotonic() < end:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(0.02)
                    continue
                # To close it is not enough, where a process was forked meanwhile
                stack.callback(fcntl.flock, file, fcntl.LOCK_UN)
                break
        yield


def _compile_once(compiled: Any, path: Path) -> None:
    """Let processes that start together wait for the one that compiles a kernel, and load what it leaves."""
    compile_here = compiled.compile
    here = False  # a kernel may come to itself, with arguments of other types

    def compile_alone(signature: Any) -> Any:
        nonlocal here
        if isinstance(signature, tuple) and signature in compiled.overloads:
            return compile_here(signature)
        # Numba's own lock first: another thread may hold it and come to this kernel. Kernels that call each other are
        # locked from the caller down, so that processes cannot wait for one another in a circle.
        with global_compiler_lock:
            if here:
                return compile_here(signature)
            here = True
            try:
                with _alone(path):
                    return compile_here(signature)
            finally:
                here = False

    compiled.compile = compile_alone


def njit(function: _Function) -> _Function:
    """Compile a module-level kernel: cached on disk, without the GIL, IEEE arithmetic, division by zero as in NumPy."""
    folder = cache_folder()
    before = _config.CACHE_DIR
    try:
        # Numba fixes a function's cache path when it is decorated, so other packages' caches are left alone.
        _config.CACHE_DIR = str(folder) if folder else before
        compiled = numba.njit(cache=folder is not None, nogil=True, error_model="numpy")(function)
    finally:
        _config.CACHE_DIR = before
    if _config.DISABLE_JIT:
        return function
    _forget_literals(compiled)
    if folder is not None:
        place = f"{function.__module__}.{function.__qualname__}-{function.__code__.co_firstlineno}"
        _compile_once(compiled, folder / f"{place}.lock")
    return cast(_Function, compiled)


@njit
def fill_from(target: Any, source: Any) -> None:
    """Do ``target[:] = source[: target.size]``, whose own compilation includes the text of its errors: 5 s a place."""
    for k in range(target.size):
        target[k] = source[k]
