"""Names, atomic writes and cheap questions: all that needs no look into a file."""

import os
import stat
import time

import numpy as np
import pytest
import xarray as xr

from rgnet import store
from rgnet.store import guard


def test_writing_what_could_not_be_opened_is_refused(tmp_path):
    deepest = "/".join(["g"] * guard.MOST_DEEP)
    store.write(tmp_path / "a.h5", {deepest: xr.Dataset(attrs={"a": 1})})
    assert store.open(tmp_path / "a.h5", deepest).attrs == {"a": 1}
    assert store.open(tmp_path / "a.h5")[deepest].attrs == {"a": 1}
    with pytest.raises(ValueError, match="more than 32 groups deep"):
        store.write(tmp_path / "b.h5", {deepest + "/g": xr.Dataset()})
    texts = np.array(["a"] * 1000 + ["b" * 100_000], dtype=object)
    with pytest.raises(ValueError, match=r"g/v is 1001 texts, one of them 100000 letters long.*store long texts apart"):
        store.write(tmp_path / "b.h5", {"g": xr.Dataset({"v": ("x", texts)})})
    assert not (tmp_path / "b.h5").exists()


def test_names_that_are_too_long_say_so(tmp_path):
    path = tmp_path / ("ü" * 200 + ".h5")
    for write in (lambda: store.write(path, {}), lambda: store.write_bytes(path, b"")):
        with pytest.raises(
            OSError, match=r"a file name of 403 bytes in a path of \d+ is too long.*give a shorter name"
        ):
            write()
    with pytest.raises(OSError, match=r"is too long for this file system"):
        store.open(path)
    with pytest.raises(store.FileError, match="has no NUL in it"):
        store.open("a\0b.h5")
    assert list(tmp_path.iterdir()) == []


def test_any_bytes_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    store.write_bytes(path, b"first")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask()
    store.write_bytes(str(path), b"")
    assert path.read_bytes() == b""

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"report\.html was not written \(No space left on device; 5 bytes.*is kept"):
        store.write_bytes(path, b"third")
    monkeypatch.undo()
    assert path.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        store.write_bytes(tmp_path / "none" / "a", b"")
    with pytest.raises(IsADirectoryError):
        store.write_bytes(tmp_path, b"")


def umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


def test_sealed_is_asked_cheaply(tmp_path):
    path = tmp_path / "a.h5"
    assert not store.is_sealed(path)
    assert not store.is_sealed(tmp_path)
    store.write(path, {"g": xr.Dataset({"v": ("x", np.random.default_rng(0).normal(size=1_000_000))})})
    start = time.perf_counter()
    for _ in range(400):
        assert store.is_sealed(path)
    assert time.perf_counter() - start < 2  # 8 MB each time would take longer
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\0" + whole[len(whole) // 2 + 1 :])
    assert store.is_sealed(path)  # its contents are not looked at
    for damaged in (whole[:-1], whole + b"\n", b"", b"x" + whole[1:], whole[-79:]):
        path.write_bytes(damaged)
        assert not store.is_sealed(path)


def test_leftovers_of_a_folder_that_is_gone(tmp_path):
    store.remove_leftovers(tmp_path / "gone")
    (tmp_path / "file").touch()
    store.remove_leftovers(tmp_path / "file")


def test_a_seal_that_was_cut_is_told_from_a_file_that_was_cut(tmp_path):
    store.write(tmp_path / "a.h5", {"g": xr.Dataset({"v": ("x", np.arange(3))})})
    whole = (tmp_path / "a.h5").read_bytes()
    for cut in (1, 40, 78):
        (tmp_path / "b.h5").write_bytes(whole[:-cut])
        with pytest.raises(store.FileError, match=r"b\.h5 .*its last line was cut short or damaged"):
            store.open(tmp_path / "b.h5")
    for cut in (80, 1000, len(whole) - 64):
        (tmp_path / "b.h5").write_bytes(whole[:-cut])
        with pytest.raises(
            store.FileError,
            match=rf"b\.h5 .*was cut short \({len(whole) - cut} bytes are left, of {len(whole) - 79} that",
        ):
            store.open(tmp_path / "b.h5")
