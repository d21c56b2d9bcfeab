"""The command line, in processes of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shell import rgnet, within

from rgnet import store
from rgnet.study import scratch as scratches

TOML = """
name = "shell"
seed = 1
[sample]
draws = 200
chains = 2
[[ensembles]]
name = "a"
shape = [8, 8]
K = [0.3, 0.4]
"""


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.*")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of a finished run."""
    folder = tmp_path_factory.mktemp("shell")
    (folder / "s.toml").write_text(TOML)
    assert rgnet("run", "s.toml", cwd=folder).returncode == 0
    return folder / "data" / "shell"


def test_the_command_line(tmp_path):
    """Run, run again, repeat a point: with the default pool of spawned processes."""
    (tmp_path / "s.toml").write_text(TOML)
    first = rgnet("run", "s.toml", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "[2/2]" in first.stdout
    assert "energy/site" in first.stdout
    assert str(Path("data", "shell", "result.h5")) in first.stdout
    before = times(tmp_path / "data" / "shell")
    again = rgnet("run", "s.toml", cwd=tmp_path)
    assert again.returncode == 0
    assert "2 of 2 points of shell are complete: nothing to compute" in again.stdout
    assert times(tmp_path / "data" / "shell") == before
    repeat = rgnet("run", "data/shell/a-8x8-K0.3.h5", cwd=tmp_path)
    assert repeat.returncode == 0
    assert "the data agree bit for bit" in repeat.stdout
    assert (tmp_path / "data" / "shell" / "a-8x8-K0.3.again.h5").exists()
    result = rgnet("run", "data/shell/result.h5", cwd=tmp_path)
    assert result.returncode == 2
    assert "holds no single point" in result.stderr


def test_a_point_that_differs_is_said_to(finished, tmp_path):
    """A stored value edited by hand: the file is sealed anew, so only the repetition can tell."""
    path = Path(shutil.copy(finished / "a-8x8-K0.3.h5", tmp_path))
    tree = store.open(path)
    groups = {n.path.strip("/"): n.to_dataset(inherit=False).load() for n in tree.subtree if n.path != "/"}
    groups["samples"]["energy"][0, 0] += 1.0
    store.write(path, groups, tree.attrs)
    repeat = rgnet("run", path, cwd=tmp_path)
    assert repeat.returncode == 1
    assert "the data DIFFER" in repeat.stdout
    assert "samples/energy" in repeat.stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.toml", TOML.replace("draws", "drwas"), "sample.drwas: unknown key; did you mean 'draws'?"),
        ("s.toml", TOML.replace("[8, 8]", "[8, -8]"), "shape=(8, -8)"),
        ("missing.toml", None, "no such file"),
        ("folder.toml", "", "is a directory"),
        ("file.h5", "not HDF5 at all", "file.h5"),
        ("missing.h5", None, "missing.h5"),
        ("s.toml", TOML.replace("0.3", "nan"), "ensembles[1].K: nan is not a finite number"),
        ("s.toml", TOML.replace("draws = 200", "draws = -200"), "sample.draws = -200: it should be greater than 0"),
        ("s.toml", b"\x89PNG\r\n\x1a\n\xff", "is not text"),
        (
            "s.toml",
            TOML.replace("[[", '[networks.m]\nlayers = [{ layer = "majority", b = 3 }]\n[[', 1) + 'networks = ["m"]\n',
            "network 'm' (1 layers, scale 3) cannot take shape (8, 8): 3 does not divide 8; 6 or 9 would do",
        ),
    ],
)
def test_bad_input_is_one_message_and_exit_2(tmp_path, name, content, message):
    if name == "folder.toml":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted(tmp_path.iterdir())
    outcome = within("run", name, cwd=tmp_path)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert outcome.stderr.startswith("rgnet: error: ")
    assert "Traceback" not in outcome.stderr
    assert outcome.stdout == ""
    assert sorted(tmp_path.iterdir()) == before


def test_a_truncated_point_is_refused_by_name(finished, tmp_path):
    path = tmp_path / "cut.h5"
    path.write_bytes((finished / "a-8x8-K0.3.h5").read_bytes()[:5000])
    outcome = rgnet("run", path, cwd=tmp_path)
    assert outcome.returncode == 2
    assert "cut.h5" in outcome.stderr


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_stop_is_quick_and_loses_nothing(tmp_path, number, status):
    """In the middle of a long point: stopped at once, complete points whole, scratch gone; then run to the end."""
    text = TOML + '[[ensembles]]\nname = "long"\nshape = [128, 128]\nK = 0.42\ndraws = 100000\nwarmup = 10\nthin = 50\n'
    (tmp_path / "s.toml").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "rgnet", "run", "s.toml"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    folder = tmp_path / "data" / "shell"
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        running = list((folder / ".running").glob("long*.json")) if folder.exists() else []
        started = running and json.loads(running[0].read_text() or "{}").get("done", 0) > 0
        if started and len(list(folder.glob("*.h5"))) == 2:
            break
        time.sleep(0.05)
    else:
        process.kill()
        pytest.fail("the long point never started")
    start = time.monotonic()
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - start < 2.0  # a second on an idle machine
    assert process.returncode == status
    assert "complete points are kept" in stderr
    assert "Traceback" not in stderr
    assert sorted(path.name for path in folder.iterdir()) == ["a-8x8-K0.3.h5", "a-8x8-K0.4.h5"]
    (tmp_path / "s.toml").write_text(TOML)
    assert rgnet("run", "s.toml", cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_a_killed_worker_is_replaced(tmp_path, until):
    text = TOML.replace("draws = 200", "draws = 1500\nwarmup = 10\nthin = 5").replace("[8, 8]", "[64, 64]")
    (tmp_path / "s.toml").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "rgnet", "run", "s.toml"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    running = tmp_path / "data" / "shell" / ".running"
    until(lambda: scratches.running(running))
    point, report = next(iter(scratches.running(running).items()))
    os.kill(int(report["pid"]), signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    assert stdout.count(f"{point}: its worker died; begun again, from its last checkpoint if it has one") == 1
    assert "[2/2]" in stdout
    assert not running.exists()


def test_a_stop_while_workers_start_is_silent(tmp_path):
    (tmp_path / "s.toml").write_text(TOML)
    process = subprocess.Popen(
        [sys.executable, "-m", "rgnet", "run", "s.toml"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (tmp_path / "data" / "shell" / ".running").exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr.strip() == "rgnet: stopped; complete points are kept, run again to go on"


def test_options_of_a_study_do_not_go_with_a_point(finished, tmp_path):
    outcome = rgnet("run", finished / "a-8x8-K0.3.h5", "--force", cwd=tmp_path)
    assert outcome.returncode == 2
    assert "belong to a study" in outcome.stderr
