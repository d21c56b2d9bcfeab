"""From a study to its points: names, seeds, digests; and what is stored of a study reads back."""

import json
import time
from pathlib import Path

import pytest

from rgnet import study as studies
from rgnet.study.points import from_json_dict
from rgnet.study.sections import Range

SIMULATIONS = Path(__file__).parents[2] / "simulations"

GOOD = {
    "name": "good",
    "seed": 3,
    "sample": {"draws": 10},
    "networks": {"majority": {"layers": [{"layer": "majority", "b": 2, "repeat": 2}]}},
    "ensembles": [
        {"name": "a", "shape": [8, 8], "K": [0.3, 0.4], "networks": ["majority"], "analyses": ["mcrg"]},
    ],
}


def good(**changes):
    return studies.parse({**GOOD, **changes})


@pytest.mark.parametrize("file", sorted(SIMULATIONS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_studies_of_the_repository_can_be_run(file):
    study = studies.load(file)
    assert study.name == file.stem
    assert studies.points(study)
    assert studies.parse(study.model_dump(mode="json")) == study


def test_points_of_a_good_study():
    points = studies.points(good())
    assert [point.name for point in points] == ["a-8x8-K0.3", "a-8x8-K0.4"]
    assert points[0].build_model().K == 0.3
    assert points[0].build_network("majority").scale == 4
    assert points[0].sample == {"draws": 10, "chains": 4, "update": "auto", "warmup": None, "thin": None}


def test_points_check_a_study_that_was_not_parsed():
    study = good().model_copy(update={"networks": {}})
    with pytest.raises(studies.StudyError, match="the network 'majority' is not defined"):
        studies.points(study)


def test_seeds_belong_to_points_not_to_their_order():
    study = good()
    more = good(ensembles=({**study.ensembles[0].model_dump(), "K": [0.2, 0.4, 0.3]},))
    seeds = {point.name: point.seed for point in studies.points(study)}
    for point in studies.points(more):
        assert seeds.get(point.name, point.seed) == point.seed
    assert len({point.seed for point in studies.points(more)}) == 3
    assert all(point.seed != seeds[point.name] for point in studies.points(good(seed=4)))


def test_an_ensemble_overrides_the_sampling():
    study = good()
    other = good(ensembles=({**study.ensembles[0].model_dump(), "draws": 77, "update": "heat-bath"},))
    assert studies.points(other)[0].sample["draws"] == 77
    assert studies.points(other)[0].sample["update"] == "heat-bath"


def test_ranges_and_temperatures():
    ensemble = {"name": "a", "shape": [[4, 4], [8, 8]], "T": {"start": 2.0, "stop": 3.0, "num": 3}, "h": [-0.0, 0.1]}
    points = studies.points(good(ensembles=[ensemble]))
    assert len(points) == 12
    assert points[2].name == "a-4x4-T2.5-h0"
    assert points[2].build_model().K == 0.4


def test_a_range_is_a_sequence():
    values = Range(0.4, 0.48, 9)
    assert list(values) == [0.4 + (0.48 - 0.4) * k / 8 for k in range(9)]
    assert values[-1] == list(values)[-1]
    assert values[2:4] == tuple(list(values)[2:4])
    with pytest.raises(IndexError):
        values[9]


def test_a_resolved_study_reads_back():
    study = good()
    assert studies.parse(study.model_dump(mode="json")) == study
    assert studies.parse(json.loads(json.dumps(study.model_dump(mode="json")))) == study


def test_a_stored_study_is_as_short_as_its_file():
    """Every point's file holds the study: a range must not become thousands of numbers there."""
    ensemble = {
        "name": "a",
        "shape": [8, 8],
        "K": {"start": 0.1, "stop": 0.5, "num": 2000},
        "h": {"start": 0, "stop": 1, "num": 2},
    }
    study = good(ensembles=[ensemble])
    stored = study.model_dump(mode="json")
    assert stored["ensembles"][0]["K"] == {"start": 0.1, "stop": 0.5, "num": 2000}
    assert len(json.dumps(stored)) < 1500
    assert studies.parse(stored) == study
    older = {**stored, "ensembles": [{**stored["ensembles"][0], "K": list(study.ensembles[0].K)}]}  # as once stored
    assert studies.points(studies.parse(older)) == studies.points(study)


def test_thousands_of_points_are_quick():
    """Linear in their number: about 0.1 ms a point."""
    ensemble = {"name": "a", "shape": [8, 8], "K": {"start": 0.1, "stop": 0.5, "num": 20_000}, "networks": ["majority"]}
    start = time.process_time()
    points = studies.points(good(ensembles=[ensemble]))
    assert time.process_time() - start < 8.0
    assert len({point.name for point in points}) == 20_000


def test_names_of_files_stay_short():
    """The longest names there can be, under the 255 bytes of most file systems with room for endings."""
    ensemble = {
        "name": "x" * 100,
        "shape": [73] * 5,
        "K": -1.234567e-100,
        "h": [-1.234567e-100, 1],
        "draws": 1,
        "chains": 1,
    }
    ensemble["shape"] = [2, 2, 2, 2, 12345678]
    (first, _) = studies.points(good(ensembles=[ensemble]))
    assert len(first.name) < 200


def test_the_digest_of_a_point():
    points = studies.points(good())
    assert points[0].digest == "5cebd3d4db2c3131"
    assert points[1].digest != points[0].digest
    stored = json.loads(json.dumps(points[0].to_dict()))
    reordered = {**dict(reversed(stored.items())), "model": dict(reversed(stored["model"].items()))}
    assert from_json_dict(reordered).digest == points[0].digest
    assert from_json_dict({**stored, "seed": stored["seed"] + 1}).digest != points[0].digest


def test_a_stored_point_of_other_keys_is_refused():
    stored = studies.points(good())[0].to_dict()
    assert from_json_dict(stored) == studies.points(good())[0]
    with pytest.raises(
        studies.StudyError, match=r"no point as this version of rgnet stores it \(differing: replicas\)"
    ):
        from_json_dict({**stored, "replicas": 3})
    with pytest.raises(studies.StudyError, match=r"\(differing: seed\)"):
        from_json_dict({name: value for name, value in stored.items() if name != "seed"})
    with pytest.raises(studies.StudyError, match=r"\(differing: no table\)"):
        from_json_dict([])
