"""A study from file to results: what lands where, what is skipped, what repeats bit for bit."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import flow, store
from rgnet import study as studies

STUDY = {
    "name": "tiny",
    "seed": 5,
    "sample": {"draws": 300, "chains": 2},
    "networks": {
        "majority": {"layers": [{"layer": "majority", "repeat": 2}]},
        "average": {"layers": [{"layer": "average", "repeat": 2}], "keep_levels": False},
    },
    "ensembles": [
        {
            "name": "main",
            "shape": [16, 16],
            "K_over_K_c": 1,
            "networks": ["majority", "average"],
            "analyses": ["mcrg", "tangent", "couplings", "information", "snapshots"],
        },
        {"name": "scan", "shape": [[4, 4], [8, 8]], "K": [0.3, 0.4]},
    ],
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished run: its folder and the states that the observer saw."""
    folder = tmp_path_factory.mktemp("data")
    seen = []
    with ThreadPoolExecutor(2) as executor:
        result = rg.run(
            studies.parse(STUDY), data=folder, executor=executor, observer=lambda s: seen.append((s.done, s.total))
        )
    return folder / "tiny", result, seen


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.h5")}


def test_files(done):
    folder, result, seen = done
    points = {f"scan-{s}x{s}-K{K}.h5" for s in (4, 8) for K in (0.3, 0.4)} | {"main-16x16-1Kc.h5"}
    assert {path.name for path in folder.iterdir()} == points | {"result.h5"}
    assert result == folder / "result.h5"
    assert seen[-1] == (5, 5)
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)


def test_a_point_holds_everything(done):
    tree = rg.open(done[0] / "main-16x16-1Kc.h5")
    data = tree["samples"].to_dataset()
    assert dict(data.sizes) == {"chain": 2, "draw": 300, "x": 16, "y": 16}
    model = rg.models.from_attrs(data.attrs)
    np.testing.assert_allclose(data["energy"], model.energy(data["spin"].values))
    levels = [tree[f"majority/level_{k}"] for k in range(3)]
    assert [level["operator_sum"].sizes["operator"] for level in levels] == [8, 8, 8]
    assert levels[2]["spin"].shape == (2, 300, 4, 4)
    assert "spin" not in levels[0]
    assert "spin" not in tree["average/level_1"]
    again = flow.mcrg([level["operator_sum"] for level in levels])
    xr.testing.assert_allclose(again, tree["majority/mcrg"].to_dataset().load())
    assert tree.attrs["study"]["seed"] == 5
    assert "average" in tree.attrs["notes"]
    assert float(tree["average/information_h"]["fraction"][2]) == pytest.approx(1.0)


def test_levels_are_made_again_from_the_stored_seed(done):
    """Levels left out of a file (keep_levels = false) follow from its samples."""
    tree = rg.open(done[0] / "main-16x16-1Kc.h5")
    point = studies.points(studies.parse(STUDY))[0]
    assert point.to_dict() == tree.attrs["point"]
    seed = int(tree["majority/level_1"].attrs["levels_seed"])
    levels = point.build_network("majority").levels(tree["samples"].to_dataset().load(), seed=seed)
    np.testing.assert_array_equal(levels[2]["spin"], tree["majority/level_2"]["spin"])


def test_the_result_has_every_point(done):
    tree = rg.open(done[1])
    table = tree["thermodynamics"].to_dataset()
    assert table.sizes["point"] == 5
    z = (table["energy"] - table["energy_exact"]) / table["energy_stderr"]
    assert float(abs(z).max()) < 4.0
    assert set(table["side"].values) == {4, 8, 16}
    assert tree["majority/mcrg"].sizes["point"] == 1
    assert set(tree["snapshots/main-16x16-1Kc/average"].data_vars) == {"level_0", "level_1", "level_2"}
    assert {entry["file"] for entry in tree.attrs["points"].values()} == {f"{n}.h5" for n in table["point"].values}


def test_running_again_does_nothing(done):
    folder, result, _ = done
    before = times(folder)
    assert rg.run(studies.parse(STUDY), data=folder.parent, executor=None) == result
    assert times(folder) == before


def test_added_points_leave_the_others_alone(done, tmp_path):
    import shutil

    shutil.copytree(done[0], tmp_path / "tiny")
    before = times(tmp_path / "tiny")
    more = {**STUDY, "ensembles": [*STUDY["ensembles"], {"name": "new", "shape": [6], "K": 0.2}]}
    with ThreadPoolExecutor(1) as executor:
        rg.run(studies.parse(more), data=tmp_path, executor=executor)
    after = times(tmp_path / "tiny")
    assert {name for name in after if after[name] != before.get(name)} == {"new-6-K0.2.h5", "result.h5"}


def test_other_settings_are_not_mixed_in(done):
    other = {**STUDY, "sample": {"draws": 400, "chains": 2}}
    with pytest.raises(studies.StudyError, match="was computed with other settings") as caught:
        rg.run(studies.parse(other), data=done[0].parent)
    assert "sample: draws 300 there, 400 now" in str(caught.value)
    assert "--force" in str(caught.value)


