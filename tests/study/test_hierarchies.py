# ruff: noqa: E501  (a table with one case a line)
"""Hierarchies in study files: what is refused, which points there are, and a small study from file to report."""

import json
import tomllib

import numpy as np
import pytest

from rgnet import plot, report, store
from rgnet import study as studies
from rgnet.report.toml import to_toml
from rgnet.study.points import from_json_dict

GOOD = """
name = "small"
seed = 3
[networks.majority]
layers = [{ layer = "majority", b = 2, repeat = 2 }]
[networks.first]
layers = [{ layer = "decimation", b = 2, repeat = 2 }]
[[hierarchies]]
name = "tree"
hierarchy = "tree"
depth = [2, 3]
flip = 0.2
draws = 400
networks = ["majority"]
[[hierarchies]]
name = "rules"
hierarchy = "random_hierarchy"
v = 4
m = 2
s = 2
L = 2
classes = 2
noise = [0, 0.25]
draws = 300
networks = ["first"]
[[hierarchies]]
name = "spins"
hierarchy = "lattice"
shape = [4, 4]
K = [0.2, 0.6]
draws = 400
networks = ["majority"]
"""

BAD = [
    ('hierarchy = "tree"', 'hierarchy = "tre"', ["hierarchies[1].hierarchy = 'tre': it should be 'tree', 'random_hierarchy' or 'lattice'; did you mean 'tree'? (one of tree, random_hierarchy, lattice)"]),
    ('hierarchy = "tree"', '', ["hierarchies[1].hierarchy: this key is missing; give it (one of tree, random_hierarchy, lattice)"]),
    ('depth = [2, 3]', '', ["hierarchies[1].depth: this key is missing; give it (tree only: levels below the root, such as 4)"]),
    ('depth = [2, 3]', 'depth = 2.5', ["hierarchies[1].depth: 2.5 is no whole number; give a whole number, or a list of them"]),
    ('depth = [2, 3]', 'depth = []', ["hierarchies[1].depth: the list is empty; give a whole number, or a list of them"]),
    ('depth = [2, 3]', 'depth = [2, 2]', ["hierarchies[1].depth: 2 comes 2 times; leave the others out"]),
    ('depth = [2, 3]', 'depth = 2\nv = 3', ["hierarchies[1].v: it belongs to 'random_hierarchy', not to 'tree'; leave it out"]),
    ('depth = [2, 3]', 'dept = [2, 3]', ["hierarchies[1].dept: unknown key; did you mean 'depth'?", "hierarchies[1].depth: this key is missing; give it (tree only: levels below the root, such as 4)"]),
    ('depth = [2, 3]', 'depth = 1', ["hierarchies[1].networks: network 'majority' (2 layers, scale 4) cannot take shape (2,): 4 does not divide 2; 4 would do"]),
    ('flip = 0.2', 'flip = 1.5', ["hierarchies[1]: flip=1.5: the probability that a child differs from its parent lies in 0 … 1"]),
    ('networks = ["first"]', 'networks = ["majority"]', ["hierarchies[2].networks: the network 'majority' takes spins ±1, and the data have 4 symbols, which have no sums; only decimation takes those"]),
    ('networks = ["first"]', 'networks = ["last"]', ["hierarchies[2].networks: the network 'last' is not defined (defined: 'majority', 'first'); add a table [networks.NAME] of that name"]),
    ('name = "rules"', 'name = "tree"', ["hierarchies[2].name: 'tree' is the name of hierarchies[1] too; give each its own name"]),
    ('draws = 300', 'drawz = 300', ["hierarchies[2].drawz: unknown key; did you mean 'draws'?"]),
    ('seed = 3', 'seed = 3\ndepth = 3', ["depth: unknown key; it belongs to [[hierarchies]]."]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "lines"), BAD, ids=range(len(BAD)))
def test_wrong_keys_and_values(tmp_path, old, new, lines):
    file = tmp_path / "bad.toml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(studies.StudyError) as caught:
        studies.load(file)
    first, *told = str(caught.value).split("\n")
    assert [line.removeprefix("  ").partition(" Known here: ")[0] for line in told] == lines
    assert first.startswith(f"{file}: {'one thing is' if len(lines) == 1 else f'{len(lines)} things are'} wrong:")


