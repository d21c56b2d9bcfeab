"""Hierarchies: exact inference against enumeration and closed forms, and estimates against exact information."""

import itertools
import math

import numpy as np
import numpy.typing as npt

from rgnet.verify.registry import Measured, Row, check

_TREE_4, _TREE_6 = 0.0749, 0.03487  # binary, flip 0.2; as known from an independent calculation
_FEW = 20  # runs that make an error bar


@check(
    Row("hierarchies/tree-4", "I(root; leaves), 2⁴, flip 0.2", _TREE_4, "independent calculation",
        tolerance=5e-5),
    Row("hierarchies/tree-enumerated", "I(root; leaves), 2³, asymmetric", None, "enumeration", tolerance=1e-12),
    Row("hierarchies/tree-posterior", "p(root | leaves), 3², 3 states", 0.0, "Bayes' rule", tolerance=1e-12,
        note="largest difference of p(root | leaves) of 200 draws from that of the sum over all inner states"),
    cost=3,
)  # fmt: skip
def trees(seed: int) -> list[Measured | float]:
    """Recursion and belief propagation against sums over every configuration."""
    from rgnet.hierarchies import Tree

    channel = np.array([[0.9, 0.1], [0.3, 0.7]])
    small = Tree(3, 2, [0.4, 0.6], channel)
    leaves = np.array(list(itertools.product(range(2), repeat=8)))
    joint = np.array([0.4, 0.6])[:, None] * _likelihood(leaves, channel, 3, 2)
    exact = _information(joint)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    wide = rng.dirichlet(np.ones(3), size=3)
    tree = Tree(2, 3, np.full(3, 1 / 3), wide)
    data = np.asarray(tree.sample(200, seed=seed)["y_2"].values)
    bayes = _likelihood(data, wide, 2, 3).T
    bayes = bayes / bayes.sum(axis=1, keepdims=True)
    four = Tree.symmetric(4, flip=0.2).mutual_information(0, 4)
    return [
        float(four),
        Measured(float(small.mutual_information(0, 3)), expected=exact),
        float(np.abs(tree.posterior(data) - bayes).max()),
    ]


def _likelihood(
    leaves: npt.NDArray[np.int64], channel: npt.NDArray[np.float64], depth: int, b: int
) -> npt.NDArray[np.float64]:
    """p(leaves | root), (states, n), by Σ over the inner states, family by family."""
    message = np.eye(len(channel))[leaves]  # (n, sites, states)
    for _ in range(depth):
        up = message @ channel.T
        message = up.reshape(len(leaves), -1, b, len(channel)).prod(axis=2)
    return np.asarray(message[:, 0].T)


def _information(joint: npt.NDArray[np.float64]) -> float:
    positive = joint > 0
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    return float((joint[positive] * np.log(joint[positive] / independent[positive])).sum())


@check(
    Row("hierarchies/tree-6", "I(root; leaves), 2⁶, flip 0.2", _TREE_6, "independent calculation",
        tolerance=5e-6),
    full=True, cost=60,
)  # fmt: skip
def deeper_tree(seed: int) -> float:
    """The recursion over 6.5 million distinct posteriors."""
    from rgnet.hierarchies import Tree

    return float(Tree.symmetric(6, flip=0.2).mutual_information(0, 6))


@check(
    Row("hierarchies/tree-8-width", "bounds' width, 2⁸, flip 0.2", 0.0, "degrading, upgrading", tolerance=1e-5,
        note="Tal & Vardy 2013: rigorous lower and upper bounds of I(root; leaves) by density evolution"),
    full=True, cost=30,
)  # fmt: skip
def deepest_tree(seed: int) -> float:
    """Upper minus lower bound."""
    from rgnet.hierarchies import Tree

    interval = Tree.symmetric(8, flip=0.2).mutual_information(0, 8).interval
    assert interval is not None
    return interval[1] - interval[0]


@check(
    Row("hierarchies/labels", "I(root; labels), 2⁴, 10⁴ draws", None, "recursion",
        note=f"mean of {_FEW} runs, by sufficient-statistic labels and the default estimator"),
    Row("hierarchies/posteriors", "I(root; leaves), 2⁷, 10⁴ draws", None, "bounds within 1e-5",
        note=f"mean of {_FEW} runs, H(root) minus the mean entropy of exact posteriors"),
    cost=8,
)  # fmt: skip
def estimated(seed: int) -> list[Measured]:
    """Information through labels and through posteriors."""
    from rgnet.hierarchies import Tree
    from rgnet.information import mutual_information, posterior_information

    shallow, deep = Tree.symmetric(4, flip=0.2), Tree.symmetric(7, flip=0.15)
    label, bits, rest = shallow.sufficient(0), [], []
    for run in range(_FEW):
        stream = int(np.random.SeedSequence(seed, spawn_key=(run,)).generate_state(1)[0])
        drawn = shallow.sample(10_000, seed=stream)
        bits.append(float(mutual_information(drawn["y_0"].values, label(drawn["y_4"].values))))
        drawn = deep.sample(10_000, seed=stream)
        rest.append(float(posterior_information(deep.posterior(drawn["y_7"].values), prior=[0.5, 0.5])))
    exact = float(shallow.mutual_information(0, 4)), float(deep.mutual_information(0, 7))
    return [_of(values, expected) for values, expected in zip((bits, rest), exact, strict=True)]


