"""Fisher information kept: on 2×2 blocks few operators are all there are, so that the lower bound is the value."""

import math

import rgnet as rg
from rgnet.verify.registry import Measured, Row, check

K_C = 0.5 * math.log1p(math.sqrt(2))
BLOCKS = 128
_EXACT = "enumeration"


@check(
    Row("information/fisher-K", "Var Σss, 4², K_c", None, _EXACT),
    Row("information/majority-K", "K kept, 4², K_c, majority", 0.4371947836, _EXACT),
    Row("information/decimation-K", "K kept, 4², K_c, decimation", 0.4922679591, _EXACT),
    Row("information/kadanoff-K", "K kept, 4², K_c, Kadanoff ρ = ½", None, _EXACT),
    Row("information/majority-h", "h kept, 4², K_c, majority", None, _EXACT),
    cost=12,
)
def kept(seed: int) -> list[Measured]:
    """Fractions from sampled configurations against every state pushed through the map."""
    model = rg.Ising((4, 4), K=K_C)
    data = rg.sample(model, 16_000, seed=seed, warmup=100, thin=4)
    result: list[Measured] = []
    cases = (("K", rg.Majority(2)), ("K", rg.Decimation(2)), ("K", rg.Kadanoff(2, 0.5)), ("h", rg.Majority(2)))
    for about, layer in cases:
        names = ["nn", "nnn", "plaquette"] if about == "K" else ["m", "corner"]
        found = rg.information.retained(rg.Network([layer]).levels(data, seed=2), about, operators=names, blocks=BLOCKS)
        exact = rg.exact.retained(model, layer, about)
        if not result:
            value, error = float(found["fisher"][0]), float(found["fisher_stderr"][0])
            result.append(Measured(value, error, BLOCKS - 1, float(exact.fisher[0])))
        value, error = float(found["fraction"][1]), float(found["fraction_stderr"][1])
        result.append(Measured(value, error, BLOCKS - 1, float(exact.fraction[1])))
    return result


@check(
    Row("information/average-h", "h kept, 16², K_c, average", 1.0, "sufficiency", tolerance=1e-9,
        note="Σ s, sufficient for h, is a sum of block averages"),
    cost=2,
)  # fmt: skip
def nothing_lost(seed: int) -> float:
    """Block averages keep Σ s, the sufficient statistic of h."""
    data = rg.sample(rg.Ising((16, 16), K=K_C), 1000, seed=seed)
    return float(rg.information.retained(rg.Network([rg.BlockAverage(2)]).levels(data), "h")["fraction"][1])
