"""The experiment "comparison": rules, groups, the same again from the same seed, and words that follow the numbers."""

import json

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from rgnet.experiments import comparison
from rgnet.experiments.comparison import Parameters

HAND_MADE = {"shape": (8, 8), "networks": ("majority", "average"), "levels": 2, "draws": 200, "rows": 256}


@pytest.fixture(scope="module")
def groups():
    told = []
    found = comparison.run(Parameters(**HAND_MADE), 1, lambda fraction, words: told.append((fraction, words)))
    assert told[-1] == (1.0, "compared")
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    return found


def test_hand_made_networks_need_no_torch(groups):
    assert comparison.requires(Parameters(**HAND_MADE)) == ()
    assert comparison.requires(Parameters()) == ("torch", "safetensors")
    assert set(groups) == {"comparison"}
    assert groups["comparison"]["network"].values.tolist() == ["data", "majority", "average", "random"]
    assert all(isinstance(value, str | int | float) for value in groups["comparison"].attrs.values())


def test_same_seed_same_result(groups):
    again = comparison.run(Parameters(**HAND_MADE), 1, lambda *_: None)
    xr.testing.assert_identical(
        again["comparison"].drop_vars("microseconds"), groups["comparison"].drop_vars("microseconds")
    )


def changed(table, name, network, value, error, **where):
    """The table with one number set."""
    table = table.copy(deep=True)
    table[name].loc[{"network": network, **where}] = value
    table[f"{name}_stderr"].loc[{"network": network, **where}] = error
    return table


def said(table):
    return comparison.paragraph([({}, {"comparison": table})])


def test_the_paragraph_follows_the_numbers(groups):
    table = groups["comparison"]
    text = comparison.paragraph([(HAND_MADE, groups)])
    assert 40 < len(text.split()) < 250
    assert "on 4 x 200 samples that none was trained on, level 2 of each network" in text
    assert "at level 1 knows at least" in text  # at level 2 window and buffer fill the lattice
    table = changed(table, "environment", "majority", 1.0, 0.01, level=1)
    for value, word in ((5.0, "; more: average 5.000(10)"), (0.0, "; less: average 0.000(10)")):
        assert word in said(changed(table, "environment", "average", value, 0.01, level=1))
    for value, word in ((0.99, "no sign of learning"), (0.1, "not by chance")):
        assert word in said(changed(table, "cka", "random", value, 0.01, level=2, rg_level=2))
    table = changed(table, "coupling", "majority", 0.4, 0.01, level=1, operator="nn")
    for value, word in ((0.41, "within errors the same in average"), (0.5, "another in average")):
        assert word in said(changed(table, "coupling", "average", value, 0.01, level=1, operator="nn"))


@pytest.mark.parametrize(
    ("control", "coupling", "words"),
    [
        (0.3, 0.41, ": for, training made the block spins more readable than random weights do, the coupling flows al"),
        (0.3, 0.6, ": for and against, training made the block spins more readable than random weights do, the coup"),
        (0.81, 0.41, ": for and against, training made the block spins not significantly more readable"),
        (0.95, 0.6, ": against, training made the block spins less readable than random weights do, the coupling flo"),
    ],
)
@pytest.mark.parametrize("name", ["rsmi", "rbm"])
def test_learned_networks_are_judged_against_their_controls(groups, name, control, coupling, words):
    other = {"average": name, "random": f"{name} (random)"}
    table = groups["comparison"]
    table = table.assign_coords(network=[other.get(item, item) for item in table["network"].values.tolist()])
    where = {"level": 2, "rg_level": 2}
    table = changed(table, "decodability", name, 0.8, 0.01, **where)
    table = changed(table, "decodability", f"{name} (random)", control, 0.01, **where)
    for network, value in (("majority", 0.4), (name, coupling)):
        table = changed(table, "coupling", network, value, 0.01, level=1, operator="nn")
    assert words in said(table)


@pytest.mark.parametrize(
    ("h", "k", "words"),
    [
        (0.1, 0.9, "keeps more of it than majority and has forgotten h"),
        (0.9, 0.9, "keeps more of it than majority and has not forgotten h"),
        (0.1, 0.2, "keeps no more of it than majority and has forgotten h"),
    ],
)
def test_supervision_is_judged_by_what_it_keeps(groups, h, k, words):
    table = groups["comparison"].assign_coords(network=["data", "majority", "cnn", "random"])
    for network, values in (("majority", (0.5, 0.98)), ("cnn", (k, h))):
        for target, value in zip(("K", "h"), values, strict=True):
            table = changed(table, "fraction", network, value, 0.01, level=2, target=target)
    assert words in said(table)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"K": 0.4, "K_over_K_c": 1.0}, r"give one of the two"),
        ({"shape": [8]}, r"no known K_c"),
        ({"networks": ["rsmi"]}, r"no RG among them"),
        ({"networks": ["majority", "majority"]}, r"name each once"),
        ({"shape": [12, 12], "levels": 3}, r"multiples of 8"),
        ({"shape": [8, 8], "levels": 3}, r"leave at least 2 sites"),
        ({"network": ["majority"]}, r"network"),
        ({"networks": ["vgg"]}, r"vgg"),
    ],
)
def test_wrong_parameters(wrong, message):
    with pytest.raises(ValidationError, match=message):
        Parameters.model_validate_json(json.dumps(wrong), strict=True)


@pytest.mark.parametrize(
    "name", [name if name == "cnn" else pytest.param(name, marks=pytest.mark.slow) for name in comparison.LEARNED]
)
def test_every_learned_network_is_trained_and_compared(name):
    pytest.importorskip("torch")
    few = {**HAND_MADE, "networks": ("majority", name), "training_draws": 200, "epochs": 1, "channels": 2}
    found = comparison.run(Parameters(**few, temperatures=2, examples=2000), 1, lambda *_: None)
    assert set(found) == {"comparison", f"training/{name}"}
    table = found["comparison"]
    assert f"{name} (random)" in table["network"].values
    assert np.isfinite(table["decodability"].sel(network=name, level=2)).all()
    assert float(table["parameters"].sel(network=name, level=2)) > 0
    assert name in comparison.paragraph([(few, found)])
    for group in found.values():
        assert all(isinstance(value, str | int | float) for value in group.attrs.values())
