"""The dictionary on a small lattice: the numbers of its rows, and the text that follows them."""

import json
import math

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from pydantic import ValidationError

import rgnet as rg
from rgnet import exact, stats
from rgnet.experiments import _dictionary_couplings as couplings
from rgnet.experiments import _dictionary_ensembles as ensembles
from rgnet.experiments import _dictionary_levels as coarse
from rgnet.experiments import _dictionary_rows as rows
from rgnet.experiments import dictionary
from rgnet.lattice import bonds
from rgnet.plot.experiments import dictionary as drawing

SMALL = {"shape": (8, 8), "K_over_K_c": 0.8, "other_over_K_c": 0.7, "layers": 1, "draws": 600}


@pytest.fixture(scope="module")
def found():
    """What the experiment found on 8 × 8, and what it told of its progress."""
    told = []
    groups = dictionary.run(dictionary.Parameters(**SMALL), 4, lambda share, words: told.append(share))
    return groups, told


def test_every_pair_has_its_rows_and_identities_hold(found):
    groups, told = found
    table = groups["table"]
    assert list(dict.fromkeys(zip(table["left"].values, table["right"].values, strict=True))) == list(rows.PAIRS)
    assert told == sorted(told)
    assert told[-1] == 1.0
    for kind in ("equal", "rounding", "count"):
        part = table["verdict"].values[table["rule"].values == kind]
        assert set(part) <= {"agrees", "identical"}
    assert (table["stderr"].values[table["rule"].values == "equal"] > 0).all()
    assert set(table["verdict"].values[table["rule"].values == "differs"]) == {"differs, as due"}


def test_exact_values_are_those_of_the_lattice(found):
    table = found[0]["table"]
    K = 0.8 * exact.ising2d.K_c
    truth = exact.thermal(rg.Ising((4, 4), K=K))
    small = float(exact.ising2d.log_Z(K, (4, 4))) + 16 * K * float(exact.ising2d.energy(K, (4, 4)))
    assert small == pytest.approx(truth.log_Z + truth.energy)  # the formula that the rows use
    entropy = (float(exact.ising2d.log_Z(K, (8, 8))) + 64 * K * float(exact.ising2d.energy(K, (8, 8)))) / 64
    expected = dict(zip(table["quantity"].values, table["expected"].values, strict=True))
    assert expected["entropy, mean of H + ln Z per site"] == pytest.approx(entropy)
    assert expected["entropy, a spin"] == pytest.approx(entropy / math.log(2))
    kl = rg.free_energy.kl(rg.Ising((8, 8), K=K), rg.Ising((8, 8), K=0.7 * exact.ising2d.K_c)).value
    assert expected["by Bennett's acceptance ratio"] == pytest.approx(kl)


def test_groups_can_be_drawn_and_stored(found):
    groups = found[0]
    figure = drawing.figure([(SMALL, groups)])
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 6
    for name, group in groups.items():
        assert all(item.dtype.kind in "fiuU" for item in group.variables.values()), name
        json.dumps({key: str(value) for key, value in group.attrs.items()})


def test_text_follows_the_numbers(found):
    groups = dict(found[0])
    said = dictionary.paragraph([(SMALL, groups)])
    assert "Of the 7 pairs that are identities or exact consequences, 7 hold" in said
    broken = groups["table"].copy(deep=True)
    verdicts = broken["verdict"].values.astype(object)
    verdicts[list(broken["quantity"].values).index("fitted coupling of neighbours")] = "DIFFERS"
    verdicts[list(broken["rule"].values).index("differs")] = "too few draws to tell"
    groups["table"] = broken.assign(verdict=("row", verdicts.astype(str)))
    said = dictionary.paragraph([(SMALL, groups)])
    assert "6 hold" in said
    assert "Not these: fitted coupling of neighbours (locality)" in said
    assert "Controls that show no difference with these draws: the same of the Ising lattice" in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape": (12, 12), "layers": 2}, "multiples of 4 of at least 16, such as"),
        ({"shape": (16,)}, "give two sides"),
        ({"K_over_K_c": 0.9, "other_over_K_c": 0.9}, "give two different couplings"),
        ({"draws": 5}, "greater than or equal to 100"),
        ({"shap": (16, 16)}, "Extra inputs"),
    ],
)
def test_bad_parameters_are_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        dictionary.Parameters(**changes)


def test_frozen_lattices_are_refused(monkeypatch):
    def singular(*arguments):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(ensembles, "surprisal", singular)
    with pytest.raises(ValueError, match=r"Hamiltonian and surprisal: too few of the 2400 configurations differ"):
        dictionary.run(dictionary.Parameters(**SMALL), 4, lambda share, words: None)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (rows.Row(0, "a", 1.0, 0.1, "equal", 1.2), "agrees"),
        (rows.Row(0, "a", 1.0, 0.1, "equal", 1.5), "DIFFERS"),
        (rows.Row(0, "a", 1.0, 0.1, "differs", 1.5), "differs, as due"),
        (rows.Row(0, "a", 1.0, 0.1, "differs", 1.2), "too few draws to tell"),
        (rows.Row(0, "a", 1e-12, 0.0, "rounding", 0.0), "identical"),
        (rows.Row(0, "a", 1e-3, 0.0, "rounding", 0.0), "DIFFERS"),
        (rows.Row(0, "a", 2.0, 0.0, "count", 1.0), "DIFFERS"),
        (rows.Row(0, "a", 0.95, 0.01, "share"), "kept"),
        (rows.Row(0, "a", 0.5, 0.01, "share"), "partly kept"),
        (rows.Row(0, "a", 0.02, 0.01, "share"), "lost"),
    ],
)
def test_verdicts_follow_the_rules(row, words):
    assert rows.verdict(row, 3.0) == words


