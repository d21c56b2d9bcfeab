"""Hamiltonians fitted to data: against enumeration, closed forms, quadrature, and known models."""

import itertools
import json

import numpy as np
import pytest
import scipy.integrate
import xarray as xr

import rgnet as rg
from rgnet import flow, stats
from rgnet import operators as ops
from rgnet.flow import _conditionals

ROW = ("periodic", "periodic")


def level_of(values, boundary=ROW):
    """A Dataset of (chain, draw, x, y)."""
    return xr.Dataset({"spin": (("chain", "draw", "x", "y"), values)}, attrs={"boundary": json.dumps(boundary)})


@pytest.fixture(scope="module")
def gaussian():
    """Independent draws of a Gaussian field, r = 0.5, on 12 x 12, by fast Fourier transform."""
    rng = np.random.default_rng(np.random.SeedSequence(1))
    white = np.fft.fft2(rng.standard_normal((4, 100, 12, 12)))
    return level_of(np.fft.ifft2(white * np.sqrt(rg.exact.gaussian_field.propagator((12, 12), 0.5))).real)


@pytest.fixture(scope="module")
def phi4():
    """φ⁴ at r = −1, u = 1 on 8 x 8: 100 chains of Metropolis moves, updated together."""
    rng = np.random.default_rng(np.random.SeedSequence(2))
    x = rng.standard_normal((100, 8, 8))
    colour = np.indices((8, 8)).sum(axis=0) % 2
    kept = []
    for sweep in range(240):
        for even in (0, 1):
            around = sum(np.roll(x, step, axis) for step in (1, -1) for axis in (1, 2))
            new = x + rng.uniform(-1.5, 1.5, x.shape)
            change = 1.5 * (new**2 - x**2) + 0.25 * (new**4 - x**4) - around * (new - x)  # ½ (4 + r) = 1.5
            x = np.where((colour == even) & (rng.exponential(size=x.shape) > change), new, x)
        if sweep >= 60 and sweep % 45 == 0:
            kept.append(x)
    return level_of(np.stack(kept, axis=1))


SETS = flow.growing_sets(2, ((2, 1), (2, 2), (4, 0)), real=True)


@pytest.fixture(scope="module")
def gaussian_table(gaussian):
    return flow.hamiltonians(gaussian, SETS)


# --- sets ------------------------------------------------------------------------------------------------------------


def test_sets_grow():
    for parity, real in (("even", False), (None, False), ("even", True), (None, True)):
        sets = [set(items) for items in flow.growing_sets(2, parity=parity, real=real).values()]
        assert all(one < other for one, other in itertools.pairwise(sets))
    assert flow.growing_sets(2, ())["independent"] == ()
    assert [item.name for item in flow.growing_sets(3, (), parity=None, real=True)["nn"]] == ["m", "phi2", "nn"]


# --- spins -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ising(exact):
    data = exact(rg.Ising((4, 4), K=0.35)).draw(4, 6000, 5)
    return data, flow.hamiltonians(data, {"none": (), "nn": ["nn"], "more": ["nn", "nnn", "plaquette"]})


def test_nearest_neighbours_suffice_for_ising(ising):
    _, table = ising
    assert abs(float(table["coupling"][1, 0]) - 0.35) < 4 * float(table["coupling_stderr"][1, 0])
    assert float(table["gain"][1]) > 20 * float(table["gain_stderr"][1])
    assert abs(float(table["step"][2])) < 3.5 * float(table["step_stderr"][2])
    assert float(table["step_stderr"][2]) < 0.1 * float(table["held_out_stderr"][2])  # pairing pays
    assert flow.sufficient(table) == 1
    assert float(table["held_out"][0]) == pytest.approx(-np.log(2), abs=1e-12)
    assert table["parameters"].values.tolist() == [0, 1, 3]


def test_the_score_is_the_mean_log_conditional_of_the_other_half(ising):
    data, table = ising
    held = data["spin"].values[2:].astype(float)
    around = sum(np.roll(held, step, axis) for step in (1, -1) for axis in (2, 3))
    K = float(table["coupling"][1, 0])
    expected = -np.log1p(np.exp(-2 * K * held * around)).mean()
    assert float(table["held_out"][1]) == pytest.approx(expected, abs=1e-12)
    fitted = flow.couplings([data.isel(chain=slice(0, 2))], ["nn"])
    assert float(fitted["coupling"][0, 0]) == pytest.approx(K, abs=1e-9)


def test_one_chain_is_cut_in_two(exact):
    data = exact(rg.Ising((3, 3), K=0.3)).draw(1, 2000, 6)
    table = flow.hamiltonians(data, {"nn": ["nn"]})
    half = flow.couplings([data.isel(draw=slice(0, 1000))], ["nn"])
    assert float(table["coupling"][0, 0]) == pytest.approx(float(half["coupling"][0, 0]), abs=1e-9)


