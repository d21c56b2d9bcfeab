"""`rgnet dictionary`: its table, and what it refuses."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import shell

from rgnet import study as studies
from rgnet.study import dictionary

REAL = """
name = "small"
[[experiments]]
name = "pairs"
experiment = "dictionary"
parameters = { shape = [8, 8], K_over_K_c = 0.8, other_over_K_c = 0.7, layers = 1, draws = 400 }
"""
OTHER = REAL.replace('"dictionary"\nparameters', '"counterexample"\n# parameters')


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """A folder with a computed dictionary, and what the command printed there."""
    folder = tmp_path_factory.mktemp("dictionary")
    (folder / "s.toml").write_text(REAL)
    with ThreadPoolExecutor(1) as executor:
        studies.run(folder / "s.toml", data=folder / "data", executor=executor)
    outcome = shell.within("dictionary", "s.toml", cwd=folder)
    assert outcome.exit_code == 0, outcome.stderr
    return folder, outcome.stdout


def test_every_pair_is_printed_with_its_numbers(printed):
    folder, told = printed
    found = studies.experiment_results(folder / "data" / "small" / "result.h5")
    ((title, headings, lines),) = dictionary.tables(found)
    assert title == "The dictionary"
    assert headings == dictionary.HEADINGS
    pairs = [row[0] for row in lines if row[0]]
    assert len(pairs) == 10
    words = told.split()
    for row in lines:
        assert set(" ".join(row).split()) <= set(words)
    assert "dictionary: Of the 7 pairs" in " ".join(words)
    assert "experiment-dictionary" in told
    assert max(map(len, told.splitlines())) <= 100


def test_the_report_has_the_table(printed):
    page = (printed[0] / "data" / "small" / "report.html").read_text(encoding="utf-8")
    assert "The dictionary" in page
    assert "translation symmetry ↔ convolution" in page
    assert page.count('id="figure-experiment-dictionary"') == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.toml", None, "no such file"),
        ("s.h5", "", "s.h5 is data: give the study"),
        ("s.toml", OTHER, 'has no experiment "dictionary", so there is nothing to look up'),
        ("s.toml", REAL.replace("layers = 1", "layers = 3"), "or fewer layers"),
    ],
)
def test_the_command_takes_a_study(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(studies.StudyError, match=re.escape(message)):
        dictionary.check(tmp_path / name)


def test_refusal_ends_with_status_two(tmp_path):
    (tmp_path / "s.toml").write_text(OTHER)
    outcome = shell.within("dictionary", "s.toml", cwd=tmp_path)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith('rgnet: error: s.toml has no experiment "dictionary"')
    assert not (tmp_path / "data").exists()