def test_score_matching_finds_a_quartic_coupling():
    """Independent sites with p ∝ exp(−½ φ² − ¼ u φ⁴), drawn from a table: every other coupling vanishes."""
    grid = np.linspace(-5, 5, 4001)
    p = np.exp(-0.5 * grid**2 - 0.2 * grid**4)
    x = np.random.default_rng(1).choice(grid, size=(2, 1500, 6, 6), p=p / p.sum())
    edges = stats.block_edges(2, 1500, 40)
    value, error = stats.jackknife(stats.block_means(couplings._score_moments(x), edges), couplings._matched)
    np.testing.assert_array_less(np.abs(value - [-0.5, 0.0, 0.0, -0.2]), 4.0 * error)


def test_couplings_of_bonds_are_those_of_a_glass():
    """Draws from all states of a 4 × 4 glass: each bond has the coupling that its model gives it."""
    rng = np.random.default_rng(2)
    glass = rg.SpinGlass((4, 4), K=0.3, J="gaussian", seed=6)
    p = exact.distribution(glass.energy, (4, 4))
    x = exact.states((4, 4))[rng.choice(len(p), (1, 20_000), p=p)]
    value, covariance = couplings._by_site(x, stats.block_edges(1, 20_000, 40))
    known = {frozenset(pair): j for pair, j in zip(bonds(glass.geometry).tolist(), glass.bond_couplings(), strict=True)}
    sites = np.arange(16).reshape(4, 4)
    even = np.indices((4, 4)).sum(axis=0) % 2 == 0
    around = [np.roll(sites, step, (0, 1))[even] for step in couplings._STEPS]
    truth = np.array([[known[frozenset((i, near[k]))] for near in around] for k, i in enumerate(sites[even].tolist())])
    assert len(set(truth.ravel())) == 32  # every bond once
    error = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    assert np.abs((value - truth) / error).max() < 4.0
    assert couplings._scatter(value, covariance, 40).mean() > 50  # and there is no one kernel


def test_scatter_about_one_kernel_is_one():
    rng = np.random.default_rng(3)
    n = 30  # blocks
    blocks = rng.normal(0.4, 0.1, size=(400, n, 4))
    covariance = np.stack([np.cov(part.T) / n for part in blocks])
    found = couplings._scatter(blocks.mean(axis=1), covariance, n)
    assert found.mean() == pytest.approx(1.0, abs=4 * found.std() / 20)


def test_kept_information_about_eigendirections_is_the_square_of_the_eigenvalue():
    """f(v) = λ² vᵀA v/vᵀ cov(S, S) v where T v = λ v."""
    rng = np.random.default_rng(5)
    mix = rng.normal(size=(4, 4))
    joint = mix @ mix.T + np.eye(4)
    parts = [[joint[a : a + 2, b : b + 2] for b in (0, 2)] for a in (0, 2)]
    sizes, vectors = coarse._eigen(parts)
    flow = np.linalg.solve(parts[1][1], parts[1][0])
    for size, v in zip(sizes, vectors.T, strict=True):
        if np.isfinite(size):
            np.testing.assert_allclose(flow @ v, size * v, atol=1e-12)
            carried = parts[1][0] @ v
            assert carried @ np.linalg.solve(parts[1][1], carried) == pytest.approx(size**2 * v @ parts[1][1] @ v)


def test_frequencies_of_states_have_slope_one():
    H = np.array([0.0, 0.5, 0.5, 2.0])
    p = np.exp(-1.3 * H) / np.exp(-1.3 * H).sum()
    assert ensembles._slope(float(p @ H), H) == pytest.approx(1.3)


@pytest.mark.slow
def test_relevant_directions_are_kept_and_irrelevant_ones_lost():
    groups = dictionary.run(dictionary.Parameters(), 7, lambda share, words: None)
    table = groups["table"]
    assert "DIFFERS" not in set(table["verdict"].values)
    kept = dict(zip(table["left"].values, table["value"].values, strict=True))
    assert kept["relevant operator"] > 0.9  # the last row: y_h
    assert kept["irrelevant operator"] < 0.1
    even = groups["directions/even"]
    assert float(even["eigenvalue"][0]) == pytest.approx(2.0, abs=0.15)
    assert float(groups["directions/odd"]["eigenvalue"][0]) == pytest.approx(2**1.875, abs=0.1)
    assert isinstance(groups["free_energy"], xr.Dataset)
