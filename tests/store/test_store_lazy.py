"""Data are read when they are used, and only the chunks that hold what is asked for."""

import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from rgnet import store
from rgnet.store import guard, reading


def spins(shape: tuple[int, ...]) -> np.ndarray:
    return (2 * np.random.default_rng(0).integers(0, 2, shape) - 1).astype(np.int8)


def samples(draws: int = 50) -> xr.Dataset:
    return xr.Dataset(
        {"spin": (("chain", "draw", "x", "y"), spins((2, draws, 5, 3)))}, coords={"draw": np.arange(draws)}
    )


class Counted:
    """A stand-in for h5py.Dataset that records which slices are read."""

    def __init__(self, values: np.ndarray, chunks: tuple[int, ...]) -> None:
        self.values, self.chunks, self.shape, self.name, self.reads = values, chunks, values.shape, "v", []

    def __getitem__(self, key):
        self.reads.append(key)
        return self.values[key]


def test_only_chunks_that_hold_wanted_draws_are_read():
    stored = Counted(np.arange(1000), (10,))
    wanted = np.array([995, 3, 7, 3, -1, 501])
    assert reading.read_outer(stored, (wanted,)).tolist() == [995, 3, 7, 3, 999, 501]
    assert sorted((key[0].start, key[0].stop) for key in stored.reads) == [(3, 8), (501, 502), (995, 1000)]
    with pytest.raises(IndexError, match="size 1000"):
        reading.read_outer(stored, (np.array([1000]),))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Real-valued and packed spins of several chunks each, with what they should read as."""
    path = tmp_path_factory.mktemp("large") / "a.h5"
    x, phi = spins((2, 600, 96, 96)), np.random.default_rng(2).normal(size=(2, 300, 24, 24))
    dims = ("chain", "draw", "x", "y")
    groups = {"spin": xr.Dataset({"spin": (dims, x)}), "phi": xr.Dataset({"spin": (dims, phi)})}
    store.write(path, groups)
    return path, {"spin": x, "phi": phi}


@pytest.mark.parametrize("group", ["spin", "phi"])
@pytest.mark.parametrize(
    "key",
    [
        {"draw": 5}, {"draw": -1}, {"chain": 1, "draw": slice(10, 290, 7)}, {"draw": slice(None, None, -3)},
        {"draw": [299, 0, 0, 17], "x": [3, 1]}, {"chain": [1, 0], "draw": [150, 149]}, {"x": slice(2, 9), "y": -2},
        {"draw": slice(0, 0)}, {"draw": []}, {"chain": 0, "draw": 7, "x": 1, "y": 2},
        {"draw": np.arange(300) % 50 == 0}, {},
    ],
)  # fmt: skip
def test_lazy_indexing_equals_numpy(large, group, key):
    path, expected = large
    if group == "spin" and isinstance(key.get("draw"), np.ndarray):
        key = {"draw": np.arange(600) % 50 == 0}
    data = store.open(path, group)["spin"]
    assert not data.variable._in_memory
    oracle = xr.DataArray(expected[group], dims=data.dims).isel(key)
    chosen = data.isel(key)
    assert chosen.dtype == oracle.dtype
    assert chosen.dims == oracle.dims
    assert np.array_equal(chosen.values, oracle.values)
    assert not data.variable._in_memory or not key


def test_vectorised_and_repeated_indexing(large):
    path, expected = large
    data = store.open(path, "spin")["spin"]
    points = {"draw": xr.DataArray([5, 500, 5], dims="p"), "x": xr.DataArray([1, 95, 0], dims="p")}
    oracle = xr.DataArray(expected["spin"], dims=data.dims)
    assert np.array_equal(data.isel(points).values, oracle.isel(points).values)
    assert np.array_equal(data.isel(draw=slice(100, 200))[:, 5:50:5].isel(y=[1, 0]), oracle[:, 105:150:5, :, [1, 0]])
    with pytest.raises(IndexError):
        data.isel(draw=600).load()


def test_one_draw_touches_one_chunk(large, monkeypatch):
    path, expected = large
    seen = []
    original = reading.read_outer
    monkeypatch.setattr(reading, "read_outer", lambda stored, key: seen.append(key) or original(stored, key))
    data = store.open(path)["spin"]["spin"]
    assert data.encoding["preferred_chunks"] == {"chain": 1, "draw": 600}
    assert not seen
    assert np.array_equal(data.isel(chain=1, draw=5).values, expected["spin"][1, 5])
    assert seen == [(1, 5, slice(None))]


def test_data_go_to_other_processes_and_threads(large):
    path, expected = large
    data = pickle.loads(pickle.dumps(store.open(path, "spin")))
    assert not data["spin"].variable._in_memory
    dask = pytest.importorskip("dask")
    with dask.config.set(scheduler="threads"):
        total = data["spin"].chunk({"draw": 100}).sum(("x", "y")).values
    assert np.array_equal(total, expected["spin"].sum((2, 3)))


def test_no_handle_stays_open_and_a_replaced_file_is_noticed(tmp_path):
    path = tmp_path / "a.h5"
    store.write(path, {"g": samples()})
    data = store.open(path, "g")
    fds = Path("/proc/self/fd")
    if fds.exists():
        assert str(path) not in {os.path.realpath(fd) for fd in fds.iterdir()}
    first = data["spin"].isel(draw=0).values
    store.write(path, {"g": samples(draws=60)})
    with pytest.raises(store.FileError, match=r"a\.h5 was replaced since it was opened; open it again"):
        data["spin"].isel(draw=1).load()
    path.unlink()
    with pytest.raises(FileNotFoundError, match="no such file"):
        data["spin"].isel(draw=1).load()
    assert np.array_equal(first, samples()["spin"].isel(draw=0))


def test_a_file_that_others_hold_open_can_be_read(tmp_path):
    path = tmp_path / "a.h5"
    store.write(path, {"g": samples()})
    with h5py.File(path, "r"), h5py.File(path, "r"):
        assert store.open(path, "g").sizes["draw"] == 50
    with h5py.File(path, "r", locking=False):
        store.verify(path)


def test_a_read_only_file_in_a_read_only_folder_can_be_read(tmp_path):
    folder = tmp_path / "sealed"
    folder.mkdir()
    store.write(folder / "a.h5", {"g": samples()})
    (folder / "a.h5").chmod(0o444)
    folder.chmod(0o555)
    try:
        xr.testing.assert_identical(store.open(folder / "a.h5", "g"), samples())
    finally:
        folder.chmod(0o755)


def test_variables_beyond_what_is_read_at_once_are_read_lazily(tmp_path, monkeypatch):
    data = xr.Dataset({f"v{n}": ("x", np.full(1000, n)) for n in range(5)} | {"b": (("x", "y"), np.eye(1000, 32) > 0)})
    store.write(tmp_path / "a.h5", {"g": data})
    monkeypatch.setattr(guard, "_EAGER_BYTES", 8000)
    monkeypatch.setattr(guard, "_EAGER_FACTOR", 1)
    monkeypatch.setattr(reading, "_EAGER_BYTES", 1 << 13)
    back = store.open(tmp_path / "a.h5", "g")
    assert not back["v4"].variable._in_memory
    assert not back["b"].variable._in_memory
    assert back["b"].dtype == np.bool_
    xr.testing.assert_identical(back.load(), data)
