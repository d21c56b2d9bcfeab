"""The held-out bound: below the exact information, near it where the classifier can be right, 0 without information."""

import math

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

import rgnet as rg
from rgnet import stats
from rgnet.information import _training
from rgnet.information.classifier import classifier_bound, log_score_bound

LINEAR = LogisticRegression()


def normals(n, seed, shift=1.5, prior=(0.5, 0.5)):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < prior[1]).astype(int)
    return rng.normal(shift * y)[:, None], y


def exact_normals(shift=1.5, prior=(0.5, 0.5)):
    def p(x):
        return prior[0] * norm.pdf(x) + prior[1] * norm.pdf(x, shift)

    return quad(lambda x: -p(x) * math.log(p(x)), -10, 10 + shift)[0] - norm.entropy()


@pytest.mark.parametrize("prior", [(0.5, 0.5), (0.2, 0.8)])
def test_it_is_near_the_exact_value(prior):
    x, y = normals(4000, 1, prior=prior)
    exact = exact_normals(prior=prior)
    for known in (None, prior, dict(enumerate(prior))):
        found = classifier_bound(x, y, classifier=LINEAR, prior=known)
        assert found.kind == "lower"
        assert exact - 0.01 - 4 * found.stderr < found.value < exact + 3.5 * found.stderr
        assert found.interval[0] < exact
    assert "LogisticRegression" in found.method
    assert "weighted by the prior" in found.method
    bits = classifier_bound(x, y, classifier=LINEAR, prior=prior, unit="bits")
    assert bits.value == pytest.approx(found.value / math.log(2))


def test_the_default_finds_what_a_line_cannot():
    """Two widths, one mean: products tell them apart. And x₁x₂ < 0 alone."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 800)
    x = rng.normal(size=(800, 2)) * np.where(y, 4.0, 1.0)[:, None]
    assert classifier_bound(x, y, classifier=LINEAR).value < 0.01
    found = classifier_bound(x, y)
    assert found.value > 0.3
    x = rng.normal(size=(800, 2))
    found = classifier_bound(x, (x.prod(axis=1) > 0).astype(int))
    assert 0.35 < found.value < math.log(2)


def test_without_information_the_default_reads_zero():
    """Four null samples of many columns, where a free fit would lose 0.1 and more."""
    values = []
    for seed in range(4):
        rng = np.random.default_rng(np.random.SeedSequence(3, spawn_key=(seed,)))
        found = classifier_bound(rng.normal(size=(300, 5)), rng.integers(0, 3, 300), seed=seed)
        values.append(found.value)
        assert found.interval[0] < 0.0 + 1e-9
    assert -0.03 < np.mean(values) < 0.005


def test_the_interval_is_honest():
    """100 samples of 200 draws: the spread is the error, and the lower limits are below the exact value."""
    exact, values, errors = exact_normals(), [], []
    below = 0
    for seed in range(100):
        x, y = normals(200, np.random.SeedSequence(4, spawn_key=(seed,)))
        found = classifier_bound(x, y, classifier=LINEAR, seed=seed)
        values.append(found.value)
        errors.append(found.stderr)
        below += found.interval[0] < exact
    assert 0.8 < np.std(values) / np.mean(errors) < 1.25
    assert np.mean(values) < exact
    assert below >= 93


def test_limits_hold_on_both_sides():
    """2000 samples of 200 losses, whose skewness is −2: each limit fails 2.5 times in a hundred."""
    exact, low, high = exact_normals(), 0, 0
    for seed in range(2000):
        x, y = normals(200, np.random.SeedSequence(15, spawn_key=(seed,)))
        own = -np.logaddexp(0.0, np.where(y, -1.0, 1.0) * (1.5 * x[:, 0] - 1.125))
        limits = log_score_bound(own, y, prior=[0.5, 0.5]).interval
        low += limits[0] < exact
        high += limits[1] > exact
    assert abs(low / 2000 - 0.975) < 0.012
    assert abs(high / 2000 - 0.975) < 0.012


def test_shared_noise_cancels():
    """A rare class: the frequencies' noise is in the entropy and in the cross-entropy, and not in the bound."""
    values, errors, entropies = [], [], []
    for seed in range(100):
        rng = np.random.default_rng(np.random.SeedSequence(5, spawn_key=(seed,)))
        y = (rng.random(500) < 0.1).astype(int)
        log_q = np.log(np.where(y, 0.1, 0.9))  # knows nothing but the frequencies
        found = log_score_bound(log_q, y)
        values.append(found.value)
        errors.append(found.stderr)
        entropies.append(-np.mean(log_q))
    assert np.std(values) < 0.2 * np.std(entropies)
    assert max(values) <= 1e-12  # it is minus a KL
    assert min(values) > -0.02


