# ruff: noqa: E501  (a table with one case a line)
"""Studies of every model: their keys and mistakes, their points, and tiny ones from file to report and back."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rgnet import exact, plot, report, store
from rgnet import study as studies
from rgnet.study import models
from rgnet.study.compute import NO_DATA

TINY = """
name = "tiny"
seed = 3
[model]
{model}
[sample]
draws = 200
chains = 2
warmup = 20
thin = 1
[networks.average]
layers = [{{ layer = "average", b = 2 }}]
[networks.majority]
layers = [{{ layer = "majority", b = 2 }}]
[[ensembles]]
name = "a"
shape = [4, 4]
{ensemble}
"""

WRONG = [  # [model], [[ensembles]], the lines of the message without the list of known keys
    ('name = "Potts"', 'K = 1\nD = 2', ["ensembles[1].D: the model Potts has no D; leave it out. Keys of Potts: K (or T, K_over_K_c), q, h, boundary, lattice"]),
    ('name = "Potts"\nu = 2', 'K = 1', ["model.u: the model Potts has no u; leave it out. Keys of Potts: K (or T, K_over_K_c), q, h, boundary, lattice"]),
    ('name = "Potts"\nq = 1', 'K = 1', ["model.q: q=1: give a number of states from 2 to 127"]),
    ('name = "Potts"', 'K = 1\nq = [3, 1000]', ["ensembles[1].q[2]: q=1000: give a number of states from 2 to 127"]),
    ('name = "Potts"\nq = 3', 'K = 1\nq = 3', ["ensembles[1].q: it is in [model] too, for all ensembles; give it in one of the two"]),
    ('name = "Potts"\nq = 3.5', 'K = 1', ["model.q: 3.5 is no whole number; give a whole number, or a list of them"]),
    ('name = "Potts"\ncouplings = { nnn = 0.1 }', 'K = 1', ["model.couplings: the model Potts has no couplings; leave it out. Keys of Potts: K (or T, K_over_K_c), q, h, boundary, lattice"]),
    ('name = "Potts"', 'q = 3', ["ensembles[1]: give exactly one of K, T and K_over_K_c (found none), such as K_over_K_c = 1"]),
    ('name = "Potts"', 'K = 1\nq = [3, 3]', ["ensembles[1].q: 3 comes 2 times (names of files have seven digits); leave the others out"]),
    ('name = "Potts"', 'K = 1\nnetworks = ["majority"]', ['ensembles[1].networks: layers coarse-grain numbers that can be added, and sites of Potts hold none; leave networks out (pictures need none: analyses = ["snapshots"])']),
    ('name = "Potts"', 'K = 1\nanalyses = ["mcrg"]', ["ensembles[1].analyses = ['mcrg']: analyses need levels: give networks = [\"NAME\", …]"]),
    ('name = "Potts"', 'K = 1\nupdate = "worm"', ["UPDATE"]),
    ('name = "Potts"\nlattice = "kagome"', 'K = 1', ["model.lattice = 'kagome': it should be 'hypercubic' or 'triangular' (\"hypercubic\" or \"triangular\")"]),
    ('name = "Clock"', 'K = 1', ["ensembles[1].q: this key is missing; Clock needs it, here or in [model] (number of states of a site: a whole number or a list)"]),
    ('name = "Clock"\nq = 5', 'K_over_K_c = 1', ["ensembles[1].K_over_K_c: Clock, q = 5 on a hypercubic lattice with shape [4, 4]: K_c is known of Ising, Potts, Clock (q = 2, 3, 4), XY and ON (n = 2) on the square lattice, of Ising and Potts on the triangular one, and of Ising on the cubic one; give K instead"]),
    ('name = "Phi4"\nu = 1', 'K = 1', ["ensembles[1].K: the model Phi4 has no K; leave it out. Keys of Phi4: r, u, h, boundary, lattice", "ensembles[1].r: this key is missing; Phi4 needs it, here or in [model] (coupling of ½ φ²: a number, a list, or {start, stop, num})"]),
    ('name = "Phi4"\nu = -1', 'r = 1', ["model.u: u=-1.0: the weight grows without bound at large φ; give u > 0, or u = 0 with r > 0"]),
    ('name = "Phi4"\nu = 1', 'r = 1\ntempering = true', ["ensembles[1].tempering: replicas exchange their K, and Phi4 has none; leave it out"]),
    ('name = "Phi4"\nu = 1', 'r = 1\nnetworks = ["average"]\nanalyses = ["mcrg", "snapshots"]', ['ensembles[1].analyses: mcrg take the Hamiltonian as a sum of operators of spins ±1 on a hypercubic lattice, which that of Phi4 is not; leave them out ("snapshots" may stay)']),
    ('lattice = "triangular"', 'K = 0.2\nnetworks = ["majority"]\nanalyses = ["couplings"]', ['ensembles[1].analyses: couplings take the Hamiltonian as a sum of operators of spins ±1 on a hypercubic lattice, which that of Ising on the triangular lattice is not; leave them out ("snapshots" may stay)']),
    ('name = "GaussianField"', 'r = -1', ["ensembles[1].r: r=-1.0: a constant field weighs exp(−½ r N φ²), which cannot be normalised unless r > 0; give r from 1e-50 to 1e50"]),
    ('name = "SpinGlass"\nJ = "normal"', 'K = 1', ["model.J = 'normal': it should be '±J', 'pm' or 'gaussian' (law of the random bonds: \"±J\" or \"gaussian\")"]),
    ('name = "SpinGlass"\np = 2', 'K = 1', ["model.p: p=2.0: the probability of a coupling +1 is a number from 0 to 1"]),
    ('name = "ContinuousModel"', 'K = 1', ["model.name: ContinuousModel: its energy is a function in Python; sample it there, by rg.sample(model, …). Models of a study: MODELS"]),
    ('', 'K = [0.3, 0.4]\ntempering = { replica = 3 }', ["ensembles[1].tempering: 'replica' is no key of tempering; give true, false, or a table such as { replicas = 12, swap_every = 1 }; did you mean 'replicas'?"]),
    ('', 'K = [0.3, 0.4]\ntempering = { replicas = 1 }', ["ensembles[1].tempering: replicas = 1: give a whole number from 2 to 1000"]),
    ('', 'K = [0.3, 0.4]\ntempering = 3', ["ensembles[1].tempering: 3 is neither true nor false nor a table; give true, false, or a table such as { replicas = 12, swap_every = 1 }"]),
    ('', 'K = [0.3, 0.35, 0.4]\ntempering = { replicas = 5 }', ["ensembles[1].tempering: replicas = 5 asks for a ladder between two couplings, and there are 3; give the lowest and the highest, or leave replicas out"]),
    ('', 'K = 0.3\ntempering = true', ["ensembles[1].K = 0.3: with tempering these are the couplings of the replicas; give at least two"]),
    ('', 'K = [0.3, 0.4]\ntempering = true\nnetworks = ["majority"]', ["ensembles[1].tempering: replicas have no levels; leave networks out of ensembles[1], or tempering"]),
    ('', 'K = 0.3\nconfigurations = false\nnetworks = ["majority"]', ["ensembles[1].configurations: without configurations there are no levels; leave networks out of ensembles[1], or configurations"]),
    ('', 'K = 0.3\nconfigurations = "no"', ["ensembles[1].configurations = 'no': it should be true or false (whether configurations are kept)"]),
    ('', 'K = 0.3\nupdate = "wolff+sweep"', ["ensembles[1].update: 'sweep' is no update; give one of UPDATES, or several joined by +"]),
    ('', 'K = 0.3\nupdate = "wolff+auto"', ["ensembles[1].update: 'wolff+auto': 'auto' stands alone; give names, such as 'wolff+over-relaxation'"]),
    ('', 'K = 0.3\nq = 3', ["ensembles[1].q: the model Ising has no q; leave it out. Keys of Ising: K (or T, K_over_K_c), h, boundary, couplings, lattice"]),
]  # fmt: skip


def tiny(model, ensemble):
    return TINY.format(model=model, ensemble=ensemble)


def load(text, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return studies.load(path)


@pytest.mark.parametrize(("model", "ensemble", "lines"), WRONG, ids=range(len(WRONG)))
def test_wrong_keys_and_values(tmp_path, model, ensemble, lines):
    from rgnet.updates import UPDATES

    with pytest.raises(studies.StudyError) as caught:
        load(tiny(model, ensemble), tmp_path)
    told = (
        str(caught.value).replace(", ".join(models.names()), "MODELS").replace(", ".join(("auto", *UPDATES)), "UPDATES")
    )
    found = [line.removeprefix("  ") for line in told.split("\n")[1:]]
    if lines == ["UPDATE"]:  # the update's own words
        assert found[0].startswith("ensembles[1].update: update='worm' would not be exact: ")
        assert len(found) == 1
    else:
        assert found == lines


def test_points_of_other_models(tmp_path):
    """Names of files, couplings and parameters: lists multiply."""
    study = load(tiny('name = "Potts"', "K_over_K_c = [0.9, 1]\nq = [3, 4]"), tmp_path)
    every = studies.points(study)
    assert [point.name for point in every] == ["a-4x4-0.9Kc-q3", "a-4x4-0.9Kc-q4", "a-4x4-1Kc-q3", "a-4x4-1Kc-q4"]
    assert every[2].model["K"] == math.log1p(math.sqrt(3))
    assert every[1].model["K"] == 0.9 * math.log1p(math.sqrt(4))
    assert [point.model["q"] for point in every] == [3, 4, 3, 4]
    study = load(tiny('name = "Phi4"\nu = 1', "r = [-1.5, 0]\nh = [0, 0.1]"), tmp_path)
    assert [point.name for point in studies.points(study)] == [
        "a-4x4-r-1.5-h0", "a-4x4-r-1.5-h0.1", "a-4x4-r0-h0", "a-4x4-r0-h0.1",
    ]  # fmt: skip
    assert studies.points(study)[0].build_model().u == 1
    study = load(tiny('name = "SpinGlass"\nJ = "gaussian"', "K = 1\ndisorder = [1, 2]"), tmp_path)
    assert [point.model["seed"] for point in studies.points(study)] == [1, 2]
    (point,) = studies.points(load(tiny("", "K = [0.4, 0.3, 0.35]\ntempering = true"), tmp_path))
    assert point.name == "a-4x4-tempered"
    assert point.model["K"] == 0.4
    assert point.sample["tempering"] == {"swap_every": 1, "K": [0.3, 0.35, 0.4]}


def test_points_of_older_studies_are_what_they_were(tmp_path):
    """Nothing new in what is compared with stored files."""
    (point,) = studies.points(load(tiny("", "K = 0.4"), tmp_path))
    assert set(point.sample) == {"draws", "chains", "update", "warmup", "thin"}
    assert point.model == {"name": "Ising", "shape": [4, 4], "K": 0.4, "h": 0.0, "boundary": ["periodic", "periodic"]}


@pytest.mark.parametrize(
    ("model", "ndim", "expected"),
    [
        ({"name": "Ising"}, 2, exact.ising2d.K_c),
        ({"name": "Ising"}, 3, 0.221654626),
        ({"name": "Ising", "lattice": "triangular"}, 2, math.log(3) / 4),
        ({"name": "Potts", "q": 2}, 2, 2 * exact.ising2d.K_c),
        ({"name": "Potts", "q": 2, "lattice": "triangular"}, 2, math.log(3) / 2),
        ({"name": "Clock", "q": 2}, 2, exact.ising2d.K_c),
        ({"name": "Clock", "q": 3}, 2, math.log1p(math.sqrt(3)) / 1.5),
        ({"name": "Clock", "q": 4}, 2, 2 * exact.ising2d.K_c),
        ({"name": "XY"}, 2, 1.1199),
        ({"name": "ON", "n": 2}, 2, 1.1199),
    ],
)
def test_known_critical_couplings(model, ndim, expected):
    assert models.critical_point(model, ndim).K_c == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("model", "ndim"),
    [
        ({"name": "Ising", "couplings": {"nnn": 0.1}}, 2), ({"name": "Ising"}, 4), ({"name": "Clock", "q": 5}, 2),
        ({"name": "XY"}, 3), ({"name": "ON", "n": 3}, 2), ({"name": "BlumeCapel"}, 2), ({"name": "Potts", "q": 3}, 3),
    ],
)  # fmt: skip
def test_unknown_critical_couplings(model, ndim):
    assert models.critical_point(model, ndim) is None


QUICK = ("Ising without configurations", "Potts")
MODELS = {
    "Ising": ('lattice = "triangular"', 'K = [0.1, 0.2, 0.3]\nanalyses = ["snapshots"]'),
    "Ising without configurations": ("", 'K = [0.3, 0.4]\nconfigurations = false\nanalyses = ["snapshots"]'),
    "Potts": ('name = "Potts"', 'K = [0.8, 1.0, 1.2]\nq = [2, 3]\nanalyses = ["snapshots"]'),
    "Clock": ('name = "Clock"', 'K = 0.9\nq = 5\nanalyses = ["snapshots"]'),
    "XY": ('name = "XY"', 'K = [0.8, 1.1199, 1.3]\nanalyses = ["snapshots"]'),
    "ON": ('name = "ON"', 'K = 0.9\nn = [3]\nanalyses = ["snapshots"]'),
    "BlumeCapel": ('name = "BlumeCapel"', 'K = 0.7\nD = [0.5, 1.0]\nnetworks = ["average"]\nanalyses = ["snapshots"]'),
    "Phi4": ('name = "Phi4"', 'r = [-1, 0, 1]\nu = 1\nnetworks = ["average"]\nanalyses = ["snapshots"]'),
    "GaussianField": ('name = "GaussianField"', 'r = 0.5\nanalyses = ["snapshots"]'),
    "SpinGlass": ('name = "SpinGlass"\nJ = "gaussian"', 'K = 0.7\ndisorder = 4\nanalyses = ["snapshots"]'),
    "Dimers": ('name = "Dimers"', 'K = 0.5\nanalyses = ["snapshots"]'),
    "tempering": ("", 'K = [0.3, 0.35, 0.4]\ntempering = true\nanalyses = ["snapshots"]'),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("which", [w if w in QUICK else pytest.param(w, marks=pytest.mark.slow) for w in MODELS])
def test_a_tiny_study_runs_to_its_report_and_repeats(which, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(tiny(*MODELS[which]), encoding="utf-8")
    with ThreadPoolExecutor(1) as executor:
        result = studies.run(path, data=tmp_path, executor=executor)
    tree = store.open(result)
    assert not any(
        "short" not in text and "few" not in text for said in tree.attrs["notes"].values() for text in said.values()
    )
    table = tree["thermodynamics"].to_dataset()
    assert np.isfinite(table["energy"]).any()
    assert len(plot.figures(result)) >= 1
    page = report.write(result).read_text(encoding="utf-8")
    assert "<canvas" in page
    point = studies.points(studies.load(path))[0]
    with ThreadPoolExecutor(1) as executor:
        again = studies.run(path, data=tmp_path / "again", executor=executor)
    one, other = (folder.parent / f"{point.name}.h5" for folder in (result, again))
    assert store.same(one, other, ignore=NO_DATA) == []
    if which == "tempering":
        assert table["K"].values.tolist() == [0.3, 0.35, 0.4]
        z = (table["energy"] - table["energy_exact"]) / table["energy_stderr"]
        assert np.abs(z).max() < 4
