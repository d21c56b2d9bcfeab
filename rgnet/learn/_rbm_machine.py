"""The RBM as a torch module: free energy, block Gibbs sampling, and the losses that it is trained by.

The gradient of −ln p(v) is that of F(v) minus its mean over the machine's own samples,

    −∂ ln p(v)/∂θ = ∂F(v)/∂θ − ⟨∂F/∂θ⟩_p .

*Contrastive divergence* CD-k (Hinton 2002) takes those samples from k Gibbs steps that start at the data; *persistent*
CD (Tieleman 2008) goes on from where the last step's samples ended; *exact* sums over the smaller side, which at most
`EXACT_UNITS` units allow. The loss of all three is F(data) − F(samples), or F(data) + ln Z, plus l1 Σ|W|.

Held-out loss in nats a configuration: −ln p(v) where ln Z is summed exactly, else the pseudo-likelihood −Σ_i ln
p(v_i | rest) (Besag 1975), estimated by at most `SITES` sites of each row, the same ones in every epoch.
"""

import math
from typing import Any

import numpy as np

from rgnet.learn._rbm_layer import RBMLayer, Shape, unit_states, windows
from rgnet.learn._torch import torch

SITES = 8
EXACT_UNITS = 16  # units of the smaller side that are summed over in every step or epoch


