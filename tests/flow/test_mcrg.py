"""Swendsen's matrix against enumeration, its own definition as a derivative, and prescribed matrices."""

import json

import numpy as np
import pytest

import rgnet as rg
from rgnet import flow
from rgnet import operators as ops
from rgnet.flow.mcrg import COMPLEX, DEPENDENT, NOT_POSITIVE, OK, _leading, _split, spectrum

EVEN, ODD = ["nn", "nnn", "plaquette"], ["m", "corner"]  # complete on the symmetric states of 2 x 2


def model(nn=0.35, nnn=0.08, plaquette=0.03):
    return rg.Ising((4, 4), K=nn, couplings={"nnn": nnn, "plaquette": plaquette})


def exact_table(bed, rule, operators):
    return _leading(spectrum(*_split(bed.moments(rule, operators))), 2.0)[2]


@pytest.mark.parametrize("name", ["majority", "kadanoff"])
def test_the_matrix_is_the_derivative_of_the_renormalised_couplings(exact, rules, name):
    a, b = _split(exact(model()).moments(rules[name], EVEN))
    point, step = np.array([0.35, 0.08, 0.03]), 1e-4
    columns = []
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        plus = exact(model(*(point + shift))).coarse_couplings(rules[name], EVEN)
        minus = exact(model(*(point - shift))).coarse_couplings(rules[name], EVEN)
        columns.append((plus - minus) / (2 * step))
    np.testing.assert_allclose(np.linalg.solve(a, b), np.stack(columns, axis=1), atol=1e-6)


def test_exponents_agree_with_enumeration(exact, rules):
    bed = exact(model())
    table = flow.mcrg(rg.Network([rg.Majority(2)]).levels(bed.draw(4, 50_000, 1), seed=2), even=EVEN, odd=ODD)
    for letter, operators in (("t", EVEN), ("h", ODD)):
        n = len(operators)
        truth = exact_table(bed, rules["majority"], operators)
        z = (table[f"y_{letter}"].values[0, :n] - truth) / table[f"y_{letter}_stderr"].values[0, :n]
        assert np.abs(z).max() < 3.5, (letter, z)
        assert (table[f"flag_{letter}"].values[0, :n] == OK).all()
    assert json.loads(table.attrs["even"]) == EVEN
    assert table["level"].values.tolist() == [1]
    assert table["operators"].values.tolist() == [1, 2, 3]
    np.testing.assert_allclose(2 ** table["y_t"], table["lambda_even"], rtol=1e-12)


def test_error_bars_are_honest(exact, rules):
    bed = exact(model())
    truth = np.concatenate([exact_table(bed, rules["majority"], EVEN), exact_table(bed, rules["majority"], ODD)])
    z = []
    for seed in range(100):
        levels = rg.Network([rg.Majority(2)]).levels(bed.draw(2, 1500, 1000 + seed), seed=seed)
        table = flow.mcrg(levels, even=EVEN, odd=ODD)
        value = np.concatenate([table["y_t"].values[0], table["y_h"].values[0, :2]])
        stderr = np.concatenate([table["y_t_stderr"].values[0], table["y_h_stderr"].values[0, :2]])
        z.append((value - truth) / stderr)
    z = np.array(z)
    # 100 repeats: the mean has error 0.1 (and a bias of order 1/N), the standard deviation 0.07
    assert np.abs(z.mean(axis=0)).max() < 0.4, z.mean(axis=0)
    assert ((z.std(axis=0) > 0.78) & (z.std(axis=0) < 1.25)).all(), z.std(axis=0)


def test_a_prescribed_matrix_is_recovered_for_every_number_of_operators(synthetic):
    matrix = np.array([[2.1, 0.4, 0.1], [0.2, 0.9, 0.3], [0.05, 0.1, 0.4]])
    levels = synthetic(matrix)
    table = flow.mcrg(levels)
    full = np.sort(np.linalg.eigvals(matrix).real)[::-1]
    np.testing.assert_allclose(table["eigenvalues_even"].values[0, 2], full, rtol=1e-9)
    np.testing.assert_allclose(table["y_t"].values[0, 2], np.log2(full[0]), rtol=1e-9)
    assert table["y_t_stderr"].values[0, 2] < 1e-10  # A T = B in every block
    # With one operator, T is the regression B/A, which is not the corner of the full matrix
    coarse, fine = levels[1].values[..., 0], levels[0].values[..., 0]
    slope = np.cov(coarse.ravel(), fine.ravel())[0, 1] / coarse.var(ddof=1)
    np.testing.assert_allclose(table["lambda_even"].values[0, 0], slope, rtol=1e-9)
    fewer = flow.mcrg(levels, even=["nn", "nnn"])
    np.testing.assert_allclose(fewer["y_t"].values, table["y_t"].values[:, :2], rtol=1e-10)
    np.testing.assert_allclose(fewer["y_t_stderr"].values, table["y_t_stderr"].values[:, :2], rtol=1e-6)


