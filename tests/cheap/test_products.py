"""Products of n numbers: counts, cancellation in whole numbers, errors against promises and closed forms."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from rgnet.cheap import activations, network, precision, product_gates, product_layers
from rgnet.cheap.certificates import certificate
from rgnet.cheap.errors import CheapError
from rgnet.cheap.products import product

FLOAT64 = precision.arithmetic()


def gate(powers, sigma, at=None):
    return product_gates.gate(powers, activations.get(sigma), FLOAT64, at)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_one_layer_has_two_to_the_n_neurons_and_nothing_else_is_left(n):
    made = gate((1,) * n, "exp")
    assert made.neurons == 2**n == product_layers.neurons(n, 1)
    sums = product_gates.coefficients(made)
    assert len(sums) == math.comb(2 * n, n) - 1
    assert sums.pop((1,) * n) == 2**n
    assert set(sums.values()) == {0}
    odd = gate((1,) * n, "tanh" if n % 2 else "gaussian")
    assert odd.half
    assert odd.neurons == 2 ** (n - 1)
    sums = product_gates.coefficients(odd)
    assert sums.pop((1,) * n) == 2**n
    assert set(sums.values()) == {0}


@pytest.mark.slow
def test_ten_numbers():
    made = product(10, "exp", 1)
    assert made.network.neurons == 1024
    assert made.report.achieved <= made.report.promised
    sums = product_gates.coefficients(gate((1,) * 10, "exp"))
    assert sum(map(bool, sums.values())) == 1


@pytest.mark.parametrize("powers", [(2, 1), (2, 2), (3, 1, 1)])
@pytest.mark.parametrize("sigma", ["exp", "tanh", "gaussian"])
def test_powers_by_central_differences(powers, sigma):
    made = product(powers=powers, activation=sigma)
    full = math.prod(r + 1 for r in powers)
    half = activations.get(sigma).parity == ("odd" if sum(powers) % 2 else "even")
    assert made.network.neurons == ((full + 1) // 2 if half else full)
    assert made.report.achieved <= made.report.promised < 0.01
    sums = product_gates.coefficients(gate(powers, sigma))
    assert sums.pop(powers) == 2 ** sum(powers) * math.prod(map(math.factorial, powers))
    assert set(sums.values()) == {0}


def test_built_network_passes_its_own_certificate():
    made = gate((1, 1, 1), "exp")
    found = certificate(made.signs, 0, activation="exp")
    assert found.possible
    unit = Fraction(1, 8)
    assert list(found.multiples) == [int(c) * unit for c in made.counts]


def test_error_is_that_of_the_hyperbolic_sine():
    # σ = exp: the network is ∏ sinh(λ x_i)/λ, so its largest error on the box is (sinh λ/λ)ⁿ − 1
    made = product(4, "exp", 1, scale=0.01)
    exact = (math.sinh(0.01) / 0.01) ** 4 - 1
    assert made.report.achieved == pytest.approx(exact, rel=1e-3)
    assert made.report.notes["truncation"] == pytest.approx(exact, rel=1e-6)
    assert made.report.achieved <= made.report.promised
    # at points drawn inside the box it is smaller: 4e-5 was seen before
    x = np.random.default_rng(1).uniform(-1, 1, (4096, 4))
    assert 3e-5 < np.abs(made(x)[:, 0] - x.prod(axis=1)).max() < exact


def test_eight_numbers_work_at_the_precision_that_is_predicted():
    lost = product(8, "exp", 1, scale=0.01)
    cut = lost.report.notes["truncation"]
    assert lost.report.achieved > 0.05  # destroyed by rounding in float64
    assert lost.report.achieved <= lost.report.promised
    bits = lost.report.notes["bits predicted"]
    assert 60 < bits < 72
    points = [[1.0] * 8, [1.0, -1.0] * 4, [0.9, -0.8, 0.7, 1.0, -1.0, 0.6, 1.0, 0.5]]
    needed = network.bits_needed(lost.network, mpmath.fprod, 2 * cut, points)
    assert bits - 12 <= needed <= bits
    digits = math.ceil(bits / math.log2(10)) + 1
    with mpmath.workdps(digits):
        found = lost.network.mp(points, digits)
        errors = [abs(value[0] - mpmath.fprod(x)) for value, x in zip(found, points, strict=True)]
    assert max(errors) <= 2 * cut


@pytest.mark.parametrize(("sigma", "power"), [("exp", 2), ("logistic", 2)])
def test_error_falls_as_a_power_of_the_scale(sigma, power):
    errors = [product(3, sigma, 1, scale=s, dtype="mp", digits=50, at=0).report.achieved for s in (1e-6, 1e-3)]
    assert math.log10(errors[1] / errors[0]) == pytest.approx(3 * power, abs=0.01)


def test_parity_chooses_the_neurons():
    assert [product(n, "tanh", 1).network.neurons for n in (2, 3)] == [4, 4]
    assert product(3, "logistic", 1).network.neurons == 4
    assert product(2, "sin", 1, at=math.pi / 2).network.neurons == 2
    with pytest.raises(CheapError, match="odd function about 0, so that σ_4 = 0"):
        product(4, "tanh", 1, at=0)
    with pytest.raises(CheapError, match="even function about 0, so that σ_3 = 0"):
        product(3, "gaussian", 1, at=0)
    with pytest.raises(CheapError, match="σ_3 of 'softplus' vanishes"):
        product(3, "softplus", 1, at=0)


@pytest.mark.parametrize("box", [2.0, (-1, 3), [(0.5, 1), (-2, 0), (-1, 1)]])
@pytest.mark.parametrize("dtype", ["float32", "float64", "mp"])
def test_promise_holds_on_every_box(box, dtype):
    made = product(3, "exp", 1, box=box, dtype=dtype, digits=30 if dtype == "mp" else None).report
    assert made.achieved <= made.promised
    assert made.promised < {"float32": 1, "float64": 1e-3, "mp": 1e-8}[dtype]


def test_layers_are_within_a_factor_of_two_of_the_formula():
    for n in range(2, 65):
        for k in range(1, int(math.log2(n)) + 1):
            count = product_layers.neurons(n, k)
            assert 0.5 <= count / product_layers.formula(n, k) <= 2
    assert product_layers.neurons(64, 6) == 252


def test_group_sizes_are_the_best_of_all():
    def partitions(m, most):
        if m == 0:
            yield ()
        for part in range(min(m, most), 0, -1):
            for rest in partitions(m - part, part):
                yield (part, *rest)

    def fewest(m, k):
        if k == 1:
            return 2**m
        choices = (sizes for sizes in partitions(m, m) if len(sizes) < m)
        return min((sum(2**g for g in sizes) + fewest(len(sizes), k - 1) for sizes in choices), default=math.inf)

    for n, k in [(6, 2), (9, 2), (9, 3), (12, 3)]:
        assert product_layers.neurons(n, k) == fewest(n, k)
        sizes = product_layers.groups(n, k)
        assert [sum(s) for s in sizes] == [n, *map(len, sizes[:-1])]


@pytest.mark.parametrize(("n", "depth"), [(6, 2), (7, 2), (9, 3), (16, 2)])
@pytest.mark.parametrize("sigma", ["exp", "tanh"])
def test_networks_between(n, depth, sigma):
    made = product(n, sigma, depth)
    assert made.network.depth == depth
    if sigma == "exp":
        assert made.network.neurons == product_layers.neurons(n, depth)
    assert made.report.achieved <= made.report.promised < 0.05


@pytest.mark.parametrize("n", [2, 3, 5, 8, 100])
def test_trees_are_linear(n):
    made = product(n, "tanh", at=None)
    assert made.network.depth == math.ceil(math.log2(n))
    assert 4 * (n - 1) <= made.network.neurons <= 4 * (n - 1) + 2 * made.network.depth
    assert made.report.achieved <= made.report.promised < 1e-6


@pytest.mark.slow
def test_a_tree_of_1024():
    made = product(1024)
    assert made.network.neurons == 4 * 1023
    assert made.network.depth == 10
    assert made.report.achieved <= made.report.promised < 1e-6


def test_one_number_and_names():
    made = product(1, "exp")
    assert made.network.neurons == 2
    assert made.network.inputs == ("x1",)
    assert made.report.achieved <= made.report.promised
    x = np.linspace(-1, 1, 24).reshape(4, 2, 3)
    assert np.abs(product(3, "exp", 1)(x)[..., 0] - x.prod(axis=-1)).max() < 1e-5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 64, "depth": 1}, "2\\^64 = 1.84e\\+19 neurons.*the tree of 252 neurons in 6"),
        ({"n": 2000, "depth": 1}, "the tree of"),
        ({"n": 0}, "whole number from 1"),
        ({"n": True}, "whole number from 1"),
        ({"n": 4, "depth": 3}, "from 1 to ⌈log2 n⌉ = 2"),
        ({"n": 4, "depth": 0}, "from 1 to"),
        ({"n": 3, "powers": [1, 1]}, "n=3 with 2 powers"),
        ({"powers": [0, 1]}, "whole numbers r_i ≥ 1"),
        ({"powers": [40, 40, 40, 40]}, "∏\\(r_i \\+ 1\\)"),
        ({"powers": [2, 1, 1], "depth": 2}, "powers are built in one layer"),
        ({"n": 3, "depth": 1, "scale": -1}, "λ is a positive number"),
        ({"n": 3, "depth": 1, "scale": 5.0}, "give a smaller λ"),
        ({"n": 8, "scale": 0.1}, "λ may be given for one layer"),
        ({"n": 3, "activation": "relu"}, "not smooth"),
        ({"n": 3, "dtype": "float16"}, "float32"),
    ],
)
def test_refusals(arguments, words):
    with pytest.raises(CheapError, match=words):
        product(**arguments)


def test_signs_are_all_choices():
    assert set(map(tuple, gate((1, 1, 1), "exp").signs.tolist())) == set(itertools.product((1, -1), repeat=3))


@pytest.mark.parametrize("activation", ["softplus", "exp"])
def test_groups_keep_their_promise_in_many_digits(activation):
    """Errors of 1e-28 go from layer to layer: (1 + δ)^g − 1 must not be taken in float64."""
    found = product(5, activation, depth=2, dtype="mp").report
    assert found.achieved <= found.promised < 1e-15


@pytest.mark.parametrize("box", [1e6, 1e-8])
def test_products_beyond_the_range_are_refused(box):
    with pytest.raises(CheapError, match=r'beyond the range of float32.*dtype="float64"'):
        product(7, dtype="float32", box=box)