def test_free_boundaries_and_a_field(exact):
    data = exact(rg.Ising((3, 4), K=0.3, h=0.2, boundary="free")).draw(4, 5000, 8)
    table = flow.hamiltonians(data)
    assert list(table["set"].values) == ["independent", "nn", "degree 2, reach 1", "degree 4, reach 1"]
    names = list(table["operator"].values)
    for name, truth in (("m", 0.2), ("nn", 0.3), ("nnn", 0.0), ("corner", 0.0)):
        row = table.isel(set=-1, operator=names.index(name))
        assert abs(float(row["coupling"]) - truth) < 4 * float(row["coupling_stderr"]), name
    assert flow.sufficient(table) == 1


def test_levels_from_a_file(tmp_path, ising):
    data, table = ising
    path = tmp_path / "point.h5"
    rg.store.write(path, {"samples": data}, {})
    again = flow.hamiltonians(rg.open(path)["samples"], {"none": (), "nn": ["nn"]})
    assert float(again["held_out"][1]) == pytest.approx(float(table["held_out"][1]), abs=1e-12)


# --- conditional densities of real fields ----------------------------------------------------------------------------


def test_local_polynomials_are_what_the_operators_say():
    """Σ_n c_an φ_i^n is all of S_a that changes with φ_i."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((1, 2, 3, 4))
    for boundary in (ROW, ("free", "periodic")):
        chosen = ops.enumerate_operators(2, 4, 1, real=True)
        data = _conditionals.sites(x, chosen, boundary, np.array([[0, 0, 2]]))
        before = ops.sums(x[0], chosen, boundary)
        for index, site in enumerate(np.ndindex(2, 3, 4)):
            changed = x[0].copy()
            changed[site] = 0.7
            difference = before[site[0]] - ops.sums(changed, chosen, boundary)[site[0]]
            powers = data.powers[index] - 0.7 ** np.arange(1, data.powers.shape[1] + 1)
            np.testing.assert_allclose(data.factors[:, :, index] @ powers, difference, atol=1e-12)


def test_likelihood_and_derivatives_by_general_quadrature():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((1, 1, 3, 3))
    chosen = ops.resolve(["m", "phi2", "nn", "phi4"], 2)
    data = _conditionals.sites(x, chosen, ROW, np.array([[0, 0, 1]]))
    g, bound = np.array([0.1, -0.4, 0.3, -0.2]), 4.0
    nodes = _conditionals.nodes(bound, 0.5, 4)

    def log_likelihood(couplings):
        t = np.tensordot(couplings, data.factors, 1)
        z = [scipy.integrate.quad(lambda y, c=c: np.exp(np.polyval([*c[::-1], 0], y)), -bound, bound)[0] for c in t.T]
        return float((t * data.powers.T).sum() - np.log(z).sum())

    value, gradient, information = _conditionals.derivatives(data, g, nodes)
    assert value[0] == pytest.approx(log_likelihood(g), abs=1e-9)
    assert _conditionals.pseudo_likelihood(data, g, nodes)[0] == pytest.approx(value[0], abs=1e-12)
    steps = 1e-4 * np.eye(4)
    expected = [(log_likelihood(g + s) - log_likelihood(g - s)) / 2e-4 for s in steps]
    np.testing.assert_allclose(gradient[0], expected, atol=1e-6)
    for a, s in enumerate(steps):
        up, down = (_conditionals.derivatives(data, g + sign * s, nodes)[1][0] for sign in (1, -1))
        np.testing.assert_allclose(information[0, a], (down - up) / 2e-4, atol=1e-5)


def test_quadratic_ones_in_closed_form(gaussian):
    """A linear regression is where Newton's method ends, and its score is that of a normal density."""
    table = flow.hamiltonians(gaussian, {"nn": ["phi2", "nn"]})
    x = gaussian["spin"].values
    around = sum(np.roll(x, step, axis) for step in (1, -1) for axis in (2, 3))
    slope = (around[:2] * x[:2]).sum() / (around[:2] ** 2).sum()
    variance = ((x[:2] - slope * around[:2]) ** 2).mean()
    np.testing.assert_allclose(table["coupling"].values[0], [-0.5 / variance, slope / variance], rtol=1e-6)
    score = -0.5 * np.log(2 * np.pi * variance) - ((x[2:] - slope * around[2:]) ** 2).mean() / (2 * variance)
    assert float(table["held_out"][0]) == pytest.approx(score, abs=1e-7)


def test_the_gaussian_field_is_quadratic(gaussian_table):
    table = gaussian_table
    nn = table.sel(set="nn")
    for name, truth in (("phi2", -0.5 * 4.5), ("nn", 1.0)):
        row = nn.sel(operator=name)
        assert abs(float(row["coupling"]) - truth) < 3.5 * float(row["coupling_stderr"])
    last = table.isel(set=-1)
    assert abs(float(last["step"])) < 3.5 * float(last["step_stderr"]) + 1e-6
    assert abs(float(last.sel(operator="phi4")["coupling"])) < 3.5 * float(last.sel(operator="phi4")["coupling_stderr"])
    assert flow.sufficient(table) == 1


