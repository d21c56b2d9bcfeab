"""Study files at random: whatever they say, there is a study with its points, or one plain error. Never anything else.

Three ways: tables built from right and wrong keys and values, bytes of the repository's own studies changed, and text
of TOML's marks thrown together. The examples are the same at every run.
"""

import copy
import re
import string
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rgnet import study as studies
from rgnet.experiments.catalogue import EXPERIMENTS
from rgnet.study import sections

pytestmark = pytest.mark.filterwarnings("error")

SIMULATIONS = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "simulations").glob("*.toml"))]
WHERE = re.compile(
    r"(the file|[\w'\".\[\]-]+)(:| = | is | \(| has )|line \d+|at its end|encoding|brackets|bytes?|digits"
)
MOST_SECONDS = 2.0


@pytest.fixture(scope="module", autouse=True)
def toy():
    """An experiment with parameters of every kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, "toy", "toy_experiment")
        yield


def fuzz(examples):
    """So many examples, the same at every run."""
    return settings(
        max_examples=examples, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip


numbers = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([0, 1, 2, 4, 8, 64, 10**9, 10**30, -(10**30), 10**4000, 2**31, 2**63]),
    st.sampled_from([0.0, -0.0, 0.4, 1e-300, 5e-324, 1e300, float("nan"), float("inf"), float("-inf")]),
    st.floats(),
)
WORDS = """
    majority majorty decimation kadanoff average periodic free fre auto wolff wolf metropolis heat-bath swendsen-wang
    mcrg tangent couplings information snapshots Ising Potts a A b critical nn nnn third plaquette m phi2 random first
    samples CON ../x a-b result toy coins sides draws p word
    Clock XY ON BlumeCapel Phi4 GaussianField SpinGlass Dimers ContinuousModel triangular gaussian wolff+over-relaxation
