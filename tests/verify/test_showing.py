"""The board as a table, as JSON and as a command."""

import json
import math

import pytest
from rich.console import Console

from rgnet import __version__
from rgnet.estimate import z_limit
from rgnet.verify import Board, Outcome, Row, UnknownRowError, main, summary, text, to_json
from rgnet.verify.board import judge


def outcome(name, expected, measured, stderr=0.0, expected_stderr=0.0, tolerance=None, note="", dof=math.inf, **more):
    row = Row(name, "a quantity", expected, "Author 1949", expected_stderr, tolerance, note)
    return Outcome(row, math.nan if expected is None else expected, measured, stderr, dof, 1.25, name, **more)


def made():
    return Board(
        judge(
            [
                outcome("flow/good", -1.4531214, -1.4528, 0.0013, note="a first note"),
                outcome("flow/wrong", 1.0, 2.0, 0.1),
                outcome("flow/published", 0.908, 0.905, 0.004, 0.001, note="a second note"),
                outcome("flow/few", 1.0, 1.1, 0.1, dof=9),
                outcome("store/exact", 952.6480795, 952.6480795 + 2e-13, tolerance=1e-9, note="a first note"),
                outcome("store/count", 0.0, 0.0, tolerance=0),
                outcome("store/bad", None, math.nan, math.nan, error="ValueError: [red]too few[/red]"),
            ]
        ),
        seed=5, full=False, workers=2, seconds=12.3,
    )  # fmt: skip


def lines(width=120):
    return {line.split()[0]: line for line in text(made(), width).splitlines() if line.startswith("  ")}


def test_a_row_shows_what_a_reader_needs():
    shown = lines()
    assert shown["good"].split() == [
        "good", "a", "quantity", "-1.4531", "-1.4528(13)", "+0.2", "1.2", "Author", "1949", "¹"
    ]  # fmt: skip
    assert "+10.0 FAIL" in shown["wrong"]
    assert "0.9080(10) " in shown["published"]
    assert shown["published"].endswith("1949 ²")
    assert "952.6480795 952.6480795" in shown["exact"]
    assert "Δ 2e-13" in shown["exact"]
    assert shown["count"].split()[3:5] == ["0", "0"]
    assert "ERROR" in shown["bad"]
    assert "ValueError: [red]too few[/red]" in shown["bad"]
    assert text(made()).splitlines()[0].split() == ["row", "quantity", "expected", "measured", "z", "s", "source"]
    assert "¹ a first note" in text(made())
    assert "² a second note" in text(made())


@pytest.mark.parametrize("width", [80, 100, 120])
def test_it_fits(width):
    assert max(len(line) for line in text(made(), width).splitlines()) <= width


def test_the_summary_says_what_it_comes_to():
    said = summary(made())
    assert said.startswith("5 of 7 rows pass; failed: flow/wrong, store/bad.")
    assert f"5 rows have a z; a row fails beyond |z| = {z_limit(5):.2f} (up to {z_limit(5, 9):.2f} where" in said
    assert "1 % of all seeds (Bonferroni)" in said
    assert "Largest |z| 10.00" in said
    assert "seed 5, 2 processes, 12 s" in said


def test_json_has_the_documented_schema_and_no_nan():
    data = json.loads(to_json(made()), parse_constant=pytest.fail)
    assert list(data) == [
        "schema", "rgnet", "date", "platform", "python", "seed", "full", "workers", "seconds", "family", "limit",
        "passed", "skipped", "rows",
    ]  # fmt: skip
    assert (data["schema"], data["rgnet"], data["seed"], data["passed"]) == (1, __version__, 5, False)
    assert data["limit"] == pytest.approx(z_limit(5))
    rows = {row["name"]: row for row in data["rows"]}
    assert list(rows["flow/good"]) == [
        "name", "quantity", "kind", "expected", "expected_stderr", "source", "note", "tolerance", "measured", "stderr",
        "dof", "z", "limit", "passed", "seconds", "check", "error",
    ]  # fmt: skip
    good = rows["flow/good"]
    assert good["z"] == pytest.approx((good["measured"] - good["expected"]) / good["stderr"])
    assert (good["kind"], good["passed"], good["dof"], good["error"]) == ("statistical", True, None, None)
    assert rows["flow/few"]["dof"] == 9
    assert (rows["store/exact"]["z"], rows["store/exact"]["limit"], rows["store/exact"]["tolerance"]) == (
        None,
        None,
        1e-9,
    )
    assert (rows["store/count"]["kind"], rows["store/count"]["passed"]) == ("count", True)
    assert rows["store/bad"]["measured"] is None
    assert rows["store/bad"]["error"].startswith("ValueError")
    assert sum(not row["passed"] for row in rows.values()) == 2


CHEAP = ["exact/decimation", "exact/log-Z-*", "layers/soft", "store/round-trip"]


def test_cheap_rows_run_for_real(capsys):
    assert main(CHEAP, as_json=True, workers=1) == 0
    captured = capsys.readouterr()
    data = json.loads(captured.out)
    assert data["passed"]
    assert len(data["rows"]) == 8
    assert {row["kind"] for row in data["rows"]} == {"statistical", "deterministic", "count"}
    assert all(row["seconds"] >= 0 for row in data["rows"])


def test_a_failing_row_is_an_exit_status(monkeypatch, capsys):
    import rgnet.verify.command as command

    for wrong, status in ((True, 1), (False, 0)):
        item = outcome("t/row", 1.0, 9.0 if wrong else 1.05, 0.1)
        board = Board(judge([item]), 1, False, 1, 0.0)
        monkeypatch.setattr(command, "run", lambda *a, board=board: board)
        assert main() == status
        assert ("failed: t/row" in capsys.readouterr().out) == wrong


def test_the_table_goes_to_the_console_given(monkeypatch):
    import io

    import rgnet.verify.command as command

    monkeypatch.setattr(command, "run", lambda *a: made())
    file = io.StringIO()
    main(console=Console(file=file, width=120))
    assert "a quantity" in file.getvalue()


def test_an_unknown_name_raises_before_anything_runs():
    with pytest.raises(UnknownRowError, match="did you mean flow"):
        main(["flwo"])
