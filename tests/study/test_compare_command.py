"""`rgnet compare`, and what a user without torch sees."""

import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import shell
import toy_experiment
import xarray as xr
from rich.console import Console

from rgnet import store, tables
from rgnet import study as studies
from rgnet.experiments import catalogue
from rgnet.study import comparing
from rgnet.study.compute import NO_DATA

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


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """The experiment of tests/support in the catalogue."""
    monkeypatch.setitem(catalogue.EXPERIMENTS, "toy", "toy_experiment")
    monkeypatch.setitem(sys.modules, "rgnet.plot.experiments.toy_experiment", toy_experiment)


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
