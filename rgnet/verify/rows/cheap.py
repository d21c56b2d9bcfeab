"""Compiled networks: errors as predicted, counts as derived, certificates, and free energies as divergences."""

import itertools
import math
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.verify.registry import Measured, Row, check

LTR = "Lin et al. 2017"


@check(
    Row("cheap/gate-slope", "d ln error/d ln λ, 50 digits", 2.0, f"{LTR}, eq. 11", tolerance=1e-6),
    Row("cheap/gate-float64", "promised ÷ achieved error, float64", 1.5, "Taylor and rounding", tolerance=0.5,
        note="promised is a bound, and no more than a factor of two above what is seen"),
)  # fmt: skip
def gate(seed: int) -> list[Measured]:
    """Four softplus neurons at b = 0, as in the paper; then at the best λ that rounding allows."""
    scales = (1e-6, 1e-10)
    errors = [
        rg.cheap.product_gate("softplus", scale=scale, at=0, dtype="mp", digits=50).report.achieved for scale in scales
    ]
    slope = math.log(errors[0] / errors[1]) / math.log(scales[0] / scales[1])
    found = rg.cheap.product_gate("softplus", at=0).report
    return [Measured(slope), Measured(found.promised / found.achieved)]


@check(
    Row("cheap/polynomials", "polynomials that miss 1e-6, of 20", 0, "tolerance asked for", tolerance=0),
    Row("cheap/promises", "errors beyond the promise, of 20", 0, "Taylor and rounding", tolerance=0),
)
def polynomials(seed: int) -> list[Measured]:
    """Random polynomials of up to four variables and degree four, compiled for float64."""
    rng = np.random.default_rng(seed)
    reports = [rg.cheap.compile(_random_polynomial(rng), tolerance=1e-6).report for _ in range(20)]
    missed = sum(item.achieved > 1e-6 for item in reports)
    return [Measured(missed), Measured(sum(item.achieved > item.promised for item in reports))]


def _random_polynomial(rng: np.random.Generator) -> Any:
    import sympy

    variables = sympy.symbols("x y z w", real=True)[: rng.integers(1, 5)]
    powers = [p for p in itertools.product(range(5), repeat=len(variables)) if sum(p) <= 4]
    chosen = rng.choice(len(powers), size=min(4, len(powers)), replace=False)
    terms = [sympy.prod(v**r for v, r in zip(variables, powers[k], strict=True)) for k in chosen]
    return sum(sympy.Rational(int(rng.integers(-20, 21)), 10) * term for term in terms)


@check(
    Row("cheap/one-layer", "neurons, product of 6, one layer", 64, f"2ⁿ, {LTR}", tolerance=1e-9),
    Row("cheap/parity", "neurons, product of 5, tanh", 16, "2ⁿ⁻¹, parity", tolerance=1e-9),
    Row("cheap/tree", "neurons, product of 256, tree", 1020, f"4n, {LTR}", tolerance=1e-9),
    Row("cheap/tree-error", "trees of 256 beyond their promise", 0, "Taylor bounds", tolerance=0),
)
def products(seed: int) -> list[Measured]:
    """One hidden layer, with and without parity, and the binary tree."""
    tree = rg.cheap.product(256).report
    layers = [rg.cheap.product(6, depth=1), rg.cheap.product(5, "tanh", depth=1)]
    return [
        *(Measured(item.report.neurons) for item in layers), Measured(tree.neurons),
        Measured(int(tree.achieved > tree.promised)),
    ]  # fmt: skip


@check(
    Row("cheap/certificate", "layers of 2⁴ possible, of 1", 1, f"{LTR}, A.1", tolerance=1e-9),
    Row("cheap/one-fewer", "possible without one neuron, of 16", 0, f"{LTR}, A.2", tolerance=0),
    Row("cheap/three", "3 neurons, own biases, possible", 1, "exact linear algebra", tolerance=1e-9,
        note="beyond the theorem, which has one common bias: three neurons multiply two numbers"),
)  # fmt: skip
def certificates(seed: int) -> list[Measured]:
    """The layer of 2ⁿ neurons with every neuron removed in turn, and three neurons with biases of their own."""
    layer = list(itertools.product((1, -1), repeat=4))
    whole = rg.cheap.certificate(layer, "1/3").possible
    fewer = [rg.cheap.certificate(layer[:k] + layer[k + 1 :], "1/3").possible for k in range(len(layer))]
    three = rg.cheap.certificate([[1, 1], [1, -1], [0, 1]], [1, 1, 0]).possible
    return [Measured(int(whole)), Measured(sum(fewer)), Measured(int(three))]


@check(Row("cheap/bits", "decimals of a bit product by β", 1 / (2 * math.log(10)), "1/(2 ln 10)", tolerance=1e-6))
def bits(seed: int) -> Measured:
    """Error of one steep logistic neuron over all strings of 3 bits, at β = 30 and 50."""
    errors = [rg.cheap.bit_product(3, beta=beta).report.achieved for beta in (30.0, 50.0)]
    return Measured(math.log10(errors[0] / errors[1]) / 20.0)


@check(
    Row("cheap/orbits", "lattices with orbits miscounted", 0, "Burnside's lemma", tolerance=0),
    Row("cheap/fft", "dense ÷ butterflies, n = 1024", 51.2, "n/(2 log₂ n)", tolerance=1e-9),
    Row("cheap/strassen", "Brent's equations violated", 0, "Strassen 1969", tolerance=0),
)
def counts(seed: int) -> list[Measured]:
    """Orbits of interactions under translations; synapses of linear maps; fast multiplication."""
    from rgnet.cheap import counts as counting
    from rgnet.cheap import fast_multiplication, linear

    shapes = [shape for shape in itertools.product(range(1, 5), repeat=2) if shape != (1, 1)]
    wrong = sum(counting.orbits(shape) != counting.listed_orbits(shape) for shape in shapes)
    factors = linear.butterflies(1024)
    return [
        Measured(wrong), Measured(factors.cost),
        Measured(fast_multiplication.brent_violation(fast_multiplication.strassen(1))),
    ]  # fmt: skip


@check(
    Row("cheap/kl-4", "KL by free energies, 4²", None, "enumeration", tolerance=1e-10),
    Row("cheap/kl-16", "KL, 0.95 to 1.05 K_c, by integral", None, "Kaufman 1949"),
)
def divergences(seed: int) -> list[Measured]:
    """KL = ln Z₂ − ln Z₁ + ⟨H₂ − H₁⟩₁ against Σ p₁ ln p₁/p₂, and simulated against closed forms."""
    one, two = (rg.Ising((4, 4), K=K, h=h) for K, h in ((0.3, 0.1), (0.5, -0.05)))
    p, q = (rg.exact.distribution(model.energy, model.shape) for model in (one, two))
    small = Measured(rg.free_energy.kl(one, two).value, expected=float((p * np.log(p / q)).sum()))
    K_c = rg.exact.ising2d.K_c
    low, high = (rg.Ising((16, 16), K=K * K_c) for K in (0.95, 1.05))
    exact = rg.free_energy.kl(low, high).value
    found = rg.free_energy.kl(low, high, method="integration", seed=seed)
    return [small, Measured(found.value, found.stderr, expected=exact)]
