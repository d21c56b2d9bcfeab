"""The random numbers of the multi-spin kernels, as the kernels meet them, through dieharder.

The words are those of `rgnet.updates._lanes`: eight interleaved generators, seeded anew at the beginning of every
sweep, here of 2048 words as for the colours of a 64² lattice with eight bits a spin (128 words a colour). Tests that
report p < 10⁻⁶ (dieharder's FAILED) are counted; WEAK ones, p < 0.005, come by chance.
"""

import contextlib
import re
import shutil
import subprocess

import numpy as np

from rgnet.verify.registry import Row, check

PER_SWEEP = 2048
TESTS = (0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 15, 16, 17, 100, 101, 102, 204, 205)
"""dieharder's numbers: Marsaglia's battery as far as it is reliable, STS monobit, runs and serial, and two more."""


def write_words(pipe: object, rng: np.random.Generator, words: int, per_sweep: int = PER_SWEEP) -> None:
    """Write so many random words to a binary file or pipe, 2²⁰ at a time, as sweeps of ``per_sweep`` words use them."""
    from rgnet.updates._lanes import new_lanes, stream

    lanes, out = new_lanes(), np.empty((1 << 20) // per_sweep * per_sweep, dtype=np.uint64)
    for _ in range(-(-words // out.size)):
        stream(rng, lanes, out, per_sweep)
        pipe.write(out.data)  # type: ignore[attr-defined]


def _failed(test: int, rng: np.random.Generator) -> int:
    """Failures in one of dieharder's tests, fed from a pipe until it has enough."""
    command = ["dieharder", "-g", "200", "-d", str(test), "-p", "20"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            write_words(process.stdin, rng, 1 << 40)
        report = process.stdout.read().decode()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    verdicts = re.findall(r"PASSED|WEAK|FAILED", report)
    if not verdicts:
        raise RuntimeError(f"{' '.join(command)} reported nothing: {report[-200:]!r}")
    return verdicts.count("FAILED")


if shutil.which("dieharder"):  # Debian's package dieharder; without the program there is no row

    @check(
        Row("multispin/dieharder", f"dieharder: {len(TESTS)} tests that fail", 0.0, "Brown et al. 2020",
            tolerance=0, note="interleaved lanes, seeded anew every 2048 words; needs Debian's package dieharder"),
        cost=600,
        full=True,
    )  # fmt: skip
    def dieharder(seed: int) -> int:
        """Twenty p-values a test, one stream."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
        return sum(_failed(test, rng) for test in TESTS)
