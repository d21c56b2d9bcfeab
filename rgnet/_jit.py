"""The one ``njit`` of rgnet: one compile policy, and a compile cache that cannot serve stale physics.

Numba's on-disk cache looks only at the file of the function it compiles: a coupling edited in one module leaves
the old physics running in a kernel of another. Here the cache folder is named after a digest of every source file
of the package, so that any edit starts a new folder, while spawned workers of the same sources share one.

The folder is ``$NUMBA_CACHE_DIR/rgnet-DIGEST`` where that variable is set, else ``rgnet/numba-DIGEST`` in the
user's cache folder (``$XDG_CACHE_HOME`` or ``~/.cache``), else one in the temporary folder.
"""

import functools
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])
_config = cast(Any, numba.config)  # its settings are made at run time
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
    return cast(_Function, compiled)
