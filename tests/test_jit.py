"""The compile cache: an edit anywhere gives new physics in a new process, and unedited sources hit it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import rgnet
from rgnet import _jit

PACKAGE = Path(rgnet.__file__).parent

PROGRAM = """
import numpy as np
from rgnet import operators
from rgnet._jit import cache_folder
x = np.ones((1, 4, 4), dtype=np.int64)
print(int(operators.sums(x, operators.resolve(["nn"], 2))[0, 0]), cache_folder())
"""


def run(folder: Path, cache: Path) -> tuple[int, Path]:
    # No bytecode files: Python's own would hide an edit of equal length within the same second
    env = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, cwd=folder, capture_output=True, text=True, check=True
    )
    value, used = done.stdout.split()
    return int(value), Path(used)


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