def test_log_scores_are_the_bound():
    x, y = normals(2000, 6)
    own = norm.logpdf(x[:, 0], 1.5 * y) - np.logaddexp(norm.logpdf(x[:, 0]), norm.logpdf(x[:, 0], 1.5))
    found = log_score_bound(own, y, prior=[0.5, 0.5])
    assert abs(found.z(exact_normals())) < 3.5
    with pytest.raises(ValueError, match=r"probability 0: mix in class frequencies"):
        log_score_bound(np.where(y == 1, own, -np.inf), y)
    with pytest.raises(ValueError, match=r"logarithms of probabilities, not above 0"):
        log_score_bound(own + 5, y)


def test_certainty_is_floored():
    """A tree gives probabilities 0 and 1: the loss of its mistakes is finite, at most −ln(ε p)."""
    x, y = normals(400, 7)
    found = classifier_bound(x, y, classifier=DecisionTreeClassifier())
    assert -3.0 < found.value < 0.0
    assert classifier_bound(x, y, classifier=DecisionTreeClassifier(), epsilon=0.3).value > found.value
    perfect = classifier_bound(y.astype(float), y, classifier=DecisionTreeClassifier())
    p = y.mean()
    entropy = -(p * math.log(p) + (1 - p) * math.log(1 - p))
    assert entropy - 1e-3 < perfect.value < entropy


def test_classes_that_a_fold_has_not_met():
    """One draw of the third class: in one fold no training draw has it, and the bound stays finite."""
    x, y = normals(300, 8)
    y[17] = 2
    found = classifier_bound(x, y, classifier=GaussianNB())
    assert math.isfinite(found.value)
    assert found.value > 0.05


def test_it_repeats_with_the_seed():
    x, y = normals(300, 9)
    model = DecisionTreeClassifier(max_features=1, max_depth=3, splitter="random")
    assert classifier_bound(x, y, classifier=model, seed=1) == classifier_bound(x, y, classifier=model, seed=1)
    assert classifier_bound(x, y, classifier=model, seed=1) != classifier_bound(x, y, classifier=model, seed=2)
    assert not hasattr(model, "classes_")


def hidden(chains, draws, rate, seed):
    """A hidden label that changes with a rate, and x that remembers its noise as well."""
    rng = np.random.default_rng(seed)
    y = np.cumsum(rng.random((chains, draws)) < rate, axis=1) % 2
    noise = rng.normal(size=(chains, draws))
    for t in range(1, draws):
        noise[:, t] = 0.9 * noise[:, t - 1] + math.sqrt(1 - 0.81) * noise[:, t]
    return xr.DataArray(1.5 * y + noise, dims=("chain", "draw")), xr.DataArray(y, dims=("chain", "draw"))


def test_chains_are_held_out_whole_and_errors_grow():
    x, y = hidden(6, 2000, 0.1, 10)
    found = classifier_bound(x, y, classifier=LINEAR)
    assert "5 folds of whole chains" in found.method
    assert found.n_effective < 0.5 * found.n
    assert abs(found.value - exact_normals()) < 4 * found.stderr
    flat = classifier_bound(x.values.ravel(), y.values.ravel(), classifier=LINEAR, chains=6)
    assert flat == found
    free = classifier_bound(x.values.ravel(), y.values.ravel(), classifier=LINEAR)
    assert free.stderr < 0.8 * found.stderr