"""
words = st.sampled_from(WORDS.split())
scalars = st.one_of(numbers, words, st.text(max_size=8), st.booleans(), st.none(), st.dates(), st.times())
ranges = st.fixed_dictionaries({"start": numbers, "stop": numbers, "num": numbers})
values = st.recursive(
    st.one_of(scalars, ranges),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=2)),
    max_leaves=6,
)
keys = st.sampled_from(
    sorted({name for kind in vars(sections).values() if hasattr(kind, "model_fields") for name in kind.model_fields})
    + ["drawz", "shapes", "k", "", "a b", "é"]
)
GOOD = {
    "name": "good",
    "title": "all keys",
    "seed": 1,
    "model": {"name": "Ising", "boundary": ["periodic", "free"], "couplings": {"nnn": 0.1}},
    "sample": {"draws": 10, "chains": 2, "update": "metropolis", "warmup": 5, "thin": 1},
    "networks": {
        "majority": {"layers": [{"layer": "majority", "b": 2, "ties": "first", "repeat": 2}], "keep_levels": False},
        "soft": {"layers": [{"layer": "kadanoff", "rho": 0.5}, {"layer": "average", "rescale": 1.1}]},
    },
    "ensembles": [
        {"name": "a", "shape": [8, 8], "K": [0.3, 0.4], "networks": ["majority"], "analyses": ["mcrg"], "h": [0, 0.1]},
        {"name": "b", "shape": [[4, 4], [8, 8]], "T": {"start": 2, "stop": 3, "num": 4}, "update": "heat-bath"},
    ],
    "experiments": [
        {
            "name": "c",
            "experiment": "toy",
            "parameters": {"draws": 10, "coins": [{"side": 3}], "word": "tails"},
            "sweep": {"p": [0.25, 0.5], "shape": [[2, 2], [4, 4]], "loud": [True]},
        },
    ],
}


def places(data, path=()):
    """Every place of nested tables and lists."""
    yield path
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


PLACES = list(places(GOOD))[1:]
mistakes = st.lists(
    st.tuples(st.sampled_from(["change", "remove", "rename", "repeat"]), st.sampled_from(PLACES), values, keys),
    min_size=1,
    max_size=4,
)


def with_mistakes(changes):
    """A good study in which values are changed, removed, given under another key, or twice."""
    data = copy.deepcopy(GOOD)
    for kind, path, value, key in changes:
        around = data
        try:
            for part in path[:-1]:
                around = around[part]
            old = around[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # removed before
        if not isinstance(around, dict | list):
            continue
        if kind == "change":
            around[path[-1]] = value
        elif kind == "repeat":
            around.extend([old, value]) if isinstance(around, list) else around.update({key: old})
        else:
            del around[path[-1]]
            if kind == "rename" and isinstance(around, dict):
                around[key] = old
    return data


tables = st.dictionaries(keys, values, max_size=6)
experiments = st.fixed_dictionaries(
    {"name": words, "experiment": st.just("toy")},
    optional={
        "parameters": st.dictionaries(words, values, max_size=3),
        "sweep": st.dictionaries(words, st.lists(values, max_size=4), max_size=3),
    },
)
anything = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(words, values),
        "model": st.one_of(tables, values),
        "sample": st.one_of(tables, values),
        "networks": st.one_of(st.dictionaries(words, st.one_of(tables, values), max_size=2), values),
        "ensembles": st.one_of(st.lists(st.one_of(tables, values), max_size=3), values),
        "experiments": st.one_of(st.lists(st.one_of(experiments, tables, values), max_size=3), values),
        "seed": values,
    },
)


def answer(function, source):
    """A study and its points, or the message; anything else, or long thinking, fails the test."""
    start = time.process_time()
    try:
        study = function()
        found = studies.points(study)
    except studies.StudyError as error:
        text = str(error)
        assert text.startswith(source)
        assert WHERE.search(text.removeprefix(source))
        assert len(text) < 50_000
        assert text.replace("\n", "").isprintable()
        return text
    finally:
        assert time.process_time() - start < MOST_SECONDS
    assert len({point.name for point in found}) == len(found)
    again = studies.parse(study.model_dump(mode="json"))
    assert again == study
    assert len(found) > 1000 or studies.points(again) == found
    return study


@fuzz(900)
@given(mistakes)
def test_studies_with_mistakes(changes):
    answer(lambda: studies.parse(with_mistakes(changes), "s.toml"), "s.toml")


@fuzz(600)
@given(anything)
def test_tables_of_anything(data):
    answer(lambda: studies.parse(data, "s.toml"), "s.toml")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "s.toml"


def read(file, content):
    file.write_bytes(content)
    return answer(lambda: studies.load(file), str(file))


changes_of_bytes = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 6),
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from([b"\n", b"[", b"]", b'"', b"=", b"0", b"-", b".", b"{", b",", b"[[", b"#", b"9" * 30]),
        ),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@fuzz(900)
@given(st.sampled_from(SIMULATIONS), changes_of_bytes)
def test_changed_bytes(file, content, changes):
    """At a random place some bytes are taken out and others put in."""
    for place, taken, put in changes:
        at = int(place * (len(content) + 1))
        content = content[:at] + put + content[at + taken :]
    read(file, content)


lines = [line for text in SIMULATIONS for line in text.decode().splitlines() if line and not line.startswith("#")]
pieces = st.one_of(
    st.sampled_from(lines),
    st.sampled_from(["[", "]", "[[", "]]", "{", "}", "=", ",", ".", '"', "'", '"""', "\n", "\r\n", "#", "\\", "\t"]),
    st.sampled_from(["nan", "inf", "-0", "1e999", "0x1F", "1_0", "true", "1979-05-27T07:32:00Z", "\0", "\ufeff"]),
    st.text(max_size=5),
    st.text(alphabet=string.printable, max_size=5),
)  # fmt: skip


@fuzz(600)
@given(st.lists(pieces, max_size=30), st.sampled_from(["", " ", "\n"]))
def test_random_text(file, parts, between):
    read(file, between.join(parts).encode("utf-8", "surrogatepass"))


def test_the_fuzz_reaches_both_ends():
    """Studies that are right pass through the same gate: the properties above are not about errors alone."""
    assert isinstance(answer(lambda: studies.parse(with_mistakes([]), "s.toml"), "s.toml"), sections.Study)
    changed = with_mistakes([("rename", ("sample", "draws"), None, "drawz")])
    assert "sample.drawz" in answer(lambda: studies.parse(changed, "s.toml"), "s.toml")
