"""Dimers: counting, the worm against the transfer matrix, and all coverings of a small torus."""

import functools
import math

import numpy as np
from scipy.special import chdtrc, ndtri

import rgnet as rg
from rgnet.exact import dimers as exact
from rgnet.models import Dimers
from rgnet.verify.registry import Measured, Row, check

_KASTELEYN = "Kasteleyn 1961"


@check(
    Row("dimers/count-8-free", "coverings of the free 8×8", 12988816.0, _KASTELEYN, tolerance=0.5),
    Row("dimers/count-8-torus", "coverings of the torus 8×8", 311853312.0, _KASTELEYN, tolerance=0.5),
    Row("dimers/entropy", "ln Z/N, free L×L, bulk term", exact.ENTROPY, _KASTELEYN, tolerance=1e-5,
        note="G/π, G Catalan's constant; the bulk term is from sides of 400 and 800"),
)  # fmt: skip
def counted(seed: int) -> list[float]:
    """Numbers of coverings by Kasteleyn's products."""
    small, large = (exact.log_count((side, side), "free") / side for side in (400, 800))
    return [exact.count((8, 8), "free"), exact.count((8, 8)), (large - small) / 400]


@check(Row("dimers/listed", "ln Z, torus 4×6, K = 0.7", None, "all 3108 coverings", tolerance=1e-11))
def listed(seed: int) -> Measured:
    """The transfer matrix against the sum over all coverings."""
    energies = Dimers((4, 6), K=0.7).energy(exact.coverings((4, 6)))
    return Measured(exact.parallel((4, 6), 0.7).log_Z, expected=math.log(np.exp(-energies).sum()))


def _parallel(seed: int, K: float) -> Measured:
    model = Dimers((12, 6), K=K)
    found = rg.stats.mean(rg.sample(model, 4000, seed=seed)["parallel"])
    return Measured(found.value, found.stderr, expected=exact.parallel((12, 6), K).mean)


for _K in (0.0, 0.3, 1.0):
    check(
        Row(f"dimers/parallel-{_K}", f"⟨N_∥⟩, torus 12×6, K = {_K}", None, "transfer matrix"), cost=4
    )(functools.partial(_parallel, K=_K))  # fmt: skip


@check(
    Row("dimers/states", "χ² of 272 states, 4×4, K = 0.3", None, "enumeration",
        note="χ² of how often each covering of the torus comes in 100,000 draws, as the normal deviate of the same p"),
    cost=4,
)  # fmt: skip
def states(seed: int) -> Measured:
    """Every covering of the 4×4 torus as often as it should come."""
    coverings = exact.coverings((4, 4))
    p = np.exp(-Dimers((4, 4), K=0.3).energy(coverings))
    draws = rg.sample(Dimers((4, 4), K=0.3), 12_500, chains=8, warmup=100, thin=4, seed=seed)["spin"].values
    place = 4 ** np.arange(16, dtype=np.int64)
    keys = np.sort(coverings.reshape(-1, 16).astype(np.int64) @ place)
    expected = p[np.argsort(coverings.reshape(-1, 16).astype(np.int64) @ place)] / p.sum() * draws.size / 16
    counts = np.bincount(np.searchsorted(keys, draws.reshape(-1, 16).astype(np.int64) @ place), minlength=keys.size)
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    return Measured(float(-ndtri(chdtrc(keys.size - 1, chi2))), 1.0, expected=0.0)
