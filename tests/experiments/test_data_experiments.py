"""The studies of what data need, on tiny settings, and bit planes of photographs."""

import importlib
import json

import numpy as np
import pytest
from matplotlib.figure import Figure
from pydantic import ValidationError

from rgnet import flow
from rgnet.cheap import counts, photographs
from rgnet.experiments import catalogue


@pytest.fixture(scope="module")
def saved():
    values = {
        "largest": 2, "L": 16, "K_over_K_c": [0.9], "draws": 60, "levels": 1, "spin_steps": [[2, 1]],
        "photographs": ["china"], "planes": [5], "tile": 64, "photograph_steps": [[2, 1]],
    }  # fmt: skip
    return run("what-physics-saves", values)


@pytest.fixture(scope="module")
def entropy():
    return run("maximum-entropy", {"L": 8, "draws": 60, "levels": 1})


def run(name, values):
    module = catalogue.module(name)
    fractions = []
    groups = module.run(catalogue.parameters(name, values), 3, lambda fraction, text: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    return [(values, groups)]


@pytest.mark.parametrize("name", ["what-physics-saves", "maximum-entropy"])
def test_paragraph_figure_and_numbers(name, saved, entropy):
    results = saved if name == "what-physics-saves" else entropy
    assert len(catalogue.module(name).paragraph(results)) > 200
    drawn = importlib.import_module(f"rgnet.plot.experiments.{name.replace('-', '_')}")
    assert isinstance(drawn.figure(results), Figure)
    assert drawn.CAPTION
    assert drawn.ALT
    for table in results[0][1].values():
        assert all(variable.dtype.kind in "iufU" for variable in table.variables.values())


def test_what_physics_saves(saved):
    groups = saved[0][1]
    orbits = groups["orbits"]
    np.testing.assert_array_equal(orbits["burnside"], orbits["listed"])
    assert int(orbits["burnside"].sel(lattice="2 x 2", symmetry="space group").sum()) == 6
    table = groups["saved"].sel(side=8)
    assert int(table["local"]) == counts.local((8, 8), 4, 1) == 640
    assert np.nanmax(np.abs(groups["saved"]["local"] - groups["saved"]["local_listed"])) == 0
    ising = groups["ising"]
    assert list(ising["source"].values) == ["0.9 K_c, level 0", "0.9 K_c, level 1"]
    assert (ising["gain"].sel(set="nn") > 5 * ising["gain_stderr"].sel(set="nn")).all()
    assert (groups["photographs"]["gain"].sel(set="nn") > 0.3).all()
    assert (ising["missed"] >= 0).all()


def test_maximum_entropy(entropy):
    known, fits = entropy[0][1]["known"], entropy[0][1]["fits"]
    assert known["exact"].values.tolist() == [-2.125, 1.0, -0.5 * (4 - 1.2725), 1.0, -0.25]
    assert (abs(known["value"] - known["exact"]) < 4 * known["value_stderr"]).all()
    assert fits.sel(source="phi4, level 0")["by_phi4"] > 3 * fits.sel(source="phi4, level 0")["by_phi4_stderr"]
    assert fits["parameters"].values.tolist() == [sorted(fits["parameters"].values[0].tolist())] * 4
    # A set that reaches around the 4 x 4 blocks is left out
    assert np.isnan(fits.sel(source="Gaussian, level 1", set="degree 2, reach 2")["held_out"])


def test_parameters_refuse():
    with pytest.raises(ValidationError, match="L=18: block spins are formed"):
        catalogue.parameters("what-physics-saves", {"L": 18})
    for L, levels in ((16, 3), (20, 3)):  # 2 x 2 blocks have no nearest neighbours; 20 does not halve thrice
        with pytest.raises(ValidationError, match="give a multiple of 8 that leaves a side of 3"):
            catalogue.parameters("what-physics-saves", {"L": L, "levels": levels})
    with pytest.raises(ValidationError, match="give L of at least 12"):
        catalogue.parameters("maximum-entropy", {"L": 8, "levels": 2})
    with pytest.raises(ValidationError, match="greater than 0"):
        catalogue.parameters("maximum-entropy", {"u": 0})


def test_words_name_the_largest_set_that_was_fitted():
    import xarray as xr

    module = catalogue.module("what-physics-saves")
    held = [[-0.6, -0.5, -0.5], [-0.6, -0.5, np.nan]]
    rows = xr.Dataset({"parameters": (("source", "set"), [[0, 1, 25]] * 2), "held_out": (("source", "set"), held)})
    assert module._fitted_most(rows) == "25 and 1"
    assert module._fitted_most(rows.isel(source=[1])) == "1"


# --- photographs -----------------------------------------------------------------------------------------------------


def test_bit_planes_are_the_picture():
    image = np.arange(40 * 50, dtype=np.uint8).reshape(40, 50)
    planes = [photographs.bit_plane(image, plane, 8) for plane in range(8)]
    assert all(plane["spin"].shape == (30, 1, 8, 8) for plane in planes)
    assert json.loads(planes[0].attrs["boundary"]) == ["free", "free"]
    whole = sum((plane["spin"].values > 0).astype(int) << k for k, plane in enumerate(planes))
    np.testing.assert_array_equal(whole[0, 0], image[:8, :8])
    np.testing.assert_array_equal(whole[1, 0], image[8:16, :8])  # column by column: halves are left and right
    np.testing.assert_array_equal(whole[-1, 0], image[32:40, 40:48])


def test_photographs_and_their_errors():
    image = photographs.grey("flower")
    assert image.shape == (427, 640)
    assert image.dtype == np.uint8
    with pytest.raises(ValueError, match="photograph 'cat': scikit-learn ships china and flower"):
        photographs.grey("cat")
    with pytest.raises(ValueError, match="give grey levels, uint8"):
        photographs.bit_plane(image.astype(float), 7)
    with pytest.raises(ValueError, match="plane=8"):
        photographs.bit_plane(image, 8)
    with pytest.raises(ValueError, match=r"tile=200: 2 x 3 tiles .* give a smaller tile"):
        photographs.bit_plane(image, 7, 200)
    with pytest.raises(ValueError, match="tile=1:"):
        photographs.bit_plane(image, 7, 1)


def test_independent_pixels_need_nothing():
    noise = np.random.default_rng(np.random.SeedSequence(4)).integers(0, 256, (256, 320)).astype(np.uint8)
    table = flow.hamiltonians(photographs.bit_plane(noise, 3, 64), flow.growing_sets(2, ((2, 1), (4, 1)), parity=None))
    assert flow.sufficient(table) == 0
    assert (np.abs(table["step"][1:]) < 3.7 * table["step_stderr"][1:]).all()