def _of(values: list[float], expected: float) -> Measured:
    return Measured(
        float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values))), len(values) - 1, expected
    )


@check(
    Row("hierarchies/rules-posterior", "p(class | noisy data), rules", 0.0, "enumeration",
        tolerance=1e-12, note="v, m, s, L = 3, 2, 2, 2: largest difference over all 81 data"),
    Row("hierarchies/rules-rank", "data misnumbered, of 100, rules", 0.0, "Cagnetta et al. 2024",
        tolerance=0, note="v, m, s, L = 8, 4, 3, 4: of the m^((s^L − 1)/(s − 1)) = 4⁴⁰ data, there and back"),
    Row("hierarchies/cascade", "I(root; level 1), Gaussian pair", -0.5 * math.log(1 - 0.36), "−½ ln(1 − ρ²)",
        tolerance=1e-12),
    Row("hierarchies/couplings", "I(K; x), 3², two couplings", None, "enumeration", tolerance=1e-10),
    cost=3,
)  # fmt: skip
def others(seed: int) -> list[Measured | float]:
    """Random hierarchies, cascades and lattices."""
    import rgnet as rg
    from rgnet.hierarchies import Cascade, LatticeHierarchy, RandomHierarchy

    rules = RandomHierarchy(3, 2, 2, 2, 2, seed=seed, noise=0.3)
    data = np.array(list(itertools.product(range(3), repeat=4)))
    mixed = 0.7 * np.eye(3) + 0.1  # noise replaces a symbol by any of the three
    p = np.zeros((len(data), 2))
    first, second = rules.rules
    for c, i, j, k in itertools.product(range(2), repeat=4):
        a, b = first[c, i]
        clean = (*second[a, j], *second[b, k])
        p[:, c] += np.prod([mixed[symbol, data[:, site]] for site, symbol in enumerate(clean)], axis=0)
    p /= p.sum(axis=1, keepdims=True)
    large = RandomHierarchy(8, 4, 3, 4, 2, seed=seed)
    numbers = [int(1 + (4**40 - 1) * u) for u in np.random.default_rng(np.random.SeedSequence(seed)).random(100)]
    wrong = sum(large.rank(large.unrank(1, k)) != (1, k) for k in numbers) if large.count_per_class == 4**40 else 100
    cascade = Cascade.tree(1, 1, a=0.6)
    lattice = LatticeHierarchy((3, 3), K=[0.2, 0.6])
    weights = [rg.exact.distribution(rg.Ising((3, 3), K=K).energy, (3, 3)) for K in (0.2, 0.6)]
    return [
        float(np.abs(rules.posterior(data) - p).max()),
        float(wrong),
        float(cascade.mutual_information(0, 1)),
        Measured(float(lattice.mutual_information(0, 1)), expected=_information(np.array(weights) / 2)),
    ]


@check(
    Row("hierarchies/theorem-2", "P(y₀|yₙ), maps composed", 0.0, "Lin et al. 2017, thm 2",
        tolerance=1e-9, note="100 chains of 5 levels with planted symmetries: largest difference from Bayes' rule"),
    Row("hierarchies/theorem-2-kept", "I(y₀; T_i) − I(y₀; yₙ)", 0.0, "Lin et al. 2017, thm 2",
        tolerance=1e-9),
    Row("hierarchies/data-processing", "chains that gain, of 100", 0.0, "data processing", tolerance=0),
    cost=2,
)  # fmt: skip
def composed(seed: int) -> list[float]:
    """Theorem 2 and the data-processing inequality on random chains with symmetries."""
    from rgnet.hierarchies import Chain
    from rgnet.information import distill

    rng = np.random.default_rng(np.random.SeedSequence(seed))
    errors, losses, gains = [], [], 0
    for _ in range(100):
        sizes = rng.integers(2, 7, size=5)
        matrices = []
        for a, b in itertools.pairwise(sizes):
            rows = rng.dirichlet(np.ones(b), size=a)[rng.integers(0, a, size=a)]  # equal rows: states that merge
            matrices.append(rows)
        prior = rng.dirichlet(np.ones(sizes[0]))
        found = distill(prior, matrices)
        errors.append(found.error)
        losses.append(float(np.abs(np.diff(found.about_cause)).max()))
        chain = Chain(prior, matrices)
        kept = [float(chain.mutual_information(0, level)) for level in range(1, 5)]
        gains += any(later > earlier + 1e-12 for earlier, later in itertools.pairwise(kept))
    return [max(errors), max(losses), float(gains)]
