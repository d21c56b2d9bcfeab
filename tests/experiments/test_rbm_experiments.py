"""Tiny runs of the experiments on Boltzmann machines: what must come out whatever the size."""

import numpy as np
import pytest

pytest.importorskip("torch")

from rgnet.experiments import catalogue, counterexample, rbm_flow, rbm_stack

SMALL = {
    "counterexample": {"shape": [4, 4], "draws": 1500, "epochs": 4},
    "rbm-stack": {
        "small": [3, 3], "hidden": [2], "seeds": 2, "draws": 600, "epochs": 4, "middle": 4, "side": 8, "depth": 1,
        "chain_draws": 120, "stack_epochs": 1, "temperatures": 100,
    },
    "rbm-flow": {
        "side": 4, "hidden": 8, "training": [0.5, 1.0, 1.3], "starts": [0.8], "steps": [0, 2], "draws": 120,
        "epochs": 2, "thermometer_epochs": 2, "single": 0.7,
    },
}  # fmt: skip


def ran(name, seed=0, **options):
    module = catalogue.module(name)
    parameters = catalogue.parameters(name, SMALL[name] | options)
    told = []
    groups = module.run(parameters, seed, lambda fraction, words: told.append((fraction, words)))
    assert len(told) > 3
    assert all(0 <= fraction <= 1 and words for fraction, words in told)
    for group in groups.values():
        assert all(isinstance(value, str | int | float) for value in group.attrs.values())
    return parameters.model_dump(mode="json"), groups


@pytest.fixture(scope="module")
def bath():
    return ran("counterexample")


def test_the_counterexample_is_exact(bath):
    table = bath[1]["rules"]
    row = table.sel(rule="bath")
    for name in ("violation", "kl", "information", "fisher_fraction", "about_majority"):
        assert abs(float(row[name])) < 1e-10
    assert abs(float(row["estimate"] / row["estimate_stderr"])) < 4
    block = table.sel(rule="majority")
    assert float(block["violation"]) < 1e-12
    assert float(block["information"]) > 0.3
    assert 0.1 < float(block["fisher_fraction"]) < 0.9
    assert abs(float((block["estimate"] - block["about_majority"]) / block["estimate_stderr"])) < 5
    assert (table["information"] <= table["entropy"] + 1e-12).all()
    machine = table.sel(rule="rbm")
    assert float(machine["violation"]) > 0.01
    assert float(machine["kl"]) > 1e-4
    words = counterexample.paragraph([bath])
    assert "the objection is right" in words
    assert 80 < len(words.split()) < 230


def test_bath_is_a_layer():
    layer = counterexample.Bath(2, 0.3)
    v = np.random.default_rng(0).choice([-1, 1], (5000, 4, 4))
    h = layer(v, 1, ndim=2)
    assert h.shape == (5000, 2, 2)
    states, log_p = layer.law((2, 2))
    assert np.exp(log_p).sum() == pytest.approx(1)
    np.testing.assert_allclose(layer.log_prob(states, np.ones((4, 4)), ndim=2), log_p)
    counts = np.bincount((h.reshape(-1, 4) > 0) @ (8, 4, 2, 1), minlength=16)
    assert ((counts - 5000 * np.exp(log_p)) ** 2 / (5000 * np.exp(log_p))).sum() < 40  # 15 degrees, p = 5e-4


@pytest.fixture(scope="module")
def stack():
    return ran("rbm-stack")


def test_stack(stack):
    _, groups = stack
    fit, flow = groups["fit"], groups["flow"]
    assert (fit["kl"] < fit["kl_start"]).all()
    np.testing.assert_allclose(fit["violation_histogram"].sum("bin"), 1, atol=1e-9)
    assert flow["coupling"].shape == (4, 2, 2, 3)
    assert np.isfinite(flow["coupling"].values[:, :, 0, 0]).all()
    assert (groups["fields"]["participation"] <= 16).all()
    words = rbm_stack.paragraph([stack])
    assert "nan" not in words
    assert "KL" in words


def test_shapes_of_receptive_fields():
    weights = np.zeros((2, 1, 1, 1, 4, 4))
    weights[0, 0, 0, 0, 1:3, 1:3] = 0.5
    weights[1, 0, 0, 0] = -0.1
    np.testing.assert_allclose(rbm_stack.participation(weights), [4, 16])
    found = rbm_stack.width(weights[:, 0, 0, 0])
    assert found[0] == pytest.approx(np.sqrt((0 + 1 + 1 + 2) / 4))
    assert found[0] < found[1]


@pytest.fixture(scope="module")
def flowed():
    return ran("rbm-flow")


def test_flow(flowed):
    _, groups = flowed
    flow, controls = groups["flow"], groups["controls"]
    assert flow["K"].shape == (3, 1, 2, 3)
    # Before the first round the couplings are those of Ising data
    start = flow["K"].values[:, 0, 0, 0] - 0.8 * flow.attrs["K_c"]
    assert (np.abs(start) < 8 * flow["K_stderr"].values[:, 0, 0, 0]).all()
    assert list(controls["data"].values) == ["Ising"] * 3 + ["flipped spins", "nnn coupling"]
    words = rbm_flow.paragraph([flowed])
    assert "nan" not in words


@pytest.mark.slow
def test_same_seed_same_flow(flowed):
    again = ran("rbm-flow")[1]["flow"]
    assert again.identical(flowed[1]["flow"])


def test_energy_thermometer():
    from rgnet.exact import ising2d

    for K in (0.1, 0.44, 0.8):
        assert rbm_flow._coupling_of(float(ising2d.energy(K, (8, 8))), (8, 8)) == pytest.approx(K, abs=1e-9)
    assert np.isnan(rbm_flow._coupling_of(-2.5, (8, 8)))


@pytest.mark.parametrize("name", list(SMALL))
def test_figures(name, bath, stack, flowed):
    import importlib

    result = {"counterexample": bath, "rbm-stack": stack, "rbm-flow": flowed}[name]
    drawn = importlib.import_module(f"rgnet.plot.experiments.{name.replace('-', '_')}").figure([result])
    assert len(drawn.axes) >= 3
    assert all(axes.get_xlabel() for axes in drawn.axes)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("counterexample", {"shape": [6, 6]}, "at most 16 spins"),
        ("counterexample", {"shape": [4, 5]}, "multiples of 2"),
        ("rbm-stack", {"side": 12}, "give fewer layers"),
        ("rbm-stack", {"small": [5, 4]}, "at most 16 spins"),
        ("rbm-stack", {"middle": 7}, "an even side"),
        ("rbm-flow", {"side": 5}, "an even side"),
        ("rbm-flow", {"steps": [1, 2]}, "begin with 0"),
        ("rbm-flow", {"colour": 1}, "Extra inputs"),
    ],
)
def test_bad_parameters(name, options, words):
    with pytest.raises(ValueError, match=words):
        catalogue.parameters(name, options)
