"""Files made to do harm are refused by name, quickly, and in little memory."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr
from forged_files import forge, seal

from rgnet import store
from rgnet.store import guard, reading

posix = pytest.mark.skipif(os.name != "posix", reason="pipes, devices and owners of POSIX")


@contextmanager
def within(seconds: float):
    """Fail rather than wait for ever."""

    def late(*_):
        raise TimeoutError(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def refused(path: Path, message: str) -> str:
    """Each way to read a file refuses it, by its name and with this message."""
    with pytest.raises(store.FileError, match=message) as caught:
        store.verify(path)
    assert str(caught.value).startswith(str(path))
    for read in (store.open, store.read_attrs, store.layout, lambda path: store.same(path, path)):
        with pytest.raises(store.FileError, match=message):
            read(path)
    return str(caught.value)


def deep(file):
    for _ in range(2000):
        file = file.create_group("g")


def attribute(where, value, **options):
    def build(file):
        item = file.require_group("g")
        item["v"] = np.zeros(3)
        (item["v"] if where == "v" else item if where == "g" else file).attrs.create("a", value, **options)

    return build


def reserved(name, value, dtype=None):
    def build(file):
        file["g/v"] = np.zeros(3)
        file["g/v"].attrs.create(name, value, dtype=dtype)

    return build


def number(kind):
    def build(file):
        space = h5py.h5s.create_simple((3,))
        h5py.h5d.create(file.create_group("g").id, b"v", kind, space)

    return build


def odd_float():
    kind = h5py.h5t.IEEE_F64LE.copy()
    kind.set_ebias(1000)
    return kind


def odd_norm():
    kind = h5py.h5t.IEEE_F64LE.copy()
    kind.set_norm(h5py.h5t.NORM_NONE)
    return kind


def odd_integer():
    kind = h5py.h5t.STD_I32LE.copy()
    kind.set_size(3)
    return kind


def chunked(**options):
    def build(file):
        file.create_dataset("g/v", data=np.zeros(100), chunks=(10,), **options)

    return build


def soft_loop(file):
    file["g/a"] = h5py.SoftLink("/g/b")
    file["g/b"] = h5py.SoftLink("/g/a")


HOSTILE = {
    "soft links in a loop": ("/g/a is a link to somewhere else", soft_loop),
    "a dangling link": ("is a link to somewhere else", lambda file: file.__setitem__("g", h5py.SoftLink("/none"))),
    "a group in itself": (
        "is a second name of another object",
        lambda file: file.create_group("g").__setitem__("self", file["g"]),
    ),
    "the root in a group": (
        "is a second name of another object",
        lambda file: file.create_group("g").__setitem__("root", file["/"]),
    ),
    "two thousand groups deep": ("lies more than 32 groups deep", deep),
    "enumeration": ("has the type", lambda file: file.create_dataset("g/v", data=np.array([True]))),
    "region references": ("has the type", lambda file: file.create_dataset("g/v", (2,), dtype=h5py.regionref_dtype)),
    "arrays": ("has the type", lambda file: file.create_dataset("g/v", (2,), dtype=np.dtype((np.float64, 3)))),
    "complex numbers": ("has the type", lambda file: file.create_dataset("g/v", data=np.ones(2, complex))),
    "half precision": ("of an unusual make", lambda file: file.create_dataset("g/v", data=np.ones(2, np.float16))),
    "long double": ("of an unusual make", lambda file: file.create_dataset("g/v", data=np.ones(2, np.longdouble))),
    "another exponent": ("of an unusual make", number(odd_float())),
    "another normalisation": ("of an unusual make", number(odd_norm())),
    "three bytes": ("data type '<i3' not understood", number(odd_integer())),
    "no checksums": ("has no checksums", chunked(compression="gzip")),
    "text in ASCII": (
        "has the type object",
        lambda file: file.create_dataset("g/v", data=[b"a"], dtype=h5py.string_dtype("ascii")),
    ),
    "text in chunks": (
        "has no checksums",
        lambda file: file.create_dataset("g/v", data=["a"] * 9, chunks=(3,), dtype=h5py.string_dtype()),
    ),
    "a chunk of a gigabyte": (
        "has chunks of 134217728 bytes",
        lambda file: file.create_dataset(
            "g/v", data=np.zeros(1 << 24), chunks=(1 << 24,), compression="gzip", fletcher32=True
        ),
    ),
    "chunks that are missing": (
        "more than the file holds",
        lambda file: file.create_dataset("g/v", (100,), "f8", chunks=(10,), fletcher32=True),
    ),
    "a filter of somebody's": (
        "needs an unknown filter",
        lambda file: file.create_dataset("g/v", data=np.zeros(9), chunks=(3,), scaleoffset=2),
    ),
    "attribute of the file": ("/ has an attribute 'a' that is neither text nor a number", attribute("/", np.arange(9))),
    "attribute of a group": ("/g has an attribute 'a' that is neither", attribute("g", np.ones((2, 2)))),
    "attribute of a variable": ("/g/v has an attribute 'a' that is neither", attribute("v", [1.0, 2.0])),
    "attribute of fixed width": ("'a' that is neither text nor", attribute("g", np.bytes_(b"text"))),
    "attribute of many texts": ("'a' that is neither text nor", attribute("g", ["a", "b"])),
    "attribute of references": ("'a' that is neither", attribute("g", np.array([None]), dtype=h5py.ref_dtype)),
    "attribute of a bool": ("'a' that is neither", attribute("g", np.array([True]))),
    "attribute with no shape": ("'a' that is neither", attribute("g", h5py.Empty("f8"))),
    "attribute with an odd number": ("'a' that is neither", attribute("g", np.ones(1, np.float16))),
    "a number for a name": ("'NAME' that is neither", reserved("NAME", 10**15)),
    "texts for a name": ("'NAME' that is neither", reserved("NAME", "This is a netCDF dimension but not")),
    "numbers for dimensions": ("'DIMENSION_LIST' that is neither", reserved("DIMENSION_LIST", np.arange(3))),
    "thousands of dimensions": (
        "'DIMENSION_LIST' that is neither",
        lambda file: h5py.h5a.create(
            file.create_dataset("g/v", data=[0.0]).id, b"DIMENSION_LIST",
            h5py.h5t.vlen_create(h5py.h5t.STD_REF_OBJ), h5py.h5s.create_simple((4000,)),
        ),
    ),
    "a number for coordinates": (
        "'coordinates' that is neither",
        lambda file: file.create_group("g").attrs.__setitem__("coordinates", 3),
    ),
    "one number for coordinates": (
        "'coordinates' that is neither",
        lambda file: file.create_group("g").attrs.__setitem__("coordinates", np.array([3])),
    ),
    "JSON without end": (
        "cannot be read .RecursionError",
        lambda file: file.attrs.__setitem__("a", "json:" + "[" * 200_000),
    ),
    "a number without end": (
        "cannot be read .ValueError",
        lambda file: file.attrs.__setitem__("a", "json:" + "9" * 10**6),
    ),
    "a name that is no text": (
        "has a name that is no text",
        lambda file: h5py.h5g.create(file.id, b"\xff\xfe"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("message", "build"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_files_are_refused(tmp_path, message, build):
    path = forge(tmp_path / "x.h5", build)
    with within(20), pytest.raises(store.FileError, match=rf"x\.h5.*{message}") as caught:
        store.open(path)
    assert str(caught.value).isprintable()
    with within(20), pytest.raises(store.FileError, match=r"x\.h5"):
        store.same(path, path)


def test_a_user_block_and_other_formats(tmp_path):
    refused(forge(tmp_path / "x.h5", lambda file: None, userblock_size=512), "is not an HDF5 file .*first of them zero")
    with scipy.io.netcdf_file(tmp_path / "three.nc", "w") as file:
        file.createDimension("x", 3)
    refused(tmp_path / "three.nc", "is not an HDF5 file .it is netCDF-3, which xarray.open_dataset reads")
    np.savez(tmp_path / "a.npz", a=np.ones(3))
    refused(tmp_path / "a.npz", "is not an HDF5 file .it is a zip archive")
    (tmp_path / "empty.h5").touch()
    refused(tmp_path / "empty.h5", "is not an HDF5 file .it is empty")
    (tmp_path / "study.toml").write_text('name = "a"')
    refused(tmp_path / "study.toml", r"is not an HDF5 file \(10 bytes\)")


def test_owners_of_other_files_are_not_told_to_remove_them(tmp_path):
    xr.Dataset({"v": ("x", np.arange(3))}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    message = refused(tmp_path / "other.nc", "another program wrote it.*read it with h5py or xarray.open_dataset")
    assert "delete" not in message
    (tmp_path / "other.nc").write_bytes((tmp_path / "other.nc").read_bytes()[:-100])
    assert "delete" not in refused(
        tmp_path / "other.nc", r"was cut short \(\d+ bytes are left, of \d+ that it announces"
    )
    for version in ("earliest", "v108", "latest"):
        with h5py.File(tmp_path / "plain.h5", "w", libver=version) as file:
            file["a"] = 1
        refused(tmp_path / "plain.h5", "another program wrote it")


@posix
def test_pipes_devices_and_sockets_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    with within(5):
        refused(tmp_path / "pipe.h5", "is no file but a pipe, a socket or a device")
        for device in ("/dev/zero", "/dev/null", "/dev/full"):
            refused(Path(device), "is no file but a pipe, a socket or a device")
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(tmp_path)  # names of sockets are short
            server.bind("s")
            refused(tmp_path / "s", "is no file but a pipe")
        assert not store.is_sealed(tmp_path / "pipe.h5")


@posix
def test_a_file_without_permission(tmp_path):
    store.write(tmp_path / "a.h5", {})
    tmp_path.chmod(0o755)
    (tmp_path / "a.h5").chmod(0)
    code = "import os, sys; from rgnet import store\nif os.geteuid() == 0: os.seteuid(65534)\n"
    code += "try: store.open(sys.argv[1])\nexcept PermissionError as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.h5")], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.startswith(f"{tmp_path / 'a.h5'} cannot be read (Permission denied): ask its owner")


def test_a_terabyte_of_nothing_is_refused_at_once(tmp_path):
    """A sparse file that takes no room on the disk; one whose seal and length were forged as well takes its digest."""
    store.write(tmp_path / "a.h5", {})
    whole = (tmp_path / "a.h5").read_bytes()
    path = tmp_path / "sparse.h5"
    for end in (b"", whole[-79:]):
        with path.open("wb") as file:
            file.write(whole[:-79])
            try:
                file.truncate(1 << 40)
            except OSError:
                pytest.skip("the file system has no sparse files of this size")
            file.seek(0, os.SEEK_END)
            file.write(end)
        with within(5):
            refused(path, "bytes lie before its seal, it announces" if end else "does not end with rgnet's seal")


def test_a_name_in_a_message_cannot_command_the_terminal(tmp_path):
    path = forge(tmp_path / "x.h5", lambda file: file.__setitem__("\x1b[2J\x1b]0;owned\x07", h5py.SoftLink("/")))
    assert refused(path, "is a link to somewhere else").isprintable()
    path = forge(tmp_path / "x.h5", lambda file: file.__setitem__("a" * 5000, h5py.SoftLink("/")))
    assert len(refused(path, "is a link to somewhere else")) < 600
    path = forge(tmp_path / "x.h5", lambda file: file.__setitem__("g/\x1b[2J", np.zeros((2, 2))))
    with pytest.raises(store.FileError, match=r"x\.h5 cannot be read .*has dimensions") as caught:
        store.open(path, "g")
    assert str(caught.value).isprintable()


def test_too_many_objects_or_groups(tmp_path, monkeypatch):
    def many(file):
        for number in range(60):
            file.create_group(f"g{number}")

    path = forge(tmp_path / "x.h5", many)
    assert len(store.layout(path).groups) == 60
    monkeypatch.setattr(reading, "_MOST_GROUPS", 50)
    with pytest.raises(
        store.FileError, match="has 60 groups, more than the 50 that one tree may have; open one of them"
    ):
        store.open(path)
    assert store.open(path, "g59").sizes == {}
    with pytest.raises(store.FileError, match=r"has no group 'h'; it has g0, g1.* and 40 more"):
        store.open(path, "h")
    monkeypatch.setattr(guard, "MOST_OBJECTS", 40)
    refused(path, "is one of more than 40 objects")
    with pytest.raises(ValueError, match="60 groups and variables, and a file has at most 40"):
        store.write(tmp_path / "y.h5", {f"g{number}": xr.Dataset() for number in range(60)})


def aliased_texts(file):
    """4,000 texts of which every one is the same two megabytes."""
    file.create_dataset("g/v", data=["a"] * 3999 + ["b" * 2_000_000], dtype=h5py.string_dtype())
    file["g/v"].make_scale("v")


def alias(path: Path) -> Path:
    """Make every text of /g/v the last one, as only a forger can."""
    with h5py.File(path, "r") as file:
        start, size = file["g/v"].id.get_offset(), file["g/v"].size
    image = bytearray(path.read_bytes()[:-79])
    image[start : start + 16 * size] = image[start + 16 * (size - 1) : start + 16 * size] * size
    return seal(path, bytes(image))


def long_coordinates(file):
    data = np.zeros(34_000_000)
    file.create_dataset("g/v", data=data, chunks=(1 << 20,), compression="gzip", fletcher32=True)
    file["g/v"].make_scale("v")


READER = """
import resource, sys, time
from rgnet import store
store.is_sealed(sys.argv[1])
import rgnet.store.reading
limit = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
try:
    store.open(sys.argv[1])
    said = "opened"