def test_what_the_hierarchy_itself_refuses():
    data = tomllib.loads(GOOD)
    data["hierarchies"][1]["m"] = 9
    with pytest.raises(studies.StudyError, match=r"hierarchies\[2\]: v=4, m=9, s=2, classes=2: .*ambiguous"):
        studies.parse(data)


def test_a_study_needs_something_to_compute():
    with pytest.raises(
        studies.StudyError, match=r"give it \(\[\[ensembles\]\], \[\[hierarchies\]\] or \[\[experiments\]\]"
    ):
        studies.parse({"name": "a", "ensembles": [], "hierarchies": []})


def test_every_combination_is_a_point():
    points = studies.points(studies.parse(tomllib.loads(GOOD)))
    assert [point.name for point in points] == [
        "tree-depth2", "tree-depth3", "rules-noise0", "rules-noise0.25", "spins-4x4",
    ]  # fmt: skip
    assert points[4].model == {"hierarchy": "lattice", "shape": [4, 4], "K": [0.2, 0.6]}
    assert len({point.seed for point in points}) == 5
    for point in points:
        again = from_json_dict(json.loads(json.dumps(point.to_dict())))
        assert again == point
        assert again.digest == point.digest
        assert again.build_hierarchy().level_sizes[0] == 1
        assert point.work > 0


def test_too_many_points_and_too_many_symbols_are_refused():
    data = tomllib.loads(GOOD)
    data["hierarchies"] = [{"name": "a", "hierarchy": "tree", "depth": 20, "flip": 0.1, "draws": 10**9}]
    with pytest.raises(studies.StudyError, match=r"2,097,151 sites × 1,000,000,000 draws are 2.1e\+15 symbols"):
        studies.parse(data)
    data["hierarchies"][0] |= {"depth": 2, "flip": {"start": 0.1, "stop": 0.4, "num": 100_000}, "q": [2, 3]}
    with pytest.raises(studies.StudyError, match=r"200,000 points \(combinations of parameters\)"):
        studies.parse(data)


def test_the_study_reads_back_from_a_report():
    study = studies.parse(tomllib.loads(GOOD))
    assert studies.parse(tomllib.loads(to_toml(study.model_dump(mode="json")))) == study


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hierarchies")
    (folder / "small.toml").write_text(GOOD)
    return studies.run(folder / "small.toml", data=folder / "data", workers=2)


def test_from_file_to_ledger(computed):
    tree = store.open(computed)
    table = tree["ledger"].to_dataset()
    assert list(table["point"].values) == [
        "tree-depth2", "tree-depth3", "rules-noise0", "rules-noise0.25", "spins-4x4",
    ]  # fmt: skip
    assert set(table["network"].values) == {"sufficient", "majority", "first"}
    exact = table["exact"].sel(network="sufficient", level=0).values
    assert np.isfinite(exact).all()
    assert exact[2] == pytest.approx(np.log(2))  # clean data tell the class
    z = (table["information"] - table["exact"]) / table["information_stderr"]
    z = z.values[np.isfinite(z.values)]
    assert z.size > 15
    assert np.abs(z).max() < 4.5
    majority = table["exact"].sel(network="majority", point="tree-depth3").values
    assert (np.diff(majority[np.isfinite(majority)]) < 0).all()  # something is lost at each level


def test_points_hold_every_level_of_the_draws(computed):
    tree = store.open(computed.parent / "tree-depth3.h5")
    samples = tree["samples"].to_dataset()
    assert [samples[f"y_{k}"].size // 400 for k in range(4)] == [1, 2, 4, 8]
    assert tree.attrs["point"]["model"]["hierarchy"] == "tree"


def test_a_point_repeats_bit_for_bit(computed):
    repeated = studies.repeat(computed.parent / "rules-noise0.25.h5")
    assert [line for line in repeated.differing if "microseconds" not in line] == []


def test_the_report_shows_the_ledger(computed):
    figures = plot.figures(computed)
    assert {f"ledger-{name}" for name in ("tree-depth2", "spins-4x4")} <= set(figures)
    page = report.write(computed).read_text(encoding="utf-8")
    assert 'id="ledger"' in page
    assert "Hierarchies" in page
    assert 'id="figure-ledger-tree-depth3"' in page
