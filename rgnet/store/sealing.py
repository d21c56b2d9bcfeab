"""The seal of a file, and its atomic finish.

A sealed file is an HDF5 image followed by one line of fixed length, ``rgnet-sha256:<64 hex digits>`` between two line
feeds: the SHA-256 of all bytes before it. A file that was cut short has lost the line; one with a flipped byte no
longer has its digest. The seal finds accidents, not malice: whoever forges a file can seal it, and `rgnet.store.guard`
looks at those.
"""

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rgnet.store import foreign, structures
from rgnet.store.foreign import SIGNATURE

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
    if "\0" in os.fspath(path):
        raise FileError(f"path={path!r}: a file name has no NUL in it; give another name")
    return Path(os.fspath(path)).absolute()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file open for reading bytes, with plain words where there is none.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
    FileError
        If it is a pipe, a socket or a device: reading those may wait for ever.
    """
    with _open(path) as stream:
        yield stream


def _open(path: Path) -> BinaryIO:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        _check_kind(path, os.stat(path))  # before it is opened, which alone can wind a tape
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{path}: no such file; check the name, or compute it with `rgnet run`") from None
    except PermissionError as error:
        raise PermissionError(
            f"{path} cannot be read ({error.strerror}): ask its owner for permission, or copy it as its owner"
        ) from error
    except OSError as error:
        raise _too_long(path) if error.errno == errno.ENAMETOOLONG else error from error
    stream = os.fdopen(descriptor, "rb")
    try:
        _check_kind(path, os.fstat(stream.fileno()))  # and again, should the name have changed hands meanwhile
    except (OSError, FileError):
        stream.close()
        raise
    return stream


def _check_kind(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"{path} is a directory; name one of the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{path} is no file but a pipe, a socket or a device; give a file that rgnet wrote")


def is_sealed(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as HDF5 and ends with a seal: cheap, no byte between them is looked at.

    True for every file that was written whole, and for one whose contents were damaged since (`verify` tells). False
    for what is cut short, foreign, no plain file, or not there.
    """
    try:
        with opened(as_path(path)) as stream:
            return stream.read(len(SIGNATURE)) == SIGNATURE and _seal(stream, _size(stream)) is not None
    except (FileNotFoundError, IsADirectoryError, FileError):
        return False


def digest(path: str | os.PathLike[str]) -> str:
    """Check the seal of a file, and return its SHA-256 (of all bytes before the seal), without opening its contents.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, FileError
    """
    place = as_path(path)
    with opened(place) as stream:
        return check(stream, place)


def check(stream: BinaryIO, path: Path) -> str:
    """Check the seal of an open file and return its digest; nothing but bytes is looked at.

    Raises
    ------
    FileError
        If the file is not HDF5, has no seal, or is not what was sealed.
    """
    size = _size(stream)
    stream.seek(0)
    head = stream.read(foreign.HEAD)
    if not head.startswith(SIGNATURE):
        raise FileError(f"{path} is not an HDF5 file ({foreign.kind(head, size)}); give a file that rgnet wrote")
    sealed = _seal(stream, size)
    if sealed is None:
        raise FileError(f"{path} {foreign.without_seal(head, size, SEAL_SIZE)}")
    length = foreign.announced_length(head)
    if length != size - SEAL_SIZE:  # told before terabytes of nothing are digested
        raise FileError(
            f"{path} is damaged: {size - SEAL_SIZE} bytes lie before its seal, it announces {length}; "
            f"delete it and compute the point again, or copy it anew from where it is whole"
        )
    stream.seek(0)
    digest, left, tail = hashlib.sha256(), size - SEAL_SIZE, b""
    places: list[int] = []
    while left > 0 and (block := stream.read(min(_BLOCK, left))):
        digest.update(block)
        places += structures.marks(tail + block, size - SEAL_SIZE - left - len(tail))
        left, tail = left - len(block), block[-structures.OVERLAP :]
    if digest.hexdigest() != sealed:
        raise FileError(
            f"{path} is damaged: its bytes have SHA-256 {digest.hexdigest()[:12]}…, {sealed[:12]}… was sealed; "
            f"delete it and compute the point again, or copy it anew from where it is whole"
        )
    looked_at = 0
    for place in places:
        stream.seek(place)
        length = structures.length(stream.read(16))
        if place + length > size:
            continue  # HDF5 notices that itself
        looked_at += length  # structures do not overlap: more than the whole file is a trick to keep us busy
        stream.seek(place)
        if looked_at > size or not structures.is_sound(stream.read(length)):
            raise FileError(
                f"{path} was sealed, but not by rgnet: HDF5 would not come back from its byte {place}; "
                f"do not trust this file, compute it again"
            )
    return sealed


