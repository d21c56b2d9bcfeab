"""Importing rgnet is quick and loads nothing heavy; the names it promises exist."""

import subprocess
import sys

import pytest

import rgnet


def test_import_loads_nothing_heavy():
    code = "import sys, rgnet; print(*[m for m in ('torch', 'matplotlib', 'numba', 'xarray') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom rgnet.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('HEAVY', *[m for m in ('torch', 'matplotlib', 'numba', 'xarray', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY"
    assert "run" in done.stdout


@pytest.mark.parametrize("name", rgnet.__all__)
def test_every_promised_name_exists(name):
    assert getattr(rgnet, name) is not None


def test_functions_are_not_hidden_by_modules():
    """`rgnet.study` imports `rgnet.sampling`; `rgnet.sample` must stay the function all the same."""
    code = "import rgnet.study, rgnet; print(callable(rgnet.sample), callable(rgnet.open), callable(rgnet.run))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 3


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'Majorty'"):
        _ = rgnet.Majorty
