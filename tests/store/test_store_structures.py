"""Structures that HDF5 itself would hang at or die of are found before it meets them."""

from pathlib import Path

import pytest
import xarray as xr
from forged_files import seal

from rgnet import store
from rgnet.store import sealing, structures


def heap(*objects: tuple[int, int]) -> bytes:
    """A global heap of objects of these indices and sizes, each as long as it says where it can be."""
    body = b"".join(
        index.to_bytes(2, "little") + bytes(6) + size.to_bytes(8, "little") + bytes((size + 7) // 8 * 8 if index else 0)
        for index, size in objects
    )
    return b"GCOL\x01\0\0\0" + (16 + len(body)).to_bytes(8, "little") + body


def test_heaps_that_hdf5_would_walk_for_ever_are_found():
    assert structures.is_sound(heap((1, 5), (2, 16), (0, 16)))
    assert structures.is_sound(heap((1, 5)) + b"1234567")  # too little to be an object
    assert not structures.is_sound(heap((1, 5), (0, 0)))
    assert not structures.is_sound(heap((0, 8), (1, 5)))
    assert not structures.is_sound(heap((0, 48)))  # beyond its end
    assert not structures.is_sound(heap()[:16] + b"\1\0" + bytes(6) + b"\xf1" + b"\xff" * 7 + bytes(100))


def test_the_checksum_is_jenkins_s():
    assert structures.checksum(b"") == 0xDEADBEEF
    assert structures.checksum(b"Four score and seven years ago") == 0x17770551  # lookup3.c, driver5


def many_links_and_attributes(path: Path) -> bytes:
    data = xr.Dataset({f"v{n}": ("x", [n]) for n in range(20)}, attrs={f"a{n}": n for n in range(20)})
    store.write(path, {"g": data})
    return path.read_bytes()[:-79]


@pytest.mark.parametrize(
    ("mark", "place", "value"),
    [
        (structures.TREE, 10, b"\0\0"), (structures.TREE, 6, b"\0\0\0\0"), (structures.TREE, 5, b"\2"),
        (structures.TREE, 12, b"\xff\xff"), (structures.TREE, 14, b"\0"), (structures.FRACTAL, 110, b"\0\0"),
        (structures.FRACTAL, 112, bytes(8)), (structures.FRACTAL, 120, b"\xff" * 8), (structures.FRACTAL, 140, b"\xff"),
    ],
)  # fmt: skip
def test_trees_that_hdf5_would_die_of_are_found(tmp_path, mark, place, value):
    """With the checksum of the forged head put right, without which HDF5 refuses it."""
    image = bytearray(many_links_and_attributes(tmp_path / "a.h5"))
    start = image.index(mark)
    size = structures._SIZES[mark]
    image[start + place : start + place + len(value)] = value
    seal(tmp_path / "a.h5", bytes(image))
    with pytest.raises(store.FileError):
        store.open(tmp_path / "a.h5")  # by HDF5, for its checksum
    image[start + size : start + size + 4] = structures.checksum(bytes(image[start : start + size])).to_bytes(
        4, "little"
    )
    with pytest.raises(
        store.FileError, match=rf"a\.h5 was sealed, but.* HDF5 would not come back from its byte {start};"
    ):
        store.open(seal(tmp_path / "a.h5", bytes(image)))


def test_marks_are_found_across_blocks(monkeypatch, tmp_path):
    image = many_links_and_attributes(tmp_path / "a.h5")
    whole = sorted(structures.marks(image, 0))
    assert {image[place : place + 5] for place in whole} >= {structures.HEAP, structures.TREE, structures.FRACTAL}
    original, found = structures.marks, []
    monkeypatch.setattr(structures, "marks", lambda data, start: found.extend(original(data, start)) or [])
    for block in (7, 64, 1000):
        found.clear()
        monkeypatch.setattr(sealing, "_BLOCK", block)
        store.digest(tmp_path / "a.h5")
        assert sorted(found) == whole


def test_a_layout_that_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    """As a later HDF5 might make one."""
    monkeypatch.setattr(structures, "is_sound", lambda structure: False)
    with pytest.raises(RuntimeError, match=r"a\.h5 was not written: HDF5 .* use an older h5py, or a newer rgnet"):
        store.write(tmp_path / "a.h5", {"g": xr.Dataset({"v": ("x", ["text"])})})
    assert list(tmp_path.iterdir()) == []
