"""Coarse distributions, couplings and Fisher information against closed forms, direct sums and inequalities."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet import exact, operators
from rgnet.exact import chain1d, ising2d
from rgnet.exact.marginals import bond_sum

SQUARE = rg.Ising((4, 4), K=ising2d.K_c)
FIRST = rg.Majority(2, ties="first")


def even_sums(y):
    return operators.sums(y, operators.resolve(["nn", "nnn", "plaquette"], 2))


@dataclass(frozen=True)
class Broken:
    """A random layer whose probabilities do not sum to one."""

    scale: int = 2
    is_random: bool = True

    def __call__(self, x, rng=None, *, ndim=None):
        return x

    def log_prob(self, y, x, *, ndim=None):
        return np.zeros(len(x))


def test_decimation_of_a_ring_is_the_closed_form():
    for K, h in ((0.7, 0.0), (-0.7, 0.0), (0.5, 0.3)):
        ring = rg.Ising(12, K=K, h=h)
        for b in (2, 3, 4):
            found = exact.coarse_couplings(
                ring, rg.Decimation(b), lambda y: np.column_stack([bond_sum(y, ("periodic",)), y.sum(axis=1)])
            )
            K_b, h_b, _ = chain1d.decimate(K, h, b)
            assert found.couplings == pytest.approx([float(K_b), float(h_b)], abs=1e-13)
            assert found.residual < 1e-12
    assert np.tanh(chain1d.decimate(0.7, b=3).K) == pytest.approx(np.tanh(0.7) ** 3, rel=1e-14)


def test_coarse_distribution_of_a_map_is_a_direct_sum():
    p = exact.distribution(SQUARE.energy, (4, 4))
    x = exact.states((4, 4))
    y = FIRST(x, ndim=2).reshape(-1, 4)
    configurations, q = exact.coarse_distribution(SQUARE.energy, FIRST, (4, 4))
    assert configurations.shape == (16, 2, 2)
    for configuration, probability in zip(configurations.reshape(-1, 4), q, strict=True):
        assert probability == pytest.approx(p[(y == configuration).all(axis=1)].sum(), rel=1e-12)


def test_real_valued_layers_have_their_values_merged():
    configurations, q = exact.coarse_distribution(SQUARE.energy, rg.BlockAverage(2), (4, 4))
    assert configurations.shape == (5**4, 2, 2)
    assert len(np.unique(configurations.reshape(-1, 4), axis=0)) == 5**4
    assert set(np.unique(configurations)) == {-1.0, -0.5, 0.0, 0.5, 1.0}
    assert q.sum() == pytest.approx(1, abs=1e-13)
    negative, q_negative = exact.coarse_distribution(SQUARE.energy, rg.BlockAverage(2, rescale=-1.0), (4, 4))
    assert len(negative) == 5**4  # −0 is 0
    np.testing.assert_allclose(q_negative, q[::-1], rtol=1e-10)


def test_kadanoff_with_large_rho_is_majority():
    soft = exact.coarse_distribution(SQUARE.energy, rg.Kadanoff(2, 30.0), (4, 4))
    hard = exact.coarse_distribution(SQUARE.energy, rg.Majority(2), (4, 4))
    np.testing.assert_array_equal(soft[0], hard[0])
    np.testing.assert_allclose(soft[1], hard[1], rtol=1e-12)
    noise = exact.coarse_distribution(SQUARE.energy, rg.Kadanoff(2, 0.0), (4, 4))
    np.testing.assert_allclose(noise[1], 1 / 16, rtol=1e-12)


def test_a_chain_of_layers_is_taken_step_by_step():
    layers = [rg.Majority(2), FIRST]
    for network in (layers, rg.Network(layers), [rg.Network(layers)]):
        configurations, q = exact.coarse_distribution(SQUARE.energy, network, (4, 4))
        assert configurations.ravel().tolist() == [-1, 1]
        assert q == pytest.approx([0.5, 0.5], abs=1e-13)
    # 8 -> 4 -> 2 by pairs is decimation by 4
    ring = rg.Ising(8, K=0.8, h=0.1)
    twice = exact.coarse_distribution(ring.energy, [rg.Decimation(2)] * 2, 8)
    once = exact.coarse_distribution(ring.energy, rg.Decimation(4), 8)
    np.testing.assert_allclose(twice[1], once[1], rtol=1e-13)


@pytest.mark.parametrize("layer", [rg.Majority(2), FIRST, rg.Kadanoff(2, 0.4), rg.Decimation(2)])
def test_couplings_of_block_spins_reproduce_their_distribution(layer):
    # On 2×2 the even functions are a constant, nn along x, nn along y, nnn, plaquette: nothing else
    configurations, q = exact.coarse_distribution(SQUARE.energy, layer, (4, 4))
    found = exact.renormalized_couplings(q, even_sums(configurations))
    assert found.residual < 1e-12
    again = np.exp(even_sums(configurations) @ found.couplings + found.constant)
    np.testing.assert_allclose(again, q, rtol=1e-12)
    assert exact.renormalized_couplings(q, even_sums(configurations)[:, :1]).residual > 1e-3


def test_couplings_are_recovered_from_a_gibbs_distribution():
    model = rg.Ising((3, 3), K=0.3, h=0.1, couplings={"nnn": -0.2})
    chosen = operators.resolve(["nn", "nnn", "m"], 2)
    p = exact.distribution(model.energy, (3, 3))
    found = exact.renormalized_couplings(p, operators.sums(exact.states((3, 3)), chosen))
    assert found.couplings == pytest.approx([0.3, -0.2, 0.1], abs=1e-12)
    assert found.constant == pytest.approx(-exact.log_Z(model.energy, (3, 3)), abs=1e-12)
    lacking = exact.renormalized_couplings(p, operators.sums(exact.states((3, 3)), chosen[:1]))
    assert lacking.residual > 0.1


def test_level_0_is_the_variance_of_the_sum():
    kept = exact.retained(SQUARE, [FIRST], about="K")
    variance = float(ising2d.specific_heat(SQUARE.K, (4, 4))) * 16 / SQUARE.K**2
    assert kept.fisher[0] == pytest.approx(variance, rel=1e-12)
    assert kept.scale.tolist() == [1, 2]
    ring = rg.Ising(8, K=0.3, h=0.2)
    assert exact.retained(ring, rg.Decimation(2), "h").fisher[0] == pytest.approx(
        8 * float(chain1d.susceptibility(0.3, 0.2, 8)), rel=1e-12
    )


def test_what_decimation_of_a_ring_keeps_is_the_closed_form():
    # The coarse ring is an Ising ring at K', with tanh K' = tanh^b K: I' = (dK'/dK)² Var(Σ s s at K')
    K, n = 0.6, 12
    for b in (2, 3):
        K_b = float(chain1d.decimate(K, b=b).K)
        slope = b * np.tanh(K) ** (b - 1) * np.cosh(K_b) ** 2 / np.cosh(K) ** 2
        coarse = float(chain1d.specific_heat(K_b, 0.0, n // b)) / K_b**2 * (n // b)
        kept = exact.retained(rg.Ising(n, K=K), rg.Decimation(b), "K")
        assert kept.fisher[1] == pytest.approx(slope**2 * coarse, rel=1e-11)


@pytest.mark.parametrize("layer", [rg.Majority(2), rg.Kadanoff(2, 0.5), rg.BlockAverage(2), rg.Decimation(2)])
@pytest.mark.parametrize("about", ["K", "h"])
def test_information_kept_is_that_of_the_coarse_distribution(layer, about):
    # Independent of the chain rule: Σ_y (∂p(y)/∂θ)²/p(y), by central differences of the coarse distribution
    step = 1e-4

    def at(change):
        model = rg.Ising((4, 4), K=0.4 + change * (about == "K"), h=0.1 + change * (about == "h"))
        return exact.coarse_distribution(model.energy, layer, (4, 4))[1]

    slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
    kept = exact.retained(rg.Ising((4, 4), K=0.4, h=0.1), layer, about)
    assert kept.fisher[1] == pytest.approx((slope**2 / at(0)).sum(), rel=1e-9)


def test_the_average_keeps_all_about_the_field_and_one_spin_nothing_about_K():
    assert exact.retained(SQUARE, [rg.BlockAverage(2)] * 2, "h").fraction == pytest.approx([1, 1, 1], abs=1e-12)
    assert exact.retained(SQUARE, [rg.Majority(2)] * 2, "K").fraction[2] == pytest.approx(0, abs=1e-12)
    assert exact.retained(SQUARE, rg.Kadanoff(2, 0.0), "K").fraction[1] == pytest.approx(0, abs=1e-12)


LAYERS = st.one_of(
    st.just(rg.Majority(2)),
    st.just(FIRST),
    st.just(rg.Decimation(2)),
    st.just(rg.BlockAverage(2)),
    st.builds(rg.Kadanoff, st.just(2), st.floats(0, 3)),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(LAYERS, min_size=1, max_size=3),
    st.floats(-1, 1),
    st.floats(-1, 1),
    st.sampled_from(["K", "h"]),
    st.sampled_from(["periodic", "free"]),
)
def test_no_level_knows_more_than_the_one_before(layers, K, h, about, boundary):
    model = rg.Ising((2, 4) if len(layers) == 1 else 8, K=K, h=h, boundary=boundary)
    fraction = exact.retained(model, layers, about).fraction
    assert fraction[0] == 1
    assert np.all(np.diff(fraction) <= 1e-12)
    assert np.all(fraction >= 0)


def test_bonds_agree_with_the_lattice_operators():
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(1)))
    for shape, boundary in [
        ((2, 3), ("periodic", "periodic")),
        ((4, 2), ("free", "periodic")),
        ((2, 3, 2), ("free",) * 3),
        ((5,), ("free",)),
    ]:
        x = rng.choice(np.array([-1, 1], dtype=np.int8), size=(20, *shape))
        nn = operators.resolve("nn", len(shape))
        np.testing.assert_array_equal(bond_sum(x, boundary), operators.sums(x, nn, boundary)[:, 0])


def test_a_function_can_be_the_cause():
    by_name = exact.retained(SQUARE, FIRST, "h")
    by_function = exact.retained(SQUARE, FIRST, lambda x: x.sum(axis=(1, 2)))
    np.testing.assert_allclose(by_function.fisher, by_name.fisher, rtol=1e-13)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match='about=\'T\': give "K", "h", or a function of configurations'):
        exact.retained(SQUARE, FIRST, about="T")
    with pytest.raises(ValueError, match="its sum is the same in every state"):
        exact.retained(SQUARE, FIRST, about=lambda x: np.ones(len(x)))
    with pytest.raises(TypeError, match="'majority' is not a layer"):
        exact.coarse_distribution(SQUARE.energy, "majority", (4, 4))
    with pytest.raises(ValueError, match="no layers: give at least one"):
        exact.coarse_distribution(SQUARE.energy, [], (4, 4))
    with pytest.raises(ValueError, match=r"probabilities of outputs ±1 sum to 16 … 16, not to 1"):
        exact.coarse_distribution(SQUARE.energy, Broken(), (4, 4))
    with pytest.raises(ValueError, match="1 of 2 probabilities are not positive: no finite couplings"):
        exact.renormalized_couplings([1.0, 0.0], [1, -1])
    with pytest.raises(ValueError, match="give \\(n,\\) and \\(n, k\\)"):
        exact.renormalized_couplings([0.5, 0.5], [1, 2, 3])
    with pytest.raises(
        ValueError, match=r"2 operators and a constant have rank 2 on these 16 configurations.*leave out 1"
    ):
        exact.coarse_couplings(SQUARE, FIRST, lambda y: operators.sums(y, operators.resolve(["nn", "third"], 2)))
    with pytest.raises(ValueError, match=r"2\^36 = 6.87e\+10 states"):
        exact.retained(rg.Ising((6, 6), K=0.4), FIRST)
    with pytest.raises(ValueError, match="3 does not divide 4"):
        exact.coarse_distribution(SQUARE.energy, rg.Kadanoff(3, 1.0), (4, 4))
