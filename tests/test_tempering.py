"""Parallel tempering: every replica of tiny systems against enumeration, ladders, runs that are cut, bad input."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import states
import xarray as xr

import rgnet as rg
from rgnet.reweighting import reweight
from rgnet.sampling import join
from rgnet.stats import round_trips
from rgnet.tempering import ladder, one, replicas, temper

QUICK = {"warmup": 20, "thin": 1, "update": "metropolis"}
TINY = [
    (rg.Ising((3, 3), K=0.4, h=0.1), (0.1, 0.3, 0.5), "metropolis"),
    (rg.Ising((3, 2), K=0.4, boundary="free"), (-0.5, 0.0, 0.5), "heat-bath"),
    (rg.SpinGlass((3, 3), K=1.0, seed=4), (0.2, 0.6, 1.0, 1.4), "metropolis"),
    (rg.Potts((2, 3), q=3, K=1.0), (0.2, 0.6, 1.0), "heat-bath"),
    (rg.BlumeCapel((2, 3), K=1.0, D=0.7), (0.2, 0.6, 1.0), "metropolis"),
    (rg.Ising((3, 3), K=0.4), (0.2, 0.4), "swendsen-wang"),
]


def same(a, b):
    """Two Datasets hold the same draws, and end in the same state of all streams."""
    assert set(a.data_vars) == set(b.data_vars)
    for name in a.data_vars:
        np.testing.assert_array_equal(a[name].values, b[name].values, name)
    assert a.attrs["rng_state"] == b.attrs["rng_state"]


@pytest.mark.parametrize(("model", "K", "update"), TINY, ids=lambda v: v if isinstance(v, str) else None)
def test_every_replica_agrees_with_enumeration(model, K, update):
    """Two p-values for each of 18 replicas; one false alarm in a thousand runs."""
    data = temper(model, K, 1500, chains=3, update=update, warmup=200, thin=10, swap_every=10, seed=3)
    for r in range(len(K)):
        there = one(data, r)
        at = rg.models.from_attrs(there.attrs)
        assert K[r] == at.K
        assert min(states.p_values(at, there)) > 1e-3 / 36, (r, K[r])


def test_an_exchange_by_the_energy_per_site_is_seen(monkeypatch):
    """A planted error: exchanges that are accepted too often, as if energies were per site."""
    exact = replicas.exchange

    def per_site(run, S):
        return exact(run, S / 9) * 9

    model, K, update = TINY[2]
    monkeypatch.setattr(replicas, "exchange", per_site)
    data = temper(model, K, 1500, chains=3, update=update, warmup=200, thin=10, swap_every=10, seed=3)
    worst = min(min(states.p_values(rg.models.from_attrs(x.attrs), x)) for x in (one(data, r) for r in range(4)))
    assert worst < 1e-6


def test_what_is_kept_is_that_of_the_configurations():
    model = rg.XY((4, 4), K=1.0)
    data = temper(model, (0.5, 0.8, 1.1), 40, chains=2, update="metropolis", seed=5, warmup=20, thin=2)
    assert data["spin"].dims == ("chain", "draw", "replica", "x", "y")
    assert data["K"].values.tolist() == [0.5, 0.8, 1.1]
    for r in range(3):
        there = one(data, r)
        at = rg.models.from_attrs(there.attrs)
        np.testing.assert_allclose(there["energy"], at.energy(there["spin"].values), rtol=1e-12)
        np.testing.assert_allclose(there["conjugate"], at.conjugate(there["spin"].values), rtol=1e-12)
    assert np.array_equal(np.sort(data["walker"], axis=-1), np.broadcast_to(np.arange(3), (2, 40, 3)))
    assert json.loads(data.attrs["round_trips"]) == round_trips(data["walker"]).tolist()


def test_round_trips_are_counted():
    walker = xr.DataArray(
        [[[0, 1], [1, 0], [0, 1], [1, 0], [1, 0], [0, 1]]], dims=("chain", "draw", "replica")
    )  # 0 goes up and comes back twice; 1 was at the bottom twice and came back once
    assert round_trips(walker).tolist() == [3]
    assert round_trips(walker[:, :2]).tolist() == [0]


def test_the_ladder_has_even_acceptance():
    data = temper(rg.Ising((12, 12), K=0.4), (0.3, 0.6), 400, chains=2, seed=2, **QUICK)
    acceptance, K = np.array(json.loads(data.attrs["acceptance"])), data["K"].values
    assert K[[0, -1]].tolist() == [0.3, 0.6]
    assert (np.diff(K) > 0).all()
    assert np.ptp(acceptance) < 0.2
    assert 0.25 < acceptance.mean() < 0.5
    given = temper(rg.Ising((12, 12), K=0.4), (0.3, 0.6), 400, replicas=5, chains=2, seed=2, **QUICK)
    acceptance = np.array(json.loads(given.attrs["acceptance"]))
    assert acceptance.size == 4
    assert np.ptp(acceptance) < 0.2


def test_even_distances():
    np.testing.assert_allclose(ladder.even(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0]), 3), [0, 4 / 3, 2])
    assert (np.diff(ladder.even(np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0]), 9)) > 0).all()


def test_a_frozen_glass_thaws():
    """Single-temperature Metropolis at K = 3 stays where it was cooled to; tempering finds the ground state."""
    model = rg.SpinGlass((4, 4), K=3.0, J="gaussian", seed=11)
    lowest = -rg.exact.enumerate.evaluate(model.conjugate, (4, 4)).max()
    alone = rg.sample(model, 50, chains=16, update="metropolis", warmup=400, thin=4, seed=1)
    data = temper(model, np.linspace(0.3, 3.0, 10), 400, chains=2, warmup=400, thin=1, update="metropolis", seed=1)
    reached = (-data["conjugate"].isel(replica=-1) < lowest + 1e-6).any("draw").values
    assert reached.all()
    cold = (alone["energy"] / 3.0 < lowest + 1e-6).any("draw").values
    assert not cold.all()


@pytest.mark.parametrize(
    ("model", "update", "kept"),
    [
        (rg.Ising((4, 4), K=0.4), "metropolis", True),
        (rg.Ising((4, 4), K=0.4), "wolff", True),
        (rg.Potts((3, 3), q=3, K=0.4), "heat-bath", False),
        (rg.XY((3, 3), K=0.4), "metropolis", True),
        (rg.SpinGlass((4, 4), K=0.4, h=0.1), "metropolis", False),
    ],
    ids=["metropolis", "wolff", "Potts", "XY", "glass"],
)
def test_half_a_run_resumed_is_the_whole_run(model, update, kept):
    asked = {"chains": 2, "update": update, "seed": 7, "configurations": kept, "swap_every": 2}
    whole = temper(model, (0.2, 0.3, 0.5), 23, warmup=11, thin=3, **asked)
    first = temper(model, (0.2, 0.3, 0.5), 10, warmup=11, thin=3, **asked)
    second = temper(model, None, 13, resume=first, configurations=kept, thin=3, swap_every=2)
    assert second.attrs["thin"] == 4
    assert whole.attrs["warmup"] == 12
    assert whole.attrs["thin"] == 4
    both = join([first, second])
    same(both, whole)
    assert both.attrs["round_trips"] == whole.attrs["round_trips"]
    assert list(both.coords) == list(whole.coords)
    assert second["draw"].values.tolist() == list(range(10, 23))


SCRIPT = """
import os, signal, sys
import rgnet as rg
from rgnet.tempering import replicas, temper
left = int(sys.argv[2])
def stop(done, total, energy):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
replicas._ROUNDS = 40
temper(rg.Ising((6, 6), K=0.4), (0.3, 0.6), 80, replicas=3, chains=2, update="wolff", seed=3, callback=stop,
       checkpoint=sys.argv[1], checkpoint_every=0.0)
