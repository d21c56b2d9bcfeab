"""RBM layers and their training: probabilities against enumeration, gradients against finite differences."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet.exact import enumerate as full
from rgnet.learn._rbm_layer import windows
from rgnet.learn._rbm_machine import Machine
from rgnet.learn._torch import generator, torch
from rgnet.learn.rbm import RBM, RBMLayer, RBMStack, TrainingWarning, gibbs, kl, log_Z
from rgnet.learn.training import Training


def random_layer(seed, tied=False, components=1, size=0.5):
    rng = np.random.default_rng(seed)
    if tied:
        shape = (2, components, 3, 3)
        return RBMLayer(rng.normal(0, size, shape), rng.normal(0, size, components), rng.normal(0, size, 2), b=2)
    visible, hidden = (components, 2, 2), (3, 1, 1)
    return RBMLayer(
        rng.normal(0, size, (*hidden, *visible)), rng.normal(0, size, visible), rng.normal(0, size, hidden), tied=False
    )


def spins(rng, *shape):
    return rng.choice(np.array([-1, 1], dtype=np.int8), shape)


# The layer


def test_free_machine_by_hand():
    layer = random_layer(0)
    W, a, c = layer.weights.reshape(3, 4), layer.visible_bias.ravel(), layer.hidden_bias.ravel()
    v, h = full.states((2, 2)), full.states((3, 1, 1))
    flat_v, flat_h = v.reshape(16, 4).astype(float), h.reshape(8, 3).astype(float)
    E = -(flat_h @ W @ flat_v.T).T - (flat_v @ a)[:, None] - (flat_h @ c)[None]
    np.testing.assert_allclose(layer.energy(v[:, None], h[None]), E, atol=1e-13)
    np.testing.assert_allclose(layer.free_energy(v), -np.logaddexp.reduce(-E, axis=1), atol=1e-13)
    conditional = -E - np.logaddexp.reduce(-E, axis=1, keepdims=True)
    np.testing.assert_allclose(layer.log_prob(h[None], v[:, None], ndim=2), conditional, atol=1e-13)
    assert log_Z(layer).value == pytest.approx(np.logaddexp.reduce(-E.ravel()), abs=1e-12)


@given(st.integers(0, 10**6), st.integers(1, 2), st.sampled_from([(1, 2), (2, 2), (2, 3), (2, 4), (3, 3)]))
@settings(max_examples=15, deadline=None)
def test_tied_machine_is_a_sum_over_windows(seed, components, geometry):
    b, kernel = geometry
    side = 2 * b * (2 if kernel > 2 * b else 1) + (b if kernel > 2 * b else 0)
    side = max(side, -(-kernel // b) * b)
    rng = np.random.default_rng(seed)
    layer = RBMLayer(rng.normal(size=(2, components, kernel, kernel)), b=b)
    v = spins(rng, components, side, side)
    coarse = side // b
    expected = np.zeros((2, coarse, coarse))
    for f, i, j, k, x, y in itertools.product(
        range(2), range(coarse), range(coarse), range(components), range(kernel), range(kernel)
    ):
        site = ((i * b + x - (kernel - b) // 2) % side, (j * b + y - (kernel - b) // 2) % side)
        expected[f, i, j] += layer.weights[f, k, x, y] * v[k, site[0], site[1]]
    field = layer.hidden_field(v.reshape(1, -1).astype(float), (side, side))
    np.testing.assert_allclose(field.reshape(expected.shape), expected, atol=1e-12)
    h = spins(rng, 1, field.size)
    back = layer.visible_field(h.astype(float), (side, side))
    assert float((back * v.reshape(1, -1)).sum()) == pytest.approx(float((h * field).sum()), abs=1e-10)


def test_tied_machine_moves_with_the_lattice():
    layer = random_layer(1, tied=True)
    rng = np.random.default_rng(2)
    v = spins(rng, 5, 6, 6)
    moved = np.roll(v, (2, 4), axis=(1, 2))
    np.testing.assert_allclose(layer.free_energy(v), layer.free_energy(moved), atol=1e-12)
    h = layer(v, 3)
    np.testing.assert_allclose(
        layer.log_prob(h, v, ndim=2), layer.log_prob(np.roll(h, (1, 2), axis=(2, 3)), moved, ndim=2), atol=1e-12
    )


@pytest.mark.parametrize("tied", [False, True])
def test_draws_follow_the_conditional(tied):
    layer = random_layer(4, tied)
    v = full.states((2, 2))[5] if not tied else spins(np.random.default_rng(0), 4, 4)
    n = 20000
    h = layer(np.broadcast_to(v, (n, *v.shape)), 11)
    assert h.dtype == np.int8
    assert h.shape == ((n, 3, 1, 1) if not tied else (n, 2, 2, 2))
    mean = np.tanh(layer.hidden_field(v.reshape(1, -1).astype(float), v.shape)).ravel()
    z = (h.reshape(n, -1).mean(axis=0) - mean) / np.sqrt((1 - mean**2) / n)
    assert np.abs(z).max() < 4.2
    # and of the other side
    back = layer.sample_visible(h[:1].repeat(n, axis=0), 12)
    assert back.shape == (n, *v.shape)
    mean = np.tanh(layer.visible_field(h[:1].reshape(1, -1).astype(float), v.shape)).ravel()
    z = (back.reshape(n, -1).mean(axis=0) - mean) / np.sqrt((1 - mean**2) / n)
    assert np.abs(z).max() < 4.2


def test_gibbs_leaves_the_machine_invariant():
    layer = random_layer(5)
    p = np.exp(-layer.free_energy(full.states((2, 2))) - log_Z(layer).value)
    assert p.sum() == pytest.approx(1)
    n = 40000
    start = full.states((2, 2))[np.random.default_rng(0).choice(16, n, p=p)]
    after = gibbs(layer, start, 2, seed=1)
    code = (after.reshape(n, 4) > 0) @ (8, 4, 2, 1)
    z = (np.bincount(code, minlength=16) / n - p) / np.sqrt(p * (1 - p) / n)
    assert np.abs(z).max() < 4
    np.testing.assert_array_equal(gibbs(layer, start, 0), start)
    np.testing.assert_array_equal(gibbs(layer, start[:9], 3, seed=4), gibbs(layer, start[:9], 3, seed=4))


def test_layer_in_a_network():
    data = rg.sample(rg.Ising((8, 8), K=0.4), 20, chains=3, warmup=10, thin=1, seed=0)
    one, two = random_layer(0, tied=True), random_layer(1, tied=True, components=2)
    small = RBMLayer(np.ones((1, 2, 2, 2)))
    assert (one.scale, one.kernel, one.components, one.ndim) == (2, 3, (1, 2), 2)
    assert one.n_parameters == 2 * 9 + 1 + 2
    with pytest.raises(ValueError, match="at least its kernel, 3"):
        rg.Network([one, two, two]).levels(data, seed=3)
    levels = rg.Network([one, small]).levels(data, seed=3)
    assert levels[1]["spin"].dims == ("chain", "draw", "component", "x", "y")
    assert levels[2]["spin"].dims == ("chain", "draw", "x", "y")
    assert levels[2]["spin"].shape == (3, 20, 2, 2)
    assert levels[2].attrs["scale"] == 4
    again = rg.Network([one, small]).levels(data, seed=3)
    assert levels[2].identical(again[2])
    dense = RBM(hidden=5).initial((8, 8), seed=1)
    assert (dense.scale, dense.kernel, dense.components) == (8, 8, (1, 5))
    assert dense(data, 0)["spin"].shape == (3, 20, 5, 1, 1)
    assert gibbs(dense, data, 1, seed=0)["spin"].shape == data["spin"].shape
    same_size = RBM(hidden=(8, 8)).initial((8, 8))
    assert same_size.scale == 1
    assert same_size(data, 0)["spin"].shape == data["spin"].shape
    with pytest.raises(ValueError, match=r"1 components: .* takes 2"):
        two(data)


@pytest.mark.parametrize("tied", [False, True])
def test_state_and_control(tied):
    layer = random_layer(6, tied)
    again = RBMLayer.from_state(layer.config(), layer.state())
    v = spins(np.random.default_rng(0), 7, *((2, 2) if not tied else (4, 4)))
    np.testing.assert_array_equal(layer.free_energy(v), again.free_energy(v))
    control = layer.randomized(3)
    assert control.weights.shape == layer.weights.shape
    np.testing.assert_array_equal(control.weights, layer.randomized(3).weights)
    assert not np.array_equal(control.weights, layer.randomized(4).weights)
    assert np.sqrt((control.weights**2).mean()) == pytest.approx(np.sqrt((layer.weights**2).mean()), rel=0.7)


def test_windows_of_blocks_are_blocks():
    index = windows((4, 6), 1, 2, 2)
    blocks = np.arange(24).reshape(4, 6)
    np.testing.assert_array_equal(index[0], blocks[:2, :2].ravel())
    np.testing.assert_array_equal(index[-1], blocks[2:, 4:].ravel())
    # a wider window is centred on its block
    assert set(windows((6,), 1, 4, 2)[1]) == {1, 2, 3, 4}


# Training


@pytest.mark.parametrize("tied", [False, True])
def test_module_agrees_with_the_layer(tied):
    layer = random_layer(8, tied)
    space = (4, 4) if tied else (2, 2)
    machine = Machine(layer, space)
    v = spins(np.random.default_rng(1), 6, *space)
    rows = torch.from_numpy(v.reshape(6, -1).astype(np.float32))
    np.testing.assert_allclose(machine.free_energy(rows).detach(), layer.free_energy(v), rtol=1e-5)
    h = layer(v, 0).reshape(6, -1).astype(float)
    field = machine.visible_field(torch.from_numpy(h.astype(np.float32))).detach()
    np.testing.assert_allclose(field, layer.visible_field(h, space), rtol=1e-4, atol=1e-5)
    assert float(machine.log_Z().detach()) == pytest.approx(log_Z(layer, space).value, abs=1e-4)
    np.testing.assert_allclose(machine.as_layer().weights, layer.weights, rtol=1e-6)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("method", ["exact", "cd"])
def test_gradients_against_finite_differences(tied, method):
    """The exact loss: −ln p + l1 Σ|W|. Contrastive divergence: F(data) − F(samples), the samples being constants."""
    layer = random_layer(9, tied, components=2)
    space = (4, 4) if tied else (2, 2)
    machine = Machine(layer, space, exact=method == "exact", l1=0.01, k=2).double()
    v = torch.from_numpy(spins(np.random.default_rng(3), 5, 2 * space[0] * space[1]).astype(float))
    samples = machine.gibbs(v, 2, generator(0, 1))

    def value() -> float:
        penalty = 0.01 * float(machine.weights.detach().abs().sum())
        with torch.no_grad():
            data = float(machine.free_energy(v).mean())
            if method == "exact":
                numbers = machine.as_layer()
                return data + log_Z(numbers, space).value + penalty
            return data - float(machine.free_energy(samples).mean()) + penalty

    machine.loss(v, generator(0, 1)).backward()
    rng = np.random.default_rng(0)
    for parameter in machine.parameters():
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for place in rng.choice(flat.numel(), min(4, flat.numel()), replace=False):
            kept, step = float(flat[place]), 1e-5
            flat[place] = kept + step
            above = value()
            flat[place] = kept - step
            below = value()
            flat[place] = kept
            assert float(gradient[place]) == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-8)


def test_gradient_of_contrastive_divergence_tends_to_the_exact_one():
    layer = random_layer(10, size=0.3)
    v = torch.from_numpy(spins(np.random.default_rng(5), 20000, 4).astype(float))
    gradients = []
    for options in ({"exact": True}, {"k": 20}, {"k": 1}):
        machine = Machine(layer, (2, 2), **options).double()
        machine.loss(v, generator(1)).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in machine.parameters()]).numpy())
    exact, long, short = gradients
    assert np.abs(long - exact).max() < 5 / np.sqrt(20000)
    assert np.linalg.norm(short - exact) > 2 * np.linalg.norm(long - exact)


def test_pseudo_likelihood_by_enumeration():
    layer = random_layer(11)
    machine = Machine(layer, (2, 2)).double()
    v = full.states((2, 2))
    F = layer.free_energy(v)
    index = np.arange(16)
    expected = sum(np.logaddexp(0, F - F[index ^ (1 << site)]) for site in range(4))
    rows = torch.from_numpy(v.reshape(16, 4).astype(float))
    np.testing.assert_allclose(machine.pseudo_likelihood(rows), expected, atol=1e-12)


@pytest.fixture(scope="module")
def data():
    return rg.sample(rg.Ising((3, 3), K=0.3), 400, chains=4, warmup=100, thin=4, seed=5)


FAST = Training(epochs=12, batch=100, learning_rate=0.02, patience=12)


@pytest.mark.parametrize(
    "spec",
    [
        RBM(hidden=9),
        RBM(hidden=9, persistent=True, k=2),
        RBM(hidden=9, exact=True, biases=False),
        RBM(b=1, kernel=3, filters=2),
    ],
    ids=["cd", "pcd", "exact", "tied"],
)
def test_kl_falls(spec, data):
    slow = Training(epochs=15, batch=100, learning_rate=0.005, patience=15)
    learned = spec.fit(data, slow if spec.persistent else FAST)
    history = learned.history["kl"].values
    assert history.min() < 0.5 * history[0]
    layer = learned.network.layers[0]
    exact = kl(layer, rg.Ising((3, 3), K=0.3))
    assert exact.kind == "exact"
    assert learned.values["kl"] == pytest.approx(exact.value, abs=1e-5)
    assert exact.value < (0.2 if spec.persistent else 0.15)
    p = full.distribution(rg.Ising((3, 3), K=0.3).energy, (3, 3))
    assert kl(layer, p, space=(3, 3)).value == pytest.approx(exact.value, abs=1e-12)
    assert not learned.spec.biases or np.any(layer.hidden_bias != 0)
    assert learned.spec.biases or not (layer.hidden_bias.any() or layer.visible_bias.any())


def test_l1_makes_sparse(data):
    few = Training(epochs=4, batch=100, learning_rate=0.02)
    plain, sparse = (RBM(hidden=9, exact=True, l1=l1).fit(data, few).network.layers[0].weights for l1 in (0.0, 0.05))
    assert np.abs(sparse).sum() < 0.85 * np.abs(plain).sum()


def test_same_seed_same_machine(data):
    short = Training(epochs=2, batch=200, seed=3)
    one, two = (RBM(hidden=4, persistent=True).fit(data, short).network.layers[0] for _ in range(2))
    np.testing.assert_array_equal(one.weights, two.weights)
    other = RBM(hidden=4, persistent=True).fit(data, Training(epochs=2, batch=200, seed=4)).network.layers[0]
    assert not np.array_equal(one.weights, other.weights)


def test_resumed_training_equals_the_whole(data, tmp_path):
    spec = RBM(hidden=4, persistent=True)
    whole = spec.fit(data, Training(epochs=4, batch=200)).network.layers[0]
    spec.fit(data, Training(epochs=2, batch=200, checkpoint=tmp_path, checkpoint_every=0))
    resumed = spec.fit(data, Training(epochs=4, batch=200, checkpoint=tmp_path, checkpoint_every=0)).network.layers[0]
    np.testing.assert_array_equal(whole.weights, resumed.weights)


def test_checkpoints_are_not_shared_by_other_settings(data, tmp_path):
    training = Training(epochs=1, batch=400, checkpoint=tmp_path)
    RBM(hidden=4).fit(data, training)
    for options in ({"k": 2}, {"l1": 0.1}, {"exact": True}, {"biases": False}, {"persistent": True}):
        with pytest.raises(ValueError, match="holds another run"):
            RBM(hidden=4, **options).fit(data, training)
    rows = data["spin"].values.reshape(-1, 3, 3)
    tied = Training(epochs=1, batch=400, checkpoint=tmp_path / "tied")
    RBM(b=1, kernel=3).fit(rows, tied)
    with pytest.raises(ValueError, match="holds another run"):
        RBM(b=3, kernel=3).fit(rows, tied)


def test_a_rate_far_too_high_is_told(data):
    for rate in (5.0, 1e30):
        with pytest.warns(TrainingWarning, match="worse than the 6.238 of fair coins"):
            found = RBM(hidden=9, persistent=True).fit(data, Training(epochs=1, batch=100, learning_rate=rate))
        assert found.values["kl"] > 10


def test_one_unit_and_unequal_sides():
    rows = spins(np.random.default_rng(0), 60, 2, 4)
    for options in ({}, {"exact": True}):
        layer = RBM(hidden=1, **options).fit(rows, Training(epochs=1)).network.layers[0]
        p = np.exp(-layer.free_energy(full.states((2, 4))) - log_Z(layer).value)
        assert p.sum() == pytest.approx(1)
        assert (layer.scale, layer.kernel, layer.coarse_shape((2, 4))) == (4, 4, (1, 1))


def test_stack():
    data = rg.sample(rg.Ising((8, 8), K=0.44), 60, chains=4, warmup=50, thin=5, seed=1)
    learned = RBMStack([RBM(filters=2), RBM()]).fit(data, Training(epochs=3, batch=60))
    assert learned.network.components == (1, 1)
    assert learned.history.sizes == {"layer": 2, "epoch": 3}
    assert np.isfinite(learned.history["loss"]).all()
    assert set(learned.values) == {"loss_0", "loss_1"}
    assert learned.network.levels(data)[-1]["spin"].shape == (4, 60, 2, 2)
    rows = data["spin"].values.reshape(-1, 8, 8)
    plain = RBMStack([RBM(filters=2), RBM()]).fit(rows, Training(epochs=2, batch=60))
    assert plain.network.layers[1].components == (2, 1)


# Odd inputs


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden": 0}, "whole number of at least 1"),
        ({"hidden": 4, "tied": True}, "tied=True.: a tied RBM has its filters"),
        ({"kernel": 1}, "whole number of at least 2"),
        ({"hidden": 4, "kernel": 4}, "see every spin"),
        ({"k": 0}, r"RBM\(k=0\)"),
        ({"l1": -1.0}, "at least 0"),
        ({"hidden": 4, "filters": 2}, "number of units once"),
        ({"hidden": 4.0}, "whole number of at least 1"),
        ({"hidden": ()}, "sides of the hidden lattice"),
        ({"tied": "yes"}, "one of True, False, None"),
        ({"hidden": 4, "exact": True, "persistent": True}, "choose one"),
    ],
)
def test_bad_specification(options, words):
    with pytest.raises(ValueError, match=words):
        RBM(**options)


def test_bad_data():
    with pytest.raises(ValueError, match="other than ±1"):
        RBM().fit(np.zeros((10, 4, 4)))
    with pytest.raises(ValueError, match="2 does not divide 5"):
        RBM().fit(np.ones((10, 5, 5)))
    with pytest.raises(ValueError, match="in one whole ratio"):
        RBM(hidden=(2, 2)).fit(np.ones((10, 4, 6)))
    with pytest.raises(ValueError, match="there are none"):
        RBM().fit(np.ones((0, 4, 4)))
    with pytest.raises(ValueError, match="lattice of 2 dimensions"):
        RBM(hidden=(2, 2, 2)).fit(np.ones((10, 4, 4)))
    with pytest.raises(ValueError, match="use contrastive divergence"):
        RBM(hidden=20, exact=True).fit(np.ones((10, 6, 6)))
    with pytest.raises(ValueError, match="give a list"):
        RBMStack([])


def test_bad_spins():
    layer = random_layer(0)
    with pytest.raises(ValueError, match="is free, and for"):
        layer(np.ones((4, 4), dtype=int))
    with pytest.raises(ValueError, match="other than ±1"):
        layer(np.zeros((2, 2), dtype=int))
    with pytest.raises(ValueError, match=r"takes .*component"):
        layer.log_prob(np.ones((2, 1, 1)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="is for 2 dimensions"):
        layer(np.ones((2, 2), dtype=int), ndim=1)
    with pytest.raises(ValueError, match="need"):
        RBMLayer(np.ones((1, 1, 2, 2)), visible_bias=np.zeros(3))
    with pytest.raises(ValueError, match="not finite"):
        RBMLayer(np.full((1, 1, 2, 2), np.nan))
    with pytest.raises(ValueError, match="at least the stride"):
        RBMLayer(np.ones((1, 1, 2, 2)), b=3)
