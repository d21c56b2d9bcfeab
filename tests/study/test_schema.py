# ruff: noqa: E501  (a table with one case a line)
"""Ways to get a study wrong, each with what the user is told."""

from pathlib import Path

import pytest

from rgnet import study as studies

SIMULATIONS = Path(__file__).parents[2] / "simulations"

GOOD = """
name = "good"
seed = 3
[sample]
draws = 10
[networks.majority]
layers = [{ layer = "majority", b = 2, repeat = 2 }]
[[ensembles]]
name = "a"
shape = [8, 8]
K = [0.3, 0.4]
networks = ["majority"]
analyses = ["mcrg"]
"""

BAD = [
    ('seed = 3', 'sede = 3', ["sede: unknown key; did you mean 'seed'?", "Known here: name, title, seed"]),
    ('draws = 10', 'draw = 10', ["sample.draw: unknown key; did you mean 'draws'?"]),
    ('draws = 10', 'draws = -10', ["sample.draws = -10: it should be greater than 0 (number of draws a chain"]),
    ('draws = 10', 'draws = 0', ["sample.draws = 0: it should be greater than 0"]),
    ('draws = 10', 'draws = 10.5', ["sample.draws = 10.5: it should be a whole number"]),
    ('draws = 10', 'draws = "10"', ["sample.draws = '10': it should be a whole number"]),
    ('draws = 10', 'draws = true', ["sample.draws = True: it should be a whole number"]),
    ('draws = 10', 'chains = 0', ["sample.chains = 0: it should be greater than 0"]),
    ('draws = 10', 'thin = 0', ["sample.thin = 0: it should be greater than 0"]),
    ('draws = 10', 'warmup = -1', ["sample.warmup = -1: it should be greater than or equal to 0"]),
    ('seed = 3', 'seed = -1', ["seed = -1: it should be greater than or equal to 0"]),
    ('name = "good"', '', ["name: this key is missing; give it (letters, digits"]),
    ('name = "good"', 'name = "../evil"', ["name = '../evil': it should be without other characters (letters, digits"]),
    ('name = "good"', 'name = 7', ["name = 7: it should be text in quotes"]),
    ('b = 2', 'b = 1', ["networks.majority.layers[1].b = 1: it should be greater than or equal to 2"]),
    ('b = 2', 'b = 2.5', ["networks.majority.layers[1].b = 2.5: it should be a whole number"]),
    ('b = 2', 'size = 2', ["networks.majority.layers[1].size: unknown key", "Known here: layer, b, ties"]),
    ('"majority", b', '"majorty", b', ["networks.majority.layers[1].layer = 'majorty': it should be 'majority', 'decimation'"]),
    ('"majority", b', '"kadanoff", b', ["the layer 'kadanoff' needs rho, such as rho = 0.5"]),
    ('b = 2', 'rho = 0.5', ["key rho belongs to the layer 'kadanoff', not to 'majority'; leave it out"]),
    ('repeat = 2', 'repeat = 0', ["networks.majority.layers[1].repeat = 0: it should be greater than or equal to 1"]),
    ('layers = [{ layer = "majority", b = 2, repeat = 2 }]', 'layers = []', ["networks.majority.layers is empty: give at least one"]),
    ('K = [0.3, 0.4]', 'K = [0.3, nan]', ["ensembles[1].K: nan is not a finite number; give a finite number, a list"]),
    ('K = [0.3, 0.4]', 'K = inf', ["ensembles[1].K: inf is not a finite number"]),
    ('K = [0.3, 0.4]', 'K = "K_c"', ["ensembles[1].K: 'K_c' is not a finite number"]),
    ('K = [0.3, 0.4]', 'K = []', ["ensembles[1].K: the list is empty"]),
    ('K = [0.3, 0.4]', 'K = { start = 0.1, stop = 0.2 }', ["num is a whole number of at least 2"]),
    ('K = [0.3, 0.4]', '', ["ensembles[1]: give exactly one of K, T and K_over_K_c (found none)"]),
    ('K = [0.3, 0.4]', 'K = 0.4\nT = 2.5', ["found K and T"]),
    ('K = [0.3, 0.4]', 'T = 0.0', ["T = 0 makes the reduced coupling K = 1/T infinite"]),
    ('K = [0.3, 0.4]', 'K = 0.4\nk = 2', ["ensembles[1].k: unknown key"]),
    ('shape = [8, 8]', 'shape = "8x8"', ["ensembles[1].shape: ['8x8'] is not a shape"]),
    ('shape = [8, 8]', 'shape = [8.0, 8]', ["ensembles[1].shape: [8.0, 8] is not a shape"]),
    ('shape = [8, 8]', '', ["ensembles[1].shape: this key is missing"]),
    ('networks = ["majority"]', 'networks = ["majorty"]', ["asks for the network 'majorty'", "did you mean 'majority'?"]),
    ('networks = ["majority"]', '', ["analyses = ['mcrg'] need levels: give networks"]),
    ('analyses = ["mcrg"]', 'analyses = ["mcgr"]', ["ensembles[1].analyses[1] = 'mcgr': it should be 'mcrg'"]),
    ('name = "a"', 'name = "a/b"', ["ensembles[1].name = 'a/b': it should"]),
    ('[networks.majority]', '[networks.samples]', ["[networks.samples]: the files have a group of that name"]),
    ('seed = 3', 'draws = 3', ["draws: unknown key; it belongs into [sample] or [ensembles]"]),
    ('[[ensembles]]', '[ensembles]', ["ensembles = ", "it should be a list in brackets", "double brackets [[…]]"]),
    ('[sample]', '[model]\nname = "Potts"\n[sample]', ["model.name = 'Potts': it should be 'Ising'"]),
    ('[sample]', '[model]\ncouplings = { nnn = nan }\n[sample]', ["model.couplings: nan is not a finite number"]),
]  # fmt: skip


