"""Estimators of symbols and of real numbers on data of known information, for `interval_coverage.py`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from _coverage_data import (
    GAUSS,
    JOINT,
    LAW,
    OTHER,
    RHO,
    hidden,
    normals,
    symbols,
    tree,
    tree_table,
    two_normals,
    two_normals_truth,
    uneven,
)
from scipy.stats import norm

from rgnet.estimate import Estimate
from rgnet.information import tables


@dataclass(frozen=True)
class Cell:
    """An estimator on a kind of data: ``run(rng)`` gives an Estimate of ``truth``."""

    estimator: str
    data: str
    n: int
    truth: float
    run: Callable[[np.random.Generator], Estimate]

    @property
    def key(self) -> str:
        """What the cell is called in files and by ``--only``."""
        return f"{self.estimator} | {self.data} | {self.n}"


def discrete_cells() -> list[Cell]:
    """Counts: entropies, informations, divergences."""
    from rgnet.information import discrete, entropies

    h_law, i_joint = tables.entropy_of(LAW), tables.mutual_information_of(JOINT)
    t2, t1 = tree_table(2), tree_table(1)
    cells = []
    for method in ("auto", *entropies.METHODS):
        needs = method in entropies.NEED_K
        for known in (True,) if needs else (False, True) if method == "auto" else (False,):
            name = f"entropy {method}" + (", k given" if known else "")
            cells.append(
                Cell(
                    name,
                    "discrete, 8 states",
                    200,
                    h_law,
                    lambda rng, m=method, k=known: discrete.entropy(
                        rng.choice(8, 200, p=LAW), method=m, k=8 if k else None
                    ),
                )
            )
            cells.append(
                Cell(
                    name,
                    "tree, 16 states",
                    1000,
                    tables.entropy_of(t2.sum(axis=0)),
                    lambda rng, m=method, k=known: discrete.entropy(
                        tree(rng, 1000, 2)[1], method=m, k=16 if k else None
                    ),
                )
            )
    for method in ("auto", *entropies.FORMULAE):
        name = f"mutual_information {method}"
        cells.append(
            Cell(
                name,
                "discrete, 3×4",
                300,
                i_joint,
                lambda rng, m=method: discrete.mutual_information(*symbols(rng, 300), method=m),
            )
        )
        cells.append(
            Cell(
                name,
                "tree, 2×16",
                1000,
                tables.mutual_information_of(t2),
                lambda rng, m=method: discrete.mutual_information(*tree(rng, 1000, 2), method=m),
            )
        )
    null = np.outer(JOINT.sum(axis=1), JOINT.sum(axis=0))
    cells += [
        Cell(
            "mutual_information auto",
            "discrete, 3×4, independent",
            300,
            0.0,
            lambda rng: discrete.mutual_information(*symbols(rng, 300, null)),
        ),
        Cell(
            "mutual_information auto",
            "tree, 2×4",
            300,
            tables.mutual_information_of(t1),
            lambda rng: discrete.mutual_information(*tree(rng, 300, 1)),
        ),
        Cell(
            "mutual_information auto, chains",
            "correlated chains, 2×2",
            4000,
            math.log(2) + 0.2 * math.log(0.2) + 0.8 * math.log(0.8),
            lambda rng: discrete.mutual_information(*hidden(rng, 4000), chains=4),
        ),
    ]
    cells.append(
        Cell(
            "entropy auto, chains",
            "correlated chains, 2 states",
            4000,
            -0.75 * math.log(0.75) - 0.25 * math.log(0.25),
            lambda rng: discrete.entropy(uneven(rng, 4000), chains=4),
        )
    )
    three = np.einsum(
        "a,ab,bc->abc",
        LAW[:3] / LAW[:3].sum(),
        JOINT[:, :3] / JOINT[:, :3].sum(1, keepdims=True),
        JOINT[:, 1:] / JOINT[:, 1:].sum(1, keepdims=True),
    )
    common = three.transpose(0, 2, 1)  # a and c given b: independent
    direct = 0.5 * three + 0.5 * np.roll(three, 1, axis=2)[:, ::-1]
    multi = sum(tables.entropy_of(direct.sum(axis=tuple(set(range(3)) - {k}))) for k in range(3)) - tables.entropy_of(
        direct
    )
    cells += [
        Cell(
            "conditional_mutual_information",
            "discrete, 3×3×3",
            500,
            tables.conditional_mutual_information_of(direct),
            lambda rng: discrete.conditional_mutual_information(*symbols(rng, 500, direct)),
        ),
        Cell(
            "conditional_mutual_information",
            "discrete, 3×3×3, independent",
            500,
            tables.conditional_mutual_information_of(common),
            lambda rng: discrete.conditional_mutual_information(*symbols(rng, 500, common)),
        ),
        Cell(
            "multi_information",
            "discrete, 3×3×3",
            500,
            float(multi),
            lambda rng: discrete.multi_information(*symbols(rng, 500, direct)),
        ),
    ]
    for method in ("auto", "plug-in"):
        cells.append(
            Cell(
                f"jensen_shannon {method}",
                "discrete, 8 states",
                300,
                tables.jensen_shannon_of(LAW, OTHER),
                lambda rng, m=method: discrete.jensen_shannon(
                    rng.choice(8, 300, p=LAW), rng.choice(8, 300, p=OTHER), method=m
                ),
            )
        )
        cells.append(
            Cell(
                f"kl_divergence {method}",
                "discrete, 5 states",
                300,
                tables.kl_of(LAW[:5] / LAW[:5].sum(), OTHER[:5] / OTHER[:5].sum()),
                lambda rng, m=method: discrete.kl_divergence(
                    rng.choice(5, 300, p=LAW[:5] / LAW[:5].sum()),
                    rng.choice(5, 300, p=OTHER[:5] / OTHER[:5].sum()),
                    method=m,
                ),
            )
        )
    return cells


def continuous_cells() -> list[Cell]:
    """Gaussian data."""
    from rgnet.information.continuous import combined, differential, gaussian, ksg, mixed

    rules: dict[str, Callable[[Any, Any], Estimate]] = {
        "continuous auto": lambda x, y: combined.mutual_information(x, y),
        "ksg 1": lambda x, y: ksg.ksg(x, y),
        "ksg 2": lambda x, y: ksg.ksg(x, y, algorithm=2),
        "gaussian": lambda x, y: gaussian.gaussian(x, y),
        "gaussian copula": lambda x, y: gaussian.gaussian(x, y, copula=True),
        "mixture": lambda x, y: mixed.mixture(x, y),
    }
    cells = []
    for name, rule in rules.items():
        for rho, what in ((RHO, "Gaussian, ρ = 0.6"), (0.0, "Gaussian, independent")):
            cells.append(
                Cell(name, what, 400, -0.5 * math.log(1 - rho**2), lambda rng, f=rule, r=rho: f(*normals(rng, 400, r)))
            )
        if name in ("continuous auto", "gaussian"):
            cells.append(
                Cell(
                    name,
                    "Gaussian, 3 + 3 dimensions",
                    400,
                    3 * GAUSS,
                    lambda rng, f=rule: f(*normals(rng, 400, RHO, 3)),
                )
            )
    cells += [
        Cell(
            "differential_entropy",
            "Gaussian, 1 dimension",
            400,
            float(norm.entropy()),
            lambda rng: differential.differential_entropy(rng.normal(size=400)),
        ),
        Cell(
            "discrete_continuous",
            "label and Gaussian",
            400,
            two_normals_truth(),
            lambda rng: mixed.discrete_continuous(*two_normals(rng, 400)[::-1]),
        ),
        Cell(
            "mixture",
            "label and Gaussian",
            400,
            two_normals_truth(),
            lambda rng: (lambda x, y: mixed.mixture(x, 1e3 * y))(*two_normals(rng, 400)),
        ),
    ]
    return cells
