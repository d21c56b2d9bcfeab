"""Damaged files by the thousand: none may be read as if it were whole, none may stop the reader.

Each trial changes a small file that holds every kind of thing rgnet writes, and reads all of it:

- half of them as a disk or a network damages a file, under the seal that no longer fits: cut, flipped bits anywhere,
  blocks zeroed, lost, doubled or of other files. Anything but a `FileError` is a silent wrong read.
- half of them *sealed again* after the damage, as if the memory of the writer had been at fault or somebody had forged
  the file, so that HDF5 itself meets the damage. What it then reads may differ, since the seal vouches for it; but
  numbers lie under checksums of their own, so that damage to them alone must be refused as well, and nothing may crash,
  run for ever, need much memory or raise anything else than `FileError`.

HDF5 is C and can die of what it reads, so trials run in processes of their own, with limits of memory and time; a
process that dies costs one trial, is counted, and is replaced.
"""

import hashlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rgnet import store
from rgnet.store.sealing import SEAL_SIZE

_SECONDS = 30  # for one trial, which takes 0.03 s
_MEMORY = 1 << 31  # bytes above what the libraries take
_KINDS = ("flip", "byte", "fill", "copy", "cut", "drop", "double")
_OUTCOMES = ("refused", "equal", "differs", "wrong", "raised", "died")


def damaged_files(trials: int, seed: int = 0) -> tuple[int, int]:
    """How many of so many damaged files were read as if they were whole, and how many stopped their reader.

    Returns
    -------
    silent_wrong, crashes : int
        Both 0, or the store is at fault. ``crashes`` counts whatever is neither read nor refused with `FileError`:
        dead and endless processes, exhausted memory, other exceptions.
    """
    outcomes = damage_outcomes(trials, seed)
    return outcomes["wrong"], outcomes["raised"] + outcomes["died"]


def damage_outcomes(trials: int, seed: int = 0) -> dict[str, int]:
    """The same in full: trials that were refused, read equal, differ under a new seal, wrong, raised, died."""
    counts = dict.fromkeys(_OUTCOMES, 0)
    with tempfile.TemporaryDirectory(prefix="rgnet-damage-") as folder:
        whole = Path(folder) / "whole.h5"
        store.write(whole, _contents(), {"study": {"seed": [1, None]}, "title": "Größe", "draws": 6, "h": 0.5})
        done = 0
        while done < trials:
            for outcome in _reader(whole, done, trials, seed):
                counts[outcome] += 1
                done += 1
            if done < trials:
                counts["died"] += 1
                done += 1
    return counts


