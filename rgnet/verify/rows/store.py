"""Files: what is written is what is read, and what was changed is not read."""

import functools
import tempfile
from pathlib import Path

import numpy as np

import rgnet as rg
from rgnet.verify.registry import Row, check

FLIPS = 200


@check(
    Row("store/round-trip", "differing when read back", 0.0, "what was written",
        tolerance=0),
    Row("store/flipped-bits", f"{FLIPS} single-bit flips unnoticed", 0.0, "SHA-256 seal", tolerance=0),
    cost=2,
)  # fmt: skip
def files(seed: int) -> list[int]:
    """A sampled Dataset through a file, then the file with single bits flipped."""
    data = rg.sample(rg.Ising((16, 16), K=0.4), 50, seed=seed, warmup=20, thin=1)
    with tempfile.TemporaryDirectory() as folder:
        path, bad = Path(folder) / "whole.h5", Path(folder) / "flipped.h5"
        rg.store.write(path, {"samples": data}, {"seed": str(seed)})
        again = rg.open(path)["samples"].to_dataset().load()
        differing = sum(
            not (data[name].dtype == again[name].dtype and np.array_equal(data[name], again[name]))
            for name in data.variables
        )
        differing += sum(data.attrs[name] != again.attrs.get(name) for name in data.attrs)
        image, opened = path.read_bytes(), 0
        for bit in np.random.default_rng(seed).integers(0, 8 * len(image), FLIPS):
            flipped = bytearray(image)
            flipped[bit // 8] ^= 1 << (bit % 8)
            bad.write_bytes(flipped)
            opened += _opens(bad)
    return [differing, opened]


def _opens(path: Path) -> bool:
    try:
        rg.open(path)
    except rg.store.FileError:
        return False
    return True


def _damaged(seed: int, trials: int) -> list[int]:
    from rgnet.verify.damage import damaged_files

    return list(damaged_files(trials, seed))


for _trials, _full in ((100, False), (2000, True)):
    check(
        Row(f"store/damaged-{_trials}-wrong", f"{_trials} damaged files, read wrong", 0.0, "refused or equal",
            tolerance=0, note="flipped, filled, cut, moved and inserted bytes, half of them under a seal made anew"),
        Row(f"store/damaged-{_trials}-crashed", f"{_trials} damaged files, reader crashed", 0.0, "refused or equal",
            tolerance=0),
        cost=_trials / 50,
        full=_full,
    )(functools.partial(_damaged, trials=_trials))  # fmt: skip