def test_labels_constant_in_chains():
    """Each chain has its label (and its slow noise): cut in time with a gap; frequencies by design have no error."""
    noise, _ = hidden(2, 4000, 0.0, 11)
    y = xr.DataArray(np.repeat([[3], [7]], 4000, axis=1), dims=("chain", "draw"))
    x = noise + 1.5 * xr.DataArray([0, 1], dims="chain")
    found = classifier_bound(x, y, classifier=LINEAR)
    assert "left out between training and test" in found.method
    assert "labels by design" in found.method
    assert found.n_effective < 0.3 * found.n
    assert abs(found.value - exact_normals()) < 4 * found.stderr
    many = classifier_bound(
        x.isel(chain=[0, 1] * 3).values.reshape(-1), y.isel(chain=[0, 1] * 3).values.reshape(-1), classifier=LINEAR,
        chains=6,
    )  # fmt: skip
    assert "3 folds of whole chains" in many.method
    with pytest.raises(stats.ShortChainError, match="cannot be cut in 30 folds"):
        classifier_bound(x.isel(draw=slice(500)), y.isel(draw=slice(500)), classifier=LINEAR, folds=30)


def test_folds_do_not_leak():
    labels = np.repeat([0, 1], 500)
    x = np.arange(1000) % 10.0
    folds, _ = _training.make_folds(labels, [x], (2, 500), True, 5, 0)
    seen = np.zeros(1000, dtype=int)
    for fold in folds:
        seen[fold.test] += 1
        assert len(np.intersect1d(fold.train, fold.test)) == 0
        assert len(np.intersect1d(fold.inner, np.union1d(fold.check, fold.test))) == 0
        assert np.all(np.isin(fold.inner, fold.train))
        assert np.all(np.isin(fold.check, fold.train))
        for chain in (0, 1):
            test = fold.test[fold.test // 500 == chain]
            train = fold.train[fold.train // 500 == chain]
            assert np.abs(test[:, None] - train[None, :]).min() >= 2
    assert np.all(seen == 1)
    independent, _ = _training.make_folds(labels, [x], None, False, 5, 0)
    for fold in independent:
        assert np.bincount(labels[fold.test]).tolist() == [100, 100]


def test_configurations_by_their_sums(exact_samples):
    """Two couplings of a 4×4 lattice, one chain each, against enumeration: the sum of bonds is sufficient for K."""
    models = [rg.Ising((4, 4), K=K) for K in (0.2, 0.45)]
    tables = [rg.exact.distribution(model.energy, model.shape) for model in models]
    mean = (tables[0] + tables[1]) / 2
    exact = sum(float((p * np.log(p / mean)).sum()) / 2 for p in tables)
    spins = np.concatenate([exact_samples(model, 3000, 1, seed)["spin"].values for seed, model in enumerate(models)])
    x = xr.DataArray(spins, dims=("chain", "draw", "x", "y"))
    y = xr.DataArray(np.repeat([[0], [1]], 3000, axis=1), dims=("chain", "draw"))
    found = classifier_bound(x, y, features="summary")
    assert exact - 0.02 - 4 * found.stderr < found.value < exact + 3.5 * found.stderr
    raw = classifier_bound(x, y, classifier=LINEAR)
    assert raw.value < found.value - 0.05  # each site is ±1 with equal odds at any K
    own = classifier_bound(x, y, features=lambda x: (x * np.roll(x, 1, axis=1)).sum(axis=(1, 2)))
    assert own.value > 0.03


@pytest.mark.slow
def test_thousands_of_sites_in_reasonable_time():
    rng = np.random.default_rng(12)
    y = rng.integers(0, 3, 10_000)
    x = np.where(rng.random((10_000, 64, 64)) < 0.5 + 0.003 * (y[:, None, None] - 1), 1, -1).astype(np.int8)
    found = classifier_bound(x, y)
    assert 0.02 < found.value < 0.06


def test_wide_data():
    """A field on each of 100 sites: all sites serve, and their mean, which is sufficient, is in the summary."""
    rng = np.random.default_rng(13)
    y = rng.integers(0, 2, 1000)
    x = np.where(rng.random((1000, 100)) < 0.5 + 0.1 * (y[:, None] - 0.5), 1, -1).astype(np.int8)
    p = np.array([0.45, 0.55])
    from scipy.stats import binom

    laws = [binom.pmf(np.arange(101), 100, q) for q in p]
    mean = (laws[0] + laws[1]) / 2
    exact = sum(float((law * np.log(law / mean)).sum()) / 2 for law in laws)
    found = classifier_bound(x, y)
    assert exact - 0.02 - 4 * found.stderr < found.value < exact + 3.5 * found.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(100, dtype=int)}, r"all 100 labels are .*two classes or more"),
        ({"y": np.arange(100)}, r"100 different values in 100 draws: classes must repeat"),
        ({"y": np.zeros((100, 2))}, r"give one label a draw"),
        ({"y": np.arange(90) % 2}, r"100, 90 draws"),
        ({"x": np.full((100, 1), np.nan)}, r"not finite"),
        ({"x": np.full(100, "a")}, r"a classifier needs numbers"),
        ({"x": np.array([None] * 100)}, r"Python objects"),
        ({"x": np.zeros((40, 1)), "y": np.arange(40) % 2}, r"40 draws: an error bar needs at least 50"),
        ({"folds": 2}, r"folds=2: give a whole number of at least 3"),
        ({"epsilon": 0.0}, r"epsilon=0.0"),
        ({"classifier": RidgeClassifier()}, r"has no fit and predict_proba"),
        ({"features": "pca"}, r"features='pca': give \"auto\""),
        ({"features": lambda x: np.zeros(3)}, r"gave an array of shape \(3,\)"),
        ({"prior": [0.5, 0.6]}, r"prior sums to one \+0.1"),
        ({"prior": [1.0]}, r"2 labels occur"),
        ({"prior": {0: 1.0}}, r"no probability of the label 1"),
        ({"prior": {0: 0.4, 1: 0.4, 2: 0.2}}, r"the label 2 has probability 0.2 and never occurs"),
        ({"unit": "trits"}, r"unit='trits'"),
    ],
)
def test_bad_input(change, message):
    arguments = {"x": np.random.default_rng(0).normal(size=(100, 1)), "y": np.arange(100) % 2, "classifier": LINEAR}
    arguments |= change
    with pytest.raises(ValueError, match=message):
        classifier_bound(arguments.pop("x"), arguments.pop("y"), **arguments)


def test_broken_probabilities_are_refused():
    class Broken(GaussianNB):
        def predict_proba(self, X):
            return super().predict_proba(X) * 2

    x, y = normals(100, 14)
    with pytest.raises(ValueError, match=r"Broken.predict_proba gave .* sums from 2 to 2"):
        classifier_bound(x, y, classifier=Broken())


def test_arguments_in_the_wrong_form():
    from sklearn.linear_model import LogisticRegression

    x, y = np.random.default_rng(0).normal(size=200), np.arange(200) % 2
    for wrong, message in (
        (
            {"classifier": LogisticRegression},
            r"LogisticRegression is a class: give an instance, LogisticRegression\(\)",
        ),
        ({"folds": 1000}, "folds=1000: 200 draws make at most 100 folds"),
        ({"seed": -1}, "seed=-1: give a whole number"),
        ({"epsilon": "a"}, "epsilon='a'"),
    ):
        with pytest.raises(ValueError, match=message):
            classifier_bound(x, y, **wrong)
