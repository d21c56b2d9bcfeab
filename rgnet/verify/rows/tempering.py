"""Parallel tempering and reweighting: energies against Kaufman's torus, glasses against enumeration, runs resumed."""

import json
import math
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.exact import ising2d
from rgnet.verify.registry import Measured, Row, check

_LADDER = (0.36, 0.40, 0.43, 0.46)
_TORUS = (16, 16)


def _exact(K: float) -> float:
    return float(ising2d.energy(K, shape=_TORUS))


@check(
    *(Row(f"tempering/16-{K}", f"e, 16², K = {K}, tempered", _exact(K), "Kaufman 1949") for K in _LADDER),
    cost=8,
)
def replicas_of_ising(seed: int) -> list[Any]:
    """Energies of all replicas of one tempered run, whose exchanges take total energies."""
    from rgnet.tempering import one, temper

    data = temper(
        rg.Ising(_TORUS, K=0.4), _LADDER, 1500, update="metropolis", warmup=400, thin=8, swap_every=4, seed=seed
    )
    return [
        rg.stats.mean(one(data, r)["energy"] / (K * math.prod(_TORUS))) for r, K in enumerate(_LADDER)
    ]  # fmt: skip


@check(
    Row("tempering/glass-cold", "S/N, 4² Gaussian glass, K = 2", None, "enumeration"),
    Row("tempering/glass-warm", "S/N, 4² Gaussian glass, K = 0.5", None, "enumeration"),
    cost=6,
)
def a_glass(seed: int) -> list[Measured]:
    """Both ends of a ladder of a glass that Metropolis alone could not equilibrate."""
    from rgnet.tempering import temper

    model = rg.SpinGlass((4, 4), K=1.0, J="gaussian", seed=11)
    K = np.linspace(0.5, 2.0, 6)
    data = temper(model, K, 3000, update="metropolis", warmup=1000, thin=4, swap_every=2, seed=seed)
    S = rg.exact.enumerate.evaluate(model.conjugate, (4, 4))
    found = []
    for r in (-1, 0):
        weight = np.exp(K[r] * (S - S.max()))
        here = rg.stats.mean(data["conjugate"].isel(replica=r) / 16)
        found.append(Measured(here.value, here.stderr, expected=float(weight @ S / weight.sum()) / 16))
    return found


@check(
    Row("tempering/ladder", "largest − smallest acceptance, 12²", 0.0, "even by choice",
        tolerance=0.2, note="the ladder of (0.3, 0.6), chosen by pilot runs; noise of 400 draws included"),
    cost=8,
)  # fmt: skip
def an_even_ladder(seed: int) -> float:
    """The spread of acceptances on a ladder that was chosen for even ones."""
    from rgnet.tempering import temper

    data = temper(rg.Ising((12, 12), K=0.4), (0.3, 0.6), 400, update="metropolis", warmup=50, thin=1, seed=seed)
    return float(np.ptp(json.loads(data.attrs["acceptance"])))


@check(
    Row("tempering/resumed", "spins differing, resumed, tempered", 0.0, "the unbroken run", tolerance=0),
    cost=3,
)
def resumed(seed: int) -> int:
    """Two halves, the second resumed from the state stored in the first, against the whole run."""
    from rgnet.tempering import temper

    differing = 0
    for update in ("metropolis", "wolff"):
        model, K = rg.Ising((8, 8), K=0.4), (0.3, 0.4, 0.5)
        whole = temper(model, K, 60, update=update, seed=seed, warmup=20, thin=2)
        first = temper(model, K, 25, update=update, seed=seed, warmup=20, thin=2)
        second = temper(model, None, 35, resume=first)
        for name in ("spin", "walker", "conjugate"):
            both = np.concatenate([first[name].values, second[name].values], axis=1)
            differing += int(np.count_nonzero(both != whole[name].values))
        differing += int(second.attrs["rng_state"] != whole.attrs["rng_state"])
    return differing


_BETWEEN = (0.42, 0.44, 0.45)


@check(
    *(Row(f"tempering/reweighted-e-{K}", f"e, 16², K = {K}, reweighted", _exact(K), "Kaufman 1949") for K in _BETWEEN),
    *(
        Row(f"tempering/reweighted-c-{K}", f"c, 16², K = {K}, reweighted",
            float(ising2d.specific_heat(K, shape=_TORUS)), "Kaufman 1949")
        for K in _BETWEEN
    ),
    Row("tempering/reweighted-log-Z", "ln Z(0.46) − ln Z(0.41), 16²",
        float(ising2d.log_Z(0.46, _TORUS) - ising2d.log_Z(0.41, _TORUS)), "Kaufman 1949"),
    cost=5,
)  # fmt: skip
def between_three_runs(seed: int) -> list[Measured]:
    """Energy, specific heat and ln Z between three couplings, from all draws together."""
    from rgnet.reweighting import reweight

    streams = np.random.SeedSequence(seed).generate_state(3, np.uint64)
    sets = [
        rg.sample(rg.Ising(_TORUS, K=K), 3000, update="swendsen-wang", seed=int(stream), configurations=False)
        for K, stream in zip((0.41, 0.435, 0.46), streams, strict=True)
    ]
    table = reweight(sets, [*_BETWEEN, 0.46], ["energy", "specific_heat", "log_Z"])

    def at(name: str, k: int) -> Measured:
        return Measured(float(table[name][k]), float(table[f"{name}_stderr"][k]))

    return [*(at(name, k) for name in ("energy", "specific_heat") for k in range(3)), at("log_Z", 3)]
