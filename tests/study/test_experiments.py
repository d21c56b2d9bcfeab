# ruff: noqa: E501  (a table with one case a line)
"""Experiments in study files: what is refused, which points there are, and from file to report."""

import importlib
import json
import sys
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import toy_experiment
import xarray as xr

from rgnet import info, plot, report, store
from rgnet import study as studies
from rgnet.experiments import catalogue
from rgnet.report.toml import to_toml
from rgnet.study import experimenting, repeating
from rgnet.study import scratch as scratches
from rgnet.study.compute import NO_DATA
from rgnet.study.points import from_json_dict

GOOD = """
name = "coins"
seed = 3
[[experiments]]
name = "fair"
experiment = "toy"
parameters = { draws = 200, coins = [{ side = 3 }] }
sweep = { p = [0.25, 0.5], shape = [[4, 4], [8, 8]] }
[[experiments]]
name = "loud"
experiment = "toy"
parameters = { loud = true }
"""
DRAWS = "draws = 200, coins = [{ side = 3 }]"
SWEEP = "sweep = { p = [0.25, 0.5], shape = [[4, 4], [8, 8]] }"
KNOWN = "draws, p, shape, word, coins, loud, fails"
ALL = ", ".join(name for name in catalogue.EXPERIMENTS if name != "toy")
BAD = [
    ('experiment = "toy"', 'experiment = "toi"', [f"experiments[1].experiment: 'toi' is no experiment; give one of {ALL}, toy; did you mean 'toy'?"]),
    ('experiment = "toy"', '', [f"experiments[1].experiment: this key is missing; give it (one of {ALL})"]),
    (DRAWS, 'drawz = 200', [f"experiments[1].parameters.drawz: unknown key; did you mean 'draws'? Known here: {KNOWN}"]),
    (DRAWS, 'zzz = 200', [f"experiments[1].parameters.zzz: unknown key. Known here: {KNOWN}"]),
    (DRAWS, 'draws = "200"', ["experiments[1].parameters.draws = '200': it should be a whole number (number of throws, such as 100)"]),
    (DRAWS, 'draws = 2.5', ["experiments[1].parameters.draws = 2.5: it should be a whole number (number of throws, such as 100)"]),
    (DRAWS, 'draws = 0', ["experiments[1].parameters.draws = 0: it should be greater than or equal to 1 (number of throws, such as 100)"]),
    (DRAWS, 'draws = 2000', ["experiments[1]: draws=2000, p=0.5: at most 900 heads fit the table; give fewer draws"]),
    (DRAWS, 'coins = [{ sides = 3 }]', ["experiments[1].parameters.coins[1].sides: unknown key; did you mean 'side'? Known here: side"]),
    (DRAWS, 'coins = [{ side = 1 }]', ["experiments[1].parameters.coins[1].side = 1: it should be greater than or equal to 2 (number of sides, such as 2)"]),
    (DRAWS, 'p = 0.5', ["experiments[1].sweep.p: it is in parameters as well; give it in one of them"]),
    (DRAWS, 'word = "a\\nb"', ["experiments[1].parameters: 'a\\u000ab' is not one line of at most 1000 printable characters"]),
    (DRAWS, 'draws = 2020-01-01', ["experiments[1].parameters: 2020-01-01 cannot be a parameter; give finite numbers, text, true, false, or lists of them"]),
    (DRAWS, 'p = nan', ["experiments[1].parameters: nan cannot be a parameter; give finite numbers, text, true, false, or lists of them", "experiments[1].sweep.p: it is in parameters as well; give it in one of them"]),
    (SWEEP, 'sweep = { p = 0.5 }', ["experiments[1].sweep: p = 0.5 is no list of values; give lists of values, such as { hidden = [2, 4] }, or move it to parameters"]),
    (SWEEP, 'sweep = { p = [] }', ["experiments[1].sweep: p = [] is no list of values; give lists of values, such as { hidden = [2, 4] }, or move it to parameters"]),
    (SWEEP, 'sweep = { coins = [[{ side = 2 }]] }', ["experiments[1].sweep: coins: [{ side = 2 }]: values of a sweep are numbers, texts, or lists of them", "experiments[1].sweep.coins: it is in parameters as well; give it in one of them"]),
    (SWEEP, 'sweep = { p = [0.25, 1.5] }', ["experiments[1].sweep.p = 1.5: it should be less than or equal to 1 (probability of heads, such as 0.5)"]),
    (SWEEP, 'sweep = { p = [0.5, 0.5] }', ["experiments[1].sweep.p: 0.5 comes 2 times (as names of files write values); leave the others out"]),
    (SWEEP, 'sweep = { q = [0.5, 0.6] }', [f"experiments[1].sweep.q: unknown key. Known here: {KNOWN}"]),
    (SWEEP, 'sweep = { shape = [["4", 4]] }', ["experiments[1].sweep.shape[1] = '4': it should be a whole number"]),
    (SWEEP, 'sweep = { shape = [[4], [4, 4]] }', ["experiments[1].sweep.shape has 1 entry: give at least 2 (sides of a table)"]),
    (SWEEP, 'sweep = { word = ["a b", "a_b"] }', ["experiments[1].sweep.word: a_b comes 2 times (as names of files write values); leave the others out"]),
    (SWEEP, 'sweep = { word = ["A", "a"] }', ["experiments[1].sweep: two points would have a file of the same name, 'fair-worda'"]),
    (SWEEP, f'sweep = {{ word = ["{"a" * 200}"] }}', [f"experiments[1]: the name of its file 'fair-word{'a' * 47}… has 209 characters, and at most 200 will do; sweep less, or put long texts into parameters"]),
    (SWEEP, 'p = 0.5', ["experiments[1].p: unknown key; the experiment's own belong into parameters = { … }. Known here: name, experiment, parameters, sweep"]),
    ('name = "loud"', 'name = "fair"', ["experiments[2].name: 'fair' is the name of experiments[1] too; give each its own name"]),
    ('name = "loud"', 'name = "fair-coin"', ["experiments[2].name: 'fair-coin' begins with the name of experiments[1], 'fair', and files of their points could have the same name; give another"]),
    ('name = "loud"', 'name = "-loud"', ["experiments[2].name: '-loud' begins with -, like an option of a command; begin with a letter or digit"]),
    ('name = "loud"', 'name = "lo ud"', ["experiments[2].name: 'lo ud' is not made of letters (a to z), digits, _ and - alone; files are named after it, so change the rest"]),
    ('name = "loud"', 'name = "Result"', ["experiments[2].name: result.h5 is the file of the merged tables; give another name"]),
    ('[[experiments]]', '[experiments]', None),
    (GOOD, GOOD.replace("[[experiments]]", "[[experiment]]"), ["experiment: unknown key; did you mean 'experiments'? Known here: name, title, seed, model, sample, networks, ensembles, hierarchies, experiments"]),
]  # fmt: skip


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """The experiment of tests/support in the catalogue."""
    monkeypatch.setitem(catalogue.EXPERIMENTS, "toy", "toy_experiment")
    monkeypatch.setitem(sys.modules, "rgnet.plot.experiments.toy_experiment", toy_experiment)