def text_of(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(("old", "new", "fragments"), BAD, ids=[new or f"no {old}" for old, new, _ in BAD])
def test_wrong_keys_and_values(tmp_path, old, new, fragments):
    file = tmp_path / "bad.toml"
    file.write_text(text_of(old, new))
    with pytest.raises(studies.StudyError) as caught:
        studies.load(file)
    message = str(caught.value)
    assert message.startswith(str(file))
    for fragment in fragments:
        assert fragment in message


POINTS = [
    ("shape = [8, 8]", "shape = [0, 8]", "ensemble 'a': shape=(0, 8)"),
    ("shape = [8, 8]", "shape = [1, 1]", "has one site"),
    ("shape = [8, 8]", "shape = [1, 8]", "a periodic side of length 1"),
    ("shape = [8, 8]", "shape = [10, 8]", "network 'majority' (2 layers, scale 4) cannot take shape (10, 8): 4 does not divide 10; 8 or 12 would do"),
    ("draws = 10", 'update = "metropols"', "metropols"),
    ("draws = 10", 'update = "wolff"\n[model]\ncouplings = { nnn = 0.1 }', "wolff"),
    ("[sample]", '[model]\nboundary = "open"\n[sample]', "boundary='open'"),
    ("[sample]", "[model]\ncouplings = { nnnn = 0.1 }\n[sample]", "operator 'nnnn' is unknown"),
    ("K = [0.3, 0.4]", "K = [0.3, 0.3]", "two points are called 'a-8x8-K0.3'"),
    ("shape = [8, 8]\nK = [0.3, 0.4]", "shape = [64]\nK_over_K_c = 1", "K_c is known for the square and the cubic lattice"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fragment"), POINTS, ids=[new for _, new, _ in POINTS])
def test_points_that_cannot_be(tmp_path, old, new, fragment):
    file = tmp_path / "bad.toml"
    file.write_text(text_of(old, new))
    with pytest.raises(studies.StudyError) as caught:
        studies.points(studies.load(file))
    assert fragment in str(caught.value)


def test_all_errors_at_once(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace("draws = 10", "draws = -1\nchain = 2").replace("seed = 3", 'seed = "x"'))
    with pytest.raises(studies.StudyError, match="3 things are wrong") as caught:
        studies.load(file)
    assert len(str(caught.value).splitlines()) == 4


def test_one_mistake_is_one_line(tmp_path):
    """A wrong entry makes its list look empty to the checker; that is not said."""
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace('name = "a"', 'name = "a"\ndrawz = 3'))
    with pytest.raises(studies.StudyError, match="one thing is wrong") as caught:
        studies.load(file)
    assert len(str(caught.value).splitlines()) == 2


def test_a_network_may_be_called_like_a_section(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace("[networks.majority]\nlayers", "[networks.sample]\nlayer"))
    with pytest.raises(studies.StudyError, match="Known here: layers, keep_levels"):
        studies.load(file)


@pytest.mark.parametrize("file", sorted(SIMULATIONS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_studies_of_the_repository_can_be_run(file):
    study = studies.load(file)
    assert study.name == file.stem
    assert studies.points(study)


def test_files_that_are_no_studies(tmp_path):
    with pytest.raises(studies.StudyError, match="is a directory: give a study file such as"):
        studies.load(tmp_path)
    with pytest.raises(studies.StudyError, match="no such file"):
        studies.load(tmp_path / "missing.toml")
    file = tmp_path / "binary.toml"
    file.write_bytes(b"\x89HDF\r\n\x1a\n\xff\xfe")
    with pytest.raises(studies.StudyError, match="is not text: a study is a TOML file"):
        studies.load(file)
    file.write_text("name = \nseed = 1")
    with pytest.raises(studies.StudyError, match=r"is not valid TOML: .*line 1"):
        studies.load(file)


def good(**changes):
    import tomllib

    return studies.parse({**tomllib.loads(GOOD), **changes})


def test_points_of_a_good_study():
    points = studies.points(good())
    assert [point.name for point in points] == ["a-8x8-K0.3", "a-8x8-K0.4"]
    assert points[0].build_model().K == 0.3
    assert points[0].build_network("majority").scale == 4
    assert points[0].sample == {"draws": 10, "chains": 4, "update": "auto", "warmup": None, "thin": None}


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
    ensemble = {"name": "a", "shape": [[4, 4], [8, 8]], "T": {"start": 2.0, "stop": 3.0, "num": 3}, "h": [0.0, 0.1]}
    points = studies.points(good(ensembles=[ensemble]))
    assert len(points) == 12
    assert points[2].name == "a-4x4-T2.5-h0"
    assert points[2].build_model().K == 0.4


def test_a_resolved_study_reads_back():
    study = good()
    assert studies.parse(study.model_dump(mode="json")) == study
