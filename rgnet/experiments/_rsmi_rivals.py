"""What RSMI is held against: hand-made rules, a Boltzmann machine, principal components; and how filters are read."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

Array = npt.NDArray[Any]

_WIDE = 2.0  # spread of the fields that it starts with: from small weights likelihood is flat


def noisy_dimers(data: xr.Dataset, flip: float | None, seed: int) -> xr.Dataset:
    """Links of dimers, and as a third component noise that knows nothing of them.

    The noise spins of the sites (2i, y) and (2i + 1, y) are a pair: the first is a fair coin, the second its copy but
    for a share ``flip`` of the time. They are the strongest correlations there are, and reach no further than a bond.
    ``flip`` None: no noise.
    """
    from rgnet.models.dimers import links

    result: xr.Dataset = links(data)
    if flip is None:
        return result
    dims = result["spin"].transpose("chain", "draw", "component", ...)
    chains, draws, _, width, height = dims.shape
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(41,)))
    first = 1 - 2 * rng.integers(0, 2, (chains, draws, 1, width // 2, height), dtype=np.int8)
    second = first * np.where(rng.random(first.shape) < flip, -1, 1).astype(np.int8)
    noise = np.stack([first, second], axis=4).reshape(chains, draws, 1, width, height)
    return xr.Dataset(
        {"spin": (dims.dims, np.concatenate([dims.values, noise], axis=2))},
        coords={name: data.coords[name] for name in ("chain", "draw") if name in data.coords},
        attrs={"boundary": data.attrs["boundary"], "level": 0, "scale": 1},
    )


def staggered(block: int, components: int) -> npt.NDArray[np.float64]:
    """The field of a block as filters (2, components, b, b): (−1)^{x+y} on the links along x, and on those along y."""
    sign = 1.0 - 2.0 * (np.indices((block, block)).sum(axis=0) % 2)
    result = np.zeros((2, components, block, block))
    result[0, 0], result[1, 1] = sign, sign
    return result


def principal_components(v: Array, units: int) -> npt.NDArray[np.float64]:
    """The leading eigenvectors of the covariance of blocks (n, components, b, b), as filters."""
    _, vectors = np.linalg.eigh(np.cov(v.reshape(len(v), -1), rowvar=False))
    return np.asarray(vectors[:, ::-1].T[:units].reshape(units, *v.shape[1:]))


def boltzmann_filters(
    v: Array, units: int, training: Any, starts: int, report: Callable[[str], None]
) -> npt.NDArray[np.float64]:
    """Weights (units, components, b, b) of an RBM of the block alone: the best likelihood of several starts.

    The likelihood is exact (all states of the units are summed), so that what the filters couple to is what likelihood
    asks for, not what contrastive divergence or a poor start left undone.

    Parameters
    ----------
    v : array (n, components, b, b)
        Blocks of spins ±1, chain by chain: the last ones stop the training.
    units : int
        At most 16.
    training : Training
    starts : int
        From different random weights.
    report : callable
    """
    from dataclasses import replace

    from rgnet.learn.bounds import one_thread
    from rgnet.learn.rbm import RBM

    name = f"a Boltzmann machine of {units} units"
    rows = xr.Dataset(
        {"spin": (("chain", "draw", "component", "x", "y"), v[None].astype(np.int8))},
        attrs={"boundary": '["periodic", "periodic"]'},
    )
    spec = RBM(hidden=units, exact=True, init=_WIDE)
    best, found = np.inf, np.zeros(0)
    for start in range(starts):
        report(f"{name}, start {start + 1}")
        seed = int(np.random.SeedSequence(training.seed, spawn_key=(47, units, start)).generate_state(1)[0])
        with one_thread():
            told = replace(training, seed=seed, callback=lambda *_: report(name))
            learned = spec.fit(rows, told)
        loss = float(learned.history["loss"].min())
        if loss < best:
            layer: Any = learned.network.layers[0]
            best, found = loss, np.asarray(layer.weights, dtype=np.float64)
    return found.reshape(units, *v.shape[1:])


def blocks_of(data: xr.Dataset, block: int, most: int = 200_000) -> npt.NDArray[np.float64]:
    """Aligned blocks of all configurations (n, components, b, …, b), at most about so many."""
    from rgnet import lattice
    from rgnet.learn._environment_rows import configurations

    fine = configurations(data)
    x = fine.spins.reshape(-1, *fine.spins.shape[2:])
    per = int(np.prod([side // block for side in fine.shape]))
    x = x[:: max(1, len(x) * per // most)]
    members = np.stack(list(lattice.block_members(x, block, fine.ndim)), axis=-1)  # (n, components, *coarse, b^d)
    moved = np.moveaxis(members, 1, -2).reshape(-1, x.shape[1], *(block,) * fine.ndim)
    return np.asarray(moved, dtype=np.float64)


def read(weights: npt.NDArray[np.float64], v: npt.NDArray[np.float64], noise: bool) -> dict[str, float]:
    """How much of filters on dimers is noise and how much field.

    Parameters
    ----------
    weights : array (units, components, b, b)
    v : array (n, components, b, b)
        Blocks.
    noise : bool
        Whether the last component is noise.

    Returns
    -------
    dict
        ``noise_weight`` and ``field_weight``: share of Σ w² on the noise component, and along the two staggered
        patterns. ``noise_variance`` and ``field_variance``: share of the variance of w·v that is the noise's, and that
        is explained by the block's field; they do not depend on the gauge in which the weights are written (links are
        bound by one dimer a site, so that many weights give the same w·v).
    """
    units, components, b = weights.shape[:3]
    total = float((weights**2).sum())
    unit = staggered(b, components).reshape(2, -1) / b
    along = float(((weights.reshape(units, -1) @ unit.T) ** 2).sum())
    flat = v.reshape(len(v), -1)
    sums = flat @ weights.reshape(units, -1).T
    sums = sums - sums.mean(axis=0)
    variance = float((sums**2).sum())
    electric = flat @ unit.T
    electric = electric - electric.mean(axis=0)
    solution, *_ = np.linalg.lstsq(electric, sums, rcond=None)
    found = {
        "field_weight": along / total,
        "field_variance": float(((electric @ solution) ** 2).sum()) / variance,
        "noise_weight": 0.0,
        "noise_variance": 0.0,
    }
    if noise:
        part = v[:, -1].reshape(len(v), -1) @ weights[:, -1].reshape(units, -1).T
        found["noise_weight"] = float((weights[:, -1] ** 2).sum()) / total
        found["noise_variance"] = float(((part - part.mean(axis=0)) ** 2).sum()) / variance
    return found