@pytest.mark.parametrize(("old", "new", "lines"), BAD, ids=range(len(BAD)))
def test_wrong_keys_and_values(tmp_path, old, new, lines):
    file = tmp_path / "bad.toml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(studies.StudyError) as caught:
        studies.load(file)
    first, *told = str(caught.value).split("\n")
    if lines is None:
        assert "is not valid TOML" in first
        return
    told = [line.removeprefix("  ") for line in told]
    assert told == lines
    assert first.startswith(f"{file}: {'one thing is' if len(lines) == 1 else f'{len(lines)} things are'} wrong:")


def test_too_many_points_are_refused():
    values = [round(0.0001 * k, 4) for k in range(100)]
    sections = [{"name": "a", "experiment": "toy", "sweep": {"p": values, "draws": list(range(1, 22))}}]
    with pytest.raises(studies.StudyError, match=r"2,100 points \(combinations of swept parameters\).*at most 2,000"):
        studies.parse({"name": "a", "experiments": sections})


def test_every_combination_is_a_point():
    points = studies.points(studies.parse(tomllib.loads(GOOD)))
    assert [point.name for point in points] == [
        "fair-p0.25-shape4x4", "fair-p0.25-shape8x8", "fair-p0.5-shape4x4", "fair-p0.5-shape8x8", "loud",
    ]  # fmt: skip
    defaults = {"draws": 100, "p": 0.5, "shape": [4, 4], "word": "heads", "coins": [], "loud": True, "fails": False}
    assert points[4].model == {"experiment": "toy", "parameters": defaults}
    assert points[0].build_parameters() == toy_experiment.Parameters(
        draws=200, p=0.25, coins=(toy_experiment.Coin(side=3),)
    )
    assert len({point.seed for point in points}) == 5
    for point in points:
        again = from_json_dict(json.loads(json.dumps(point.to_dict())))
        assert again == point
        assert again.digest == point.digest
        assert point.is_experiment
        assert not point.is_hierarchy
        assert point.work > 0


