"""What the page's script draws: the data are the snapshots', bit for bit, and small enough."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rgnet import exact, report, store
from rgnet.report import pictures
from rgnet.report.gather import Result


def shots(text):
    return json.loads(re.search(r'id="shots">(.*?)</script>', text).group(1))["networks"]


def decode(level):
    shape = level["rows"], level["columns"]
    data = np.frombuffer(base64.b64decode(level["bits" if "bits" in level else "bytes"]), np.uint8)
    if "bits" in level:
        return np.where(np.unpackbits(data, count=shape[0] * shape[1]), 1, -1).reshape(shape)
    return ((data / 127.5 - 1.0) * float(level["limit"])).reshape(shape)


def snapshot(*levels, K=0.4):
    variables = {f"level_{k}": (tuple(f"{axis}_{k}" for axis in "xyzw"[: x.ndim]), x) for k, x in enumerate(levels)}
    return xr.Dataset(variables, attrs={"K": K, "h": 0.0, "ndim": levels[0].ndim})


def levels_of(shot):
    """What the script gets of one snapshot."""
    return pictures._point(Result(Path("result.h5"), "", {"study": {"model": {}}}, {}, {}), "a", "majority", shot)


def spins(*shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=shape)


def test_every_configuration_is_there(page, result):
    networks = shots(page)
    tree = store.open(result)
    assert [network["name"] for network in networks] == ["majority", "average", "decimation"]
    compared = 0
    for network in networks:
        for point in network["points"]:
            group = tree[f"snapshots/{point['name']}/{network['name']}"].to_dataset().load()
            assert len(point["levels"]) == len(group.data_vars)
            for k, level in enumerate(point["levels"]):
                x = group[f"level_{k}"].values
                assert float(level["m"].replace("−", "-")) == pytest.approx(x.mean(), abs=6e-5)
                assert level["shape"].startswith("×".join(str(side) for side in x.shape))
                assert level["scale"] == group["level_0"].shape[0] // x.shape[0]
                x = x[:, :, 0] if x.ndim == 3 else np.atleast_2d(x)
                if x.dtype.kind == "i":
                    np.testing.assert_array_equal(decode(level), x)
                else:
                    np.testing.assert_allclose(decode(level), x, atol=0.01 * np.abs(x).max())
                compared += 1
    assert compared == 3 * 3 + 3 * 3 + 2 * 4 + 1 * 3


def test_points_are_ordered_by_lattice_and_coupling(page):
    labels = [point["label"] for point in shots(page)[0]["points"]]
    K_c = exact.ising2d.K_c
    assert labels == [
        f"K = {0.9 * K_c:.6g} = 0.9 K_c", f"K = {K_c:.6g} = K_c", f"K = {1.1 * K_c:.6g} = 1.1 K_c",
        "K = 0.221655 = K_c",
    ]  # fmt: skip
    assert shots(page)[0]["points"][3]["note"] == "the plane z = 0 of 8×8×8"
    assert [point["label"] for point in shots(page)[2]["points"]] == ["K = 0.5", "K = 1"]


@pytest.mark.parametrize(
    ("levels", "parts", "note"),
    [
        ([(2048, 2048), (1024, 1024)], [(512, 512), (256, 256)], "the first 512×512 sites of 2048×2048"),
        ([(16, 1536), (8, 768)], [(16, 512), (8, 256)], "the first 512×16 sites of 16×1536"),
        ([(1152,), (384,), (128,)], [(1, 252), (1, 84), (1, 28)], "the first 252 sites of 1152 sites"),
        ([(600, 600, 2), (300, 300, 1)], [(512, 512), (256, 256)], "the plane z = 0 of 600×600×2; the first 512×512"),
        ([(4, 4, 4, 4), (2, 2, 2, 2)], [(4, 4), (2, 2)], "the plane through the origin of the further axes"),
        ([(512, 512)], [(512, 512)], ""),
    ],
)
def test_large_lattices_show_the_same_piece_at_every_level(levels, parts, note):
    configurations = [spins(*shape) for shape in levels]
    point = levels_of(snapshot(*configurations))
    assert [(level["rows"], level["columns"]) for level in point["levels"]] == parts
    assert point["note"].startswith(note)
    for level, x in zip(point["levels"], configurations, strict=True):
        while x.ndim > 2:
            x = x[..., 0]
        x = np.atleast_2d(x)
        np.testing.assert_array_equal(decode(level), x[: level["rows"], : level["columns"]])


def test_real_values_keep_their_signs_and_largest_size():
    x = np.array([[-2.0, 0.0], [1.0, 2.0]])
    level = levels_of(snapshot(spins(4, 4), x))["levels"][1]
    assert level["limit"] == "2"
    np.testing.assert_allclose(decode(level), x, atol=0.01)
    silent = levels_of(snapshot(spins(4, 4), np.zeros((2, 2))))["levels"][1]
    np.testing.assert_allclose(decode(silent), 0.0, atol=0.01)


def test_too_many_pictures_are_thinned_evenly_over_the_couplings():
    K = np.linspace(0.3, 0.6, 200)
    many = {
        f"snapshots/p{i}/majority": snapshot(spins(256, 256), K=K[i]) for i in np.random.default_rng(0).permutation(200)
    }
    rows, left = pictures._chosen(many)
    size = sum(len(level["bits"]) for _, _, shot in rows for level in levels_of(shot)["levels"])
    assert 0.8 * pictures.MOST_BYTES < size < 1.5 * pictures.MOST_BYTES
    assert left == 200 - len(rows) > 50
    shown = [float(shot.attrs["K"]) for _, _, shot in rows]
    assert shown[0] == 0.3
    assert shown[-1] == 0.6
    assert np.all(np.diff(shown) > 0)
    assert np.diff(shown).max() < 3 * np.diff(shown).min()


def test_what_is_left_out_is_said(make, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_BYTES", 2000)
    many = {f"snapshots/p{i}/majority": snapshot(spins(16, 16), K=0.3 + 0.01 * i) for i in range(6)}
    text = report.write(make(many)).read_text()
    shown = len(shots(text)[0]["points"])
    assert 0 < shown < 6
    assert f"{6 - shown} further configurations left out here" in text
