"""Fisher matrices kept by levels against enumeration of the 4×4 lattice, and what their directions are."""

import numpy as np
import pytest
import scipy.linalg
import xarray as xr

import rgnet as rg
from rgnet import exact, operators, stats
from rgnet.exact.marginals import bond_sum
from rgnet.information.fisher import fisher_matrix, retained, retained_matrix

MODEL = rg.Ising((4, 4), K=0.35, h=0.1)


def exact_matrices(model, layer):
    """Cov(S) and Cov(E[S|y]) of S = (Σss, Σs), by summing over all states; the layer is not random."""
    p = exact.distribution(model.energy, model.shape)
    x = exact.states(model.shape)
    s = np.stack([bond_sum(x, model.boundary), x.sum(axis=(1, 2))], axis=1).astype(float)
    s -= p @ s
    y = layer(x, ndim=2).reshape(len(x), -1)
    _, group = np.unique(y, axis=0, return_inverse=True)
    mass = np.bincount(group.ravel(), weights=p)
    given = np.stack([np.bincount(group.ravel(), weights=p * column) for column in s.T], axis=1) / mass[:, None]
    return s.T * p @ s, given.T * mass @ given


def test_the_enumerated_matrix_agrees_with_exact_retained():
    """Diagonal by name, off-diagonal by polarisation: two routes to the same sums."""
    layer = rg.Decimation(2)
    full, kept = exact_matrices(MODEL, layer)
    for index, about in enumerate(("K", "h")):
        assert exact.retained(MODEL, layer, about).fisher == pytest.approx([full[index, index], kept[index, index]])

    def both(x):
        return bond_sum(x, MODEL.boundary) + x.sum(axis=(1, 2))

    total = exact.retained(MODEL, layer, both).fisher
    assert total == pytest.approx([full.sum(), kept.sum()])


def test_the_covariance_is_the_exact_matrix(exact_samples):
    full, _ = exact_matrices(MODEL, rg.Decimation(2))
    data = exact_samples(MODEL, 10_000, 4, seed=1)
    found = fisher_matrix(data)
    assert found["fisher"].dims == ("parameter", "other")
    z = (found["fisher"].values - full) / found["fisher_stderr"].values
    assert np.abs(z).max() < 3.5
    three = fisher_matrix(data, ("K", "nnn", "h"))
    np.testing.assert_allclose(three["fisher"].sel(parameter=["K", "h"], other=["K", "h"]), found["fisher"])
    assert list(three["parameter"].values) == ["K", "nnn", "h"]


@pytest.mark.parametrize("layer", [rg.Decimation(2), rg.Majority(2, "first"), rg.BlockAverage(2)], ids=repr)
def test_levels_keep_no_more_than_the_exact_matrix(exact_samples, layer):
    """Entries, eigenvalues and determinant within errors of, and no direction above, the enumerated ones."""
    full, kept = exact_matrices(MODEL, layer)
    mu, vectors = scipy.linalg.eigh(kept, full)
    data = exact_samples(MODEL, 10_000, 4, seed=2)
    found = retained_matrix(rg.Network([layer]).levels(data))
    bound, error = found["fisher"][1].values, found["fisher_stderr"][1].values
    for v in np.eye(2).tolist() + vectors.T.tolist():
        v = np.array(v)
        assert v @ bound @ v < v @ kept @ v + 4 * np.sqrt(np.abs(v) ** 2 @ error**2 @ np.abs(v) ** 2)
    np.testing.assert_allclose(found["fraction"][0], 1.0)
    assert np.all(found["fraction_stderr"][0] == 0)
    # The standard operators predict E[S|y] on 2×2 coarse sites to within a few percent
    fraction, spread = found["fraction"][1].values, found["fraction_stderr"][1].values
    assert np.all(fraction < mu[::-1] + 4 * spread + 1e-9)
    assert np.all(fraction > 0.9 * mu[::-1] - 4 * spread)
    assert abs(float(found["determinant"][1]) - fraction.prod()) < 1e-12
    assert list(found["kind"].values) == ["exact", "lower"]


def test_directions_solve_the_generalised_problem(exact_samples):
    data = exact_samples(MODEL, 5000, 4, seed=3)
    found = retained_matrix(rg.Network([rg.Majority(2, "first")]).levels(data))
    full, bound = (found["fisher"][k].values for k in (0, 1))
    np.testing.assert_allclose(bound, bound.T)
    for k in (0, 1):
        v = found["direction"][k].values
        np.testing.assert_allclose(v @ full @ v.T, np.eye(2), atol=1e-10)
        assert np.all(np.take_along_axis(v, np.abs(v).argmax(axis=1)[:, None], 1) > 0)
    np.testing.assert_allclose(v @ bound @ v.T, np.diag(found["fraction"][1]), atol=1e-10)
    assert float(found["fraction"][1, 0]) > float(found["fraction"][1, 1])
    assert np.all(found["direction_stderr"][1] > 0)