def test_names_may_have_hyphens():
    data = tomllib.loads(GOOD)
    data["experiments"][1]["name"] = "very-loud"
    assert studies.points(studies.parse(data))[-1].name == "very-loud"


def test_a_seed_belongs_to_the_name_of_a_point():
    data = tomllib.loads(GOOD)
    before = {point.name: point.seed for point in studies.points(studies.parse(data))}
    data["experiments"][0]["sweep"]["p"] = [0.1, 0.25, 0.5]
    after = {point.name: point.seed for point in studies.points(studies.parse(data))}
    assert {name: after[name] for name in before} == before


def test_the_study_reads_back_from_a_report():
    study = studies.parse(tomllib.loads(GOOD))
    assert studies.parse(tomllib.loads(to_toml(study.model_dump(mode="json")))) == study
    assert studies.parse(study.model_dump(mode="json")) == study


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coins")
    (folder / "coins.toml").write_text(GOOD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalogue.EXPERIMENTS, "toy", "toy_experiment")
        with ThreadPoolExecutor(1) as executor:
            return studies.run(folder / "coins.toml", data=folder, executor=executor)


def test_the_result_holds_every_group(computed):
    tree = store.open(computed)
    head = tree["experiments/fair-p0.25-shape8x8"]
    assert head.attrs["experiment"] == "toy"
    assert json.loads(head.attrs["parameters"])["shape"] == [8, 8]
    found = studies.experiment_results(computed)
    assert list(found) == ["toy"]
    assert [parameters["p"] for parameters, _ in found["toy"]] == [0.25, 0.25, 0.5, 0.5, 0.5]
    for name, (parameters, groups) in zip(tree.attrs["points"], found["toy"], strict=True):
        assert set(groups) == {"throws", "mean/of_all"}
        assert groups["throws"].sizes["draw"] == parameters["draws"]
        alone = store.open(computed.parent / f"{name}.h5")
        assert alone["mean/of_all"].to_dataset().identical(groups["mean/of_all"])
        assert alone["throws"].to_dataset().identical(groups["throws"])
    means = [float(groups["mean/of_all"]["mean"]) for _, groups in found["toy"]]
    assert np.abs(np.array(means) - [0.25, 0.25, 0.5, 0.5, 0.5]).max() < 0.2
    assert tree.attrs["notes"] == {"loud": {"experiment": "the coin is loud"}}
    assert studies.experiment_results(tree)["toy"][0][0] == found["toy"][0][0]


def test_a_result_without_experiments_has_none(tmp_path):
    store.write(tmp_path / "plain.h5", {"a": xr.Dataset()}, {})
    assert studies.experiment_results(tmp_path / "plain.h5") == {}


def test_complete_points_are_skipped_and_changed_ones_refused(computed):
    file = computed.parent.parent / "coins.toml"
    before = {path.name: path.stat().st_mtime_ns for path in computed.parent.glob("*.h5")}
    with ThreadPoolExecutor(1) as executor:
        studies.run(file, data=file.parent, executor=executor)
    assert {path.name: path.stat().st_mtime_ns for path in computed.parent.glob("*.h5")} == before
    found = studies.status(file, data=file.parent)
    assert found.counts == {"done": 5, "running": 0, "failed": 0, "left": 0}
    assert found.merged
    data = tomllib.loads(GOOD)
    data["experiments"][1]["parameters"]["draws"] = 50
    changed = studies.status(studies.parse(data), data=file.parent)
    assert (
        'parameters {"draws": 100' in changed.points[-1].reason
        or "draws 100 there, 50 now" in changed.points[-1].reason
    )


