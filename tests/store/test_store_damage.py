"""What is under the final name is whole, or is refused by name."""

import errno
import hashlib
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from forged_files import forge, seal

from rgnet import store
from rgnet.store import sealing


def dataset(draws: int = 20, seed: int = 0) -> xr.Dataset:
    x = (2 * np.random.default_rng(seed).integers(0, 2, (1, draws, 8, 8)) - 1).astype(np.int8)
    return xr.Dataset({"spin": (("chain", "draw", "x", "y"), x), "energy": (("chain", "draw"), x.sum((2, 3)) * 0.5)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store.write(tmp_path / "point.h5", {"samples": dataset()}, {"seed": 1})
    return tmp_path / "point.h5"


def test_the_seal_is_as_documented(path):
    image, line = path.read_bytes()[: -sealing.SEAL_SIZE], path.read_bytes()[-sealing.SEAL_SIZE :]
    assert line == b"\nrgnet-sha256:" + hashlib.sha256(image).hexdigest().encode() + b"\n"


def test_truncated_files_are_refused(path):
    whole = path.read_bytes()
    cuts = [
        0,
        1,
        7,
        8,
        78,
        79,
        80,
        512,
        len(whole) // 2,
        len(whole) - 80,
        len(whole) - 79,
        len(whole) - 78,
        len(whole) - 1,
    ]
    for cut in cuts:
        path.write_bytes(whole[:cut])
        with pytest.raises(store.FileError, match=r"point\.h5 (is not an HDF5 file|does not end with rgnet's seal)"):
            store.open(path)
    for longer in (whole + b"\n", whole + b"\0" * 4096, whole + whole):
        path.write_bytes(longer)
        with pytest.raises(store.FileError, match=r"point\.h5"):
            store.verify(path)


def test_every_flipped_byte_is_refused(path):
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    places = {0, 7, 8, len(whole) - 1, len(whole) - 40, *rng.integers(0, len(whole), 300).tolist()}
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        for function in (store.open, store.read_attrs, store.verify):
            with pytest.raises(store.FileError, match=r"point\.h5 (is damaged|is not an HDF5|does not end)"):
                function(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + bytes(500)])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(store.FileError, match=r"x\.h5 (is not an HDF5 file|does not end with rgnet's seal).*; "):
        store.open(tmp_path / "x.h5")


def test_a_foreign_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.arange(10)
    with pytest.raises(store.FileError, match="another program wrote it"):
        store.open(tmp_path / "x.h5")
    seal(tmp_path / "x.h5", (tmp_path / "x.h5").read_bytes())
    with pytest.raises(store.FileError, match="is no rgnet file"):
        store.open(tmp_path / "x.h5")


def version(value):
    return lambda file: file.attrs.__setitem__("format_version", value)


def test_a_newer_format_is_refused_by_name(tmp_path):
    with pytest.raises(store.FileError, match=r"new\.h5 has format 2, written by rgnet 9\.9; .*install a newer one"):
        store.open(forge(tmp_path / "new.h5", version(np.array([2]))))
    for value in ("1", 1.0, np.array([0]), np.array([1, 1]), h5py.Empty("i8")):
        with pytest.raises(store.FileError, match=r"old\.h5"):
            store.open(forge(tmp_path / "old.h5", version(value)))


def virtual(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "v", shape=(4,))
    file.create_virtual_dataset("g/v", layout)


def absurd(file):
    file.create_dataset("g/v", shape=(10**13,), dtype="f8", chunks=(1 << 20,), compression="gzip")


def absurd_contiguous(file):
    file.create_dataset("g/v", shape=(10**13,), dtype="f8")


def loop(file):
    file["g/back"] = file.create_group("g/a")
    file["g/a/up"] = file["g"]


def packed(shape, sizes):
    def build(file):
        item = file.create_dataset("g/spin_packed", data=np.zeros(shape, np.uint8))
        for axis, dim in enumerate(("chain", "draw", "spin_byte")):
            file[f"g/{dim}"] = np.arange(shape[axis])
            file[f"g/{dim}"].make_scale(dim)
            item.dims[axis].attach_scale(file[f"g/{dim}"])
        item.attrs.update({"packing": "", "packed_dims": '["x"]', "packed_sizes": sizes})

    return build


HOSTILE = {
    "external link": (
        "is a link to somewhere else",
        lambda file: file.__setitem__("g", h5py.ExternalLink("/etc/passwd", "/")),
    ),
    "soft link": ("is a link to somewhere else", lambda file: file.__setitem__("g", h5py.SoftLink("/"))),
    "external storage": (
        "keeps its data in another file",
        lambda file: file.create_dataset("g/v", (8,), "u1", external=[("/etc/passwd", 0, 8)]),
    ),
    "virtual": ("is a virtual dataset", virtual),
    "object reference": (
        "has the type object",
        lambda file: file.create_dataset("g/v", data=[file.ref], dtype=h5py.ref_dtype),
    ),
    "vlen numbers": ("has the type object", lambda file: file.create_dataset("g/v", (2,), dtype=h5py.vlen_dtype("f8"))),
    "compound": (r"has the type \[", lambda file: file.create_dataset("g/v", (2,), dtype=[("a", "f8")])),
    "opaque": (r"has the type \|V8", lambda file: file.create_dataset("g/v", data=np.zeros(2, "V8"))),
    "fixed text": (r"has the type \|S2", lambda file: file.create_dataset("g/v", data=np.array([b"ab"]))),
    "unknown filter": (
        "needs an unknown filter",
        lambda file: file.create_dataset("g/v", data=np.arange(9), compression="lzf"),
    ),
    "named type": ("is neither a group nor a dataset", lambda file: file.__setitem__("g", np.dtype("f8"))),
    "terabytes in chunks": ("more than the file holds", absurd),
    "terabytes": ("more than the file holds", absurd_contiguous),
    "loop": ("is a second name of another object", loop),
    "null space": ("has no shape", lambda file: file.create_dataset("g/v", data=h5py.Empty("f8"))),
    "no dimensions": ("has dimensions", lambda file: file.create_dataset("g/v", data=np.zeros((2, 2)))),
    "attribute": (
        "/g has an attribute 'a' that is neither text nor a number",
        lambda file: file.create_group("g").attrs.__setitem__("a", np.arange(4)),
    ),
    "attribute that is no JSON": (
        "JSONDecodeError",
        lambda file: file.create_group("g").attrs.__setitem__("a", "json:{"),
    ),
    "bits that do not fit": ("does not hold the bits", packed((1, 2, 8), "[65]")),
    "negative sizes": ("does not hold the bits", packed((1, 2, 8), "[-64]")),
    "sizes that are no list": ("cannot be read", packed((1, 2, 8), "64")),
}


@pytest.mark.parametrize(("message", "build"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_files_are_refused(tmp_path, message, build):
    with pytest.raises(store.FileError, match=rf"x\.h5.*{message}"):
        store.open(forge(tmp_path / "x.h5", build))


def test_the_most_compressible_data_are_no_bomb(tmp_path):
    data = xr.Dataset({"spin": (("draw", "x"), np.ones((2000, 4096), np.int8)), "v": ("draw", np.zeros(2000))})
    data["w"] = (("draw", "x"), np.zeros((2000, 4096)))
    store.write(tmp_path / "a.h5", {"g": data})
    xr.testing.assert_identical(store.open(tmp_path / "a.h5", "g"), data)


def test_what_a_forger_may_do(tmp_path):
    """The counterpart of the test above: a sealed file of plain contents opens."""
    data = store.open(forge(tmp_path / "x.h5", packed((1, 2, 8), "[64]")), "g")
    assert data["spin"].dims == ("chain", "draw", "x")
    assert (data["spin"].values == -1).all()


@pytest.mark.parametrize("name", ["replace", "fsync", "open", "write"])
def test_a_failure_keeps_the_old_file_and_leaves_no_other(path, monkeypatch, name):
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if name == "write":

        class Full:
            def __init__(self, descriptor, mode):
                self.stream = open(descriptor, mode)  # noqa: SIM115

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.stream.close()

            def write(self, data):
                self.stream.write(data[: len(data) // 2])
                fail()

        monkeypatch.setattr(os, "fdopen", Full)
    else:
        monkeypatch.setattr(os, name, fail)
    message = (
        rf"{re.escape(str(path))} was not written \(No space left on device; \d+ bytes were needed\); the file that"
    )
    with pytest.raises(OSError, match=message) as caught:
        store.write(path, {"samples": dataset(30)})
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupt_leaves_no_temporary_file(path, monkeypatch):
    before = path.read_bytes()

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.write(path, {"samples": dataset(30)})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_flushed_is_no_error(path, monkeypatch):
    original = os.fsync

    def fsync(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "no")
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store.write(path, {"samples": dataset(30)})
    assert store.open(path, "samples").sizes["draw"] == 30


def run(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], stderr=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
def test_a_limit_on_file_size_is_a_clear_error(path):
    before = path.read_bytes()
    process = run(
        """
        import resource, sys
        import numpy as np, xarray as xr
        from rgnet import store
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        noise = np.random.default_rng(0).normal(size=100_000)
        try:
            store.write(sys.argv[1], {"g": xr.Dataset({"v": ("x", noise)})})
        except OSError as error:
            sys.exit(str(error))
        """,
        str(path),
    )
    _, message = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.search(
        r"point\.h5 was not written \(File too large; \d+ bytes were needed\).*is kept.*run again", message
    )
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child is forked and killed")
def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    # One process imports once, then forks a writer and kills it, two dozen times
    process = run(
        """
        import os, pathlib, signal, sys, time
        import numpy as np, xarray as xr
        from rgnet import store
        path = pathlib.Path(sys.argv[1])
        noise = np.random.default_rng(0).normal(size=30_000)

        def write(number):
            store.write(path, {"g": xr.Dataset({"v": ("x", noise + number)})}, {"number": number})

        write(0)
        moments = np.random.default_rng(3).uniform(0, 0.06, size=24)
        for turn, moment in enumerate(moments):
            before = store.read_attrs(path)["number"]
            child = os.fork()
            while child == 0:
                before += 1
                write(before)
            start, old = time.monotonic(), path.stat().st_mtime_ns
            while path.stat().st_mtime_ns == old and time.monotonic() < start + 60:
                time.sleep(0.001)
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            after = store.read_attrs(path)["number"]
            assert after > before, "the writer did not write"
            assert np.array_equal(store.open(path, "g")["v"].values, noise + after), "the file is not whole"
        """,
        str(tmp_path / "point.h5"),
    )
    _, message = process.communicate(timeout=300)
    assert process.returncode == 0, message


def test_leftovers_of_dead_writers_are_removed(tmp_path):
    """Temporary files of a process that is gone; not those of this one, nor of another machine."""
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    host = sealing._host()
    names = {pid: tmp_path / f".rgnet-{where}-{pid}-abcd.tmp" for pid, where in
             ((int(gone.stdout), host), (os.getpid(), host), (1, "otherhost"))}  # fmt: skip
    for path in names.values():
        path.touch()
    store.remove_leftovers(tmp_path)
    assert [path.exists() for path in names.values()] == [False, True, True]
