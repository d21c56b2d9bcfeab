"""Where points are computed: spawned processes by default, a Dask cluster or MPI by name, anything with ``submit``.

    processes            this machine's cores (`WorkerPool`)
    dask://HOST:PORT     the scheduler of a running Dask cluster (extra ``dask``)
    mpi                  the ranks of ``mpiexec -n N rgnet run … --executor mpi`` (extra ``mpi``)

Workers need to see the folder of results under the same name.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

# Points are the unit of parallel work: one thread each, or two workers on two cores slow each other down
_ONE_THREAD = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_CONNECT_SECONDS = 10
_NEW_POOLS = 4  # tries to start a pool whose workers die at once


class ExecutorError(ValueError):
    """An executor that cannot be had; the message says what to install or start."""


class WorkerPool(Executor):
    """Spawned processes (a forked child of a process that ran a compiled kernel may hang) that are replaced if killed.

    One killed process breaks the whole pool underneath: every call in flight ends in `BrokenExecutor`, and the next
    call to `submit` starts a new pool.

    Attributes
    ----------
    workers : int
    losses : int
        Pools that were lost.
    dead : set of int
        Process numbers of the workers that died by themselves, once `bury` was called.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.losses = 0
        self.dead: set[int] = set()
        self._pool: ProcessPoolExecutor | None = None
        self._processes: list[Any] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a call to the next idle worker; BrokenExecutor if workers keep dying while they start."""
        for attempt in range(_NEW_POOLS):
            try:
                if self._pool is None:
                    self._pool, self._processes = _new_pool(self.workers)
                return self._pool.submit(function, *args, **kwargs)
            except BrokenExecutor:
                self._bury()
                if attempt == _NEW_POOLS - 1:
                    raise
        raise AssertionError  # never reached

    def bury(self) -> None:
        """After a call ended in `BrokenExecutor`: end that pool, and note which workers had died by themselves."""
        if getattr(self._pool, "_broken", False):
            self._bury()

    def _bury(self) -> None:
        self.stop()
        # The others were ended because of them
        self.dead |= {process.pid for process in self._processes if process.exitcode not in (None, 0, -signal.SIGTERM)}
        self.losses += 1
        self._pool, self._processes = None, []

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the workers finish, and end them."""
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def stop(self) -> None:
        """End the workers at once."""
        if self._pool is not None:
            stop(self._pool)


@contextmanager
def process_pool(workers: int) -> Iterator[WorkerPool]:
    """A pool of spawned workers.

    On an exception, Ctrl-C included, workers are stopped at once: a point is written only when it is complete, so
    nothing half-done can be left under a final name.
    """
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)  # spawned children read these when they import NumPy
    try:
        pool = WorkerPool(workers)
        try:
            yield pool
        except BaseException:
            pool.stop()
            raise
        pool.shutdown(wait=True)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def opened(name: str) -> Iterator[Executor | None]:
    """The executor of that name; None in an MPI process that has served the first one and has nothing left to do.

    Raises
    ------
    ExecutorError
        If there is none of that name, what it needs is not installed, or it does not answer.
    """
    if name == "mpi":
        with _mpi() as executor:
            yield executor
    elif "://" in name:
        with _dask(name) as executor:
            yield executor
    else:
        raise ExecutorError(f"executor={name!r}: there are processes, dask://HOST:PORT and mpi")


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    scheme, _, place = address.partition("://")
    if scheme not in ("dask", "tcp", "tls", "ws", "wss") or not place:
        raise ExecutorError(f"executor={address!r}: give the scheduler's address, such as dask://127.0.0.1:8786")
    try:
        from distributed import Client
    except ImportError:
        raise ExecutorError(f"executor={address!r} needs Dask: pip install 'rgnet[dask]'") from None
    try:
        client = Client(f"{'tcp' if scheme == 'dask' else scheme}://{place}", timeout=_CONNECT_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ExecutorError(
            f"executor={address!r}: no Dask scheduler answers ({error}); start one with `dask scheduler`, or check "
            f"the address"
        ) from None
    try:
        # pure=False: two runs of one point are two runs
        yield client.get_executor(pure=False)  # type: ignore[no-untyped-call]
    finally:
        client.close(timeout=2)  # type: ignore[no-untyped-call]


@contextmanager
def _mpi() -> Iterator[Executor | None]:
    os.environ.update(_ONE_THREAD)  # for the rest of this process: a rank does nothing else
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPICommExecutor
    except (ImportError, RuntimeError) as error:
        raise ExecutorError(
            f"executor='mpi' needs MPI ({error}): pip install 'rgnet[mpi]', or mpi4py and the cluster's own MPI"
        ) from None
    if MPI.COMM_WORLD.size < 2:
        raise ExecutorError(
            "executor='mpi': this is the only MPI process, and the first one only hands out work; start at least two, "
            "such as `mpiexec -n 4 rgnet run STUDY.toml --executor mpi`"
        )
    if MPI.COMM_WORLD.rank > 0:  # leave signals to the first process
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            signal.signal(number, signal.SIG_DFL)
    with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
        served: Any = executor  # like concurrent.futures' own, though not of its class
        try:
            yield served
        except Exception:
            raise  # once the points in hand are done
        except BaseException as stopped:
            # To leave in an orderly way would mean to wait for what runs: end all processes, points are whole or absent
            print("rgnet: stopped; complete points are kept, run again to go on", file=sys.stderr, flush=True)
            MPI.COMM_WORLD.Abort(130 if isinstance(stopped, KeyboardInterrupt) else 143)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Children started meanwhile are born deaf to Ctrl-C, so that one that is still importing dies silently.

    Ctrl-C is held back, not lost: this process hears it at the end.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    resource_tracker.ensure_running()  # starting it would lift the mask
    # Children inherit the mask, not the handler; the handler is for signals that other threads of this process take
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
        if heard:
            signal.raise_signal(signal.SIGINT)


def _new_pool(workers: int) -> tuple[ProcessPoolExecutor, list[Any]]:
    """A pool, and its processes."""
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker)
    try:
        with _deaf_to_interrupts():
            for _ in range(workers):  # a worker is started for each submission, while none is idle
                pool.submit(os.getpid)
        return pool, list(pool._processes.values())
    except BaseException:
        stop(pool)
        raise


def stop(pool: Executor) -> None:
    """Cancel what waits and end what runs; returns when the workers are gone."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    for process in processes:
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