def test_the_block_average_keeps_the_field_and_not_the_coupling(exact_samples):
    """Without a field the sectors separate: the kept direction is h, the lost one K."""
    data = exact_samples(rg.Ising((4, 4), K=0.4), 5000, 4, seed=4)
    found = retained_matrix(rg.Network([rg.BlockAverage(2)] * 2).levels(data))
    assert float(found["fraction"][1, 0]) == pytest.approx(1.0, abs=1e-6)
    kept, lost = found["direction"][1].values
    scale = np.sqrt(np.diag(found["fisher"][0]))
    assert abs(kept * scale)[1] > 0.99
    assert abs(lost * scale)[0] > 0.99
    single = retained(rg.Network([rg.BlockAverage(2)] * 2).levels(data), "K", operators=["m", "nn", "phi2", "phi4"])
    assert float(found["fraction"][1, 1]) > float(single["fraction"][1]) - 5 * float(single["fraction_stderr"][1])


def test_the_diagonal_is_the_scalar_result(exact_samples):
    data = exact_samples(MODEL, 2000, 4, seed=5)
    levels = rg.Network([rg.Majority(2, "first")]).levels(data)
    names = ["nn", "nnn", "m"]
    for about in ("K", "h"):
        one = retained(levels, about, operators=names)
        matrix = retained_matrix(levels, about, operators=names)
        np.testing.assert_allclose(matrix["fraction"][1, 0], one["fraction"][1])
        np.testing.assert_allclose(matrix["fraction_stderr"][1, 0], one["fraction_stderr"][1], rtol=1e-6)
        np.testing.assert_allclose(matrix["fisher"][:, 0, 0], one["fisher"])
        np.testing.assert_allclose(matrix["fisher_stderr"][:, 0, 0], one["fisher_stderr"])


def test_errors_of_fractions_are_honest(exact_samples):
    values, errors = [], []
    for seed in range(30):
        levels = rg.Network([rg.Majority(2, "first")]).levels(exact_samples(MODEL, 500, 4, seed))
        found = retained_matrix(levels)
        values.append(np.append(found["fraction"][1], found["determinant"][1]))
        errors.append(np.append(found["fraction_stderr"][1], found["determinant_stderr"][1]))
    ratio = np.std(values, axis=0) / np.mean(errors, axis=0)
    assert np.all(ratio > 0.65)
    assert np.all(ratio < 1.45)


def test_noise_is_never_shown_to_keep_anything(exact_samples):
    data = exact_samples(MODEL, 2500, 4, seed=6)
    z = []
    for seed in range(10):
        found = retained_matrix(rg.Network([rg.Kadanoff(2, 0.0)]).levels(data, seed=seed))
        if (found["fraction"][1] < 0).any():
            assert float(found["determinant"][1]) <= 0
        z.append(float(found["fraction"][1, 1] / found["fraction_stderr"][1, 1]))
    assert np.mean(z) < 0.2


def test_sums_serve_as_levels(exact_samples):
    data = exact_samples(MODEL, 1000, 4, seed=7)
    levels = rg.Network([rg.Majority(2, "first")]).levels(data)
    names = ["nn", "nnn", "plaquette", "third", "m", "corner", "straight", "diagonal"]
    sums = [operators.measure(level, names) for level in levels]
    xr.testing.assert_allclose(retained_matrix(sums), retained_matrix(levels))
    own = operators.operator("mine", [(0, 0), (2, 0)])
    assert list(fisher_matrix(data, ["K", own])["parameter"].values) == ["K", "mine"]


def test_bad_input(exact_samples):
    data = exact_samples(MODEL, 500, 2, seed=8)
    levels = rg.Network([rg.Majority(2, "first")]).levels(data)
    with pytest.raises(ValueError, match="give at least the microscopic level"):
        retained_matrix([])
    with pytest.raises(ValueError, match="name one coupling or more, each once"):
        retained_matrix(levels, ("K", "K"))
    with pytest.raises(ValueError, match="name one coupling or more"):
        retained_matrix(levels, ())
    with pytest.raises(ValueError, match="operator 'T' is unknown"):
        retained_matrix(levels, ("K", "T"))
    with pytest.raises(ValueError, match="linearly dependent"):
        retained_matrix(levels, ("K", operators.operator("also", [(0, 0), (1, 0)])))
    with pytest.raises(ValueError, match="the first level given is level 1"):
        retained_matrix(levels[1:])
    with pytest.raises(ValueError, match="they must correspond"):
        retained_matrix([levels[0], levels[1].isel(draw=slice(100))])
    frozen = data.copy()
    frozen["spin"] = xr.ones_like(frozen["spin"])
    with pytest.raises(ValueError, match="is 32 in every draw"):
        fisher_matrix(frozen)
    with pytest.raises(stats.ShortChainError):
        retained_matrix([level.isel(draw=slice(5)) for level in levels])
