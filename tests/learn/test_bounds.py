"""Neural bounds against known information, their cap, and what they refuse."""

import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

from rgnet.learn import bounds
from rgnet.learn._torch import as_tensor, torch
from rgnet.learn.bounds import mutual_information_bound
from rgnet.learn.training import Training
from rgnet.stats import ShortChainError

QUICK = Training(epochs=6, batch=128, learning_rate=5e-3, patience=2, progress=False)
NAMES = ("infonce", "nwj", "mine", "smile")


def gaussian(n, d, rho, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.normal(size=(n, d)), -0.5 * d * math.log(1 - rho**2)


@pytest.mark.parametrize("bound", ["infonce", *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])])
def test_correlated_gaussians(bound):
    x, y, truth = gaussian(6000, 1, 0.8)
    found = mutual_information_bound(x, y, bound, training=QUICK)
    # Seven tests of this kind: 3.2 errors
    assert found.value < truth + 3.2 * found.stderr
    assert found.value > 0.9 * truth - 3.2 * found.stderr
    assert found.stderr < 0.05
    assert found.kind == ("estimate" if bound == "smile" else "lower")
    assert found.unit == "nats"
    assert found.n == 1500


@pytest.mark.parametrize("bound", NAMES)
def test_independent_draws_have_none(bound):
    x, y, _ = gaussian(3000, 2, 0.0, seed=1)
    found = mutual_information_bound(x, y, bound, training=QUICK)
    assert found.value < 3.2 * found.stderr + 1e-3
    assert found.value > -0.05


@pytest.mark.slow
@pytest.mark.parametrize("bound", NAMES)
def test_independent_draws_have_none_whatever_the_seed(bound):
    found = [
        mutual_information_bound(
            *gaussian(2400, 2, 0.0, seed=seed)[:2], bound, hidden=(32,), training=replace(QUICK, seed=seed)
        )
        for seed in range(20)
    ]
    values = np.array([one.value for one in found])
    assert values.mean() < 2 * values.std(ddof=1) / math.sqrt(20)
    assert abs(values.mean()) < 0.02
    assert max(one.value / one.stderr for one in found) < 3.7  # 80 comparisons


class Best(torch.nn.Module):
    """The best critic of Gaussian pairs, which nothing has to learn."""

    def __init__(self, rho):
        super().__init__()
        self.rho = rho

    def score(self, x, y):
        rest = 1 - self.rho**2
        return -0.5 * math.log(rest) - 0.5 * (y - self.rho * x) ** 2 / rest + 0.5 * y**2

    def forward(self, x, y):
        return self.score(x, y)[:, 0], self.score(x.T, y), torch.full((len(x),), -math.log(len(x)))


@pytest.mark.parametrize("bound", ["infonce", pytest.param("mine", marks=pytest.mark.slow)])
def test_errors_are_those_of_repeated_held_out_sets(bound):
    values, errors = [], []
    for seed in range(200):
        x, y, truth = gaussian(400, 1, 0.8, seed=2000 + seed)
        terms = bounds.evaluated(Best(0.8), [as_tensor(x), as_tensor(y)], bound, 100, 5.0)
        found = bounds.error_bar(terms, None, strict=True)
        values.append(found.value)
        errors.append(found.stderr)
    assert np.std(values) / np.mean(errors) == pytest.approx(1.0, abs=0.18)  # 3.5 errors of 200 repetitions
    assert np.mean(values) <= truth + 3.5 * np.std(values) / math.sqrt(200)


def test_spins_may_stay_small_integers():
    rng = np.random.default_rng(3)
    spins = (1 - 2 * rng.integers(0, 2, (500, 70))).astype(np.int8)
    spins[:, 4] = 1
    learn = np.arange(300)
    rows, (mean, rate) = bounds.small_rows(spins, learn)
    assert rows.dtype == torch.int8
    torch.testing.assert_close((rows.float() - mean) * rate, bounds.standardized(spins, learn))


def test_torch_has_its_threads_back():
    before = torch.get_num_threads()
    with bounds.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_training_data_promise_what_is_not_there():
    """The reason for held-out draws: a large critic on few independent draws."""
    x, y, _ = gaussian(300, 8, 0.0, seed=2)
    split = bounds.three_parts(None, 300, 0.25)
    training = Training(epochs=40, batch=32, learning_rate=4e-3, patience=40, progress=False)
    same = (split[0], split[0], split[0])
    critic = bounds.Critic(hidden=(128,))
    assert bounds.held_out_bound(x, y, same, "infonce", critic, training).value > 0.5
    assert bounds.held_out_bound(x, y, split, "infonce", critic, training).value < 0.05


def test_the_cap_of_infonce():
    x, y, truth = gaussian(2000, 6, 0.95, seed=3)
    training = Training(epochs=8, batch=16, learning_rate=4e-3, patience=3, progress=False)
    found = mutual_information_bound(x, y, training=training)
    assert truth > 2 * math.log(16)
    assert 0.8 * math.log(16) < found.value <= math.log(16)
    assert "at most ln 16" in found.method


