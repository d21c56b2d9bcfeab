"""A small experiment that needs nothing: draws coins, for tests of the plumbing."""

import warnings

import numpy as np
import pydantic
import xarray as xr

SUMMARY = "Coins are thrown"
REQUIRES: tuple[str, ...] = ()


class Coin(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    side: int = pydantic.Field(2, ge=2, description="number of sides, such as 2")


class Parameters(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    draws: int = pydantic.Field(100, ge=1, le=10**6, description="number of throws, such as 100")
    p: float = pydantic.Field(0.5, ge=0, le=1, description="probability of heads, such as 0.5")
    shape: tuple[int, ...] = pydantic.Field((4, 4), min_length=2, description="sides of a table")
    word: str = "heads"
    coins: tuple[Coin, ...] = ()
    loud: bool = False
    fails: bool = False

    @pydantic.model_validator(mode="after")
    def _together(self):
        if self.draws * self.p > 900:
            raise ValueError(f"draws={self.draws}, p={self.p}: at most 900 heads fit the table; give fewer draws")
        return self


def run(parameters, seed, report, checkpoint=None):
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    if parameters.loud:
        warnings.warn("the coin is loud", UserWarning, stacklevel=1)
    if parameters.fails:
        raise ValueError("the coin rolled away; give it an edge")
    heads = rng.random(parameters.draws) < parameters.p
    report(0.5, "half of the throws")
    half = heads.mean()
    return {
        "throws": xr.Dataset({"heads": ("draw", heads)}, attrs={"checkpoint": str(checkpoint is not None)}),
        "mean/of_all": xr.Dataset({"mean": ((), half), "mean_stderr": ((), half / np.sqrt(parameters.draws))}),
    }


def paragraph(results):
    means = [float(groups["mean/of_all"]["mean"]) for _, groups in results]
    fairest = min(means, key=lambda mean: abs(mean - 0.5))
    return f"Of {len(results)} coins the <fairest> fell on heads with frequency {fairest:.3f}."


def figure(results):
    from rgnet.plot.style import styled, subplots

    @styled
    def draw():
        made, axes = subplots(1)
        axes[0][0].plot([parameters["p"] for parameters, _ in results], [1.0] * len(results))
        return made

    return draw()