def test_a_point_repeats_from_what_its_file_says(computed, tmp_path):
    """By what `rgnet run FILE` calls in a worker."""
    for original in sorted(computed.parent.glob("fair-*.h5")):
        repeating._recompute(repeating.stored_point(original), str(tmp_path / original.name), str(tmp_path))
        assert store.same(original, tmp_path / original.name, ignore=NO_DATA) == ["throws@checkpoint"]


def test_info_tells_the_experiment(computed):
    told = info.describe(computed.parent / "fair-p0.5-shape8x8.h5")
    assert 'Experiment  toy, draws 200, p 0.5, shape [8, 8], word "heads"' in told
    assert "Analyses" not in told


def test_a_shard_has_its_share(tmp_path):
    (tmp_path / "coins.toml").write_text(GOOD)
    for shard in ((1, 2), (2, 2)):
        with ThreadPoolExecutor(1) as executor:
            result = studies.run(tmp_path / "coins.toml", data=tmp_path, executor=executor, shard=shard)
    assert result.name == "result.h5"
    assert len(studies.experiment_results(result)["toy"]) == 5


def test_a_point_that_fails_is_named_and_the_others_are_kept(tmp_path):
    data = tomllib.loads(GOOD)
    data["experiments"][1]["parameters"]["fails"] = True
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(studies.PointsFailedError, match="loud: the coin rolled away"),
    ):
        studies.run(studies.parse(data), data=tmp_path, executor=executor)
    assert len(studies.experiment_results(tmp_path / "coins" / "result.h5")["toy"]) == 4


def test_the_report_shows_what_was_found(computed):
    assert list(plot.figures(computed)) == ["experiment-toy"]
    page = report.write(computed).read_text(encoding="utf-8")
    assert 'id="experiment-toy"' in page
    assert "Coins are thrown</h2>" in page
    assert "the &lt;fairest&gt; fell on heads" in page
    assert 'alt="Figure of the experiment toy: Coins are thrown"' in page
    assert "5 points" in page
    assert "0.25; 0.5" in page
    assert 'id="figures"' not in page  # the only figure is the experiment's
    assert "configurations" not in page.partition("<main")[0].partition("<body")[2]


def test_experiments_of_another_version_are_left_unread(computed, monkeypatch):
    monkeypatch.delitem(catalogue.EXPERIMENTS, "toy")
    assert plot.figures(computed) == {}
    assert "does not know the experiment" in report.write(computed, computed.parent / "old.html").read_text()


@pytest.mark.parametrize("returned", [None, {}, {"A": 1}, {"a b": xr.Dataset()}, {"a": 3}])
def test_an_experiment_must_return_groups(monkeypatch, returned):
    monkeypatch.setattr(toy_experiment, "run", lambda parameters, seed, report: returned)
    with pytest.raises(TypeError, match="the experiment 'toy'"):
        experimenting.measure("toy", {}, 0, lambda fraction, words: None, None, 60.0, threading.Lock())


def test_words_of_progress_are_kept(tmp_path):
    say = scratches.reporter(tmp_path, "a")
    say(0.25, float("nan"), "training layer 2")
    entry = scratches.progress_of(tmp_path, "a")
    assert (entry["done"], entry["words"]) == (0.25, "training layer 2")


def test_torch_has_one_thread_meanwhile(monkeypatch):
    torch = pytest.importorskip("torch")
    seen = []
    monkeypatch.setattr(
        toy_experiment,
        "run",
        lambda p, seed, report: seen.append(torch.get_num_threads()) or {"a": xr.Dataset()},
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        experimenting.measure("toy", {}, 0, lambda fraction, words: None, None, 60.0, threading.Lock())
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_every_experiment_keeps_the_contract():
    for name in [name for name in catalogue.EXPERIMENTS if name != "toy"]:
        module = catalogue.module(name)
        assert isinstance(module.SUMMARY, str)
        assert "\n" not in module.SUMMARY
        assert len(module.SUMMARY) < 120
        assert callable(module.run)
        assert callable(module.paragraph)
        assert module.Parameters.model_config["extra"] == "forbid"
        assert module.Parameters.model_config["frozen"]
        drawn = importlib.import_module(f"rgnet.plot.experiments.{module.__name__.rpartition('.')[2]}")
        assert callable(drawn.figure)
