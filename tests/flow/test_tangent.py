"""Rows of the critical-manifold tangent against enumerated covariances."""

import numpy as np
import pytest

import rgnet as rg
from rgnet import flow
from rgnet import operators as ops

OPERATORS = {"even": ["nn", "nnn", "plaquette", "third"], "odd": ["m", "corner", "straight"]}


def exact_ratios(bed, rule, operators, row=0):
    moments = bed.moments(rule, operators)
    k = len(operators)
    covariance = moments[1 : 1 + k, 1 + k :] - np.outer(moments[1 : 1 + k, 0], moments[0, 1 + k :])
    return covariance[row] / covariance[row, 0]


@pytest.fixture(scope="module")
def bed(exact):
    return exact(rg.Ising((4, 4), K=0.4))


@pytest.fixture(scope="module")
def levels(bed):
    return rg.Network([rg.Kadanoff(2, 0.7)]).levels(bed.draw(4, 25_000, 4), seed=1)


@pytest.mark.parametrize("sector", ["even", "odd"])
def test_ratios_agree_with_enumeration(bed, levels, rules, sector):
    names = OPERATORS[sector]
    table = flow.tangent(levels, names, sector)
    truth = exact_ratios(bed, rules["kadanoff"], names)
    assert table["ratio"].values[0, 0] == 1
    assert table["ratio_stderr"].values[0, 0] < 1e-12
    z = (table["ratio"].values[0, 1:] - truth[1:]) / table["ratio_stderr"].values[0, 1:]
    assert np.abs(z).max() < 3.5, z
    assert table["operator"].values.tolist() == names
    assert table.attrs["row"] == names[0]


def test_the_row_can_be_another_coarse_operator(bed, levels, rules):
    names = OPERATORS["even"]
    table = flow.tangent(levels, names, row="plaquette")
    truth = exact_ratios(bed, rules["kadanoff"], names, row=2)
    z = (table["ratio"].values[0, 1:] - truth[1:]) / table["ratio_stderr"].values[0, 1:]
    assert np.abs(z).max() < 3.5, z
    # The row need not be among the couplings
    again = flow.tangent(levels, ["nn", "nnn"], row="plaquette")
    np.testing.assert_allclose(again["ratio"].values, table["ratio"].values[:, :2], rtol=1e-10)


def test_measured_sums_give_what_configurations_give(levels):
    measured = [ops.measure(level, ["m", *OPERATORS["even"]]) for level in levels]
    one, other = flow.tangent(levels), flow.tangent(measured)
    np.testing.assert_array_equal(one["ratio"], other["ratio"])


def test_error_bars_are_honest(bed, rules):
    truth = exact_ratios(bed, rules["kadanoff"], OPERATORS["even"])
    z = []
    for seed in range(100):
        levels = rg.Network([rg.Kadanoff(2, 0.7)]).levels(bed.draw(2, 1500, 500 + seed), seed=seed)
        table = flow.tangent(levels)
        z.append((table["ratio"].values[0, 1:] - truth[1:]) / table["ratio_stderr"].values[0, 1:])
    z = np.array(z)
    assert np.abs(z.mean(axis=0)).max() < 0.4, z.mean(axis=0)
    assert ((z.std(axis=0) > 0.78) & (z.std(axis=0) < 1.25)).all(), z.std(axis=0)


def test_bad_requests_are_refused(levels):
    with pytest.raises(ValueError, match="sector='uneven'"):
        flow.tangent(levels, sector="uneven")
    with pytest.raises(ValueError, match=r"operator 'm' is odd .* was given for the even sector"):
        flow.tangent(levels, row="m")
    with pytest.raises(
        ValueError, match=r"operator 'third' is constant on level 1 \(shape 2 x 2\): choose another row="
    ):
        flow.tangent(levels, row="third")
    with pytest.raises(ValueError, match=r"operator 'phi2' is constant on level 0 .* choose another first operator"):
        flow.tangent(levels, ["phi2", "nn"], row="nn")
    with pytest.raises(ValueError, match="no operator of the odd sector"):
        flow.tangent(levels, [], sector="odd")
    with pytest.raises(ValueError, match="at least 2 needed"):
        flow.tangent(levels[:1])