def check_unchanged(stream: BinaryIO, path: Path, digest: str) -> None:
    """Refuse an open file whose seal is not the one seen before (only its last line is read)."""
    if _seal(stream, _size(stream)) != digest:
        raise FileError(f"{path} was replaced since it was opened; open it again")


def _size(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size


def _seal(stream: BinaryIO, size: int) -> str | None:
    stream.seek(max(size - SEAL_SIZE, 0))
    match = _SEAL.fullmatch(stream.read(SEAL_SIZE + 1))
    return match.group(1).decode() if match else None


def check_target(path: Path) -> None:
    """Refuse a name under which no file can be written, before anything is computed.

    Raises
    ------
    IsADirectoryError, FileNotFoundError, NotADirectoryError
    OSError
        If the name is too long.
    """
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise _too_long(path) from error
        is_folder = False  # there is no such file yet, or what is wrong is said below or when it is written
    if is_folder:
        raise IsADirectoryError(f"{path} is a directory; give the name of a file")
    if not path.parent.exists():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}; create it first")
    if not path.parent.is_dir():
        raise NotADirectoryError(f"{path} cannot be written: {path.parent} is a file; give a name in a folder")


def save(path: Path, image: bytes) -> None:
    """Write a sealed file, all or nothing. Raises what `write_bytes` raises."""
    _replace(path, image, f"\nrgnet-sha256:{hashlib.sha256(image).hexdigest()}\n".encode())


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write any file, all or nothing and without a seal; an older one of that name is replaced at the last moment.

    Raises
    ------
    OSError
        If the disk is full, or the folder cannot be written. An older file of that name is then left as it was.
    """
    target = as_path(path)
    check_target(target)
    _replace(target, data)


def _replace(path: Path, *parts: bytes) -> None:
    """Write the parts under a temporary name, flush them to the disk and rename."""
    # Hidden and short, so that no pattern such as *.h5 meets it and no long name becomes too long
    temporary = path.parent / f".rgnet-{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            for part in parts:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _not_written(path, error, sum(map(len, parts))) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _not_written(path: Path, error: OSError, size: int) -> OSError:
    """The same error, saying what was to be written, what is left and what helps."""
    if error.errno == errno.ENAMETOOLONG:
        return _too_long(path)
    reason = error.strerror or str(error)
    kept = "; the file that was there is kept" if path.exists() else ""
    return OSError(
        error.errno,
        f"{path} was not written ({reason}; {size} bytes were needed){kept}. Free space or give "
        f"a folder that can be written, then run again",
    )


def _too_long(path: Path) -> OSError:
    name = path.name if len(path.name) <= 60 else f"{path.name[:40]}…{path.name[-16:]}"
    size = len(os.fsencode(path.name))
    return OSError(
        errno.ENAMETOOLONG,
        f"{name}: a file name of {size} bytes in a path of {len(os.fsencode(path))} is too long for this file system "
        f"(most take 255 and 4096); give a shorter name, such as a shorter name of the study, ensemble or folder",
    )


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of writers on this machine that were killed; those of live or foreign ones are left."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # the folder is gone, and all leftovers with it
        for path in sorted(folder.glob(f".rgnet-{_host()}-*.tmp")):
            writer = path.name.split("-")[2]
            if writer.isdigit() and not _is_alive(int(writer)):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)


def _host() -> str:
    """A short name of this machine, for file names: process numbers mean something on one machine only."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _is_alive(process: int) -> bool:
    if os.name == "nt":
        return True  # to ask there is to interrupt
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
