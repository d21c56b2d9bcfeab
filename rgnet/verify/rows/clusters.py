"""Cluster moves: improved estimators against enumeration, Potts tori against the transfer matrix, one spin glass."""

import functools
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.exact import enumerate as states
from rgnet.exact import ising2d, transfer
from rgnet.models import Ising, Potts, SpinGlass
from rgnet.verify.registry import Measured, Row, check, short

NAMES = ("swendsen-wang", "wolff")
SMALL: dict[str, Any] = {"Ising": Ising((4, 4), K=0.4), "Potts": Potts((3, 3), q=3, K=0.9)}


def _square(model: Any, x: Any) -> Any:
    order = np.asarray(model.observe(x)["magnetization"], dtype=np.float64).reshape(len(x), -1)
    return (order**2).sum(axis=-1)


def _improved(seed: int, kind: str, name: str, label: str) -> Measured:
    """Mean of an improved estimator of |M|² or |M|⁴ over N^2 or N^4, and its exact value."""
    model, power = SMALL[kind], 1 if label == "cluster_m2" else 2
    scale = float(model.n_sites) ** (2 * power)
    data = rg.sample(model, 10_000, update=name, seed=seed, warmup=200, thin=4, configurations=False)
    found = rg.stats.mean(data[label] / scale)
    moments = states.model_moments(model, lambda x: _square(model, x)[:, None] ** power)
    return Measured(found.value, found.stderr, expected=float(moments.mean[0]) / scale)


def _energy(seed: int, model: Any, name: str) -> Measured:
    """Mean of H/N, and its exact value: of a Potts torus by transfer matrix, of a glass by enumeration."""
    data = rg.sample(model, 8000, update=name, seed=seed, warmup=200, thin=4, configurations=False)
    found = rg.stats.mean(data["energy"] / model.n_sites)
    exact = transfer.of_model(model).mean if isinstance(model, Potts) else states.thermal(model).energy
    return Measured(found.value, found.stderr, expected=exact / model.n_sites)


for _kind in SMALL:
    for _name, _label in (("swendsen-wang", "cluster_m2"), ("swendsen-wang", "cluster_m4"), ("wolff", "cluster_m2")):
        _power = "2" if _label == "cluster_m2" else "4"
        check(
            Row(
                f"clusters/{_kind}-{_name}-m{_power}".lower(),
                f"⟨|m|{'²' if _power == '2' else '⁴'}⟩, {_kind} {SMALL[_kind].shape[0]}², {short(_name)} clusters",
                None,
                "enumeration",
            ),
            cost=4,
        )(functools.partial(_improved, kind=_kind, name=_name, label=_label))

for _name in NAMES:
    check(Row(f"clusters/potts-{_name}", f"H/N, Potts q = 3, 16×6, {short(_name)}", None, "transfer matrix"), cost=6)(
        functools.partial(_energy, model=Potts((16, 6), q=3, K=1.0), name=_name)
    )
    check(Row(f"clusters/glass-{_name}", f"H/N, Gaussian glass 4×4, {short(_name)}", None, "enumeration"), cost=6)(
        functools.partial(_energy, model=SpinGlass((4, 4), K=0.7, J="gaussian", seed=3), name=_name)
    )


@check(
    Row("clusters/1024", "e, 1024², K_c, SW", float(ising2d.energy(ising2d.K_c, shape=(1024, 1024))),
        "Kaufman 1949"),
    cost=60,
    full=True,
)  # fmt: skip
def large(seed: int) -> Any:
    """−⟨Σ s s⟩/N of a large torus at its critical point."""
    model = Ising((1024, 1024), K=float(ising2d.K_c))
    data = rg.sample(model, 150, update="swendsen-wang", seed=seed, warmup=400, thin=5, configurations=False)
    return rg.stats.mean(data["energy"] / (model.K * model.n_sites))
