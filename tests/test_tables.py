"""What the terminal says of a result."""

import io
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console

import rgnet as rg
from rgnet import study as studies
from rgnet.tables import duration, tables


def shown(result):
    console = Console(file=io.StringIO(), width=200)
    for table in tables(result):
        console.print(table)
    return " ".join(console.file.getvalue().split())


def run(tmp_path, *ensembles):
    study = studies.parse({"name": "t", "seed": 1, "ensembles": list(ensembles)})
    with ThreadPoolExecutor(1) as executor:
        return rg.run(study, data=tmp_path, executor=executor)


def test_points_without_error_bars_are_counted(tmp_path):
    """A chain that is too short for its autocorrelation time is left out, which selects; a picture is no such point."""
    long = {"name": "long", "shape": [8, 8], "K": [0.2, 0.3], "draws": 400}
    short = {"name": "short", "shape": [8, 8], "K": 0.44, "draws": 12, "update": "metropolis", "warmup": 50, "thin": 1}
    picture = {"name": "picture", "shape": [8, 8], "K": 0.4, "draws": 1, "chains": 1}
    text = shown(run(tmp_path, long, short, picture))
    assert "1 more points have chains too short for error bars (see their notes): these are a selection." in text
    assert "selection" not in shown(run(tmp_path / "other", long, picture))


def test_durations_as_a_person_says_them():
    assert [duration(s) for s in (0.4, 90, 600, 7200, 200000)] == ["0 s", "90 s", "10 min", "2 h", "2 days"]
