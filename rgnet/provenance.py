"""With what a file was computed: versions, platform and, where it is known, the commit of rgnet's own source.

A stranger needs these to compute it again, and no more: neither the host's and the user's names nor the command line
are kept, for a command line holds the paths of somebody's machine. What was asked for is the study, stored beside.

The commit is that of the repository whose work tree is rgnet's project, or the one pip noted when it installed rgnet
from version control (PEP 610). A repository that merely surrounds an installed rgnet, such as the user's own around a
virtual environment, says nothing about rgnet and is never asked.
"""

import copy
import functools
import json
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from rgnet import __version__

_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "xarray", "h5py", "h5netcdf", "torch", "safetensors")
_PACKAGE = Path(__file__).resolve().parent
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")  # SHA-1, or SHA-256
_GIT_SECONDS = 2.0


def provenance() -> dict[str, Any]:
    """With what this process computes, ready for JSON.

    Returns
    -------
    dict
        ``rgnet``: its version; ``commit``: 40 (or 64) hexadecimal digits, with ``-dirty`` behind them if files of the
        package differ from that commit (absent where no commit is known); ``python``, ``platform``, ``cpus``;
        ``versions``: of the packages that the numbers pass through, missing ones left out.

    Notes
    -----
    Found once in a process, within about 20 ms. Nothing here can fail a computation: what cannot be found is absent.
    """
    return copy.deepcopy(_found())


@functools.cache
def _found() -> dict[str, Any]:
    commit = checkout_commit(_PACKAGE) or _installed_commit(_PACKAGE)
    return {
        "rgnet": __version__,
        **({"commit": commit} if commit else {}),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "cpus": os.cpu_count() or 1,
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except Exception:  # not installed, or its metadata are damaged: no reason to lose a result
        return None


def checkout_commit(package: Path) -> str | None:
    """The commit of the checkout that ``package`` is developed in, ``-dirty`` if its files differ; None without one."""
    root = package.parent
    try:
        project = (root / "pyproject.toml").read_text(encoding="utf-8")
        is_ours = (root / ".git").exists() and re.search(r'^name = "rgnet"$', project, re.MULTILINE) is not None
    except (OSError, ValueError):
        return None
    if not is_ours:
        return None
    return _asked_git(root, package.name) or _read_head(root / ".git")


def _asked_git(root: Path, package: str) -> str | None:
    # Variables such as GIT_DIR, set where git itself runs this, would name another repository
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(root), "status", "--porcelain=v2", "--branch", "--", package]
    try:
        answer = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_SECONDS, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError):  # no git, another owner's repository, a slow disk
        return None
    lines = answer.stdout.decode(errors="replace").splitlines()
    head = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    if not _COMMIT.fullmatch(head):
        return None  # nothing is committed yet
    return head if all(line.startswith("#") for line in lines) else f"{head}-dirty"


def _read_head(git: Path) -> str | None:
    """The commit that HEAD names, read from git's files: a branch lies in a file of its own or in packed-refs."""
    try:
        if git.is_file():  # a further work tree, or a submodule
            git = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if _COMMIT.fullmatch(head):
            return head
        branch = head.removeprefix("ref:").strip()
        common = git / (git / "commondir").read_text(encoding="utf-8").strip() if (git / "commondir").exists() else git
        for folder in (git, common):
            if (folder / branch).is_file():
                value = (folder / branch).read_text(encoding="utf-8").strip()
                return value if _COMMIT.fullmatch(value) else None
        packed = (common / "packed-refs").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    value = next((line.split()[0] for line in packed if line.endswith(f" {branch}")), "")
    return value if _COMMIT.fullmatch(value) else None


def _installed_commit(package: Path) -> str | None:
    """The commit that pip noted when it installed this very rgnet from version control."""
    try:
        distribution = metadata.distribution("rgnet")
        if Path(str(distribution.locate_file(package.name))).resolve() != package:
            return None  # another rgnet is installed than the one that runs
        commit = json.loads(distribution.read_text("direct_url.json") or "{}").get("vcs_info", {}).get("commit_id", "")
        return commit if _COMMIT.fullmatch(commit) else None
    except Exception:  # not installed, or its metadata are damaged
        return None
