"""What can happen to a run, done to it: kills, stops, full and read-only disks, two runs at once, odd clocks, sleep."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rgnet as rg
from rgnet import store
from rgnet.study import State, StudyError, parse, points, work
from rgnet.study import scratch as scratches
from rgnet.study.compute import NO_DATA, Job
from rgnet.study.executors import WorkerPool, process_pool
from rgnet.verify import faults

STUDY = """
name = "f"
seed = 2
[sample]
draws = 300
chains = 2
[[ensembles]]
name = "long"
shape = [32, 32]
K = 0.42
draws = 3000
warmup = 100
thin = 10
update = "metropolis"
[[ensembles]]
name = "a"
shape = [8, 8]
K = [0.3, 0.4]
"""
NAMES = ["a-8x8-K0.3.h5", "a-8x8-K0.4.h5", "long-32x32-K0.42.h5"]


def start(folder, *options, **kwargs):
    (folder / "s.toml").write_text(STUDY)
    command = [sys.executable, "-m", "rgnet", "run", "s.toml", "--checkpoint-every", "0.1", *options]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **kwargs
    )


def run(folder, **kwargs):
    process = start(folder, **kwargs)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def parts(folder):
    return list((folder / "data" / "f" / ".running").glob("long*@*/part-*.h5"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Results of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("reference")
    status, _, err = run(folder)
    assert status == 0, err
    return folder / "data" / "f"


def assert_as(reference, folder):
    """The same points bit for bit, and nothing else left."""
    assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in reference.iterdir())
    for name in NAMES:
        assert store.same(reference / name, folder / name, ignore=NO_DATA) == []


def check(found, trials):
    assert (found.trials, found.wrong) == (trials, 0), found
    assert sum(found.kinds.values()) == trials


def test_killed_runs_resume_bit_for_bit(tmp_path):
    check(faults.kill_and_resume(1, 23, tmp_path), 1)  # all processes at once


@pytest.mark.slow
def test_many_killed_runs_resume_bit_for_bit(tmp_path):
    check(faults.kill_and_resume(50, 2, tmp_path), 50)


def test_the_trials_see_what_is_lost_half_and_different(reference, tmp_path):
    """Kill-and-resume counts nothing wrong: so it must be able to."""
    folder = tmp_path / "f"
    shutil.copytree(reference, folder)
    known: dict[str, str] = {}
    found = faults.Faults()
    faults._take_stock(folder, found, known)
    faults._compare(reference, folder, found)
    assert (found.wrong, set(known)) == (0, set(NAMES))
    tree = store.open(folder / NAMES[0])
    groups = {n.path.strip("/"): n.to_dataset(inherit=False).load() for n in tree.subtree if n.path != "/"}
    groups["samples"]["spin"][0, 0, 0, 0] *= -1
    store.write(folder / NAMES[0], groups, tree.attrs)
    (folder / NAMES[1]).write_bytes((folder / NAMES[1]).read_bytes()[:-100])
    (folder / NAMES[2]).unlink()
    (folder / ".rgnet-x-1-y.tmp").write_text("")
    faults._take_stock(folder, found, known)
    assert found.lost == [f"{folder / NAMES[0]} was computed again", f"{folder / NAMES[2]} is gone"]
    assert len(found.half) == 1
    (folder / NAMES[1]).unlink()
    faults._compare(reference, folder, found)
    assert found.differing == [f"{NAMES[0]}: samples/spin"]
    assert len(found.lost) == 4
    assert len(found.failed) == 1


@pytest.mark.slow
def test_a_long_point_goes_on_from_its_checkpoint(reference, tmp_path, until):
    """Killed in the middle of it: what was drawn is not drawn again."""
    process = start(tmp_path)
    until(lambda: len(parts(tmp_path)) >= 4)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    first = {path: path.read_bytes() for path in sorted(parts(tmp_path))[:3]}
    again = start(tmp_path)
    until(lambda: any(path not in first for path in parts(tmp_path)))
    os.killpg(again.pid, signal.SIGTERM)
    again.communicate()
    assert {path: path.read_bytes() for path in first} == first
    status, _, err = run(tmp_path)
    assert status == 0, err
    assert_as(reference, tmp_path / "data" / "f")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_keeps_checkpoints(reference, tmp_path, number, until):
    process = start(tmp_path)
    until(lambda: len(parts(tmp_path)) >= 2)
    begin = time.monotonic()
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    _, err = process.communicate()
    assert time.monotonic() - begin < 2.0  # a second on an idle machine
    assert process.returncode == 128 + number
    assert "run again to go on" in err
    assert "Traceback" not in err
    found = subprocess.run(
        [sys.executable, "-m", "rgnet", "status", "s.toml"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "paused   long-32x32-K0.42: goes on from its last checkpoint" in found.stdout
    assert run(tmp_path)[0] == 0
    assert_as(reference, tmp_path / "data" / "f")


@pytest.mark.slow
def test_two_runs_on_one_folder_share_the_work(reference, tmp_path):
    one, two = start(tmp_path, "--workers", "1"), start(tmp_path, "--workers", "1")
    outcomes = [process.communicate(timeout=300) for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), outcomes
    assert_as(reference, tmp_path / "data" / "f")
    computed = [line for out, _ in outcomes for line in out.splitlines() if " s" in line and line.startswith("[")]
    assert len([line for line in computed if "running" not in line]) == 3  # each point by one of the two


def test_a_full_disk_is_said_and_keeps_what_is_there(reference, tmp_path):
    """A file system of half a megabyte, or a limit on the size of files where none can be mounted."""
    place = tmp_path / "data"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", place], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        shutil.copytree(reference, place / "f", ignore=lambda *_: ["figures", "report.html", "result.h5", NAMES[2]])
        before = {name: (place / "f" / name).read_bytes() for name in NAMES[:2]}
        status, _, err = run(tmp_path)
        assert status == 1
        assert "No space left on device" in err
        assert "Free space" in err
        assert "Traceback" not in err
        assert {name: (place / "f" / name).read_bytes() for name in NAMES[:2]} == before
        assert not (place / "f" / NAMES[2]).exists()
        assert list((place / "f").rglob(".rgnet-*.tmp")) == []
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        assert run(tmp_path)[0] == 0
        assert_as(reference, place / "f")
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_read_only_folder_is_said_before_computing(tmp_path):
    """A file system mounted read-only; where none can be mounted, a folder without the right to write."""
    data = tmp_path / "data"
    data.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", data], capture_output=True).returncode == 0
    if not mounted:
        if os.getuid() == 0:
            pytest.skip("root may write anywhere, and nothing can be mounted here")
        data.chmod(0o555)
    try:
        status, out, err = run(tmp_path)
        assert list(data.iterdir()) == []
    finally:
        subprocess.run(["umount", data], check=True) if mounted else data.chmod(0o755)
    assert status == 2
    assert re.search(r"cannot be made a folder for results \((Read-only file system|Permission denied)\)", err)
    assert "give another with --data" in err
    assert "Traceback" not in err
    assert "[" not in out


@pytest.mark.slow
def test_a_clock_set_back_changes_nothing(reference, tmp_path):
    """Files from the future, then a clock that jumps back by an hour at every look."""
    shutil.copytree(reference, tmp_path / "data" / "f")
    future = time.time() + 1e6
    for path in (tmp_path / "data").rglob("*"):
        os.utime(path, (future, future))
    status, out, err = run(tmp_path)
    assert status == 0, err
    assert "nothing to compute" in out
    assert (tmp_path / "data" / "f" / "report.html").stat().st_mtime == pytest.approx(future, abs=2)
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "sitecustomize.py").write_text(
        "import itertools, time\n"
        "real, jump = time.time, itertools.count()\n"
        "time.time = lambda: real() - 3600 * next(jump)\n"
    )
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    status, _, err = run(tmp_path, env={**os.environ, "PYTHONPATH": path})
    assert status == 0, err
    assert_as(reference, tmp_path / "data" / "f")


@pytest.mark.slow
def test_a_machine_that_sleeps(reference, tmp_path, until):
    process = start(tmp_path)
    until(lambda: len(parts(tmp_path)) >= 2)
    for _ in range(3):
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(0.7)
        os.killpg(process.pid, signal.SIGCONT)
        time.sleep(0.2)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert_as(reference, tmp_path / "data" / "f")


@pytest.mark.slow
def test_a_point_whose_workers_always_die_is_given_up(reference, tmp_path, until):
    """Each time its worker shows up: the others are computed, and the message says what happened."""
    (tmp_path / "s.toml").write_text(STUDY)
    process = start(tmp_path)
    deaths = 0
    running = tmp_path / "data" / "f" / ".running"
    while process.poll() is None:
        report = scratches.progress_of(running, "long-32x32-K0.42")
        if report is not None and holds(int(report["pid"]), "long-32x32-K0.42.lock"):
            os.kill(int(report["pid"]), signal.SIGKILL)
            deaths += 1
            until(lambda pid=int(report["pid"]): not holds(pid, "long-32x32-K0.42.lock"))
        time.sleep(0.01)
    _, err = process.communicate()
    assert deaths == 3
    assert process.returncode == 1
    assert "1 of 3 points could not be computed" in err
    assert "long-32x32-K0.42: its worker died 3 times: killed, or out of memory" in err
    folder = tmp_path / "data" / "f"
    for name in NAMES[:2]:
        assert store.same(reference / name, folder / name, ignore=NO_DATA) == []
    found = subprocess.run(
        [sys.executable, "-m", "rgnet", "status", "s.toml"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "2 of 3 points done, 0 running, 1 failed, 0 left" in found.stdout
    assert "failed   long-32x32-K0.42: its worker died 3 times" in found.stdout
    assert run(tmp_path)[0] == 0
    assert_as(reference, folder)


@pytest.mark.slow
def test_one_dead_worker_holds_nothing_up(tmp_path):
    """The point that a dead worker had in hand is begun again, the others are not held against it."""
    seen = []
    marker = tmp_path / "once"
    study = parse({"name": "many", "ensembles": [{"name": "a", "shape": [4], "K": [k / 10 for k in range(1, 13)]}]})
    job = Job({}, "", str(tmp_path))
    (tmp_path / ".running").mkdir()
    state = State(done=0, total=12)
    with process_pool(3) as pool:
        failed = work.compute(points(study), job, Once(pool, marker), state, lambda s: seen.append(len(s.running)))
    assert failed == {}
    assert state.restarted == ["a-4-K0.5"]
    assert state.done == 12


@pytest.mark.slow
def test_first_points_that_kill_do_not_end_the_run(tmp_path):
    """Two that always die come first: they are given up by name, and all others are computed."""
    study = parse({"name": "many", "ensembles": [{"name": "a", "shape": [4], "K": [k / 10 for k in range(1, 9)]}]})
    (tmp_path / ".running").mkdir()
    state = State(done=0, total=8)
    with process_pool(2) as pool:
        failed = work.compute(
            points(study), Job({}, "", str(tmp_path)), Once(pool, None, ("a-4-K0.1", "a-4-K0.2")), state, None
        )
    assert set(failed) == {"a-4-K0.1", "a-4-K0.2"}
    assert all("its worker died 3 times" in reason for reason in failed.values())
    assert state.done == 6


class Once(WorkerPool):
    """A pool whose calls only pretend to compute; a worker dies of the named points, once if there is a marker."""

    def __init__(self, pool, marker, deadly=("a-4-K0.5",)):
        super().__init__(pool.workers)
        self.pool, self.marker, self.deadly = pool, marker, deadly

    def submit(self, function, /, data, job):
        return super().submit(pretend, data, job, self.marker and str(self.marker), self.deadly)


def pretend(data, job, marker, deadly):
    scratches.reporter(scratches.scratch_of(Path(job.folder)), data["name"])(0.0, 0.0)
    if data["name"] in deadly and not (marker and os.path.exists(marker)):
        if marker:
            Path(marker).write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return {"name": data["name"], "busy": False, "elsewhere": False, "seconds": 0.0, "energy": 0.0, "notes": {}}


def test_force_computes_anew_even_what_was_cut(tmp_path):
    """Checkpoints are of the run that --force is meant to replace."""
    study = parse(
        {"name": "f", "ensembles": [{"name": "a", "shape": [8], "K": 0.3, "draws": 20, "warmup": 3, "thin": 1}]}
    )
    (point,) = points(study)
    folder = scratches.checkpoint_folder(scratches.scratch_of(tmp_path / "f"), point.name, point.digest)
    folder.mkdir(parents=True)
    (folder / "part-000000000000.h5").write_text("of the run before")
    with ThreadPoolExecutor(1) as executor:
        rg.run(study, data=tmp_path, executor=executor, force=True)
    assert not folder.exists()


def test_what_a_killed_run_left_is_tidied_even_if_nothing_is_left_to_do(reference, tmp_path):
    folder = tmp_path / "data" / "f"
    shutil.copytree(reference, folder)
    scratch = folder / ".running"
    (scratch / "long-32x32-K0.42@0123456789abcdef-0").mkdir(parents=True)
    for name in ("long-32x32-K0.42.lock", "long-32x32-K0.42.json", "a-8x8-K0.3.failed"):
        (scratch / name).write_text("")
    status, out, err = run(tmp_path)
    assert status == 0, err
    assert "nothing to compute" in out
    assert_as(reference, folder)


def test_points_of_an_edited_study_are_not_merged(tmp_path):
    """A shard computed before the study was edited, and one after."""
    text = STUDY.replace("draws = 3000", "draws = 30")
    (tmp_path / "s.toml").write_text(text)
    with ThreadPoolExecutor(1) as executor:
        rg.run(tmp_path / "s.toml", data=tmp_path, executor=executor, shard=(1, 2))
        (tmp_path / "s.toml").write_text(text.replace("seed = 2", "seed = 3"))
        with pytest.raises(StudyError, match=r"was computed with other settings \(the study's seed\)"):
            rg.run(tmp_path / "s.toml", data=tmp_path, executor=executor, shard=(2, 2))
    assert not (tmp_path / "f" / "result.h5").exists()


def test_claims_and_tidying_do_not_meet(tmp_path):
    """Many claims while others remove the folder they lie in."""
    (tmp_path / "f").mkdir()
    scratch = scratches.scratch_of(tmp_path / "f")
    stop = time.monotonic() + 1.0

    def tidy():
        while time.monotonic() < stop:
            scratches.clean(tmp_path / "f")

    def take(name):
        taken = 0
        while time.monotonic() < stop:
            with scratches.claim(scratch, name) as mine:
                taken += mine
        return taken

    with ThreadPoolExecutor(3) as threads:
        tidying = threads.submit(tidy)
        assert all(count() > 50 for count in [threads.submit(take, name).result for name in ("one", "two")])
        tidying.result()


def holds(pid, name):
    """Whether a process has a file of that name open."""
    with contextlib.suppress(OSError):
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").endswith(name) for fd in os.listdir(f"/proc/{pid}/fd"))
    return False
