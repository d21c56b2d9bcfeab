"""One contract, both ways: layers of rgnet as torch modules, and torch modules as Networks of rgnet.

A hand-made layer is a convolution with fixed weights (b^d inputs to each unit, stride b) followed by nothing
(decimation, average), a sign (majority) or a coin (Kadanoff): a convolutional network of one filter, as Mehta & Schwab
(2014) noted. `to_torch` gives that module; `from_torch` reads any module, trained or the user's own, as a chain of
coarse-grainings whose levels are the activations named.

Where gradients do not exist, as for a sign, the straight-through estimator passes on that of a smooth stand-in
(Bengio, Léonard & Courville 2013).
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rgnet import lattice
from rgnet.layers import Filter, Network
from rgnet.learn import _adapters_blocks as blocks
from rgnet.learn._adapters_segments import Hooked, NamesError, Slice, captured, cut
from rgnet.learn._torch import fork_seed, torch
from rgnet.learn._torch_layer import Origin, Place, TorchLayer, dtype_of, rows_for

__all__ = ["TorchLayer", "from_torch", "to_torch"]

PROBE = 4  # configurations on which a module is tried


def to_torch(layer: Any, ndim: int | None = None, *, gradient: blocks.Gradient = "none") -> torch.nn.Module:
    """A hand-made layer, or a Network of them, as a torch module that gives the same numbers.

    Parameters
    ----------
    layer : Majority, Decimation, Kadanoff, BlockAverage, Filter or Network
        Or a NeuralNetwork of `rgnet.cheap`: then a Sequential (`rgnet.learn.neural_network.to_torch`).
    ndim : int, optional
        Number of space axes, 1 to 3. None: that of a Filter, else 2.
    gradient : {"none", "straight-through"}
        Decimation and average are linear, their gradients exact. A sign and a coin have none; straight-through, a sign
        passes on the gradient of Σ w x / Σ |w| (for a majority the block's mean), a coin that of its mean, tanh h.

    Returns
    -------
    torch.nn.Module
        ``module(x, rng=None)`` takes (n, *space) or (n, C, *space), whole or real numbers. Block layers act on each
        component. Without a component axis in the input there is none in the output either, unless a filter has
        several outputs. The result has the dtype of x if that is real, else float64; sums are made in float64.

        ``rng`` is where coins come from: what ``numpy.random.default_rng`` takes gives the coins, hence the output, of
        ``layer(x, rng, ndim=…)``; a torch.Generator or None (torch's global one) gives others of the same
        distribution. ``module.probabilities(x)`` of a random layer is p(y = +1 | x), for a coin differentiable.
        On whole numbers outputs equal the layer's bit for bit, on real ones up to the order of sums.

    Raises
    ------
    ValueError
        If ndim or gradient is something else.
    TypeError
        If the layer is not one of those.
    """
    if gradient not in ("none", "straight-through"):
        raise ValueError(f'to_torch(gradient={gradient!r}): "none" or "straight-through"')
    if hasattr(layer, "synapses"):  # a network of rgnet.cheap, which loads SymPy: only when it is there already
        from rgnet.learn import neural_network

        return neural_network.to_torch(layer)
    if ndim is None:
        filters = [x for x in (layer.layers if isinstance(layer, Network) else (layer,)) if isinstance(x, Filter)]
        ndim = filters[0].ndim if filters else 2
    if ndim not in (1, 2, 3):
        raise ValueError(f"to_torch(ndim={ndim!r}): torch has convolutions in 1, 2 and 3 dimensions")
    return blocks.block_module(layer, ndim, gradient)


def from_torch(
    module: torch.nn.Module,
    names: Sequence[str],
    *,
    shape: Sequence[int] | int,
    components: int = 1,
    builder: tuple[str, dict[str, Any]] | None = None,
) -> Network:
    """A torch module as a Network, one layer for each activation named.

    Parameters
    ----------
    module : torch.nn.Module
        Takes (n, components, *shape), or (n, *shape) where it does not take that and components is 1. It is copied to
        the CPU and put in eval mode; the copy is shared by the layers.
    names : sequence of str
        Submodules as ``module.named_modules()`` calls them, in the order in which they are computed; "" is the output
        of the whole module. Each must follow from the one before alone.
    shape : sequence of int
        Lattice of the input.
    components : int
        Components of the input.
    builder : (name, settings), optional
        For `rgnet.learn.load`: the entry of its table of builders that makes the module from the settings (JSON).

    Returns
    -------
    Network of TorchLayer
        An activation (n, C, *space) is a level of C components; (n, f) is one of f components on a single site. Real
        numbers stay so (float32, or float64 where the module is); whole ones keep their type.

    Raises
    ------
    ValueError
        If a name does not exist or is not called once, an input of that shape does not fit, an activation is no level,
        or a level does not follow from the one before (a connection around it).
    TypeError
        If it is no torch.nn.Module, or one compiled to TorchScript.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"from_torch({module!r}): give a torch.nn.Module; hand-made layers are layers already")
    if isinstance(module, torch.jit.ScriptModule):
        raise TypeError("from_torch: TorchScript shows no activations; give the module that it was compiled from")
    sides, chosen = lattice.check_shape(shape), _check_names(module, names)
    if isinstance(components, bool) or not isinstance(components, (int, np.integer)) or components < 1:
        raise ValueError(f"from_torch(components={components!r}): a whole number of at least 1")
    root = copy.deepcopy(module).to("cpu").eval()
    first, x, direct = _probe(root, chosen, sides, int(components))
    places = [first, *(_place(out, name, len(sides), first) for out, name in zip(direct, chosen, strict=True))]
    steps = cut(root, chosen)
    parts: list[Slice | Hooked] = []
    for k, name in enumerate(chosen):
        if steps is not None:
            parts.append(Slice(root, steps[k]))
        else:
            parts.append(Hooked(root, chosen[k - 1] if k else None, name, first.row, x.dtype))
    given = [x, *direct]
    for k, part in enumerate(parts):
        if isinstance(part, Hooked):
            part.names = _used(part, given[k], chosen[k - 1] if k else None)
        _check_follows(part, given[k], given[k + 1], chosen, k)
    rows = rows_for(_largest(root, x))
    layers = []
    for k, part in enumerate(parts):
        origin = Origin(tuple(chosen), sides, int(components), k, builder)
        random = _is_random(part, given[k])
        layers.append(TorchLayer(part.eval(), places[k], places[k + 1], origin, random, rows))
    return Network(layers)


def _check_names(module: torch.nn.Module, names: Sequence[str]) -> list[str]:
    chosen = [names] if isinstance(names, str) else list(names)
    known = [name for name, _ in module.named_modules(remove_duplicate=False)]
    if not chosen:
        raise ValueError(f"from_torch: no names; name the activations that are levels, among {', '.join(known[1:])}")
    for name in chosen:
        if name not in known:
            raise ValueError(
                f"from_torch: the module has no {name!r}; it has {', '.join(known[1:]) or 'no submodules'}"
            )
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"from_torch: names {chosen} has one of them twice; each is one level")
    return chosen