def test_a_damaged_point_is_named(done, tmp_path):
    import shutil

    shutil.copytree(done[0], tmp_path / "tiny")
    path = tmp_path / "tiny" / "scan-4x4-K0.3.h5"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(studies.StudyError, match=r"scan-4x4-K0.3.h5 .* was cut short .* compute the point again"):
        rg.run(studies.parse(STUDY), data=tmp_path)


def test_force_computes_the_same_again(done, tmp_path):
    """Every point again, in another folder and by another executor: the same data bit for bit."""
    with ThreadPoolExecutor(1) as executor:
        rg.run(studies.parse(STUDY), data=tmp_path, executor=executor)
        first = times(tmp_path / "tiny")
        rg.run(studies.parse(STUDY), data=tmp_path, executor=executor, force=True)
    assert all(times(tmp_path / "tiny")[name] > first[name] for name in first)
    from rgnet.study.compute import NO_DATA

    for path in done[0].glob("*Kc.h5"):
        assert store.same(path, tmp_path / "tiny" / path.name, ignore=NO_DATA) == []


def test_a_dask_cluster_serves_as_executor(done, tmp_path):
    distributed = pytest.importorskip("distributed")
    small = {**STUDY, "ensembles": STUDY["ensembles"][1:]}
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        rg.run(studies.parse(small), data=tmp_path, executor=client.get_executor(pure=False))
    from rgnet.study.compute import NO_DATA

    differing = store.same(
        done[0] / "scan-8x8-K0.3.h5", tmp_path / "tiny" / "scan-8x8-K0.3.h5", ignore=NO_DATA | {"study"}
    )
    assert differing == []


def test_workers_must_be_a_number():
    with pytest.raises(studies.StudyError, match="workers=0: a whole number of at least 1"):
        rg.run(studies.parse(STUDY), workers=0)


def test_points_that_fail_are_named_and_the_others_are_kept(tmp_path, monkeypatch):
    """A pilot that is not allowed to become as long as critical slowing down asks for."""
    monkeypatch.setattr("rgnet.updates.chains._PILOT_MOST", 1024)
    slow = {"name": "slow", "shape": [32, 32], "K_over_K_c": 1, "update": "metropolis", "draws": 5, "chains": 2}
    study = studies.parse({**STUDY, "ensembles": [slow, STUDY["ensembles"][1]]})
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(studies.PointsFailedError, match="1 of 5 points could not be computed") as caught,
    ):
        rg.run(study, data=tmp_path, executor=executor)
    assert rg.open(tmp_path / "tiny" / "result.h5")["thermodynamics"].sizes["point"] == 4
    assert "slow-32x32-1Kc: update='metropolis'" in str(caught.value)
    assert "swendsen-wang" in str(caught.value)
    assert len(list((tmp_path / "tiny").glob("scan-*.h5"))) == 4


def test_stored_levels_serve_every_analysis(done):
    """Groups of a file as they are opened: with configurations, with sums only, and mixed."""
    tree = rg.open(done[0] / "main-16x16-1Kc.h5")
    stored = [tree[f"majority/level_{k}"] for k in range(3)]
    mixed = [tree["samples"], *stored[1:]]
    expected = tree["majority/mcrg"].to_dataset().load()
    for levels in (stored, mixed, [level.to_dataset() for level in mixed]):
        np.testing.assert_allclose(flow.mcrg(levels)["y_t"], expected["y_t"])
        kept = rg.information.retained(levels, "h")["fraction"]
        np.testing.assert_allclose(kept, tree["majority/information_h"]["fraction"])
    np.testing.assert_allclose(flow.couplings(mixed)["coupling"], tree["majority/couplings"]["coupling"])
    with pytest.raises(ValueError, match="level 0 holds no configurations"):
        flow.couplings(stored)


def test_figures_are_drawn_once_and_again_when_one_is_missing(done, tmp_path):
    from rgnet import plot

    first = plot.up_to_date(done[1], tmp_path)
    assert {path.stem for path in first} == {"configurations", "exponents", "tangent", "information"}
    before = {path: path.stat().st_mtime_ns for path in first}
    assert plot.up_to_date(done[1], tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in first} == before
    first[0].unlink()
    assert plot.up_to_date(done[1], tmp_path) == first
    assert all(path.exists() for path in first)


@pytest.mark.parametrize("script", ["exponents", "information", "flow"])
def test_analysis_scripts(done, tmp_path, script):
    path = Path(__file__).parents[2] / "analysis" / f"{script}.py"
    command = [sys.executable, path, done[1], "--to", tmp_path / "figure.png"]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert "majority" in outcome.stdout or "nnn" in outcome.stdout
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_a_changed_title_reaches_the_result(done, tmp_path):
    import shutil

    shutil.copytree(done[0], tmp_path / "tiny")
    rg.run(studies.parse({**STUDY, "title": "another"}), data=tmp_path)
    assert rg.open(tmp_path / "tiny" / "result.h5").attrs["study"]["title"] == "another"


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(studies.StudyError, match=r"cannot be made a folder for results .* give another with --data"):
        rg.run(studies.parse(STUDY), data=tmp_path / "file")