def _reader(whole: Path, first: int, last: int, seed: int) -> Iterator[str]:
    """Outcomes of trials as a process of its own tells them; they end early where it dies."""
    code = "from rgnet.verify.damage import _read_damaged; _read_damaged()"
    arguments = json.dumps([str(whole), first, last, seed])
    process = subprocess.Popen(
        [sys.executable, "-c", code, arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() not in _OUTCOMES:
                break  # half a line, of a process that died
            yield line.strip()
    finally:
        process.kill()
        process.communicate()


def _read_damaged() -> None:
    """A process of `_reader`: one line for each trial."""
    path, first, last, seed = json.loads(sys.argv[1])
    whole = Path(path)
    image = whole.read_bytes()
    expected = _everything(whole)
    numbers = _places_of_numbers(whole)
    _limit_memory()
    for trial in range(first, last):
        if hasattr(signal, "alarm"):
            signal.alarm(_SECONDS)  # ends the process, in whatever library it is
        print(_outcome(whole.with_name(f"damaged-{first}.h5"), image, expected, numbers, [seed, trial]), flush=True)


def _outcome(path: Path, image: bytes, expected: bytes, numbers: Any, seed: list[int]) -> str:
    rng = np.random.default_rng(seed)
    is_resealed = bool(rng.integers(2))
    whole = image[:-SEAL_SIZE] if is_resealed else image
    mutant = damage(whole, rng)
    if mutant == whole:
        return "equal"
    if is_resealed and rng.random() < 0.5:
        mutant = _announcing_its_length(mutant)  # lest every other length be refused for that alone
    path.write_bytes(_sealed(mutant) if is_resealed else mutant)
    try:
        found = _everything(path)
    except store.FileError:
        return "refused"
    except Exception:
        return "raised"
    if not is_resealed:
        return "wrong"
    if found == expected:
        return "equal"
    return "wrong" if _differ_only_in(whole, mutant, numbers) else "differs"


def damage(whole: bytes, rng: np.random.Generator) -> bytes:
    """One to three changes of random kind at random places, mostly within the bytes that are not zero."""
    mutant = bytearray(whole)
    # Half of a small HDF5 file is unused; damage there is no damage
    used = np.flatnonzero(np.frombuffer(whole, np.uint8))
    for _ in range(int(rng.integers(1, 4))):
        kind = rng.choice(_KINDS, p=[0.35, 0.2, 0.15, 0.15, 0.05, 0.05, 0.05])
        place = int(rng.choice(used) if rng.random() < 0.8 else rng.integers(len(whole)))
        place = min(place, max(len(mutant) - 1, 0))
        size = int(rng.choice([1, 2, 4, 8, 64, 512]))
        if kind == "flip":
            mutant[place] ^= 1 << int(rng.integers(8))
        elif kind == "byte":
            mutant[place] = int(rng.integers(256))
        elif kind == "fill":
            size = len(mutant[place : place + size])
            mutant[place : place + size] = (b"\0", b"\xff")[int(rng.integers(2))] * size
        elif kind == "copy":
            other = int(rng.integers(len(mutant)))
            part = mutant[other : other + size][: len(mutant) - place]
            mutant[place : place + len(part)] = part
        elif kind == "cut":
            del mutant[max(place, 1) :]
        elif kind == "drop":
            del mutant[place : place + size]
        else:
            mutant[place:place] = mutant[place : place + size]
        if len(mutant) <= 1:
            break
    return bytes(mutant)


def _differ_only_in(whole: bytes, mutant: bytes, places: Any) -> bool:
    """Whether two images of one length differ nowhere but at the given places."""
    if len(whole) != len(mutant):
        return False
    changed = np.flatnonzero(np.frombuffer(whole, np.uint8) != np.frombuffer(mutant, np.uint8))
    return bool(np.isin(changed, places).all())


def _places_of_numbers(path: Path) -> Any:
    """Where in a file the chunks of its variables lie, that checksums cover."""
    import h5py

    found: list[Any] = []

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.chunks and item.size:
            for number in range(item.id.get_num_chunks()):
                chunk = item.id.get_chunk_info(number)
                found.append(np.arange(chunk.byte_offset, chunk.byte_offset + chunk.size))

    with h5py.File(path, "r") as file:
        file.visititems(collect)
    return np.concatenate(found)


def _everything(path: Path) -> bytes:
    """All that a file says, read by every way there is, as bytes that are equal for equal contents."""
    store.verify(path)
    said = hashlib.sha256(json.dumps(store.read_attrs(path)).encode("utf-8", "surrogatepass"))
    for node in store.open(path).subtree:
        data = node.to_dataset(inherit=False)
        said.update(
            repr((node.path, dict(data.sizes), sorted(map(str, data.coords)), data.attrs)).encode("utf-8", "replace")
        )
        for name, variable in data.variables.items():
            values = variable.values
            told = (name, variable.dims, values.shape, values.dtype.str, variable.attrs)
            said.update(repr(told).encode("utf-8", "replace"))
            said.update(values.tobytes())
    return said.digest()


def _sealed(image: bytes) -> bytes:
    return image + f"\nrgnet-sha256:{hashlib.sha256(image).hexdigest()}\n".encode()


def _announcing_its_length(image: bytes) -> bytes:
    """The image with its length in the superblock (of version 0, the one that rgnet writes)."""
    return image[:40] + len(image).to_bytes(8, "little") + image[48:] if len(image) >= 48 else image


def _limit_memory() -> None:
    try:
        import resource

        with open("/proc/self/statm") as stream:
            taken = int(stream.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + _MEMORY, taken + _MEMORY))
    except (ImportError, OSError, ValueError):
        pass  # no such limit on this system: the limit of time stays


def _contents() -> dict[str, Any]:
    """Groups with every kind of variable and attribute."""
    import xarray as xr

    rng = np.random.default_rng(0)
    x = (2 * rng.integers(0, 2, (2, 6, 4, 4)) - 1).astype(np.int8)
    samples = xr.Dataset(
        {
            "spin": (("chain", "draw", "x", "y"), x, {"unit": "1"}),
            "energy": (("chain", "draw"), rng.normal(size=(2, 6))),
            "accepted": (("draw",), np.arange(6) % 2 == 0),
            "seed": ((), np.uint64(2**64 - 1)),
        },
        coords={"chain": [0, 1], "draw": np.arange(6), "K": 0.44, "time": ("draw", np.linspace(0, 1, 6, dtype="f4"))},
        attrs={"level": 0, "boundary": ["periodic", None], "update": "wolff"},
    )
    table = xr.Dataset(
        {"y_t": (("level", "operator"), rng.normal(size=(2, 3)))},
        coords={"operator": ["nn", "Σφ²", ""], "level": [1, 2]},
    )
    real = xr.Dataset({"spin": (("draw", "x"), rng.normal(size=(6, 4)))}, attrs={"level": 1, "scale": 2.0})
    return {"samples": samples, "network/mcrg": table, "network/level_1": real}
