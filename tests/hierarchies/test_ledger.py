"""The ledger: estimates beside exact values, odd hierarchies and networks, few draws."""

import numpy as np
import pytest

import rgnet as rg
from rgnet import plot
from rgnet.hierarchies import Cascade, LatticeHierarchy, RandomHierarchy, Tree, ledger


@pytest.fixture(scope="module")
def table():
    networks = {"majority": rg.Network([rg.Majority(3)] * 2), "average": [rg.BlockAverage(3)] * 2}
    return ledger(Tree(2, 3, [0.3, 0.7], [[0.9, 0.1], [0.2, 0.8]]), networks, draws=4000, seed=3)


def test_estimates_are_those_of_exact_values(table):
    once = table.where((table["level"] > 0) | (table["network"] == "sufficient"))
    z = ((once["information"] - once["exact"]) / once["information_stderr"]).values
    z = z[np.isfinite(z)]
    assert z.size >= 5
    assert np.abs(z).max() < 3.5
    below = (table["lower"] - table["exact"]) / table["lower_stderr"]
    assert float(below.max()) < 3.5  # a bound from below lies below


def test_nothing_is_lost_by_sufficient_statistics_and_something_by_others(table):
    exact = table["exact"]
    assert np.ptp(exact.sel(network="sufficient").values) == 0
    assert exact.sel(network="average", level=1) == pytest.approx(float(exact.sel(network="sufficient", level=0)))
    assert (exact.sel(network="average").diff("level") <= 1e-12).all()
    assert float(exact.sel(network="majority", level=2)) < float(exact.sel(network="average", level=2))


def test_states_sites_and_time(table):
    assert table["sites"].sel(network="majority").values.tolist() == [9, 3, 1]
    assert table["states"].sel(network="majority").values.tolist()[1:] == [8, 2]
    assert table["states"].sel(network="average", level=2) <= 10  # means of thirds: rounding makes no states
    assert (table["microseconds"].diff("level") >= 0).sel(network="majority").all()


def test_attributes(table):
    assert table.attrs["entropy"] == pytest.approx(-0.3 * np.log(0.3) - 0.7 * np.log(0.7))
    assert (table.attrs["draws"], table.attrs["unit"], table.attrs["hierarchy"]) == (4000, "nats", "Tree")


def test_chains_of_a_lattice():
    lattice = LatticeHierarchy((4, 2), K=[0.2, 0.7], noise=0.1)
    found = ledger(lattice, {"majority": rg.Network([rg.Majority(2)])}, draws=1500, seed=5)
    z = ((found["information"] - found["exact"]) / found["information_stderr"]).sel(network="majority").values
    assert np.abs(z[np.isfinite(z)]).max() < 4
    assert np.isfinite(found["exact"].sel(network="majority", level=[0, 1]).values).all()


def test_few_draws_say_why_there_is_no_number():
    found = ledger(RandomHierarchy(4, 2, 2, 4, 4, noise=0.3), draws=20)
    assert np.isnan(found["information"].values).all()
    assert any("draws" in str(text) or "states" in str(text) for text in found["method"].values.ravel())
    plot.ledger(found)  # with nothing to show but the cause's entropy


@pytest.mark.parametrize(
    ("hierarchy", "networks", "message"),
    [
        (Cascade.tree(2, 2, a=0.5), None, r"Cascade: a ledger is kept about a cause of few states"),
        (Tree.symmetric(2), [rg.Majority(2)], r"networks: give names and Networks, such as"),
        (Tree.symmetric(2), {"sufficient": rg.Network([rg.Majority(2)])}, r"a network is called 'sufficient'"),
        (Tree.symmetric(2), {"m": rg.Network([rg.Majority(3)])}, r"3 does not divide 4"),
    ],
)
def test_what_is_refused(hierarchy, networks, message):
    with pytest.raises(ValueError, match=message):
        ledger(hierarchy, networks, draws=100)