"""


def test_killed_and_gone_on(tmp_path, monkeypatch):
    """SIGKILL in warm-up, in the pilot and between draws; each time the run goes on from its checkpoint."""
    folder = tmp_path / "kept"
    monkeypatch.setattr(replicas, "_ROUNDS", 40)
    asked = {"replicas": 3, "chains": 2, "update": "wolff", "seed": 3}
    expected = temper(rg.Ising((6, 6), K=0.4), (0.3, 0.6), 80, **asked)
    for left in ("1", "9", "6"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder), left], env=os.environ, check=False, timeout=120
        )
        assert done.returncode == -signal.SIGKILL
        assert list(folder.glob("part-*.h5"))
    seen = []
    found = temper(
        rg.Ising((6, 6), K=0.4), (0.3, 0.6), 80, checkpoint=folder, callback=lambda *at: seen.append(at[0]), **asked
    )
    same(found, expected)
    assert found.attrs == expected.attrs
    with pytest.raises(ValueError, match=r"holds another run \(swap_every 1 there, 2 now"):
        temper(rg.Ising((6, 6), K=0.4), (0.3, 0.6), 80, checkpoint=folder, swap_every=2, **asked)


def test_reweighting_a_tempered_run():
    K = np.linspace(0.3, 0.5, 5)
    data = temper(rg.Ising((4, 4), K=0.4), (0.3, 0.4, 0.5), 1200, seed=8, swap_every=4, **{**QUICK, "thin": 4})
    table = reweight(data, K, ["energy"])
    x = rg.exact.states((4, 4))
    S = rg.Ising((4, 4), K=0.4).conjugate(x).astype(float)
    p = np.exp(K[:, None] * S - (K[:, None] * S).max(axis=1, keepdims=True))
    exact = -(p @ S) / p.sum(axis=1) / 16
    assert np.abs((table["energy"] - exact) / table["energy_stderr"]).max() < 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"K": (0.4, 0.3, 0.5)}, r"coupling 0.3 \(number 1\) comes after 0.4; give them in increasing order"),
        ({"K": (0.4, 0.4, 0.5)}, r"coupling 0.4 \(number 1\) is there twice"),
        ({"K": (0.4, np.nan)}, r"K=nan: a coupling is a finite number"),
        ({"K": (0.4, np.inf)}, r"K=inf: a coupling is a finite number"),
        ({"K": [0.4]}, r"give an increasing sequence of couplings, or \(low, high\)"),
        ({"K": []}, r"K is empty"),
        ({"K": None}, r"give an increasing sequence"),
        ({"K": (0.2, 0.3, 0.4), "replicas": 5}, r"replicas=5: 3 couplings are given"),
        ({"K": (0.2, 0.3), "replicas": 1}, r"replicas=1: give a whole number from 2"),
        ({"K": (0.2, 0.3), "swap_every": 0}, r"swap_every=0: give a whole number"),
        ({"K": (0.2, 0.3), "draws": 0}, r"draws=0: give a whole number"),
        ({"K": (0.0, 0.2, 0.3), "update": "wolff"}, r"update='wolff' would not be exact: at K = 0"),
        ({"K": (0.2, 0.3), "update": "wulff"}, r"did you mean 'wolff'"),
    ],
)
def test_bad_ladders_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        temper(rg.Ising((4, 4), K=0.4), **{"draws": 5, **arguments})


def test_other_bad_input():
    data = temper(rg.Ising((4, 4), K=0.4), (0.2, 0.3, 0.4), 5, seed=1, **QUICK)
    with pytest.raises(ValueError, match=r"resume: K=.* leave it out"):
        temper(rg.Ising((4, 4), K=0.4), (0.2, 0.35, 0.4), 5, resume=data)
    with pytest.raises(ValueError, match=r"resume: sampled from"):
        temper(rg.Ising((4, 4), K=0.4, h=0.1), None, 5, resume=data)
    with pytest.raises(ValueError, match=r"resume: swap_every=2 but the run had swap_every=1"):
        temper(rg.Ising((4, 4), K=0.4), None, 5, resume=data, swap_every=2)
    with pytest.raises(ValueError, match=r"rgnet.temper returned it"):
        temper(rg.Ising((4, 4), K=0.4), None, 5, resume=data.isel(draw=slice(3)))
    with pytest.raises(TypeError, match=r"give a model"):
        temper("Ising", (0.2, 0.3), 5)
    with pytest.raises(ValueError, match=r"DiscreteModel has no coupling K"):
        temper(rg.DiscreteModel((4, 4), bond=[[0, 1], [1, 0]]), (0.2, 0.3), 5)


def test_a_ladder_with_a_gap_is_an_error_not_a_number(monkeypatch):
    monkeypatch.setattr(replicas, "_PILOT_MOST", 512)
    with pytest.raises(ValueError, match=r"do not travel along the ladder .* exchange of 0.05 and 1 is accepted"):
        temper(rg.Ising((16, 16), K=0.4), (0.05, 1.0, 1.01), 5, chains=2, update="metropolis", seed=1)
