"""The registry: every row there is, how rows are chosen, and what a row may not be."""

import functools
import math
import pickle
import re
import subprocess
import sys

import pytest

from rgnet.verify import Check, Row, UnknownRowError, checks, published, select

CHECKS = checks()
ROWS = [row for item in CHECKS for row in item.rows]
FAST = [row for item in CHECKS if not item.full for row in item.rows]


def test_names_are_unique_and_there_are_enough_rows():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert len(FAST) >= 34
    assert len(ROWS) > len(FAST)
    assert len({row.group for row in FAST}) >= 8


def test_the_board_covers_what_it_promises():
    names = {row.name for row in FAST}
    for update in ("metropolis", "heat-bath", "wolff", "swendsen-wang"):
        assert f"updates/16-{update}" in names
    promised = (
        "observables/heat-16", "updates/yang", "updates/log-Z", "exact/log-Z-64", "exact/free-energy",
        "exact/decimation", "flow/chain-2", "flow/y_t-2-4", "flow/tangent-third", "information/majority-K",
        "information/decimation-K",
        "exact/fisher-majority", "flow/fitted-nn", "autocorrelation/ar1", "stats/energy-spread", "store/round-trip",
        "updates/resumed",
    )  # fmt: skip
    assert set(promised) <= names
    assert "autocorrelation/z-metropolis" in {row.name for row in ROWS} - names


def test_every_row_says_where_its_number_is_from():
    for row in ROWS:
        # A published number with an error has its author and year
        assert not row.expected_stderr or re.search(r"^[A-Z]\w+ .*\d{4}|notebook", row.source), row.name
        assert row.expected is None or math.isfinite(row.expected), row.name
        assert row.expected_stderr >= 0, row.name
        assert row.kind != "count" or row.expected == 0, row.name
        # A line of the board is a line of 120 columns
        assert len(row.name.partition("/")[2]) <= 22, row.name
        assert len(row.quantity) <= 34, row.name
        assert len(row.source) <= 24, row.name


def test_every_check_can_travel_to_another_process():
    for item in CHECKS:
        again = pickle.loads(pickle.dumps(item))
        assert again.rows == item.rows
        assert isinstance(item.measure, functools.partial) or again.measure is item.measure


def test_importing_the_board_and_its_rows_loads_nothing_heavy():
    code = (
        "import sys, rgnet.verify; first = set(sys.modules); rgnet.verify.checks();"
        "print(sorted({'numba', 'xarray', 'matplotlib', 'torch'} & set(sys.modules)),"
        " sorted({'numpy', 'scipy', 'rich'} & first))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[] []"


@pytest.mark.parametrize(
    ("only", "full", "count"),
    [
        (None, False, len(FAST)),
        (None, True, len(ROWS)),
        (["exact/chain"], False, 1),
        (["exact"], False, sum(row.group == "exact" for row in FAST)),
        (["exact/", "exact/chain"], False, sum(row.group == "exact" for row in FAST)),
        (["flow/chain-*"], False, 3),
        (["*/*-metropolis"], False, sum(row.name.endswith("-metropolis") for row in FAST)),
        (["stats"], False, sum(row.group == "stats" for row in FAST)),
        (["stats"], True, sum(row.group == "stats" for row in ROWS)),
        (["autocorrelation/z-metropolis"], False, 1),  # named in full, it runs
    ],
)
def test_rows_are_chosen_by_name_group_or_pattern(only, full, count):
    assert len(select(CHECKS, only, full)) == count


def test_a_group_is_not_a_prefix_of_another():
    made = [Check((Row(f"{group}/a", "q", 0.0, "s"),), abs) for group in ("flow", "flowers")]
    assert list(select(made, ["flow"])) == ["flow/a"]


def test_an_unknown_name_is_an_error_that_helps():
    with pytest.raises(
        UnknownRowError, match=r"--only flwo: no row, .* \(did you mean flow\?\); groups are .*, exact, "
    ):
        select(CHECKS, ["exact", "flwo"])
    with pytest.raises(UnknownRowError, match=r"did you mean updates/16-wolff\?"):
        select(CHECKS, ["updates/16-wollf"])
    with pytest.raises(UnknownRowError, match=r"groups are .* GROUP/NAME as the board shows it"):
        select(CHECKS, [""])
    with pytest.raises(UnknownRowError, match="every row of it is a long one; add --full"):
        select(CHECKS, ["autocorrelation/z-*"])
    assert issubclass(UnknownRowError, ValueError)


@pytest.mark.parametrize("name", ["chain", "/chain", "flow/", "flow/a b", ""])
def test_a_row_has_a_group_and_a_name(name):
    with pytest.raises(ValueError, match="a name is GROUP/NAME without spaces"):
        Row(name, "q", 0.0, "s")


def test_a_row_has_a_source():
    with pytest.raises(ValueError, match="say the quantity, and the source"):
        Row("flow/a", "q", 0.0, "")


def test_published_numbers_are_read_as_printed():
    value, error = published("1.8760(1)")
    assert value == 1.876
    assert error == pytest.approx(1e-4 * math.sqrt(1 + 1 / 12))
    assert published("0.955(12)")[1] == pytest.approx(math.hypot(0.012, 0.001 / math.sqrt(12)))
    assert published("1.80(1)", 0.3)[1] == pytest.approx(0.3, rel=1e-3)
    assert published("-3")[0] == -3