def _probe(
    root: torch.nn.Module, names: list[str], sides: lattice.Shape, components: int
) -> tuple[Place, torch.Tensor, list[Any]]:
    """The form of the input that the module takes, one such input, and the activations it leads to."""
    spins = np.random.default_rng(0).choice([-1.0, 1.0], size=(PROBE, components, *sides))
    problem: Exception | None = None
    rows = [(components, *sides)] + ([sides] if components == 1 else [])
    for row in rows:
        x = torch.from_numpy(spins.reshape(PROBE, *row)).to(dtype_of(root))
        try:
            with torch.no_grad(), fork_seed(0):
                return Place(components, sides, row), x, _activations(root, names, x)
        except (RuntimeError, IndexError, TypeError, AssertionError) as error:
            problem = problem or error
        except NamesError:
            raise
        except ValueError as error:
            problem = problem or error
    raise ValueError(
        f"from_torch: the module does not take an input of shape {(PROBE, *rows[0])}, that is (n, components, *shape): "
        f"{problem}; give the shape= and components= it was made for"
    ) from problem


def _activations(root: torch.nn.Module, names: list[str], x: torch.Tensor) -> list[Any]:
    """Every named activation of one pass, in which torch's random numbers begin anew after each of them."""
    put = {name: (lambda module, inputs, output: _reseed()) for name in names}
    _reseed()
    return captured(root, names, x.clone(), put)


