"""A file says with what it was computed, and never takes a user's repository for rgnet's."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

import rgnet
from rgnet import provenance

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="makes repositories with git")
PROJECT = '[project]\nname = "rgnet"\n'


def git(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, "-C", str(folder), *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of rgnet's layout with one commit; its package folder."""
    (tmp_path / "project" / "rgnet").mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "project" / "rgnet" / "__init__.py").touch()
    git(tmp_path / "project", "init", "-q", "-b", "main")
    git(tmp_path / "project", "add", ".")
    git(tmp_path / "project", "commit", "-q", "-m", "first")
    return tmp_path / "project" / "rgnet"


def test_what_is_told_and_what_is_not():
    found = provenance.provenance()
    assert json.loads(json.dumps(found)) == found
    assert set(found) - {"commit"} == {"rgnet", "python", "platform", "cpus", "versions"}
    assert found["rgnet"] == rgnet.__version__
    assert found["versions"]["numpy"] == metadata.version("numpy")
    assert {"scipy", "numba", "xarray", "h5py", "h5netcdf"} < set(found["versions"])
    assert found["cpus"] >= 1
    if "commit" in found:
        assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", found["commit"])
    told = json.dumps(found)
    assert not any(private and private in told for private in (str(Path.home()), sys.argv[0], os.getcwd()))
    found["versions"]["numpy"] = "changed by a caller"
    assert provenance.provenance()["versions"]["numpy"] == metadata.version("numpy")


def test_it_is_found_once_and_quickly():
    code = "import time; from rgnet.provenance import provenance as p; t = time.perf_counter(); p(); "
    code += "first = time.perf_counter() - t; p(); print(first, time.perf_counter() - t - first)"
    best = [float("inf")] * 2
    for _ in range(3):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        best = [min(pair) for pair in zip(best, map(float, out.split()), strict=True)]
        time.sleep(0.1)
    assert best[0] < 0.2  # about 0.02 s on an idle core
    assert best[1] < 0.005


def test_it_loads_no_package_whose_version_it_tells():
    code = "import sys; from rgnet.provenance import provenance; provenance(); "
    code += "print([name for name in ('numpy', 'numba', 'xarray', 'h5py') if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@needs_git
def test_the_commit_of_the_checkout_and_whether_files_differ(checkout, monkeypatch):
    head = git(checkout, "rev-parse", "HEAD")
    assert provenance.checkout_commit(checkout) == head
    (checkout.parent / "notes.txt").write_text("beside the package, so no part of what is computed")
    assert provenance.checkout_commit(checkout) == head
    (checkout / "new.py").touch()
    assert provenance.checkout_commit(checkout) == f"{head}-dirty"
    monkeypatch.setenv("GIT_DIR", str(checkout.parent / "elsewhere"))  # as git sets it for its hooks
    assert provenance.checkout_commit(checkout) == f"{head}-dirty"


@needs_git
@pytest.mark.parametrize("form", ["branch", "packed", "detached", "worktree", "worktree packed"])
def test_the_commit_is_found_without_git(checkout, monkeypatch, form):
    head = git(checkout, "rev-parse", "HEAD")
    if form == "detached":
        git(checkout, "checkout", "-q", "--detach")
    if form.startswith("worktree"):
        git(checkout, "worktree", "add", "-q", "-b", "side/branch", str(checkout.parents[1] / "other"))
        git(checkout.parents[1] / "other", "commit", "-q", "--allow-empty", "-m", "second")
        checkout = checkout.parents[1] / "other" / "rgnet"
        head = git(checkout, "rev-parse", "HEAD")
    if form.endswith("packed"):
        git(checkout, "pack-refs", "--all")
    monkeypatch.setattr(provenance, "_asked_git", lambda *_: None)
    assert provenance.checkout_commit(checkout) == head


@needs_git
def test_a_user_s_repository_is_not_rgnet_s(checkout, tmp_path, monkeypatch):
    # Installed below a repository of the user's
    inside = checkout.parent / ".venv" / "lib" / "site-packages" / "rgnet"
    inside.mkdir(parents=True)
    assert provenance.checkout_commit(inside) is None
    # Copied into the user's own project
    (checkout.parent / "pyproject.toml").write_text('[project]\nname = "thesis"\n')
    assert provenance.checkout_commit(checkout) is None
    (checkout.parent / "pyproject.toml").unlink()
    assert provenance.checkout_commit(checkout) is None
    # Run from there
    monkeypatch.chdir(inside.parents[1])
    code = "from rgnet.provenance import provenance; print(provenance().get('commit', ''))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert git(checkout, "rev-parse", "HEAD") not in out


@needs_git
def test_a_repository_without_commit_or_with_damage_is_silent(tmp_path):
    (tmp_path / "rgnet").mkdir()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    assert provenance.checkout_commit(tmp_path / "rgnet") is None
    git(tmp_path, "init", "-q")
    assert provenance.checkout_commit(tmp_path / "rgnet") is None
    for content in (b"", b"\xff\xfe", b"ref: ", b"ref: ../../../etc", b"0" * 39):
        (tmp_path / ".git" / "HEAD").write_bytes(content)
        assert provenance.checkout_commit(tmp_path / "rgnet") is None


class Installed:
    """A stand-in for the metadata that pip leaves."""

    def __init__(self, folder: Path, text: str | None) -> None:
        self.folder, self.text = folder, text

    def locate_file(self, name: str) -> Path:
        return self.folder / name

    def read_text(self, name: str) -> str | None:
        return self.text


@pytest.mark.parametrize(
    ("text", "elsewhere", "expected"),
    [
        (json.dumps({"url": "u", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}), False, "a" * 40),
        (json.dumps({"url": "u", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}), True, None),
        (json.dumps({"url": "file:///x", "dir_info": {"editable": True}}), False, None),
        (json.dumps({"vcs_info": {"commit_id": "main"}}), False, None),
        (json.dumps([1]), False, None),
        ("no json", False, None),
        (None, False, None),
    ],
)
def test_the_commit_that_pip_noted(tmp_path, monkeypatch, text, elsewhere, expected):
    folder = tmp_path / "other" if elsewhere else tmp_path
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(folder, text))
    assert provenance._installed_commit(tmp_path / "rgnet") == expected


def test_nothing_is_raised_whatever_is_missing(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("metadata are damaged")

    monkeypatch.setattr(metadata, "version", fail)
    monkeypatch.setattr(metadata, "distribution", fail)
    monkeypatch.setattr(provenance, "_PACKAGE", Path("/nowhere/rgnet"))
    found = provenance._found.__wrapped__()
    assert found["versions"] == {}
    assert "commit" not in found
