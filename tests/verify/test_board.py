"""Running and judging: the limit, planted failures, errors in rows, dead processes, Ctrl-C."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
import scipy.stats

from rgnet import Estimate
from rgnet.estimate import FAMILY, z_limit
from rgnet.verify import Check, Measured, Row, run, summary, to_dict


def board(*items, **options):
    with ThreadPoolExecutor(2) as executor:
        return run(every=items, executor=executor, **options)


def normal(name, value, expected=0.0, stderr=1.0, dof=math.inf, expected_stderr=0.0):
    return Check((Row(f"t/{name}", "q", expected, "s", expected_stderr),), lambda seed: Measured(value, stderr, dof))


def exact(name, value, tolerance, expected=0.0):
    return Check((Row(f"t/{name}", "q", expected, "s", tolerance=tolerance),), lambda seed: value)


def test_the_limit_is_bonferronis():
    assert z_limit(1) == pytest.approx(2.5758, abs=1e-4)
    for rows in (1, 10, 77, 500):
        assert rows * 2 * scipy.stats.norm.sf(z_limit(rows)) == pytest.approx(FAMILY)
        assert rows * 2 * scipy.stats.t.sf(z_limit(rows, 20), 20) == pytest.approx(FAMILY)
    assert z_limit(50, 1e9) == pytest.approx(z_limit(50), rel=1e-6)
    assert z_limit(50, 20) > z_limit(50) + 0.5


def test_a_right_board_fails_for_about_one_seed_in_a_hundred():
    rng = np.random.default_rng(1)
    z, t = rng.standard_normal((20_000, 40)), rng.standard_t(20, (20_000, 40))
    for draws, allowed in ((z, z_limit(40)), (t, z_limit(40, 20))):
        rate = (np.abs(draws) > allowed).any(axis=1).mean()
        assert abs(rate - FAMILY) < 4 * math.sqrt(FAMILY / 20_000)
    assert (np.abs(t) > z_limit(40)).any(axis=1).mean() > 2 * FAMILY  # a t is not a normal


def test_rows_are_judged_by_how_many_there_are():
    z = 3.0  # more than z_limit(1), less than z_limit(10)
    assert board(normal("alone", z)).failed
    together = board(normal("one", z), *(normal(f"other-{k}", 0.1) for k in range(9)))
    assert not together.failed
    assert together.outcomes[0].limit == pytest.approx(z_limit(10))
    assert board(normal("one", z), *(exact(f"other-{k}", 0.0, 1e-3) for k in range(9))).failed  # those have no z


def test_few_degrees_of_freedom_widen_the_limit_unless_the_expected_error_dominates():
    few = board(normal("few", 3.0, dof=10)).outcomes[0]
    assert few.limit == pytest.approx(z_limit(1, 10))
    assert few.passed
    mixed = board(normal("mixed", 3.0, dof=10, expected_stderr=10.0)).outcomes[0]
    assert mixed.z == pytest.approx(3 / math.hypot(1, 10))
    assert mixed.limit == pytest.approx(z_limit(1), rel=1e-3)


def test_planted_wrong_rows_fail():
    result = board(
        normal("right", 0.3), normal("wrong", 5.0), exact("close", 1e-9, 1e-8), exact("far", 1e-7, 1e-8),
        exact("none-lost", 0, 0), exact("one-lost", 1, 0), exact("negative", -1, 0),
    )  # fmt: skip
    assert [outcome.row.name for outcome in result.failed] == ["t/wrong", "t/far", "t/one-lost", "t/negative"]
    assert [outcome.row.kind for outcome in result.outcomes[4:]] == ["count"] * 3


def fails(seed):
    raise ArithmeticError("no such number\nmore of it")


def test_a_row_that_raises_fails_and_the_others_run():
    seen = []
    result = board(
        Check((Row("t/bad", "q", 1.0, "s"), Row("t/bad-too", "q", None, "s")), fails),
        normal("good", 0.2),
        normal("nan", math.nan),
        normal("no-error", 1.0, stderr=0.0),
        normal("not-known", 1.0, stderr=math.nan),
        Check((Row("t/few", "q", 1.0, "s"), Row("t/few-too", "q", 1.0, "s")), lambda seed: [1.0]),
        Check((Row("t/none", "q", None, "s"),), lambda seed: Measured(1.0, 1.0)),
        Check((Row("t/overflow", "q", 0.0, "s", tolerance=1),), lambda seed: np.float64(1e308) * 10),
        observer=lambda progress: seen.append(len(progress.finished)),
    )
    errors = {outcome.row.name: outcome.error for outcome in result.outcomes}
    assert errors["t/good"] is None
    assert errors["t/bad"] == errors["t/bad-too"] == "ArithmeticError: no such number"
    assert "not a finite number" in errors["t/nan"]
    assert "needs a positive one" in errors["t/no-error"]
    assert "needs a positive one" in errors["t/not-known"]
    assert "1 measurements for 2 rows" in errors["t/few"]
    assert "has no expected value" in errors["t/none"]
    assert "RuntimeWarning" in errors["t/overflow"]
    assert {outcome.row.name for outcome in result.failed} == set(errors) - {"t/good"}
    assert seen[-1] == len(errors)


def test_estimates_and_plain_numbers_are_measurements():
    estimate = Estimate(1.5, 0.25, n=1000, n_effective=100)
    result = board(
        Check((Row("t/estimate", "q", 1.0, "s"),), lambda seed: estimate),
        Check((Row("t/beside", "q", None, "s"),), lambda seed: Measured(1.0, 0.5, expected=2.0)),
    )
    first, second = result.outcomes
    assert (first.measured, first.stderr, first.z) == (1.5, 0.25, 2.0)
    assert 5 < first.dof < 20  # a tenth of the effective draws
    assert (second.expected, second.z) == (2.0, -2.0)


def test_only_the_chosen_rows_of_a_check_are_judged():
    item = Check((Row("t/a", "q", 0.0, "s"), Row("t/b", "q", 0.0, "s")), lambda seed: [Measured(3, 1), Measured(9, 1)])
    assert [outcome.row.name for outcome in board(item, only=["t/a"]).outcomes] == ["t/a"]


def test_what_is_not_installed_is_skipped_by_name_and_fails_nothing():
    needy = Check(
        (Row("t/needs", "q", 0.0, "s", tolerance=0.1), Row("t/needs-too", "q", 0.0, "s", tolerance=0.1)),
        lambda seed: pytest.fail("never measured"), requires=("no_such_package", "json"),
    )  # fmt: skip
    every = (normal("one", 0.1), needy)
    result = board(*every)
    assert [outcome.row.name for outcome in result.outcomes] == ["t/one"]
    assert not result.failed
    reason = 'no_such_package not installed (pip install -e ".[learn]")'
    assert [(one.row.name, one.reason) for one in result.skipped] == [("t/needs", reason), ("t/needs-too", reason)]
    assert f"2 skipped: t/needs, t/needs-too: {reason}." in summary(result)
    assert [entry["name"] for entry in to_dict(result)["skipped"]] == ["t/needs", "t/needs-too"]
    alone = board(*every, only=["t/needs-too"])
    assert [one.row.name for one in alone.skipped] == ["t/needs-too"]
    assert not alone.failed
    assert summary(alone).startswith("0 of 0 rows pass.")
    assert not board(*every, only=["t/one"]).skipped


def test_seeds_come_from_the_board_and_the_name_alone():
    def seeded(*names, seed=2017):
        items = [Check((Row(name, "q", 0.0, "s", tolerance=0.5),), lambda s: s / 2**128) for name in names]
        return {outcome.row.name: outcome.measured for outcome in board(*items, seed=seed).outcomes}

    assert seeded("t/a", "t/b")["t/b"] == seeded("t/c", "t/b")["t/b"]
    assert len(set(seeded("t/a", "t/b").values())) == 2
    assert seeded("t/a")["t/a"] != seeded("t/a", seed=1)["t/a"]


def test_bad_numbers_are_refused():
    for options in ({"seed": -1}, {"seed": 1.5}, {"seed": True}, {"workers": 0}):
        with pytest.raises(ValueError, match="give a whole number of at least"):
            run(["exact/chain"], **options)


SCRIPT = """
import json, os
from rgnet.verify import Check, Measured, Row, run

