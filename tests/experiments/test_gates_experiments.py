"""Tiny runs of the experiments on gates and polynomials."""

import pytest

from rgnet.experiments import polynomials, product_gate

SMALL_GATE = {"activations": ["tanh"], "orders": [6], "scales": 7, "digits": 40}
SMALL_POLYNOMIALS = {"count": 4, "tolerances": {"float64": [1e-6, 1e-12], "float32": [1e-2]}}


def ran(module, options):
    parameters = module.Parameters.model_validate(options)
    told = []
    groups = module.run(parameters, 1, lambda fraction, words: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1
    for group in groups.values():
        assert all(isinstance(value, str | int | float) for value in group.attrs.values())
    return parameters.model_dump(mode="json"), groups


@pytest.fixture(scope="module")
def gate():
    return ran(product_gate, SMALL_GATE)


@pytest.fixture(scope="module")
def compiled():
    return ran(polynomials, SMALL_POLYNOMIALS)


def test_the_gate_s_curves(gate):
    table = gate[1]["curves"]
    assert (table["error"] <= table["promised"]).all()
    exact = table.where(table["arithmetic"] == "mp", drop=True)
    assert abs(exact["slope"] - exact["power"]).max() < 0.01
    assert float(exact["decades"].where(exact["point"] == "plain").min()) > 8
    floats = table.where(table["arithmetic"] != "mp", drop=True)
    assert (floats["floor"] / floats["error_at_best_scale"]).max() < 10
    words = product_gate.paragraph([gate])
    assert "No error exceeds its bound" in words
    assert 80 < len(words.split()) < 200


def test_polynomials(compiled):
    table = compiled[1]["polynomials"]
    assert ((table["floor"] > table["tolerance"]) == (table["refused"] > 0)).all()
    assert not (table["achieved"] > table["promised"]).any()
    assert int(table["refused"].isel(case=0).sum()) == 0
    assert int(table["refused"].isel(case=1).sum()) > 0
    words = polynomials.paragraph([compiled])
    assert "No error exceeds what was promised" in words
    assert "four neurons" in words


@pytest.mark.parametrize("name", ["product_gate", "polynomials"])
def test_figures(name, gate, compiled):
    import importlib

    module = importlib.import_module(f"rgnet.plot.experiments.{name}")
    figure = module.figure([gate if name == "product_gate" else compiled])
    assert len(figure.axes) == 3
    assert module.CAPTION
    assert module.ALT


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (product_gate, {"activations": ["relu"]}, "not smooth"),
        (product_gate, {"orders": [3]}, "one of 2, 4"),
        (polynomials, {"activation": "nothing"}, "unknown"),
        (polynomials, {"tolerances": {"half": [1]}}, "float32 or float64"),
    ],
)
def test_bad_parameters(module, options, message):
    with pytest.raises(ValueError, match=message):
        module.Parameters.model_validate(options)
