"""The seal of a file, and its atomic finish.

A sealed file is an HDF5 image followed by one line of fixed length, ``rgnet-sha256:<64 hex digits>`` between two line
feeds: the SHA-256 of all bytes before it. A file that was cut short has lost the line; one with a flipped byte no
longer has its digest. The seal finds accidents, not malice: whoever forges a file can seal it, and `rgnet.store.guard`
looks at those.
"""

import contextlib
import hashlib
import os
import platform
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SEAL = re.compile(rb"\nrgnet-sha256:([0-9a-f]{64})\n")
SEAL_SIZE = 79  # bytes
_BLOCK = 1 << 20


class FileError(ValueError):
    """A file is not one that rgnet wrote whole: truncated, damaged, foreign, newer or hostile."""


def as_path(path: object) -> Path:
    """The absolute path of a file.

    Raises
    ------
    TypeError
        If ``path`` is neither text nor an ``os.PathLike`` of text.
    """
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str) or os.fspath(path) == "":
        raise TypeError(f"path={path!r}: give the name of a file, as text or as a pathlib.Path")
    return Path(os.fspath(path)).absolute()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file open for reading bytes, with plain words where there is none.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory; name one of the files in it")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; check the name, or compute it with `rgnet run`")
    with path.open("rb") as stream:
        yield stream


def check(stream: BinaryIO, path: Path) -> str:
    """Check the seal of an open file and return its digest; nothing but bytes is looked at.

    Raises
    ------
    FileError
        If the file is not HDF5, has no seal, or is not what was sealed.
    """
    size = os.fstat(stream.fileno()).st_size
    stream.seek(0)
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        raise FileError(f"{path} is not an HDF5 file ({size} bytes); give a file that rgnet wrote")
    sealed = _seal(stream, size)
    if sealed is None:
        raise FileError(
            f"{path} does not end with rgnet's seal: it was cut short ({size} bytes are left) or rgnet did not write "
            f"it; delete it and compute the point again, or copy it anew from where it is whole"
        )
    stream.seek(0)
    digest, left = hashlib.sha256(), size - SEAL_SIZE
    while left > 0 and (block := stream.read(min(_BLOCK, left))):
        digest.update(block)
        left -= len(block)
    if digest.hexdigest() != sealed:
        raise FileError(
            f"{path} is damaged: its bytes have SHA-256 {digest.hexdigest()[:12]}…, {sealed[:12]}… was sealed; "
            f"delete it and compute the point again, or copy it anew from where it is whole"
        )
    return sealed


def check_unchanged(stream: BinaryIO, path: Path, digest: str) -> None:
    """Refuse an open file whose seal is not the one seen before (only its last line is read)."""
    if _seal(stream, os.fstat(stream.fileno()).st_size) != digest:
        raise FileError(f"{path} was replaced since it was opened; open it again")


def _seal(stream: BinaryIO, size: int) -> str | None:
    stream.seek(max(size - SEAL_SIZE, 0))
    match = _SEAL.fullmatch(stream.read())
    return match.group(1).decode() if match else None


def check_target(path: Path) -> None:
    """Refuse a name under which no file can be written, before anything is computed.

    Raises
    ------
    IsADirectoryError, FileNotFoundError, NotADirectoryError
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory; give the name of a file")
    if not path.parent.exists():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}; create it first")
    if not path.parent.is_dir():
        raise NotADirectoryError(f"{path} cannot be written: {path.parent} is a file; give a name in a folder")


def save(path: Path, image: bytes) -> None:
    """Write a sealed file under a temporary name, flush it to the disk and rename it.

    Raises
    ------
    OSError
        If the disk is full, or the folder cannot be written. An older file of that name is then left as it was.
    """
    seal = f"\nrgnet-sha256:{hashlib.sha256(image).hexdigest()}\n".encode()
    # Hidden and short, so that no pattern such as *.h5 meets it and no long name becomes too long
    temporary = path.parent / f".rgnet-{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(image)
            stream.write(seal)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        kept = "; the file that was there is kept" if path.exists() else ""
        raise OSError(
            error.errno,
            f"{path} was not written ({reason}; {len(image) + len(seal)} bytes were needed){kept}. Free space or give "
            f"a folder that can be written, then run again",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of writers on this machine that were killed; those of live or foreign ones are left."""
    for path in folder.glob(f".rgnet-{_host()}-*.tmp"):
        writer = path.name.split("-")[2]
        if writer.isdigit() and not _is_alive(int(writer)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _host() -> str:
    """A short name of this machine, for file names: process numbers mean something on one machine only."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's
    return True


def _sync_folder(folder: Path) -> None:
    # Some file systems cannot flush a folder. Without it a power failure may bring the old file back, whole as well.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
