"""The experiments of a report: well-formed, described for those who do not see the figure, within the page's budget."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import toy_experiment

from rgnet import report
from rgnet import study as studies
from rgnet.experiments.catalogue import EXPERIMENTS
from rgnet.report import figures
from rgnet.report.gather import load

STUDY = """
name = "coins"
title = "Coins <beside> each other"
[[experiments]]
name = "fair"
experiment = "toy"
sweep = { p = [0.25, 0.5], word = ["<b>bold</b>", "& so"] }
"""


@pytest.fixture(scope="module", autouse=True)
def toy():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, "toy", "toy_experiment")
        patch.setitem(sys.modules, "rgnet.plot.experiments.toy_experiment", toy_experiment)
        yield


@pytest.fixture(scope="module")
def coins(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("coins")
    (folder / "s.toml").write_text(STUDY)
    with ThreadPoolExecutor(1) as executor:
        return studies.run(folder / "s.toml", data=folder, executor=executor)


def test_the_section_is_well_formed_and_described(coins, read):
    parsed = read(report.write(coins).read_text(encoding="utf-8"))
    assert parsed.broken == parsed.open == []
    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"].removeprefix("#") for attrs in parsed.all("a")} <= set(ids)
    (picture,) = parsed.all("img")
    assert picture["alt"] == "Figure of the experiment toy: Coins are thrown"
    assert picture["src"].startswith("data:image/png;base64,")
    assert "b" not in {tag for tag, _ in parsed.elements}  # what a study says is text
    cells = parsed.text("td")
    assert '"<b>bold</b>"; "& so"' in cells
    assert "0.25; 0.5" in cells
    assert {"Experiments", "Computed"} <= set(parsed.texts["dt"])
    assert "Model" not in parsed.texts["dt"]


def test_figures_of_experiments_come_first_and_all_share_one_budget(coins, monkeypatch):
    names = ["ledger", "flow", "experiment-toy", "information"]
    monkeypatch.setattr(figures, "_pictures", lambda path: [(name, b"x" * 10) for name in names])
    result = load(coins)
    every = figures.chosen(result)
    assert (list(every.experiments), list(every.others), every.left) == (["toy"], ["ledger", "flow", "information"], 0)
    monkeypatch.setattr(figures, "MOST_BYTES", 25)
    some = figures.chosen(result)
    assert (list(some.experiments), list(some.others), some.left) == (["toy"], ["ledger"], 2)


def test_a_module_may_say_what_its_figure_shows(coins, monkeypatch, read):
    monkeypatch.setattr(toy_experiment, "ALT", "Dots in a row", raising=False)
    monkeypatch.setattr(toy_experiment, "CAPTION", "One dot a coin.", raising=False)
    parsed = read(report.write(coins, coins.parent / "said.html").read_text(encoding="utf-8"))
    assert parsed.all("img")[0]["alt"] == "Dots in a row"
    assert "One dot a coin." in parsed.text("figcaption")
