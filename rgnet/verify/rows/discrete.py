"""Potts, clock, Blume–Capel, tables and spin glasses: sampled energies against transfer matrices and enumeration."""

import functools
import math
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.exact import enumerate as full
from rgnet.exact import potts2d, transfer, transfer_glass
from rgnet.models import BlumeCapel, Clock, DiscreteModel, Potts, SpinGlass
from rgnet.verify.registry import Measured, Row, check, short

NAMES = ("heat-bath", "metropolis")
TORUS = (6, 12)


def _energy(seed: int, model: Any, name: str, draws: int, source: Any) -> Measured:
    """Mean of H/N, and its exact value."""
    data = rg.sample(model, draws, update=name, seed=seed, configurations=False)
    found = rg.stats.mean(data["energy"] / model.n_sites)
    return Measured(found.value, found.stderr, expected=source(model) / model.n_sites)


def _transfer(model: Any) -> float:
    return transfer.of_model(model).mean


def _enumerated(model: Any) -> float:
    return full.thermal(model).energy


_HARD = [[0.0, 0.0], [0.0, -math.inf]]
_CASES: list[tuple[str, str, Any, Any, str]] = [
    ("potts", "3-state Potts 6×12", Potts(TORUS, q=3, K=0.9), _transfer, "transfer matrix"),
    ("clock", "4-state clock 5×12, h", Clock((5, 12), q=4, K=0.7, h=0.1), _transfer, "transfer matrix"),
    ("blume-capel", "Blume–Capel 6×12", BlumeCapel(TORUS, K=0.8, D=0.8), _transfer, "transfer matrix"),
    ("gas", "hard squares 8×12", DiscreteModel((8, 12), _HARD, [0, math.log(2)], [0, 1]), _transfer,
     "transfer matrix"),
    ("glass", "±J glass 5×4, K = 0.5", SpinGlass((5, 4), K=0.5, seed=1), _enumerated, "enumeration"),
    ("glass-gauss", "Gauss glass 4×4 △, h", SpinGlass((4, 4), K=0.3, J="gaussian", h=0.1, lattice="triangular"),
     _enumerated, "enumeration"),
]  # fmt: skip
for _key, _what, _model, _source, _how in _CASES:
    for _name in NAMES:
        check(Row(f"discrete/{_key}-{_name}", f"H/N, {_what}, {short(_name)}", None, _how), cost=2)(
            functools.partial(_energy, model=_model, name=_name, draws=2000, source=_source)
        )
check(
    Row("discrete/rows", "H/N, 3-state Potts 6×96, HB", None, "transfer matrix"),
    cost=5,
)(functools.partial(_energy, model=Potts((6, 96), q=3, K=0.95), name="heat-bath", draws=1000, source=_transfer))
check(
    Row("discrete/tricritical", "H/N, Blume–Capel, tricritical, HB", None, "transfer matrix"),
    cost=10,
    full=True,
)(functools.partial(
    _energy, model=BlumeCapel(TORUS, K=1.6431759, D=3.2301797), name="heat-bath", draws=2000, source=_transfer
))  # fmt: skip


@check(
    Row("discrete/duality", "⟨Σδ⟩/N, strip of 6, q = 3, K_c", potts2d.energy(3), "Potts 1952", tolerance=1e-9),
    Row("discrete/baxter", "ln Z/N, strips of 6, 8, q = 3, K_c", potts2d.log_Z(3), "Baxter 1973",
        tolerance=2e-5, note="from two widths by f + πc/6L² + a/L⁴, c = 4/5 (Blöte, Cardy & Nightingale 1986)"),
    cost=2,
)  # fmt: skip
def strips(seed: int) -> list[float]:
    """Energy and free energy of infinitely long strips at the transition of the 3-state Potts model."""
    delta, K = np.eye(3), potts2d.K_c(3)
    found = {L: transfer.strip(K * delta, 0, L, of=(delta, np.zeros(3))) for L in (6, 8)}
    m, n = (found[L].log_Z / L - math.pi * 0.8 / (6 * L**2) for L in (6, 8))
    return [found[6].mean / 6, (8**4 * n - 6**4 * m) / (8**4 - 6**4)]


@check(
    Row("discrete/nishimori", "⟨H⟩, 400 ±J glasses 3×3, p = 0.8", -18 * 0.6 * 0.5 * math.log(4),
        "Nishimori 1981"),
    cost=2,
)  # fmt: skip
def nishimori(seed: int) -> Measured:
    """Mean over samples of exact energies on Nishimori's line, tanh K = 2p − 1."""
    K = 0.5 * math.log(4)
    streams = np.random.SeedSequence(seed).generate_state(400)
    energies = [full.thermal(SpinGlass((3, 3), K=K, p=0.8, seed=int(stream))).energy for stream in streams]
    return Measured(float(np.mean(energies)), float(np.std(energies, ddof=1) / math.sqrt(400)))


@check(
    Row("discrete/ground", "ground states missed, 6 glasses 5²", 0.0, "transfer matrix, T → 0",
        tolerance=0),
    cost=3,
)  # fmt: skip
def ground(seed: int) -> int:
    """Samples of the couplings whose ground-state energy no draw at K = 1.5 has."""
    missed = 0
    for number in range(6):
        model = SpinGlass((5, 5), K=1.5, J=("±J", "gaussian")[number % 2], seed=number)
        data = rg.sample(model, 500, chains=16, update="heat-bath", warmup=50, thin=10, seed=seed, configurations=False)
        missed += float(data["energy"].min()) > transfer_glass.ground_energy(model) + 1e-9
    return missed
