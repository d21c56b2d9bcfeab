"""The experiment "comparison": rules, groups, the same again from the same seed, and words that follow the numbers."""

import json

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from rgnet.experiments import comparison
from rgnet.experiments.comparison import Parameters

HAND_MADE = {"shape": (8, 8), "networks": ("majority", "average"), "levels": 2, "draws": 400, "rows": 256}


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


def test_the_paragraph_follows_the_numbers(groups):
    table = groups["comparison"]
    text = comparison.paragraph([(HAND_MADE, groups)])
    assert 40 < len(text.split()) < 250
    assert "stands beside majority on 4 x 400 samples" in text
    top = {"level": 2}
    assert "Locality: at level 1 " in text  # at level 2 window and buffer fill the lattice
    table = changed(table, "environment", "majority", 1.0, 0.01, **top)
    for value, word in ((5.0, "more: average 5.000(10)"), (0.0, "less: average 0.000(10)")):
        said = comparison.paragraph(
            [({}, {"comparison": changed(table, "environment", "average", value, 0.01, **top)})]
        )
        assert word in said
    for value, word in ((0.99, "alignment is no sign of learning"), (0.1, "not by chance")):
        said = comparison.paragraph(
            [({}, {"comparison": changed(table, "cka", "random", value, 0.01, **top, rg_level=2)})]
        )
        assert word in said


def test_learned_networks_are_judged_against_their_controls(groups):
    table = groups["comparison"]
    names = ["average (random)" if name == "random" else name for name in table["network"].values.tolist()]
    table = table.assign_coords(network=names)
    where = {"level": 2, "rg_level": 2}
    table = changed(table, "decodability", "average", 0.8, 0.01, **where)
    better = changed(table, "decodability", "average (random)", 0.3, 0.01, **where)
    same = changed(table, "decodability", "average (random)", 0.81, 0.01, **where)
    assert "For: training made the RG's spins more readable in average" in comparison.paragraph(
        [({}, {"comparison": better})]
    )
    assert "Against: not significantly so in average" in comparison.paragraph([({}, {"comparison": same})])


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
