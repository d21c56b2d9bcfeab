"""The experiments on products: a tiny run of each, its numbers, its words and its figure."""

import importlib

import numpy as np
import pytest

TINY = {
    "product_sufficient": {"largest": 4, "curves": (2, 3), "scales": 4, "smallest_scale": 1e-4, "exact_up_to": 2},
    "product_necessary": {"largest": 3, "removals": 20, "random": (2,), "draws": 3},
    "product_depth": {"largest": 16, "tree": (2, 3, 8), "built": (4, 6), "most": 100},
}


@pytest.fixture(scope="module")
def results():
    found = {}
    for name, values in TINY.items():
        module = importlib.import_module(f"rgnet.experiments.{name}")
        told = []
        checked = module.Parameters(**values)
        found[name] = (checked.model_dump(), module.run(checked, 3, lambda *what, told=told: told.append(what)))
        assert all(0 <= fraction <= 1 for fraction, _ in told)
    return found


@pytest.mark.parametrize("name", TINY)
def test_words_figure_and_what_is_stored(results, name):
    module = importlib.import_module(f"rgnet.experiments.{name}")
    point = results[name]
    text = module.paragraph([point])
    assert "nan" not in text
    assert "NOT" not in text
    drawn = importlib.import_module(f"rgnet.plot.experiments.{name}")
    assert len(drawn.figure([point]).axes) == 3
    assert drawn.CAPTION
    assert drawn.ALT
    for data in point[1].values():
        for values in data.variables.values():
            assert values.dtype.kind in "ifU"
        assert all(isinstance(value, (str, int, float)) for value in data.attrs.values())


def test_sufficient(results):
    groups = results["product_sufficient"][1]
    table = groups["networks"]
    assert table["neurons"].values.tolist() == [4, 8, 16]
    assert (table["largest_other"] == 0).all()
    assert (table["achieved"] <= table["promised"]).all()
    bits = groups["precision"]
    assert (bits["bits_measured"] <= bits["bits_predicted"]).all()
    floors = groups["floors"]["floor"].values
    assert (np.diff(floors, axis=1) < 0).all()


def test_necessary(results):
    groups = results["product_necessary"][1]
    removal = groups["removal"]
    assert removal["neurons"].values.tolist() == [4, 2, 8, 4]
    assert (removal["possible"] == 1).all()
    assert (removal["impossible"] == removal["removed"]).all()
    assert (removal["essential"] == removal["neurons"]).all()
    limits = groups["limits"]
    assert limits["possible"].values.tolist() == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0]
    random = groups["random"]
    assert (random["possible"].values[random["neurons"].values < 5] == 0).all()


def test_depth(results):
    groups = results["product_depth"][1]
    assert groups["tree"]["neurons"].values.tolist() == [4, 10, 28]
    ratio = groups["counts"]["neurons"] / groups["counts"]["formula"]
    assert float(ratio.max()) <= 2
    for name in ("tree", "layers"):
        assert (groups[name]["achieved"] <= groups[name]["promised"]).all()


def test_refusal():
    from rgnet.experiments import product_sufficient

    with pytest.raises(ValueError, match="from 2 to largest=4"):
        product_sufficient.Parameters(largest=4, curves=(2, 6))
