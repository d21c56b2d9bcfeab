"""A test bed without Monte Carlo: tiny lattices, enumerated, and independent draws from the exact distribution."""

import itertools
import json

import numpy as np
import pytest
import xarray as xr

from rgnet import lattice
from rgnet import operators as ops


class Exact:
    """All states of a small Ising model with their probabilities."""

    def __init__(self, model):
        self.model = model
        n = model.n_sites
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        self.states = (2 * bits - 1).astype(np.int8).reshape(-1, *model.shape)
        logw = -model.energy(self.states)
        p = np.exp(logw - logw.max())
        self.p = p / p.sum()

    def draw(self, chains, draws, seed):
        """A Dataset of independent draws."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
        pick = rng.choice(self.p.size, size=(chains, draws), p=self.p)
        return as_dataset(self.states[pick], self.model)

    def channel(self, single):
        """p(y|x) of 2 x 2 blocks, (fine states, coarse states), from ``single(block sum)`` = p(y_I = 1 | x)."""
        ndim = self.model.ndim
        total = sum(
            self.states[(..., *(slice(c, None, 2) for c in corner))].astype(int)
            for corner in itertools.product((0, 1), repeat=ndim)
        )
        up = single(total).reshape(len(self.states), -1)
        n = up.shape[1]
        coarse = 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1
        p = np.prod(np.where(coarse[None] == 1, up[:, None], 1 - up[:, None]), axis=-1)
        shape = tuple(side // 2 for side in self.model.shape)
        return coarse.astype(np.int8).reshape(-1, *shape), p

    def moments(self, single, operators):
        """Exact mean of z z^T, z = (1, coarse sums, fine sums)."""
        coarse, p = self.channel(single)
        chosen = ops.resolve(operators, self.model.ndim)
        fine_sums = ops.sums(self.states, chosen, self.model.boundary).astype(float)
        coarse_sums = ops.sums(coarse, chosen, self.model.boundary).astype(float)
        joint = self.p[:, None] * p
        one, other, cross = joint.sum(0), joint.sum(1), coarse_sums.T @ joint.T @ fine_sums
        k = len(chosen)
        result = np.empty((1 + 2 * k, 1 + 2 * k))
        result[0, 0] = 1.0
        result[0, 1 : 1 + k] = result[1 : 1 + k, 0] = one @ coarse_sums
        result[0, 1 + k :] = result[1 + k :, 0] = other @ fine_sums
        result[1 : 1 + k, 1 : 1 + k] = (coarse_sums.T * one) @ coarse_sums
        result[1 + k :, 1 + k :] = (fine_sums.T * other) @ fine_sums
        result[1 : 1 + k, 1 + k :], result[1 + k :, 1 : 1 + k] = cross, cross.T
        return result

    def coarse_couplings(self, single, operators):
        """Exact couplings of the block spins' marginal, for operators that are complete there (else AssertionError)."""
        coarse, p = self.channel(single)
        log_p = np.log(self.p @ p)
        sums = ops.sums(coarse, ops.resolve(operators, self.model.ndim), self.model.boundary)
        design = np.column_stack([np.ones(len(coarse)), sums])
        solution = np.linalg.lstsq(design, log_p, rcond=None)[0]
        assert np.allclose(design @ solution, log_p, atol=1e-10)
        return solution[1:]


def as_dataset(states, model):
    """States (chain, draw, *shape) as rgnet.sample would label them."""
    return xr.Dataset(
        {"spin": (("chain", "draw", *lattice.dims(model.ndim)), states)},
        attrs={
            "model": json.dumps(model.to_dict()),
            "boundary": json.dumps(list(model.boundary)),
            "level": 0,
            "scale": 1,
        },
    )


@pytest.fixture(scope="session")
def exact():
    """The class above: exact(model)."""
    return Exact


@pytest.fixture(scope="session")
def dataset_of():
    """as_dataset(states, model)."""
    return as_dataset


@pytest.fixture(scope="session")
def rules():
    """p(block spin = 1 | sum of a 2 x 2 block) of the random layers."""
    return {
        "majority": lambda total: (1 + np.sign(total)) / 2,
        "kadanoff": lambda total: 1 / (1 + np.exp(-2 * 0.7 * total)),
    }


@pytest.fixture
def synthetic():
    """Two measured levels with a prescribed T: S^{n-1} = T^T S^n, so that A T = B holds exactly in the sample."""

    def make(matrix, names=("nn", "nnn", "plaquette", "third"), draws=2000, scale=2):
        matrix = np.asarray(matrix, dtype=float)
        chosen = ops.resolve(names[: len(matrix)], 2)
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(9)))
        mixing = np.eye(len(matrix)) + 0.3 * rng.standard_normal(matrix.shape)
        coarse = rng.standard_normal((2, draws, len(matrix))) @ mixing
        levels = []
        for level, values in enumerate((coarse @ matrix, coarse)):
            attrs = {
                "operators": ops.dumps(chosen),
                "shape": json.dumps([8 // scale**level] * 2),
                "boundary": json.dumps(["periodic"] * 2),
                "real": 0,
                "level": level,
                "scale": scale**level,
            }
            coords = {"operator": [o.name for o in chosen]}
            levels.append(
                xr.DataArray(
                    values, dims=("chain", "draw", "operator"), coords=coords, name="operator_sum", attrs=attrs
                )
            )
        return levels

    return make
