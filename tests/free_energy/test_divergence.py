"""Divergences between ensembles against enumeration, closed forms, transfer matrices, and each other."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet import exact, free_energy
from rgnet.estimate import z_limit
from rgnet.exact import enumerate as full
from rgnet.free_energy import closed, integration

PAIRS = [
    (rg.Ising((4, 4), K=0.4), rg.Ising((4, 4), K=0.5)),  # Kaufman, closed mean energy
    (rg.Ising((4, 4), K=0.4), rg.Ising((4, 4), K=0.3, h=0.2)),
    (rg.Ising((4, 4), K=0.2, h=-0.1), rg.Ising((4, 4), K=0.3, h=0.2)),
    (rg.Ising((4, 4), K=0.2, couplings={"nnn": 0.1}), rg.Ising((4, 4), K=0.3, couplings={"plaquette": 0.1})),
    (rg.Ising((4, 3), K=0.2, boundary="free"), rg.Ising((4, 3), K=-0.3, boundary="free")),
    (rg.Ising((2, 2, 3), K=0.2), rg.Ising((2, 2, 3), K=0.4)),
    (rg.Ising(10, K=0.5, h=0.1), rg.Ising(10, K=0.2, h=0.3)),
    (rg.Ising(7, K=0.2), rg.Ising(7, K=0.0, h=1.0)),
    (rg.Potts((3, 3), q=3, K=0.5), rg.Potts((3, 3), q=3, K=0.9, h=0.2)),
    (rg.BlumeCapel((3, 3), K=0.5, D=0.1), rg.BlumeCapel((3, 3), K=0.7, D=0.4)),
    (rg.SpinGlass((3, 4), K=0.5, seed=1), rg.SpinGlass((3, 4), K=0.6, seed=2, h=0.1)),
]


def enumerated(one, two):
    """Σ p_1 ln(p_1/p_2) and Σ p_2 ln(p_2/p_1), over all states."""
    values = full.model_values(one)
    p, q = (full.distribution(model.energy, one.shape, values) for model in (one, two))
    return float(p @ np.log(p / q)), float(q @ np.log(q / p))


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_difference_of_free_energies_is_the_enumerated_divergence(one, two):
    forth, back = enumerated(one, two)
    found = free_energy.kl(one, two)
    assert (found.kind, found.unit, found.stderr) == ("exact", "nats", 0.0)
    assert found.value == pytest.approx(forth, abs=1e-10)
    assert free_energy.kl(two, one, method="exact").value == pytest.approx(back, abs=1e-10)
    assert free_energy.jeffreys(one, two).value == pytest.approx(forth + back, abs=1e-10)


@pytest.mark.parametrize(("one", "two"), PAIRS[::3])
def test_models_of_the_path_mix_the_energies(one, two):
    x = full.states(one.shape, 0, 50, full.model_values(one))
    for t in (0.0, 0.3, 1.0):
        mixed = free_energy.between(one, two, t)
        np.testing.assert_allclose(mixed.energy(x), (1 - t) * one.energy(x) + t * two.energy(x), atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.floats(-0.5, 0.5))
def test_never_negative_and_zero_for_equal_ensembles(K, other, h):
    one, two = rg.Ising((6, 5), K=K), rg.Ising((6, 5), K=other, h=h)
    assert free_energy.kl(one, two).value >= -1e-11
    assert free_energy.kl(one, one).value == pytest.approx(0.0, abs=1e-12)


def test_close_couplings_differ_by_half_the_fisher_information():
    K, step = 0.42, 1e-4
    one, two = rg.Ising((16, 16), K=K), rg.Ising((16, 16), K=K + step)
    fisher = 256 * float(exact.ising2d.specific_heat(K, (16, 16))) / K**2
    assert free_energy.kl(one, two).value == pytest.approx(0.5 * fisher * step**2, rel=1e-2)
    assert free_energy.jeffreys(one, two).value == pytest.approx(fisher * step**2, rel=1e-2)


def test_gaussian_fields_by_modes():
    shape, r = (4, 6), (0.5, 1.3)
    one, two = (rg.GaussianField(shape, r=item) for item in r)
    a, b = (exact.gaussian_field.eigenvalues(shape, item) for item in r)
    truth = 0.5 * float((b / a - 1 - np.log(b / a)).sum())  # of independent normal numbers
    assert free_energy.kl(one, two).value == pytest.approx(truth, rel=1e-12)


def test_chains_and_strips_by_transfer_matrix():
    """Closed forms meet where both serve: a torus without field by Kaufman and row by row."""
    model = rg.Ising((8, 6), K=0.4)
    value, method = free_energy.exact_log_Z(model)
    assert method == "Kaufman's torus"
    assert exact.transfer.of_model(model).log_Z == pytest.approx(value, rel=1e-13)
    assert free_energy.exact_log_Z(rg.Ising((8, 6), K=0.4, h=0.1))[1] == "transfer matrix"
    assert free_energy.exact_log_Z(rg.Ising((16, 16), K=0.4, h=0.1)) is None
    assert free_energy.exact_log_Z(rg.Ising((6, 6), K=0.1, couplings={"nnn": 0.1})) is None


@pytest.mark.parametrize("n", [4, 8, 16])
def test_clenshaw_curtis_is_exact_for_polynomials(n):
    t, weight = integration.rule(n)
    assert weight.sum() == pytest.approx(1.0, abs=1e-14)
    for power in range(n + 1):
        assert weight @ t**power == pytest.approx(1 / (power + 1), abs=1e-14)


@pytest.mark.parametrize("steepness", [1.0, 4.0, 8.0, 16.0])
def test_what_the_rule_misses_is_bounded(steepness):
    t, weight = integration.rule(8)
    values = -np.tanh(steepness * (t - 0.4))
    truth = -(math.log(math.cosh(0.6 * steepness)) - math.log(math.cosh(0.4 * steepness))) / steepness
    missed = integration._missed(values)
    assert abs(weight @ values - truth) <= missed
    assert missed < 0.05


CLOSE = (rg.Ising((8, 8), K=0.3), rg.Ising((8, 8), K=0.36))


@pytest.fixture(scope="module")
def shared():
    """Simulations of the path, used by both methods."""
    runs = free_energy.Simulations(*CLOSE, draws=400, chains=4, seed=5)
    runs.at(0.0)
    return runs


def test_simulated_agrees_with_kaufman(shared):
    truth, gain = free_energy.kl(*CLOSE).value, free_energy.difference(*CLOSE).value
    limit = z_limit(3)
    found = free_energy.integrate(shared)
    value, error = found.combined(1.0)
    assert abs(value - truth) < limit * error
    assert abs(found.combined(0.0)[0] - gain) < limit * found.combined(0.0)[1]
    assert found.draws == len(found.t) * 1600
    assert (np.diff(found.mean) < 3 * np.hypot(found.stderr[1:], found.stderr[:-1])).all()  # ⟨W⟩ falls
    bridge, error, steps = free_energy.acceptance.along(shared, -1.0)
    assert steps == [0.0, 1.0]
    assert abs(-bridge - truth) < limit * error


def test_draws_of_the_first_ensemble_can_be_given(shared):
    data = rg.sample(CLOSE[0], 400, chains=4, seed=9)
    runs = free_energy.Simulations(*CLOSE, draws=400)
    runs.take(0.0, data)
    work = data["energy"].values * (CLOSE[1].K / CLOSE[0].K - 1)
    np.testing.assert_allclose(runs.at(0.0), work, atol=1e-9)
    with pytest.raises(ValueError, match="give draws of model_1"):
        free_energy.kl(CLOSE[1], CLOSE[0], data=data)
    with pytest.raises(ValueError, match=r"as rgnet\.sample returns it"):
        free_energy.kl(*CLOSE, data=data["energy"])
    found = free_energy.kl(*CLOSE, data=data, method="auto")
    assert found.kind == "exact"


def test_with_exact_free_energies_one_mean_is_enough(monkeypatch):
    monkeypatch.setattr(free_energy.divergence, "exact_mean", lambda one, two: None)
    found = free_energy.kl(*CLOSE, draws=400, seed=3)
    assert found.method == "ln Z exact; mean energy"
    monkeypatch.undo()
    assert abs(found.z(free_energy.kl(*CLOSE).value)) < z_limit(1)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["integration", "bennett"])
def test_errors_are_honest_on_sixteen_by_sixteen(method):
    pair = rg.Ising((16, 16), K=0.40), rg.Ising((16, 16), K=exact.ising2d.K_c)
    truth = free_energy.kl(*pair).value
    scores = np.array([free_energy.kl(*pair, method=method, draws=500, seed=seed).z(truth) for seed in range(12)])
    assert np.abs(scores).max() < z_limit(12, 31)
    assert 0.5 < scores.std() < 1.6


@pytest.mark.slow
@pytest.mark.parametrize(("one", "two"), [PAIRS[2], PAIRS[3], PAIRS[8], PAIRS[10]])
def test_simulation_serves_every_kind_of_model(one, two):
    truth = enumerated(one, two)[0]
    for method in ("integration", "bennett"):
        found = free_energy.kl(one, two, method=method, draws=1000, seed=2)
        assert abs(found.z(truth)) < z_limit(8)


@pytest.mark.slow
def test_simulation_serves_fields():
    one, two = rg.GaussianField((8, 8), r=1.0), rg.GaussianField((8, 8), r=0.6)
    truth = free_energy.kl(one, two).value
    for method in ("integration", "bennett"):
        assert abs(free_energy.kl(one, two, method=method, seed=4).z(truth)) < z_limit(2)
    a, b = rg.Phi4((4, 4), r=-0.5, u=1.0), rg.Phi4((4, 4), r=0.2, u=1.5)
    both = [free_energy.kl(a, b, method=method, seed=4) for method in ("integration", "bennett")]
    assert abs(both[0].value - both[1].value) < z_limit(1) * math.hypot(both[0].stderr, both[1].stderr)


ONE = rg.Ising((4, 4), K=0.4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: free_energy.kl(ONE, rg.Ising((4, 6), K=0.4)), "shape=(4, 4) and shape=(4, 6)"),
        (lambda: free_energy.kl(ONE, rg.Ising((4, 4), K=0.4, boundary="free")), "boundary="),
        (lambda: free_energy.kl(ONE, rg.Potts((4, 4), q=2, K=0.8)), "Ising and Potts: ensembles that are compared"),
        (lambda: free_energy.kl(rg.Potts((4, 4), q=2, K=0.8), rg.Potts((4, 4), q=3, K=0.8)), "q=2 and q=3"),
        (lambda: free_energy.kl(ONE, 0.4), "model_2=0.4: give a model"),
        (lambda: free_energy.kl(ONE, ONE, method="mbar"), "method='mbar': free energies"),
        (lambda: free_energy.jeffreys(ONE, ONE, method="bennett"), "found by auto, exact, simulation"),
        (lambda: free_energy.between(ONE, ONE, 1.5), "t=1.5: the share of the way"),
        (
            lambda: free_energy.kl(rg.Phi4((4, 4), r=0.1, u=1.0), rg.Phi4((4, 4), r=0.2, u=1.0), method="exact"),
            'give method="integration"',
        ),
        (
            lambda: free_energy.between(
                rg.DiscreteModel((4, 4), [[0, 0], [0, -math.inf]]), rg.DiscreteModel((4, 4), [[0, 0], [0, 0]]), 0.5
            ),
            "infinitely far",
        ),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_forbidden_states_are_infinitely_far_one_way():
    gas = rg.DiscreteModel((3, 3), [[0, 0], [0, -math.inf]])
    free = rg.DiscreteModel((3, 3), [[0, 0], [0, 0]])
    allowed = np.isfinite(full.log_weights(gas.energy, (3, 3), (0, 1))).sum()
    assert free_energy.kl(gas, free).value == pytest.approx(math.log(512 / allowed))  # uniform laws
    with pytest.raises(ValueError, match=r"forbids states .* infinite"):
        free_energy.kl(free, gas)


def test_known_models_of_closed_forms_are_checked_against_enumeration(monkeypatch):
    known = [free_energy.exact_log_Z(one)[0] for one, _ in PAIRS]
    monkeypatch.setattr(closed, "_is_plain", lambda model: False)
    for (one, _), value in zip(PAIRS, known, strict=True):
        assert free_energy.exact_log_Z(one)[1].startswith("enumeration")
        assert free_energy.exact_log_Z(one)[0] == pytest.approx(value, rel=1e-12)