def test_a_value_that_few_draws_carry_is_no_bound():
    own = np.zeros(1000)
    against = np.full(1000, 1e-3)
    assert bounds._terms("nwj", own, against, 100, 5.0).kind == "lower"
    against[:3] = 1e3
    assert bounds._terms("nwj", own, against, 100, 5.0).kind == "estimate"
    assert "only 3 of 1000" in bounds._terms("mine", own, against, 100, 5.0).method
    assert bounds._terms("infonce", own, against, 100, 5.0).kind == "lower"


@pytest.mark.slow
def test_joint_critic():
    x, y, truth = gaussian(3000, 1, 0.9, seed=4)
    training = Training(epochs=6, batch=64, learning_rate=4e-3, patience=3, progress=False)
    found = mutual_information_bound(x, y, critic="joint", hidden=(32,), training=training)
    assert 0.75 * truth - 3.2 * found.stderr < found.value < truth + 3.2 * found.stderr


def test_labels_on_either_side():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 2000)
    x = rng.normal(size=2000) + 2.0 * labels
    grid = np.linspace(-8.0, 12.0, 4001)
    p = np.exp(-0.5 * (grid[:, None] - 2.0 * np.arange(3)) ** 2).mean(axis=1) / math.sqrt(2 * math.pi)
    truth = -float((p * np.log(p)).sum()) * (grid[1] - grid[0]) - 0.5 * math.log(2 * math.pi * math.e)
    for first, second in ((x, labels), (labels.astype(str), x)):
        found = mutual_information_bound(first, second, training=QUICK)
        assert found.value == pytest.approx(truth, abs=3.2 * found.stderr + 0.03)
    spins = 1 - 2 * rng.integers(0, 2, (2000, 9))
    found = mutual_information_bound(spins[:, 0] * spins[:, 1], spins, training=QUICK)  # a product, not a sum
    assert found.value == pytest.approx(math.log(2), abs=0.08)


@pytest.mark.slow
def test_chains_are_held_out_whole_and_correlated():
    rng = np.random.default_rng(6)
    x = np.zeros((8, 1000))
    for t in range(1, 1000):  # autocorrelation time 9.5
        x[:, t] = 0.9 * x[:, t - 1] + math.sqrt(0.19) * rng.normal(size=8)
    y = x + 0.75 * rng.normal(size=x.shape)
    data = xr.Dataset({"x": (("chain", "draw"), x), "y": (("chain", "draw"), y)})
    found = mutual_information_bound(data["x"], data["y"], training=QUICK)
    truth = 0.5 * math.log(1 + 1 / 0.75**2)
    assert found.n == 2000
    assert found.n_effective < 1900
    assert 0.85 * truth - 3.2 * found.stderr < found.value < truth + 3.2 * found.stderr
    flat = mutual_information_bound(x.ravel(), y.ravel(), chains=8, training=QUICK)
    assert flat.value == found.value
    with pytest.raises(ShortChainError, match=r"autocorrelation time"):
        mutual_information_bound(
            data["x"][:, :40], data["y"][:, :40], training=Training(epochs=1, batch=40, progress=False)
        )


def test_parts():
    learn, stop, judge = bounds.three_parts((4, 10), 40, 0.25)
    assert judge.tolist() == list(range(30, 40))
    assert stop.tolist() == list(range(20, 30))
    assert learn.tolist() == list(range(20))
    learn, stop, judge = bounds.three_parts((2, 8), 16, 0.25)
    assert (learn.tolist(), stop.tolist(), judge.tolist()) == (list(range(6)), [6, 7], list(range(8, 16)))
    learn, stop, judge = bounds.three_parts(None, 16, 0.25)
    assert (len(learn), len(stop), len(judge)) == (9, 3, 4)


def test_same_seed_same_bits_and_bits():
    x, y, _ = gaussian(1000, 1, 0.6)
    one, two = (mutual_information_bound(x, y, training=QUICK, unit=unit) for unit in ("nats", "bits"))
    assert one.value == pytest.approx(two.value * math.log(2), rel=1e-15)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bound": "infomax"}, r"bound='infomax': choose one of infonce, nwj, mine, smile"),
        ({"critic": "bilinear"}, r"critic='bilinear': choose one of separable, joint"),
        ({"clip": -1.0}, r"clip=-1.0: SMILE clips"),
        ({"hidden": (0,)}, r"hidden=\(0,\)"),
        ({"unit": "hartleys"}, r"unit='hartleys'"),
        ({"training": Training(batch=1)}, r"batch=1: a bound sets draws against each other"),
        ({"training": Training(batch=64)}, r"have 56, 19, 25 rows.*Training\(batch=19\)"),
        ({"chains": 3}, r"chains=3: 100 draws"),
    ],
)
def test_bad_options(options, words):
    x, y, _ = gaussian(100, 1, 0.5)
    with pytest.raises(ValueError, match=words):
        mutual_information_bound(x, y, **options)


def test_bad_data():
    x, y, _ = gaussian(100, 1, 0.5)
    with pytest.raises(ValueError, match=r"100, 99 draws"):
        mutual_information_bound(x, y[:-1])
    x[3] = np.nan
    with pytest.raises(ValueError, match=r"1 values that are not finite"):
        mutual_information_bound(x, y)
    with pytest.raises(ValueError, match=r"more than 64 states"):
        mutual_information_bound(np.arange(100).astype(str), y, training=Training(batch=16))