def test_phi4_gains_by_phi4_alone(phi4):
    sets = {"nn": ["phi2", "nn"], "model": ["phi2", "nn", "phi4"], "more": ["phi2", "nn", "phi4", "nnn", "third"]}
    table = flow.hamiltonians(phi4, sets)
    for name, truth in (("phi2", -1.5), ("nn", 1.0), ("phi4", -0.25)):
        row = table.sel(set="model", operator=name)
        assert abs(float(row["coupling"]) - truth) < 3.7 * float(row["coupling_stderr"]), name
    assert float(table["step"][1]) > 7 * float(table["step_stderr"][1])
    assert abs(float(table["step"][2])) < 3.5 * float(table["step_stderr"][2])
    assert flow.sufficient(table) == 1


def test_narrow_wells_are_resolved():
    """Independent sites near ±1: conditional densities far narrower than what a linear prediction leaves."""
    rng = np.random.default_rng(np.random.SeedSequence(6))
    for width in (0.1, 0.02):
        x = rng.choice([-1.0, 1.0], (4, 50, 4, 4)) * np.sqrt(1 + 2 * width * rng.standard_normal((4, 50, 4, 4)))
        table = flow.hamiltonians(level_of(x), {"well": ["phi2", "phi4"]})
        square, fourth = table["coupling"].values[0]
        assert abs(fourth + 1 / (8 * width**2)) < 5 * float(table["coupling_stderr"][0, 1])
        peak, top = np.sqrt(-0.5 * square / fourth), -(square**2) / (4 * fourth)
        z = scipy.integrate.quad(
            lambda y, a=square, b=fourth, c=top: np.exp(a * y**2 + b * y**4 - c), 0, 3, points=[peak], limit=200
        )[0]
        held = x[2:]
        expected = (square * held**2 + fourth * held**4 - top).mean() - np.log(2 * z)
        assert float(table["held_out"][0]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_errors_of_couplings_are_honest():
    rng = np.random.default_rng(9)
    root = np.sqrt(rg.exact.gaussian_field.propagator((8, 8), 0.5))
    z = []
    for _ in range(60):
        x = np.fft.ifft2(np.fft.fft2(rng.standard_normal((4, 60, 8, 8))) * root).real
        row = flow.hamiltonians(level_of(x), {"nn": ["phi2", "nn", "phi4"]}).isel(set=0)
        z.append((row["coupling"] - np.array([-2.25, 1.0, 0.0])) / row["coupling_stderr"])
    z = np.array(z)
    assert np.abs(z.mean(axis=0)).max() < 0.5  # errors of the mean 0.13
    assert 0.75 < z.std(axis=0).min() < z.std(axis=0).max() < 1.35


# --- bad input -------------------------------------------------------------------------------------------------------


def test_what_cannot_be_fitted(ising, gaussian):
    data, _ = ising
    with pytest.raises(ValueError, match="holds no configurations"):
        flow.hamiltonians(ops.measure(data, ["nn"]))
    with pytest.raises(ValueError, match="depends linearly on 'nn'"):
        flow.hamiltonians(data, {"twice": ["nn", ops.operator("again", [(0, 0), (3, 0)])]})
    with pytest.raises(ValueError, match="depends linearly on 'nn'"):
        flow.hamiltonians(gaussian, {"twice": ["phi2", "nn", ops.operator("again", [(0, 0), (11, 0)])]})
    with pytest.raises(ValueError, match="frozen"):
        flow.hamiltonians(level_of(np.ones((2, 100, 4, 4), dtype=np.int8)), {"nn": ["nn"]})
    with pytest.raises(ValueError, match="frozen"):
        flow.hamiltonians(level_of(np.full((2, 100, 4, 4), 0.5)), {"nn": ["phi2", "nn"]})
    with pytest.raises(ValueError, match="a spin is 0"):
        flow.hamiltonians(data.assign(spin=(data["spin"] + 1) // 2), {"nn": ["nn"]})
    with pytest.raises(stats.ShortChainError):
        flow.hamiltonians(data.isel(draw=slice(0, 4)), {"nn": ["nn"]})
    with pytest.raises(ValueError, match="sets is a list: give names with their operators"):
        flow.hamiltonians(data, ["nn"])
    assert flow.hamiltonians(data, {"nn": ops.named("nn", 2)})["parameters"].values.tolist() == [1]
    with pytest.raises(ValueError, match="make them spins"):
        flow.hamiltonians(data.assign(spin=data["spin"].astype(float)), {"nn": ["nn"]})
    with pytest.raises(ValueError, match="subtract the mean"):
        flow.hamiltonians(gaussian.isel(draw=slice(0, 30)) + 3000.0, {"nn": ["phi2", "nn"]})
    with pytest.raises(ValueError, match="give at least one set"):
        flow.hamiltonians(data, {})
