"""The exact classifier down to neurons."""

import numpy as np
import pytest

import rgnet as rg
from rgnet.cheap.classification import classifier
from rgnet.cheap.classifier_networks import classifier_network
from rgnet.cheap.errors import CheapError
from rgnet.exact import enumerate as full

MODELS = [rg.Ising((3, 3), K=0.3), rg.Ising((3, 3), K=0.5, h=0.1), rg.Ising((3, 3), K=0.2, couplings={"nnn": 0.1})]
PRIOR = (0.5, 0.2, 0.3)


def bayes(models, prior):
    joint = np.stack([full.distribution(m.energy, m.shape) for m in models], axis=1) * np.array(prior)
    return joint / joint.sum(axis=1, keepdims=True)


def test_the_posterior_is_that_of_bayes():
    found = classifier_network(MODELS, PRIOR)
    states = full.states((3, 3))
    assert np.abs(found.posterior(states) - bayes(MODELS, PRIOR)).max() <= found.report.promised + 1e-14
    assert found.report.promised < 1e-11
    assert found.report.points == 512
    assert np.abs(found.logits(states) - found.exact.logits(states)).max() < 1e-12
    assert np.allclose(
        found.log_posterior(states[:4].reshape(2, 2, 3, 3)).sum(), np.log(found.posterior(states[:4])).sum()
    )


@pytest.mark.parametrize("beta", [2.0, 8.0, 20.0, 40.0])
def test_the_error_against_beta_stays_within_the_promise(beta):
    found = classifier_network(MODELS, PRIOR, beta=beta)
    error = np.abs(found.posterior(full.states((3, 3))) - bayes(MODELS, PRIOR)).max()
    assert 0.02 * found.report.promised < error <= found.report.promised


def test_logits_are_exact_where_classes_hardly_differ():
    found = classifier_network([rg.Ising((3, 3), K=0.4), rg.Ising((3, 3), K=0.4 + 1e-9)])
    states = full.states((3, 3))
    assert np.abs(found.logits(states) - found.exact.logits(states)).max() < 1e-11


def test_a_tolerance_of_the_posterior():
    found = classifier_network(MODELS, PRIOR, tolerance=1e-6)
    assert found.report.achieved <= found.report.promised <= 1e-6
    assert found.report.promised > 5e-7


def test_neurons_are_shared_and_filters_do_not_grow():
    first = classifier_network([rg.Ising((4, 4), K=k) for k in (0.3, 0.44)])
    more = classifier_network([rg.Ising((4, 4), K=k, h=h) for k, h in ((0.3, 0.0), (0.44, 0.2), (0.5, -0.1))])
    large = classifier_network([rg.Ising((8, 8), K=k) for k in (0.3, 0.44)])
    assert first.network.widths == more.network.widths == (48,)
    assert large.network.widths == (192,)
    assert [item.report.notes["filters"] for item in (first, more, large)] == [3, 3, 3]
    assert (
        first.report.notes["distinct weights"] == large.report.notes["distinct weights"] == 5
    )  # β/2, two of each class
    assert first.network.synapses == 32 * 2 + 16 + 2 * 48


def test_free_sides_and_disorder_share_less():
    free = classifier_network([rg.Ising((4, 4), K=k, boundary="free") for k in (0.3, 0.5)])
    assert free.report.notes["filters"] == free.network.neurons == 24 + 16


def test_models_whose_partition_function_is_given():
    glasses = [rg.SpinGlass((3, 3), K=0.6, J="gaussian", seed=seed) for seed in (1, 2)]
    log_Z = [full.log_Z(model.energy, model.shape) for model in glasses]
    found = classifier_network(classifier(glasses, log_Z=log_Z))
    assert np.abs(found.posterior(full.states((3, 3))) - bayes(glasses, (0.5, 0.5))).max() <= found.report.promised
    assert found.report.notes["filters"] == found.network.neurons


def test_refusals():
    with pytest.raises(CheapError, match="has its own"):
        classifier_network(classifier(MODELS), PRIOR)
    with pytest.raises(CheapError, match="below 1"):
        classifier_network(MODELS, tolerance=2.0)
    with pytest.raises(CheapError, match="give one of them"):
        classifier_network(MODELS, tolerance=0.1, beta=3.0)
    with pytest.raises(CheapError, match=r"within 1e-18.*below the floor"):
        classifier_network(MODELS, tolerance=1e-18)
    potts = classifier([rg.Potts((2, 2), q=3, K=k) for k in (0.5, 1.0)], log_Z=[1.0, 2.0])
    with pytest.raises(CheapError, match="products of spins"):
        classifier_network(potts)
    with pytest.raises(CheapError, match="the lattice"):
        classifier_network(MODELS).posterior(np.ones((2, 4, 4)))
    with pytest.raises(ValueError, match="two models or more"):
        classifier_network(MODELS[:1])
