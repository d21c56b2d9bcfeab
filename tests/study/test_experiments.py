# ruff: noqa: E501  (a table with one case a line)
"""Experiments in study files: what is refused, which points there are, and from file to report."""

import importlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import shell
import toy_experiment
import xarray as xr
from rich.console import Console

from rgnet import info, plot, report, store, tables
from rgnet import study as studies
from rgnet.experiments import catalogue
from rgnet.report.toml import to_toml
from rgnet.study import comparing, experimenting, repeating
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
REAL = """
name = "real"
[[experiments]]
name = "networks"
experiment = "comparison"
parameters = { shape = [8, 8], K = 0.2, networks = ["majority"], levels = 1, draws = 300, chains = 2, rows = 256 }
"""
NO_COMPARISON = """
name = "other"
[[experiments]]
name = "beside"
experiment = "counterexample"
"""
DRAWS = "draws = 200, coins = [{ side = 3 }]"
SWEEP = "sweep = { p = [0.25, 0.5], shape = [[4, 4], [8, 8]] }"
KNOWN = "draws, p, shape, word, coins, loud, fails"
BAD = [
    ('experiment = "toy"', 'experiment = "toi"', ["experiments[1].experiment: 'toi' is no experiment; give one of comparison, rbm-stack, counterexample, rbm-flow, rsmi, cnn-layers, learning-curves, toy; did you mean 'toy'?"]),
    ('experiment = "toy"', '', ["experiments[1].experiment: this key is missing; give it (one of comparison, rbm-stack, counterexample, rbm-flow, rsmi, cnn-layers, learning-curves)"]),
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


HIDING = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('torch', 'safetensors'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Hidden())
"""
WITHOUT_TORCH = """
import json
from concurrent.futures import ThreadPoolExecutor
from shell import within
from rgnet import study
told = {name: within(name, 'needs.toml', cwd='.') for name in ('run', 'status')}
with ThreadPoolExecutor(1) as executor:
    study.run('s.toml', executor=executor)
told['compare'] = within('compare', 's.toml', cwd='.')
print(json.dumps({name: [one.exit_code, one.stdout, one.stderr] for name, one in told.items()}))
"""


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory):
    """A folder, and what `rgnet` says there in a process that cannot import torch: status, output, errors by command.

    In it a comparison of hand-made maps was computed, which needs no torch.
    """
    folder = tmp_path_factory.mktemp("real")
    (folder / "s.toml").write_text(REAL)
    (folder / "needs.toml").write_text(NO_COMPARISON.replace("counterexample", "rbm-stack"))
    outcome = subprocess.run(
        [sys.executable, "-c", HIDING + WITHOUT_TORCH], cwd=folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(shell.__file__).parent)},
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    return folder, json.loads(outcome.stdout)


def test_without_torch_what_needs_it_says_so_before_computing(without_torch):
    folder, told = without_torch
    message = 'rgnet: error: rbm-stack needs torch and safetensors, not installed here: pip install -e ".[learn]"\n'
    assert told["run"] == [2, "", message]
    assert not (folder / "data" / "other").exists()
    assert told["status"][0] == 0


@pytest.fixture
def real(without_torch):
    """The folder with a comparison, and what `rgnet compare` printed."""
    folder, told = without_torch
    assert told["compare"][0] == 0, told["compare"]
    return folder, told["compare"][1]


def _flat(text):
    return " ".join(text.split())


def test_compare_prints_tables_and_what_was_found_and_where_they_are(real):
    folder, printed = real
    result = folder / "data" / "real" / "result.h5"
    points = studies.experiment_results(result)["comparison"]
    told = _flat(printed)
    assert _flat(f"comparison: {catalogue.module('comparison').paragraph(points)}") in told
    titles = [title for title, _, _ in comparing.tables({"comparison": points})]
    assert titles[0] == "The levels"
    lines = printed.splitlines()
    for title in titles:
        assert any(line.strip() == title for line in lines) != title.startswith("CKA")
    assert f"Heat map {Path('data', 'real', 'figures', 'experiment-comparison.png')}" in told
    assert f"Report {Path('data', 'real', 'report.html')}" in told
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("width", [50, 64, 80, 100, 300])
def test_tables_are_cut_to_the_width_and_nothing_of_them_is(real, width):
    result = real[0] / "data" / "real" / "result.h5"
    console = Console(width=width, file=io.StringIO())
    for table in tables.comparisons(result, width):
        console.print(table)
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= width
    words = shown.split()
    for title, headings, rows in comparing.tables(studies.experiment_results(result)):
        if not title.startswith("CKA"):
            assert set(" ".join([*headings, *(cell for row in rows for cell in row)]).split()) <= set(words)


def test_run_prints_the_same(real):
    folder, printed = real
    again = shell.within("run", "s.toml", cwd=folder)
    assert again.exit_code == 0, again.stderr
    assert "1 of 1 points of real are complete" in again.stdout
    assert printed.partition("The levels")[2] == again.stdout.partition("The levels")[2]


@pytest.mark.slow
def test_a_real_point_repeats_bit_for_bit(real):
    outcome = shell.rgnet("run", "data/real/networks.h5", cwd=real[0])
    assert outcome.returncode == 0, outcome.stderr
    assert "the data agree bit for bit" in outcome.stdout


def test_the_report_has_the_tables_of_a_comparison(real):
    result = real[0] / "data" / "real" / "result.h5"
    page = (result.parent / "report.html").read_text(encoding="utf-8")
    points = studies.experiment_results(result)["comparison"]
    for title, headings, rows in comparing.tables({"comparison": points}):
        assert title in page
        assert len(headings) == len(rows[0])
    assert page.count('id="figure-experiment-comparison"') == 1
    assert len(page) < 5 << 20
    assert re.search(r'(src|href)="(?!data:|#)', page) is None  # nothing is loaded from anywhere


def test_compare_refuses_what_compares_nothing(tmp_path):
    (tmp_path / "s.toml").write_text(NO_COMPARISON)
    outcome = shell.within("compare", "s.toml", cwd=tmp_path)
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith(
        'rgnet: error: s.toml has no experiment "comparison", so there is nothing to compare: add [[experiments]] with '
    )
    assert outcome.stdout == ""
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.toml", None, "no such file"),
        ("s.h5", "", "s.h5 is data: give the study"),
        ("s.toml", NO_COMPARISON.replace("counterexample", "comparisn"), "did you mean 'comparison'?"),
    ],
)
def test_compare_takes_a_study(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(studies.StudyError, match=re.escape(message)):
        comparing.check(tmp_path / name)


def test_help_is_short():
    told = shell.within("compare", "--help", cwd=".").output
    assert "comparison of networks beside the RG" in told
    for option in ("--data", "--workers", "--executor", "--shard", "--force", "--checkpoint-every"):
        assert option in told
    assert len(told.splitlines()) < 40


@pytest.mark.slow
def test_training_repeats_bit_for_bit(tmp_path):
    """Trained in a worker, and in this process with all its threads."""
    pytest.importorskip("torch")
    text = NO_COMPARISON + "parameters = { draws = 400, epochs = 2 }\n"
    (tmp_path / "s.toml").write_text(text)
    assert shell.rgnet("run", "s.toml", "--workers", 1, cwd=tmp_path).returncode == 0
    with ThreadPoolExecutor(1) as executor:
        studies.run(tmp_path / "s.toml", data=tmp_path / "again", executor=executor)
    files = [tmp_path / folder / "other" / "beside.h5" for folder in ("data", "again")]
    assert store.same(*files, ignore=NO_DATA) == []


def test_a_point_cut_short_finds_its_checkpoints(tmp_path, monkeypatch):
    """What an experiment left in the folder that it was offered is there when it is run again."""
    seen = []

    def run(parameters, seed, report, checkpoint=None):
        seen.append(sorted(path.name for path in checkpoint.glob("*")))
        if not seen[-1]:
            checkpoint.mkdir(parents=True)
            (checkpoint / "half").write_text("half")
            raise ValueError("stopped half-way")
        return {"a": xr.Dataset({"x": 1.0})}

    monkeypatch.setattr(toy_experiment, "run", run)
    study = studies.parse({"name": "s", "experiments": [{"name": "a", "experiment": "toy"}]})
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(studies.PointsFailedError, match="stopped half-way"):
            studies.run(study, data=tmp_path, executor=executor)
        point = studies.status(study, data=tmp_path).points[0]
        assert (point.stand, point.checkpointed) == ("failed", True)
        result = studies.run(study, data=tmp_path, executor=executor)
    assert seen == [[], ["half"]]
    assert result.name == "result.h5"
    assert not (tmp_path / "s" / ".running").exists()
