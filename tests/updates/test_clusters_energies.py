"""Cluster moves on larger lattices: Kaufman's energies, a Potts torus, and improved estimators beside direct ones."""

import pytest

import rgnet as rg
from rgnet import stats
from rgnet.exact import ising2d, transfer
from rgnet.models import Ising, Potts

K_C = float(ising2d.K_c)
NAMES = ("swendsen-wang", "wolff")


def _z(model, name, draws, **options):
    options = {"warmup": 200, "thin": 2, "chains": 2, "configurations": False, "seed": 5} | options
    data = rg.sample(model, draws, update=name, **options)
    return stats.mean(data["energy"] / (model.K * model.n_sites)).z(float(ising2d.energy(model.K, shape=model.shape)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("K", [K_C, 0.3])
def test_energy_is_kaufmans(name, K):
    assert abs(_z(Ising((64, 64), K=K), name, 800)) < 3.5


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("K", [K_C, 0.42])
@pytest.mark.parametrize(("side", "draws"), [(256, 600), (1024, 150)])
def test_energy_is_kaufmans_on_larger_lattices(name, K, side, draws):
    assert abs(_z(Ising((side, side), K=K), name, draws, warmup=300, thin=4)) < 3.5


@pytest.mark.parametrize("name", NAMES)
def test_potts_energy_is_the_transfer_matrix(name):
    model = Potts((16, 6), q=3, K=1.0)
    data = rg.sample(model, 2000, chains=2, update=name, warmup=100, thin=3, seed=6, configurations=False)
    assert abs(stats.mean(data["energy"]).z(transfer.of_model(model).mean)) < 3.5


@pytest.mark.parametrize("model", [Ising((32, 32), K=0.40), Potts((24, 24), q=3, K=0.95)])
@pytest.mark.parametrize("name", NAMES)
def test_improved_estimators_have_the_means_of_direct_ones_and_smaller_errors(name, model):
    data = rg.sample(model, 3000, chains=2, update=name, warmup=100, thin=2, seed=8, configurations=False)
    magnetization = data["magnetization"].values.astype(float).reshape(2, 3000, -1)
    square = (magnetization**2).sum(axis=-1)
    for label, direct in (("cluster_m2", square), ("cluster_m4", square**2)):
        if label in data:
            # of the same run, so that the error of the difference takes in how they hang together
            difference = stats.mean(data[label].values - direct)
            assert abs(difference.z(0.0)) < 3.5
            assert stats.mean(data[label].values).stderr < stats.mean(direct).stderr