def dies(seed): os._exit(3)
def right(seed): return Measured(0.1, 1.0)
def item(name, measure, cost): return Check((Row(name, "q", 0.0, "s"),), measure, cost)

if __name__ == "__main__":
    every = [item("t/dies", dies, 9), item("t/right", right, 1)]
    every.append(Check((Row("t/lambda", "q", 0.0, "s"),), lambda seed: 1.0))
    result = run(every=every, workers=1)
    print(json.dumps({outcome.row.name: outcome.error for outcome in result.outcomes}))
"""


@pytest.mark.slow
def test_a_process_that_dies_costs_its_own_row_and_no_other(tmp_path):
    script = tmp_path / "board.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=True)
    errors = json.loads(done.stdout)
    assert "died" in errors.pop("t/dies")
    assert "lambda" in errors.pop("t/lambda")
    assert errors == {"t/right": None}


SLEEPER = """
import pathlib, sys, time
from rgnet.verify import Check, Row, run

def sleeps(seed):
    pathlib.Path(sys.argv[0]).with_suffix(".started").touch()
    time.sleep(60)

if __name__ == "__main__":
    run(every=[Check((Row("t/sleeps", "q", 0.0, "s"),), sleeps)], workers=1)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_ends_at_once_and_leaves_no_process(tmp_path):
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    process = subprocess.Popen([sys.executable, script], start_new_session=True, stderr=subprocess.PIPE)
    started = script.with_suffix(".started")
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert started.exists()
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert time.monotonic() - begun < 3
    assert b"KeyboardInterrupt" in stderr
    with suppress(ProcessLookupError):  # the whole group is gone
        while time.monotonic() - begun < 10:
            os.killpg(process.pid, 0)
            time.sleep(0.1)
        pytest.fail("a worker outlived the board")
