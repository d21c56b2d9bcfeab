"""Networks: fixed weights as torch modules, Boltzmann machines, RSMI, and the classifier made of Hamiltonians."""

import numpy as np

import rgnet as rg
from rgnet.exact import enumerate as full
from rgnet.exact import environment, ising2d
from rgnet.verify.registry import Measured, Row, check

_TORCH = ("torch", "safetensors")


@check(Row("networks/bayes", "p(model | x), 3², three K: worst", 0.0, "enumeration", tolerance=1e-12))
def bayes(seed: int) -> float:
    """The classifier of energies, one softmax and biases (Lin, Tegmark & Rolnick 2017, eq. 9) against Bayes' rule."""
    models, prior = [rg.Ising((3, 3), K=K) for K in (0.2, 0.44, 0.7)], np.array([0.5, 0.3, 0.2])
    states = full.states((3, 3))
    joint = prior * np.stack([full.distribution(model.energy, (3, 3)) for model in models], axis=-1)
    posterior = rg.cheap.classifier(models, prior=tuple(prior)).posterior(states)
    return float(np.abs(posterior - joint / joint.sum(axis=1, keepdims=True)).max())


@check(
    Row("networks/as-torch", "outputs that differ, of 10⁴ inputs", 0.0, "the layers in NumPy", tolerance=0,
        note="majority, decimation, Kadanoff and average, coins alike; b = 2, 3 in two and three dimensions"),
    cost=4, requires=_TORCH,
)  # fmt: skip
def as_torch(seed: int) -> float:
    """Every hand-made layer as a torch module: how many of the inputs come out otherwise."""
    from rgnet.learn._torch import torch

    differing = 0
    for index, (ndim, b) in enumerate(((2, 2), (2, 3), (3, 2), (3, 3))):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        x = 2 * rng.integers(0, 2, (10_000, *(2 * b,) * ndim), dtype=np.int8) - 1
        for layer in (rg.Majority(b), rg.Decimation(b), rg.Kadanoff(b, 0.5), rg.BlockAverage(b)):
            module = rg.learn.to_torch(layer, ndim)
            other = module(torch.from_numpy(x), rng=np.random.default_rng(seed)).numpy()
            own = layer(x, np.random.default_rng(seed), ndim=ndim)
            differing += int((other.reshape(own.shape) != own).reshape(len(x), -1).any(axis=1).sum())
    return float(differing)


@check(
    Row("networks/annealing", "ln Z, 16 visible, 12 hidden", None, "sum over 2¹² states",
        note="annealed importance sampling of a random Boltzmann machine, weights of standard deviation 0.25"),
    cost=3, requires=_TORCH,
)  # fmt: skip
def annealing(seed: int) -> Measured:
    """Annealed importance sampling against the sum."""
    from rgnet.learn.annealing import log_Z

    layer = _machine(seed, (4, 4), 12, 0.25)
    found = log_Z(layer, method="ais", seed=seed)
    return Measured(found.value, found.stderr, expected=log_Z(layer, method="exact").value)


@check(
    Row("networks/variational", "H_RG(h) − H_RBM(h), any weights", 0.0, "Mehta & Schwab 2014", tolerance=1e-11,
        note="largest over all h of a random machine on 3×3 with T = −E + H, summed over all v"),
    cost=2, requires=_TORCH,
)  # fmt: skip
def variational(seed: int) -> float:
    """The variational RG's Hamiltonian of the hidden spins is the machine's own, whatever its weights."""
    from rgnet.learn.variational import hidden_hamiltonian

    layer = _machine(seed, (3, 3), 4, 0.8)
    h = full.states((4, 1, 1))
    summed = hidden_hamiltonian(layer, h, rg.Ising((3, 3), K=0.44).energy)
    return float(np.abs(summed - hidden_hamiltonian(layer, h)).max())


@check(
    Row("networks/rsmi", "I(h; far spins) / the best rule's", 1.0, "enumeration", tolerance=0.01,
        note="the rule learned on 12² at K_c without labels, scored exactly on 4×6; best of all 256 odd rules of a 2×2 "
        "block"),
    cost=15, requires=_TORCH,
)  # fmt: skip
def rsmi(seed: int) -> float:
    """Real-space mutual information finds a rule as good as the best."""
    data = rg.sample(rg.Ising((12, 12), K=ising2d.K_c), draws=200, chains=4, seed=seed)
    training = rg.learn.Training(epochs=5, batch=256, learning_rate=5e-3, patience=3, progress=False, seed=seed % 2**31)
    learned = rg.learn.RSMI(rows=20_000, restarts=2, critic=(24,)).fit(data, training)
    joint = environment.joint(rg.Ising((4, 6), K=ising2d.K_c))
    return environment.information(learned.network.layers[0], joint) / environment.best_odd_rule(joint).information


def _machine(seed: int, visible: tuple[int, int], hidden: int, width: float) -> "rg.learn.RBMLayer":
    """A free Boltzmann machine with Gaussian weights and fields; its hidden spins are components on one site."""
    rng, inside, outside = np.random.default_rng(seed), (hidden, 1, 1), (1, *visible)
    weights = rng.normal(0, width, (*inside, *outside))
    return rg.learn.RBMLayer(weights, rng.normal(0, 0.2, outside), rng.normal(0, 0.2, inside), tied=False)
