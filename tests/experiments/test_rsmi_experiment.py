"""The experiment "rsmi": a tiny run of each kind, its words and its figure; how filters are read."""

import numpy as np
import pytest

pytest.importorskip("torch")

import rgnet as rg
from rgnet.experiments import _rsmi_rivals as rivals
from rgnet.experiments import rsmi
from rgnet.models.dimers import Dimers, field, links

TINY = {
    "draws": 40,
    "epochs": 2,
    "batch": 64,
    "critic": (8,),
    "restarts": 1,
    "rbm_epochs": 1,
    "rbm_starts": 1,
    "rbm_rows": 1000,
}
ISING = {**TINY, "shape": (8, 8), "rows": 2000}
DIMERS = {
    **TINY, "system": "dimers", "noise": True, "shape": (12, 12), "rows": 2000, "block": 4, "environment": 1,
    "hidden": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def points():
    told = []
    found = []
    for parameters in (ISING, DIMERS):
        checked = rsmi.Parameters(**parameters)
        found.append((checked.model_dump(), rsmi.run(checked, 3, lambda *what: told.append(what))))
    assert all(0 <= fraction <= 1 for fraction, _ in told)
    return found


def test_what_is_stored(points):
    for _, groups in points:
        assert {"rules", "filters", "training"} <= set(groups)
        assert (groups["rules"]["information_stderr"] > 0).all()
        assert float(groups["rules"]["difference"].sel(rule="rsmi")) == 0.0
        assert {"training", "held_out", "held_out_stderr"} <= set(groups["training"].attrs)
        for data in groups.values():
            assert all(isinstance(value, (str, int, float)) for value in data.attrs.values())
    ising, dimers = (groups["rules"] for _, groups in points)
    majority = ising.sel(rule="majority")
    assert float(majority["exact"]) == pytest.approx(0.400987778, abs=1e-8)
    assert ising.attrs["best_odd"] == pytest.approx(0.401246591, abs=1e-8)
    assert float(dimers["field_variance"].sel(rule="field")) == pytest.approx(1.0)
    assert float(dimers["noise_variance"].sel(rule="field")) == 0.0
    assert points[1][1]["machine"]["units"].values.tolist() == [2] * 2 + [8] * 8
    assert points[1][1]["filters"]["weights"].sel(rule="rsmi").shape == (2, 3, 4, 4)


@pytest.mark.slow
def test_same_seed_same_numbers(points):
    again = rsmi.run(rsmi.Parameters(**ISING), 3, lambda *_: None)
    assert again["rules"].identical(points[0][1]["rules"])


def test_words_and_figure(points, tmp_path):
    text = rsmi.paragraph(points)
    assert "On Ising 8×8" in text
    assert "paired noise spins" in text
    assert "nan" not in text
    from rgnet.plot.experiments.rsmi import figure

    figure(points).savefig(tmp_path / "rsmi.png")


def test_words_follow_the_numbers(points):
    values, groups = points[1]

    def said(own, few, many):
        """Words for RSMI's share of noise and the numbers of noisy units of two Boltzmann machines."""
        table, machine = groups["rules"].copy(deep=True), groups["machine"].copy(deep=True)
        table["noise_variance"].loc[{"rule": "rsmi"}] = own
        machine["noise_variance"][:] = [1.0] * few + [0.1] * (2 - few) + [1.0] * many + [0.1] * (8 - many)
        machine["field_variance"][:] = 0.1
        history = groups["training"].assign_attrs(held_out=0.2, held_out_stderr=0.01)
        return rsmi.paragraph([(values, {**groups, "rules": table, "training": history, "machine": machine})])

    assert "1 of 2 and 4 of 8 are mostly noise, 0 and 0 mostly field" in said(0.01, 1, 4)
    assert "what reaches far: for the claim" in said(0.01, 1, 4)
    assert "against the claim in its strict form" in said(0.01, 0, 4)
    assert "that half of the claim is not confirmed" in said(0.01, 0, 0)
    assert "RSMI did not leave the noise alone, against the claim" in said(0.6, 1, 4)
    history = groups["training"].assign_attrs(held_out=0.001, held_out_stderr=0.01)
    assert "Nothing was learned" in rsmi.paragraph([(values, {**groups, "training": history})])


def test_noise_is_paired_and_decoupled():
    data = rg.sample(Dimers((8, 8), T=15.0), draws=100, chains=2, seed=1)
    noisy = rivals.noisy_dimers(data, 0.02, 5)["spin"]
    assert noisy.dims == ("chain", "draw", "component", "x", "y")
    np.testing.assert_array_equal(noisy[:, :, :2], links(data)["spin"])
    s = noisy[:, :, 2].values.astype(float)
    n = s[:, :, 0::2].size
    assert (s[:, :, 0::2] * s[:, :, 1::2]).mean() == pytest.approx(0.96, abs=4 * 0.28 / np.sqrt(n))
    assert abs((s[:, :, 1::2] * np.roll(s[:, :, 0::2], -1, axis=2)).mean()) < 4 / np.sqrt(n)
    assert abs((s[:, :, 0::2] * noisy[:, :, 0, 0::2].values).mean()) < 4 / np.sqrt(n)


def test_filters_are_read():
    data = rg.sample(Dimers((8, 8), T=15.0), draws=100, chains=2, seed=1)
    x = data["spin"].values.reshape(-1, 8, 8)
    v = rivals.blocks_of(rivals.noisy_dimers(data, 0.02, 5), 4)
    assert v.shape == (800, 3, 4, 4)
    np.testing.assert_array_equal(v[1, 0], links(x)[0, 0, :4, 4:])
    pattern = rivals.staggered(4, 3)
    flux = (v * pattern[0]).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(flux[0], 2 * field(x)[0, 0, :4, :4].sum())  # links are 2n − 1, and signs add to 0
    found = rivals.read(pattern, v, True)
    assert found["field_weight"] == pytest.approx(1.0)
    assert found["field_variance"] == pytest.approx(1.0)
    noise = np.zeros((1, 3, 4, 4))
    noise[0, 2] = 1.0
    found = rivals.read(noise, v, True)
    assert found["noise_weight"] == found["noise_variance"] == 1.0
    assert found["field_variance"] < 0.02
    principal = rivals.principal_components(v, 2)
    assert rivals.read(principal, v, True)["noise_variance"] > 0.3


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"block": 5}, r"block=5 does not divide 64"),
        ({"shape": (64,)}, r"give two sides"),
        ({"noise": True}, r"set system='dimers'"),
        ({"shape": (6, 6), "buffer": 3}, r"buffer=3"),
        ({"system": "dimers", "shape": (9, 9), "block": 3}, r"dimers need even sides"),
        ({"colour": "red"}, r"colour"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(ValueError, match=words):
        rsmi.Parameters(**parameters)