class Machine(torch.nn.Module):
    """An `RBMLayer` on a given lattice with trainable weights; rows are (n, visible units), values ±1.

    ``particles`` (count, visible units) are where the samples of persistent contrastive divergence begin.
    """

    weights: Any
    visible_bias: Any
    hidden_bias: Any
    particles: Any
    windows: Any
    states: Any

    def __init__(
        self, layer: RBMLayer, space: Shape, *, k: int = 1, persistent: bool = False, l1: float = 0.0,
        exact: bool = False, biases: bool = True, particles: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.k, self.persistent, self.l1, self.exact = k, persistent, l1, exact
        self.layer, self.space = layer, space
        self.n_visible, self.n_hidden = layer.components[0] * math.prod(space), layer.n_hidden(space)
        state = layer.state()
        self.weights = torch.nn.Parameter(torch.tensor(state["weights"], dtype=torch.float32))
        for name in ("visible_bias", "hidden_bias"):
            parameter = torch.tensor(state[name], dtype=torch.float32)
            setattr(self, name, torch.nn.Parameter(parameter, requires_grad=biases))
        if persistent:
            self.register_buffer("particles", torch.as_tensor(particles, dtype=torch.float32))
        # Part of the state, so that the checkpoint of a run with other settings is told from this one's
        numbers = (k, persistent, l1, exact, biases, layer.tied, layer.b, *space)
        self.register_buffer("settings", torch.tensor(numbers, dtype=torch.float64))
        if layer.tied:
            index = torch.from_numpy(windows(space, layer.components[0], layer.kernel, layer.b))
            self.register_buffer("windows", index, persistent=False)
        if min(self.n_visible, self.n_hidden) <= EXACT_UNITS:
            self.register_buffer("states", _states(min(self.n_visible, self.n_hidden)), persistent=False)

    @property
    def is_exact(self) -> bool:
        """Whether ln Z can be summed."""
        return min(self.n_visible, self.n_hidden) <= EXACT_UNITS

    def as_layer(self) -> RBMLayer:
        """The layer with the present weights."""
        arrays = (self.weights, self.visible_bias, self.hidden_bias)
        weights, a, c = (array.detach().cpu().numpy().astype(np.float64) for array in arrays)
        return RBMLayer(weights, a, c, tied=self.layer.tied, b=self.layer.b)

    def hidden_field(self, v: Any) -> Any:
        """φ = W v + c: (n, hidden units)."""
        if self.layer.tied:
            seen = v[:, self.windows] @ self.weights.flatten(1).T  # (n, sites, filters)
            return (seen + self.hidden_bias).transpose(1, 2).flatten(1)
        return v @ self.weights.reshape(self.n_hidden, -1).T + self.hidden_bias.flatten()

    def visible_field(self, h: Any) -> Any:
        """Wᵀ h + a: (n, visible units)."""
        if self.layer.tied:
            sites = h.unflatten(1, (self.weights.shape[0], -1)).transpose(1, 2)
            felt = (sites @ self.weights.flatten(1)).flatten(1)
            return self.visible_biases().repeat(len(h), 1).index_add(1, self.windows.flatten(), felt)
        return h @ self.weights.reshape(self.n_hidden, -1) + self.visible_bias.flatten()

    def visible_biases(self) -> Any:
        """A for each unit, flat."""
        return self.visible_bias.flatten().repeat_interleave(self.n_visible // self.visible_bias.numel())

    def free_energy(self, v: Any) -> Any:
        """F(v): (n,)."""
        return -(v @ self.visible_biases()) - _log_2cosh(self.hidden_field(v)).sum(dim=1)

    def log_Z(self) -> Any:
        """Ln Z by summing over all states of the smaller side."""
        states = self.states.to(self.weights.dtype)
        if self.n_visible <= self.n_hidden:
            return torch.logsumexp(-self.free_energy(states), dim=0)
        field = self.hidden_bias.flatten().repeat_interleave(self.n_hidden // self.hidden_bias.numel())
        return torch.logsumexp(states @ field + _log_2cosh(self.visible_field(states)).sum(dim=1), dim=0)

    @torch.no_grad()
    def gibbs(self, v: Any, steps: int, generator: Any) -> Any:
        """Samples after so many rounds v → h → v."""
        for _ in range(steps):
            h = _coins(self.hidden_field(v), generator)
            v = _coins(self.visible_field(h), generator)
        return v

    def loss(self, v: Any, generator: Any) -> Any:
        """The loss of a batch whose gradient is that of training."""
        v = v.to(self.weights.dtype)
        penalty = self.l1 * self.weights.abs().sum() if self.l1 else 0.0
        data = self.free_energy(v).mean()
        if self.exact:
            return data + self.log_Z() + penalty
        samples = self.gibbs(self.particles if self.persistent else v, self.k, generator)
        if self.persistent:
            self.particles.copy_(samples)
        return data - self.free_energy(samples).mean() + penalty

    @torch.no_grad()
    def pseudo_likelihood(self, v: Any) -> Any:
        """−Σ_i ln p(v_i | rest) of each row, from evenly spaced sites that begin at r mod (visible units) in row r."""
        rows, own, total = torch.arange(len(v)), self.free_energy(v), torch.zeros(len(v)).to(v)
        sites = min(SITES, self.n_visible)
        for number in range(sites):
            flipped = v.clone()
            flipped[rows, (rows + number * self.n_visible // sites) % self.n_visible] *= -1
            total -= torch.nn.functional.logsigmoid(self.free_energy(flipped) - own)
        return total * (self.n_visible / sites)

    @torch.no_grad()
    def measure(self, v: Any, log_p: Any = None) -> dict[str, float]:
        """Held-out loss of rows, and the exact KL from probabilities of all states (as logarithms), where given."""
        v = v.to(self.weights.dtype)
        parts = v.split(max(1, (1 << 22) // max(self.n_visible, self.n_hidden)))
        if self.is_exact:
            log_Z = self.log_Z()
            loss = torch.cat([self.free_energy(part) for part in parts]).mean() + log_Z
            result = {"loss": float(loss)}
            if log_p is not None:
                model = -self.free_energy(_states(self.n_visible).to(v)) - log_Z
                result["kl"] = float((log_p.exp() * (log_p - model.double())).sum())
            return result
        return {"loss": float(torch.cat([self.pseudo_likelihood(part) for part in parts]).mean())}


def _states(units: int) -> Any:
    """All spin configurations, in the order of `rgnet.exact.enumerate.states`."""
    return torch.from_numpy(unit_states(units))


def _log_2cosh(x: Any) -> Any:
    return torch.nn.functional.softplus(-2.0 * x) + x


def _coins(field: Any, generator: Any) -> Any:
    uniform = torch.rand(field.shape, generator=generator, dtype=field.dtype, device=field.device)
    return torch.where(uniform < torch.sigmoid(2.0 * field), 1.0, -1.0).to(field.dtype)
