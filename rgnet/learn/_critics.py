"""Critics f(x, y) and the objectives made of their scores.

Scores come as f on the pairs that belong together, (n,), and f of every y against the m alternatives for x, (n, m),
each with its logarithmic weight ln w_a under p(x): a batch of n draws of x, each of weight 1/n, or the few states that
x can be in, each with its frequency in the batch.
"""

import math
from collections.abc import Sequence

from rgnet.learn._torch import torch

Tensor = torch.Tensor

BOUNDS = ("infonce", "nwj", "mine", "smile")
KINDS = {"infonce": "lower", "nwj": "lower", "mine": "lower", "smile": "estimate"}


def mlp(inputs: int, hidden: Sequence[int], outputs: int) -> torch.nn.Sequential:
    """A multilayer perceptron with rectified units."""
    parts: list[torch.nn.Module] = []
    for size in hidden:
        parts += [torch.nn.Linear(inputs, size), torch.nn.ReLU()]
        inputs = size
    return torch.nn.Sequential(*parts, torch.nn.Linear(inputs, outputs))


class Scaled(torch.nn.Module):
    """A critic of columns that are brought to zero mean and unit variance batch by batch: rows stay small integers."""

    means: Tensor  # buffers
    rates: Tensor

    def __init__(self, critic: torch.nn.Module, scale: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.critic = critic
        self.register_buffer("means", scale[0])
        self.register_buffer("rates", scale[1])

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of the critic; x is as it needs it."""
        scores: tuple[Tensor, Tensor, Tensor] = self.critic(x, (y.to(torch.float32) - self.means) * self.rates)
        return scores


class Table(torch.nn.Module):
    """f(x, y) = g_x(y) for x in one of m states: row x of an MLP's output."""

    def __init__(self, states: int, columns: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.states = states
        self.g = mlp(columns, hidden, states)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of the pairs (n,), of all states (n, m), and their log-weights (m,)."""
        scores = self.g(y)
        counts = torch.bincount(x, minlength=self.states).to(scores.dtype)
        return scores.gather(1, x[:, None])[:, 0], scores, torch.log(counts / len(x))


class Separable(torch.nn.Module):
    """f(x, y) = u(x)·g(y), both MLPs: n² scores for the price of 2n evaluations."""

    def __init__(self, x_columns: int, y_columns: int, hidden: Sequence[int], embedding: int) -> None:
        super().__init__()
        self.u = mlp(x_columns, hidden, embedding)
        self.g = mlp(y_columns, hidden, embedding)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Table`, the alternatives being the batch's own x."""
        scores = self.g(y) @ self.u(x).T / math.sqrt(self.u[-1].out_features)  # type: ignore[arg-type]
        return scores.diagonal(), scores, torch.full((len(x),), -math.log(len(x)), dtype=scores.dtype, device=x.device)


class Joint(torch.nn.Module):
    """f(x, y) an MLP of both together: n² evaluations, and no structure imposed."""

    def __init__(self, x_columns: int, y_columns: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.f = mlp(x_columns + y_columns, hidden, 1)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Separable`."""
        n = len(x)
        pairs = torch.cat([x[None].expand(n, -1, -1), y[:, None].expand(-1, n, -1)], dim=2)
        scores = self.f(pairs)[..., 0]
        return scores.diagonal(), scores, torch.full((n,), -math.log(n), dtype=scores.dtype, device=x.device)


def objective(bound: str, own: Tensor, scores: Tensor, log_weights: Tensor) -> Tensor:
    """What training maximises: the bound on this batch; for SMILE the Jensen–Shannon objective its authors train by."""
    if bound == "smile":
        weights = log_weights.exp()
        return -(torch.nn.functional.softplus(-own).mean() + (torch.nn.functional.softplus(scores) @ weights).mean())
    against = torch.logsumexp(scores + log_weights, dim=1)
    if bound == "infonce":
        return (own - against).mean()
    if bound == "nwj":
        return own.mean() - torch.exp(against - 1.0).mean()
    return own.mean() - (torch.logsumexp(against, dim=0) - math.log(len(own)))


def held_out_terms(bound: str, own: Tensor, scores: Tensor, log_weights: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """Per row, in double precision: f of the pair, and what is averaged over p(x)p(y).

    For InfoNCE the second is ln Σ_a w_a e^f, own pair included (hence the cap ln n). Otherwise it is Σ_a w_a e^f
    without the own pair, so that held-out means have no bias from it, clipped to e^±clip for SMILE.
    """
    own, scores, log_weights = own.double(), scores.double(), log_weights.double()
    if bound == "infonce":
        return own, torch.logsumexp(scores + log_weights, dim=1)
    n = len(own)
    if bound == "smile":
        own_clipped, scores = own.clamp(-clip, clip), scores.clamp(-clip, clip)
    else:
        own_clipped = own
    everything = torch.exp(scores) @ log_weights.exp()
    return own, ((n * everything - torch.exp(own_clipped)) / (n - 1)).clamp_min(0.0)
