"""Many processes: a Dask cluster, MPI, shards of a job array; and how far they are."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from shell import rgnet, within

import rgnet as rg
from rgnet import store
from rgnet import study as studies
from rgnet.study import scratch as scratches
from rgnet.study.compute import NO_DATA

STUDY = """
name = "wide"
seed = 4
[sample]
draws = 200
chains = 2
[[ensembles]]
name = "a"
shape = [[8, 8], [16, 16]]
K = [0.3, 0.35, 0.4]
[[ensembles]]
name = "slow"
shape = [32, 32]
K = [0.41, 0.42]
draws = 1500
warmup = 50
thin = 10
update = "heat-bath"
"""
COUNT = 8


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    (folder / "s.toml").write_text(STUDY)
    with ThreadPoolExecutor(1) as executor:
        rg.run(folder / "s.toml", data=folder, executor=executor)
    return folder / "wide"


@pytest.fixture
def here(tmp_path):
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


def points(folder):
    return sorted(path.name for path in folder.glob("*-*.h5"))


def assert_as(reference, folder):
    assert points(folder) == points(reference)
    assert len(points(folder)) == COUNT
    for name in points(reference):
        assert store.same(reference / name, folder / name, ignore=NO_DATA) == []
    assert (folder / "result.h5").exists()
    assert not (folder / ".running").exists()


@pytest.mark.slow
def test_a_dask_cluster_with_a_worker_killed(reference, here, until):
    """Two worker processes of a real cluster, one of them killed while it computes; the run ends as if it had not."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address.replace("tcp://", "dask://")
        pids = [worker.process.pid for worker in cluster.workers.values()]
        command = [sys.executable, "-m", "rgnet", "run", "s.toml", "--executor", address, "--checkpoint-every", "0.1"]
        process = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running = here / "data" / "wide" / ".running"
        until(lambda: list(running.glob("slow*.json")) or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        os.kill(pids[0], signal.SIGKILL)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert_as(reference, here / "data" / "wide")
    assert out.count("energy/site") >= COUNT


@pytest.mark.slow
def test_a_dask_address_that_does_not_answer(here):
    pytest.importorskip("distributed")
    outcome = rgnet("run", "s.toml", "--executor", "dask://127.0.0.1:9", cwd=here)
    assert outcome.returncode == 2
    assert "executor='dask://127.0.0.1:9': no Dask scheduler answers" in outcome.stderr
    assert "start one with `dask scheduler`" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def mpiexec():
    pytest.importorskip("mpi4py")
    found = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("there is no mpiexec")
    return found


@pytest.mark.slow
def test_mpi(reference, here):
    outcome = rgnet("run", "s.toml", "--executor", "mpi", cwd=here, before=[mpiexec(), "-n", "3"])
    assert outcome.returncode == 0, outcome.stderr
    assert_as(reference, here / "data" / "wide")
    assert outcome.stdout.count("result.h5") == 1  # one process speaks
    again = rgnet("run", "s.toml", "--executor", "mpi", cwd=here, before=[mpiexec(), "-n", "2"])
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("nothing to compute") == 1


@pytest.mark.slow
def test_mpi_with_a_process_killed(reference, here, until):
    """MPI ends all processes when one is killed: complete points stay, and the next run goes on."""
    command = [mpiexec(), "-n", "3", sys.executable, "-m", "rgnet", "run", "s.toml", "--executor", "mpi"]
    command += ["--checkpoint-every", "0.1"]
    process = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    running = here / "data" / "wide" / ".running"
    until(lambda: list(running.glob("slow*@*/part-*.h5")) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    holders = [pid for pid in os.listdir("/proc") if pid.isdigit() and holds(pid, running)]
    os.kill(int(holders[0]), signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0
    for path in (here / "data" / "wide").glob("*.h5"):
        store.verify(path)
    assert len(points(here / "data" / "wide")) < COUNT
    outcome = rgnet("run", "s.toml", "--executor", "mpi", cwd=here, before=[mpiexec(), "-n", "3"])
    assert outcome.returncode == 0, outcome.stderr
    assert_as(reference, here / "data" / "wide")


def holds(pid, folder):
    """Whether a process holds the claim of a slow point."""
    try:
        targets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(target.startswith(f"{folder}/slow") and target.endswith(".lock") for target in targets)


def test_mpi_of_one_process_is_refused(here):
    pytest.importorskip("mpi4py")
    outcome = rgnet("run", "s.toml", "--executor", "mpi", cwd=here)
    assert outcome.returncode == 2
    assert "this is the only MPI process" in outcome.stderr
    assert "mpiexec -n 4 rgnet run STUDY.toml --executor mpi" in outcome.stderr


@pytest.mark.slow
def test_shards_of_a_job_array(reference, here):
    first = rgnet("run", "s.toml", "--shard", "1/3", cwd=here)
    assert first.returncode == 0, first.stderr
    folder = here / "data" / "wide"
    assert points(folder) == sorted(f"{point.name}.h5" for point in studies.points(studies.load(here / "s.toml"))[::3])
    assert "Points of other shards are missing" in first.stdout
    assert not (folder / "result.h5").exists()
    status = rgnet("status", "s.toml", cwd=here)
    assert "3 of 8 points done, 0 running, 0 failed, 5 left" in status.stdout
    assert re.search(r"about \d+ (s|min) left with all cores of this machine", status.stdout)
    partly = rgnet("merge", "s.toml", cwd=here)
    assert partly.returncode == 0, partly.stderr
    assert "5 points are missing and left out: a-8x8-K0.35" in partly.stdout
    assert rg.open(folder / "result.h5")["thermodynamics"].sizes["point"] == 3
    assert rgnet("run", "s.toml", "--shard", "2/3", cwd=here).returncode == 0
    last = rgnet("run", "s.toml", "--shard", "3/3", cwd=here)
    assert last.returncode == 0, last.stderr
    assert "result.h5" in last.stdout
    assert_as(reference, folder)
    assert rg.open(folder / "result.h5")["thermodynamics"].sizes["point"] == COUNT
    found = json.loads(rgnet("status", "s.toml", "--json", cwd=here).stdout)
    assert found["counts"] == {"done": 8, "running": 0, "failed": 0, "left": 0}
    assert found["merged"]
    assert found["seconds_left"] == 0


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "-1/3", "1/0", "1/2/3"])
def test_a_share_that_is_none(here, text):
    outcome = within("run", "s.toml", f"--shard={text}", cwd=here)
    assert outcome.exit_code == 2
    assert "give i/n with i from 1 to n, such as 3/8" in outcome.stderr
    assert not (here / "data").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--executor", "slurm"], "executor='slurm': there are processes, dask://HOST:PORT and mpi"),
        (["--executor", "ftp://x"], "give the scheduler's address, such as dask://127.0.0.1:8786"),
        (["--executor", "mpi", "--workers", "2"], "mpi has workers of its own"),
    ],
)
def test_executors_that_are_none(here, options, message):
    outcome = within("run", "s.toml", *options, cwd=here)
    assert outcome.exit_code == 2
    assert message in outcome.stderr


