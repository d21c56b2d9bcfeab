"""The compile cache: an edit anywhere gives new physics in a new process, and unedited sources hit it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import rgnet
from rgnet import _jit

PACKAGE = Path(rgnet.__file__).parent

PROGRAM = """
import numpy as np
from rgnet import operators
from rgnet._jit import cache_folder
from rgnet.operators import _kernels
x = np.ones((1, 4, 4), dtype=np.int64)
value = int(operators.sums(x, operators.resolve(["nn"], 2))[0, 0])
kernels = [each for each in vars(_kernels).values() if hasattr(each, "stats")]
compiled = sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels)
print(value, cache_folder(), compiled)
"""


def start(folder: Path, cache: Path) -> "subprocess.Popen[str]":
    # No bytecode files: Python's own would hide an edit of equal length within the same second
    env = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: "subprocess.Popen[str]") -> tuple[int, Path, int]:
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    value, used, compiled = out.split()
    return int(value), Path(used), int(compiled)


def run(folder: Path, cache: Path) -> tuple[int, Path]:
    return end(start(folder, cache))[:2]


def test_an_edit_in_another_file_is_seen(tmp_path):
    """A kernel calls a function of another module; the edit there must not be hidden by the kernel's cache file."""
    shutil.copytree(PACKAGE, tmp_path / "rgnet", ignore=shutil.ignore_patterns("__pycache__"))
    helper = tmp_path / "rgnet" / "_weight.py"
    helper.write_text("from rgnet._jit import njit\n\n\n@njit\ndef weight():\n    return 1\n")
    kernels = tmp_path / "rgnet" / "operators" / "_kernels.py"
    text = kernels.read_text()
    assert "out[n, column] = total" in text
    text = text.replace("out[n, column] = total", "out[n, column] = total * weight()")
    kernels.write_text(
        text.replace("from rgnet._jit import njit", "from rgnet._jit import njit\nfrom rgnet._weight import weight")
    )
    cache = tmp_path / "cache"
    before, folder = run(tmp_path, cache)
    assert before == 32
    helper.write_text(helper.read_text().replace("return 1", "return 7"))
    after, other_folder = run(tmp_path, cache)
    assert after == 7 * 32
    assert folder != other_folder


def test_equal_sources_share_the_cache(tmp_path):
    value, folder = run(PACKAGE.parent, tmp_path)
    files = sorted(folder.rglob("*.nbc"))
    times = [file.stat().st_mtime_ns for file in files]
    assert files
    assert run(PACKAGE.parent, tmp_path) == (value, folder)
    assert sorted(folder.rglob("*.nbc")) == files
    assert [file.stat().st_mtime_ns for file in files] == times


def test_processes_that_start_together_compile_once(tmp_path):
    processes = [start(PACKAGE.parent, tmp_path) for _ in range(2)]
    found = [end(process) for process in processes]
    assert [value for value, _, _ in found] == [32, 32]
    assert min(compiled for _, _, compiled in found) == 0 < max(compiled for _, _, compiled in found)


@_jit.njit
def twice(number: int) -> int:
    return 2 * number


@_jit.njit
def sum_of_two() -> int:
    return twice(3) + twice(4)


def test_numbers_in_the_text_of_a_call_compile_nothing_anew():
    assert sum_of_two() == 14
    assert len(twice.signatures) == 1


def test_slices_are_copied():
    target = np.zeros(3, dtype=np.int8)
    _jit.fill_from(target, np.arange(1, 6, dtype=np.int8))
    np.testing.assert_array_equal(target, [1, 2, 3])


def test_digest_depends_on_every_source(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.py").write_text("x = 1\n")
    first = _jit.source_digest(tmp_path)
    assert first == _jit.source_digest(tmp_path)
    (tmp_path / "a" / "one.py").write_text("x = 2\n")
    second = _jit.source_digest(tmp_path)
    (tmp_path / "a" / "two.py").write_text("")
    assert len({first, second, _jit.source_digest(tmp_path)}) == 3


def test_a_read_only_cache_is_passed_over(tmp_path):
    """Where the named folder is a file, the next candidate serves; physics is unchanged."""
    blocker = tmp_path / "file"
    blocker.write_text("")
    value, folder = run(PACKAGE.parent, blocker)
    assert value == 32
    assert blocker not in folder.parents