def test_complex_and_negative_leading_eigenvalues_are_reported_as_such(synthetic):
    rotation = flow.mcrg(synthetic([[1.0, -2.0], [2.0, 1.0]]))
    assert rotation["flag_t"].values[0, 1] == COMPLEX
    assert np.isnan(rotation["y_t"].values[0, 1])
    np.testing.assert_allclose(rotation["lambda_even"].values[0, 1], 1.0, rtol=1e-9)
    np.testing.assert_allclose(rotation["lambda_even_imag"].values[0, 1], 2.0, rtol=1e-9)
    np.testing.assert_allclose(rotation["eigenvalues_even_imag"].values[0, 1], [2.0, -2.0], rtol=1e-9)
    negative = flow.mcrg(synthetic([[-1.5, 0.0], [0.0, 0.5]]))
    assert negative["flag_t"].values[0, 1] == NOT_POSITIVE
    assert np.isnan(negative["y_t"].values[0, 1])
    assert negative["lambda_even"].values[0, 1] == pytest.approx(-1.5)
    assert negative["flag_t"].attrs["flag_meanings"].split()[NOT_POSITIVE] == "leading_eigenvalue_not_positive"


def test_the_scale_of_the_step_enters_the_exponent(synthetic):
    assert flow.mcrg(synthetic([[3.0]], scale=3))["y_t"].values[0, 0] == pytest.approx(1.0)
    assert json.loads(flow.mcrg(synthetic([[3.0]], scale=3)).attrs["b"]) == [3.0]


def test_dependent_operators_leave_the_table_before_them(exact):
    levels = rg.Network([rg.Majority(2)]).levels(exact(model()).draw(2, 2000, 5), seed=1)
    with pytest.warns(
        UserWarning, match=r"level 1 \(shape 2 x 2\): 'third' is constant; .*'straight' depends linearly on 'm'"
    ):
        table = flow.mcrg(levels, odd=["m", "corner", "straight"])
    assert np.isfinite(table["y_t"].values[0, :3]).all()
    assert np.isnan(table["y_t"].values[0, 3])
    assert table["flag_t"].values[0].tolist() == [OK, OK, OK, DEPENDENT]
    assert table["flag_h"].values[0].tolist() == [OK, OK, DEPENDENT, 4]  # no fourth odd operator
    assert "level 1 (shape 2 x 2): 'third' is constant" in json.loads(table.attrs["dependent"])
    with pytest.raises(ValueError, match=r"level 1 \(shape 2 x 2\): 'third' is constant.*put another operator first"):
        flow.mcrg(levels, even=["third", "nn"], odd=[])


def test_measured_sums_give_what_configurations_give(exact):
    levels = rg.Network([rg.Majority(2)]).levels(exact(model()).draw(3, 2000, 6), seed=1)
    measured = [ops.measure(level, [*ODD, *EVEN]) for level in levels]
    direct, indirect = flow.mcrg(levels, EVEN, ODD), flow.mcrg(measured)
    for name in direct.data_vars:
        np.testing.assert_array_equal(direct[name].values, indirect[name].values)


def test_the_order_of_the_chains_does_not_matter(exact):
    levels = rg.Network([rg.Majority(2)]).levels(exact(model()).draw(4, 1000, 7), seed=1)
    swapped = [level.isel(chain=[2, 0, 3, 1]) for level in levels]
    one, other = flow.mcrg(levels, EVEN, ODD), flow.mcrg(swapped, EVEN, ODD)
    np.testing.assert_allclose(one["y_t"], other["y_t"], rtol=1e-9)
    np.testing.assert_allclose(one["y_t_stderr"], other["y_t_stderr"], rtol=1e-6)