def test_merging_nothing_is_refused(here):
    outcome = within("merge", "s.toml", cwd=here)
    assert outcome.exit_code == 2
    assert "holds no complete point of wide; compute some with `rgnet run`" in outcome.stderr


def test_status_of_what_runs(here):
    """A claim that is held, its progress; then the same with nobody at it."""
    study = studies.load(here / "s.toml")
    scratch = scratches.scratch_of(here / "wide")
    name = "slow-32x32-K0.41"
    with scratches.claim(scratch, name) as mine:
        assert mine
        with scratches.claim(scratch, name) as second:
            assert not second
        scratches.reporter(scratch, name)(0.25, -1.2)
        found = studies.status(study, data=here)
    assert found.counts == {"done": 0, "running": 1, "failed": 0, "left": 7}
    (running,) = [point for point in found.points if point.stand == "running"]
    assert (running.name, running.fraction, running.energy) == (name, 0.25, -1.2)
    assert np.isfinite(found.seconds_left)
    assert studies.status(study, data=here).counts["left"] == 8


class Inline(Executor):
    """Computes when asked to: what is left of the time is the runner's own."""

    def submit(self, function, /, *args, **kwargs):
        future: Future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def test_an_executor_needs_only_submit(reference, here):
    rg.run(here / "s.toml", data=here, executor=Inline())
    assert_as(reference, here / "wide")


def test_two_thousand_points_cost_twice_what_a_thousand_do(tmp_path, monkeypatch):
    """Scheduling, claims, progress and status, with the computing left out: nothing is quadratic.

    Counted are operations of the interpreter, not seconds, which swing.
    """

    def quick(data, job):
        Path(job.folder, f"{data['name']}.h5").write_bytes(b"")
        return {
            "name": data["name"], "busy": False, "elsewhere": False, "seconds": 0.0, "energy": 0.0, "notes": {},
        }  # fmt: skip

    monkeypatch.setattr("rgnet.study.work.compute_point", quick)
    monkeypatch.setattr("rgnet.study.runner.merge", lambda study, points, folder: folder / "result.h5")

    def calls(count):
        text = STUDY.split("[[")[0].replace("wide", f"wide{count}")
        text += f'[[ensembles]]\nname = "a"\nshape = [4, 4]\nK = {{ start = 0.1, stop = 0.4, num = {count} }}\n'
        (tmp_path / "s.toml").write_text(text)
        seen = 0

        def count_call(frame, event, argument):
            nonlocal seen
            seen += event == "call"

        sys.setprofile(count_call)
        try:
            rg.run(tmp_path / "s.toml", data=tmp_path, executor=Inline())
            studies.status(tmp_path / "s.toml", data=tmp_path)
        finally:
            sys.setprofile(None)
        return seen

    calls(100)  # imports
    small, large = calls(500), calls(2000)
    assert large < 4.6 * small


def test_status_of_files_that_will_not_do(reference, here):
    """An edited study: what `run` would refuse is not called done."""
    shutil.copytree(reference, here / "wide")
    assert studies.status(here / "s.toml", data=here).merged
    (here / "s.toml").write_text(STUDY.replace("draws = 200", "draws = 300"))
    found = studies.status(here / "s.toml", data=here)
    assert found.counts == {"done": 2, "running": 0, "failed": 6, "left": 0}
    assert "was computed with other settings (sample: draws 200 there, 300 now)" in found.points[0].reason
    assert not found.merged


@pytest.mark.parametrize("shard", ["1/3", (1,), (1, 2, 3), (True, 2), (1.0, 2)])
def test_a_share_in_python_is_a_pair(here, shard):
    with pytest.raises(studies.StudyError, match=r"shard=.*in Python \(3, 8\)"):
        rg.run(here / "s.toml", data=here, shard=shard)


def test_a_reader_that_has_seen_enough(reference, here):
    """``rgnet status --json | head -1``"""
    shutil.copytree(reference, here / "data" / "wide")
    command = [sys.executable, "-m", "rgnet", "status", "s.toml", "--json"]
    process = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) in (141, 1)