except store.FileError as error:
    said = str(error)
print(said)
print(time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - limit) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (aliased_texts, "it declares more text than the file holds"),
        (long_coordinates, "coordinates v of 272000000 bytes are too long for a file of this size"),
    ],
)
def test_bombs_take_little_memory_and_time(tmp_path, build, message):
    path = forge(tmp_path / "x.h5", build)
    if build is aliased_texts:
        alias(path)
    assert path.stat().st_size < 6_000_000
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path)], capture_output=True, text=True, timeout=120, check=True
    )
    said, numbers = done.stdout.strip().rsplit("\n", 1)
    seconds, megabytes = map(float, numbers.split())
    assert message in said
    assert seconds < 10
    assert megabytes < 420  # 256 may be read at once


def test_no_descriptor_is_left_open(tmp_path):
    if not Path("/proc/self/fd").exists():
        pytest.skip("counts descriptors as Linux shows them")
    store.write(tmp_path / "good.h5", {"g": xr.Dataset({"v": ("x", np.arange(3))})})
    bad = forge(tmp_path / "bad.h5", soft_loop)
    (tmp_path / "text.h5").write_text("hello")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        store.open(tmp_path / "good.h5")
        for path in (bad, tmp_path / "text.h5", tmp_path):
            with pytest.raises((store.FileError, IsADirectoryError)):
                store.open(path)
    assert len(os.listdir("/proc/self/fd")) <= before