def test_real_valued_levels_are_analysed_with_powers_of_the_field(exact):
    levels = rg.Network([rg.BlockAverage(2)]).levels(exact(model()).draw(2, 5000, 8))
    table = flow.mcrg(levels, even=["nn", "phi2"])
    assert table["flag_t"].values.ravel()[:2].tolist() == [OK, OK]
    defaults = json.loads(flow.mcrg(levels, even=["nn"]).attrs["odd"])
    assert "phi3" in defaults


def test_one_sector_can_be_left_out(synthetic):
    table = flow.mcrg(synthetic([[2.0]]))
    assert np.isnan(table["y_h"].values).all()
    assert (table["flag_h"].values == 4).all()


def chain(exact, draws=2000, network=None):
    network = network or rg.Network([rg.Majority(2)])
    return network.levels(exact(model()).draw(2, draws, 3), seed=0)


def test_levels_that_do_not_belong_together_are_refused(exact):
    levels = chain(exact)
    with pytest.raises(ValueError, match="1 level given, at least 2 needed"):
        flow.mcrg(levels[:1])
    with pytest.raises(ValueError, match="levels is a Dataset: give the list of levels"):
        flow.mcrg(levels[0])
    with pytest.raises(ValueError, match=r"scales \[2, 1\] of the levels do not increase"):
        flow.mcrg(levels[::-1], EVEN, ODD)
    with pytest.raises(ValueError, match=r"level 1 has \(2, 1999\) \(chain, draw\), level 0 has \(2, 2000\)"):
        flow.mcrg([levels[0], levels[1].isel(draw=slice(1, None))], EVEN, ODD)
    unnamed = levels[1].copy()
    del unnamed.attrs["scale"]
    with pytest.raises(ValueError, match="attribute 'scale'"):
        flow.mcrg([levels[0], unnamed], EVEN, ODD)


def test_sectors_are_not_mixed(exact):
    with pytest.raises(ValueError, match=r"operator 'm' is odd under x → −x and was given for the even sector"):
        flow.mcrg(chain(exact), even=["nn", "m"])
    with pytest.raises(ValueError, match="no operator is left"):
        flow.mcrg(chain(exact), even=[], odd=[])


def test_frozen_levels_are_refused(exact):
    with pytest.raises(ValueError, match="operator 'phi2' is constant on every level"):
        flow.mcrg(chain(exact), ["phi2", "nn"], [])
    levels = chain(exact)
    frozen = levels[1].copy(data={"spin": np.ones_like(levels[1]["spin"].values)})
    with pytest.raises(ValueError, match=r"level 1 \(shape 2 x 2\) is frozen: no operator"):
        flow.mcrg([levels[0], frozen], EVEN, ODD)


def test_blocks_are_longer_than_five_autocorrelation_times(exact, dataset_of):
    bed = exact(model())
    independent = bed.draw(2, 400, 3)["spin"].values
    network = rg.Network([rg.Majority(2, ties="first")])
    slow = dataset_of(np.repeat(independent, 20, axis=1), bed.model)  # each state 20 times: tau is 10
    table = flow.mcrg(network.levels(slow), EVEN, ODD)
    assert 8 < table.attrs["autocorrelation_time"] < 13
    length = table.attrs["draws"] * table.attrs["chains"] / table.attrs["blocks"]
    assert length >= 5 * table.attrs["autocorrelation_time"]
    assert table.attrs["blocks"] >= 20
    once = flow.mcrg(network.levels(dataset_of(independent, bed.model)), EVEN, ODD)
    np.testing.assert_allclose(table["y_t_stderr"], once["y_t_stderr"], rtol=0.3)  # repeats add nothing
    slower = dataset_of(np.repeat(independent[:, :20], 100, axis=1), bed.model)
    with pytest.raises(rg.ShortChainError, match=r"2 x 2000 draws are too few .* take at least \d+ draws a chain"):
        flow.mcrg(network.levels(slower), EVEN, ODD)
    with pytest.raises(ValueError, match="blocks=5: a whole number of at least 20"):
        flow.mcrg(chain(exact), EVEN, ODD, blocks=5)


def test_many_short_independent_chains_are_blocks_of_their_own(exact):
    levels = rg.Network([rg.Majority(2)]).levels(exact(model()).draw(200, 4, 3), seed=0)
    with pytest.warns(UserWarning, match="'plaquette' depends linearly on"):  # so few draws that it seems so
        table = flow.mcrg(levels, EVEN, ODD)
    assert table.attrs["blocks"] == 200
