"""Studies of bit products, linear flattening and the exact classifier, on tiny settings."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from pydantic import ValidationError

from rgnet.experiments import bit_products, exact_classifier, flattening_linear
from rgnet.plot.experiments import bit_products as bit_figure
from rgnet.plot.experiments import exact_classifier as classifier_figure
from rgnet.plot.experiments import flattening_linear as flattening_figure


def quiet(share, words):
    assert 0 <= share <= 1
    assert words


BITS = {"sizes": (1, 3), "beta_max": 100.0, "steps": 11, "n_max": 4, "draws": 2}


@pytest.fixture(scope="module")
def products():
    return bit_products.run(bit_products.Parameters(**BITS), 1, quiet)


def test_decimals_are_a_straight_line(products):
    gate = products["gate"]
    assert np.allclose(gate["slope"], bit_products.SLOPE, rtol=1e-5)
    assert np.allclose(gate["decimals_exact"], gate["formula"], atol=1e-12)
    assert (gate["error_of_ones"].sel(beta=slice(75, None)) == 0).all()
    assert (products["functions"]["achieved"] <= products["functions"]["promised"]).all()
    assert (products["hamiltonians"]["achieved"] <= products["hamiltonians"]["promised"]).all()
    assert products["functions"]["counts"].sel(function="parity", n=4) == 4


def test_bit_products_are_told_and_drawn(products):
    text = bit_products.paragraph([(BITS, products)])
    assert "never more than promised" in text
    assert "distrust" not in text
    assert isinstance(bit_figure.figure([(BITS, products)]), Figure)
    broken = {**products, "gate": products["gate"].assign(decimals_exact=products["gate"]["decimals_exact"] + 1)}
    assert "distrust" in bit_products.paragraph([(BITS, broken)])


LINEAR = {"fourier": (2, 8), "rank_n": 8, "sparse_n": (8, 16), "sparse_p": (0.1, 0.4), "draws": 30, "levels": 2}


@pytest.fixture(scope="module")
def flattening():
    return flattening_linear.run(flattening_linear.Parameters(**LINEAR), 1, quiet)


def test_flattening_is_counted(flattening):
    assert (flattening["fourier"]["cost"] == flattening["fourier"]["formula"]).all()
    assert (flattening["rank"]["cost"] == flattening["rank"]["formula"]).all()
    sparse = flattening["sparse"]
    assert float(np.abs(sparse["z"]).max()) < sparse.attrs["limit"]
    product = flattening["multiplication"]
    assert product["wrong"].values[:2].tolist() == [0, 0]
    assert product["products"].values[:2].tolist() == [7, 49]
    assert np.array_equal(product["deep"].values[:2], product["deep_formula"].values[:2])


def test_flattening_is_told_and_drawn(flattening):
    text = flattening_linear.paragraph([(LINEAR, flattening)])
    assert "exactly for n = 2 to 8" in text
    assert "within scatter" in text
    assert "only from n = 2048 on (32 with" in text
    assert isinstance(flattening_figure.figure([(LINEAR, flattening)]), Figure)
    off = flattening["sparse"].assign(z=flattening["sparse"]["z"] + 9)
    assert "DIFFERS" in flattening_linear.paragraph([(LINEAR, {**flattening, "sparse": off})])


def test_the_limit_grows_with_the_comparisons():
    assert flattening_linear.limit(20, 200) == pytest.approx(3.54, abs=0.01)
    assert flattening_linear.limit(1, 10**6) == pytest.approx(2.576, abs=0.001)


CLASSES = {
    "shape": (2, 3), "betas": (10.0, 20.0, 30.0), "L": 4, "K": (0.2, 0.6), "channels": (2,), "sizes": (40,),
    "chains": 4, "test": 200, "epochs": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def classes():
    pytest.importorskip("torch")
    return exact_classifier.run(exact_classifier.Parameters(**CLASSES), 1, quiet)


def test_the_exact_classifier_is_bayes(classes):
    small, large = classes["small"], classes["large"]
    assert float(small["energies"]) < 1e-14
    assert float(small["compiled"]) <= float(small["compiled_promised"]) + 1e-14
    assert (small["error"] <= small["promised"]).all()
    assert float(large["compiled_difference"]) < 1e-11
    assert float(large["compiled"]) == pytest.approx(float(large["bayes"]), abs=1e-11)
    assert large.attrs["filters"] == 3
    assert large.attrs["trained_weights"] > 0


def test_the_exact_classifier_is_told_and_drawn(classes):
    text = exact_classifier.paragraph([(CLASSES, classes)])
    assert "equals Bayes' rule" in text
    assert "always within what is promised" in text
    assert isinstance(classifier_figure.figure([(CLASSES, classes)]), Figure)
    below = classes["large"].assign(difference=("training", [-1.0]))
    assert "no network can be" in exact_classifier.paragraph([(CLASSES, {**classes, "large": below})])
    assert isinstance(classes["small"], xr.Dataset)


@pytest.mark.parametrize(
    ("parameters", "given", "message"),
    [
        (exact_classifier.Parameters, {"shape": (5, 5)}, "at most 16 spins"),
        (exact_classifier.Parameters, {"prior": (0.5, 0.5)}, "each of 3 classes"),
        (exact_classifier.Parameters, {"L": 6}, "multiple"),
        (flattening_linear.Parameters, {"fourier": (6,)}, "powers of two"),
        (bit_products.Parameters, {"n_max": 13}, "less than or equal to 12"),
    ],
)
def test_bad_parameters(parameters, given, message):
    with pytest.raises(ValidationError, match=message):
        parameters(**given)