def _reseed() -> None:
    torch.set_rng_state(torch.Generator().manual_seed(0).get_state())


def _place(out: Any, name: str, ndim: int, first: Place) -> Place:
    if isinstance(out, torch.Tensor) and out.ndim >= 2 and len(out) == PROBE and not out.is_complex():
        row = tuple(out.shape[1:])
        if len(row) == ndim + 1:
            return Place(row[0], row[1:], row)
        if len(row) == ndim and len(first.row) == ndim:
            return Place(1, row, row)
        if len(row) == 1:
            return Place(row[0], (1,) * ndim, row)
    what = f"shape {tuple(out.shape)}" if isinstance(out, torch.Tensor) else f"type {type(out).__name__}"
    raise ValueError(
        f"from_torch: the activation {name!r} is of {what}; a level is (n, components, *space) with {ndim} space axes, "
        f"or (n, features); name another module, or put one after it that brings it to this form"
    )


def _check_follows(part: Slice | Hooked, given: torch.Tensor, expected: torch.Tensor, names: list[str], k: int) -> None:
    this, last = repr(names[k]), repr(names[k - 1]) if k else "the input"
    with torch.no_grad(), fork_seed(0):
        try:
            found = part(given.clone(), _reseed)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ValueError(
                f"from_torch: {this} cannot be computed from {last} ({error}); give the names in the order in which "
                f"they are computed, here {names}"
            ) from error
    if found.shape == expected.shape and torch.allclose(found, expected, rtol=1e-4, atol=1e-6, equal_nan=True):
        return
    raise ValueError(
        f"from_torch: {this} does not follow from {last} alone: computed from it, it is another than in the whole "
        f"module. A connection leads around that level, or the names {names} are not in the order of computation; name "
        f"levels each computed from the one before alone"
    )


def _is_random(part: Slice | Hooked, given: torch.Tensor) -> bool:
    """Whether torch's global random numbers are used."""
    states = []
    with torch.no_grad(), fork_seed(0):
        part(given.clone(), lambda: states.append(torch.get_rng_state()))
        return not torch.equal(states[0], torch.get_rng_state())


def _used(part: Hooked, given: torch.Tensor, start: str | None) -> set[str]:
    """Names of the weights and buffers that lie between two activations: of modules called there, or by gradient."""
    root = part.root
    inside = {"on": start is None}
    called: set[str] = set()

    def enter(name: str) -> Callable[..., None]:
        def hook(module: torch.nn.Module, inputs: Any) -> None:
            if inside["on"]:
                own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
                called.update(f"{name}.{key}" if name else key for key, _ in own)

        return hook

    handles = [item.register_forward_pre_hook(enter(name)) for name, item in root.named_modules() if name]
    before = [(parameter, parameter.requires_grad) for parameter in root.parameters()]
    with torch.enable_grad(), fork_seed(0):
        for parameter, _ in before:
            if parameter.is_floating_point():
                parameter.requires_grad_(True)
        try:
            out = part(given.detach().clone(), lambda: inside.update(on=True))
            weights = {name: item for name, item in root.named_parameters() if item.requires_grad}
            if isinstance(out, torch.Tensor) and out.requires_grad and weights:
                found = torch.autograd.grad(out.sum(), list(weights.values()), allow_unused=True)
                called.update(name for name, grad in zip(weights, found, strict=True) if grad is not None)
        except (RuntimeError, ValueError, IndexError, TypeError):
            pass  # said clearly by the comparison that follows
        finally:
            for handle in handles:
                handle.remove()
            for parameter, flag in before:
                parameter.requires_grad_(flag)
    return called & set(root.state_dict())


def _largest(root: torch.nn.Module, x: torch.Tensor) -> int:
    """Numbers in the largest activation of one configuration."""
    sizes = [math.prod(x.shape[1:])]

    def measure(module: torch.nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            sizes.append(output.numel() // len(x))

    handles = [item.register_forward_hook(measure) for item in root.modules()]
    try:
        with torch.no_grad(), fork_seed(0):
            root(x.clone())
    finally:
        for handle in handles:
            handle.remove()
    return max(sizes)
