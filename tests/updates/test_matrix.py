"""One table: model × update × lattice × boundary, field on and off, every cell sampled and tested.

Discrete models: all states of a tiny lattice against enumeration, chi-square over cells (E, order parameter) and the
mean energy (`states`). Continuous ones, on the same lattices: integration by parts, ⟨div V⟩ = ⟨V·∇H⟩ for a vector
field V on configurations, exact for any size and sensitive to every coupling. What kernels measure in their sweeps is
compared with what the model says of the same configurations.
"""

import numpy as np
import pytest
import scipy.stats
from states import p_values, sampled

import rgnet as rg
from rgnet import stats, updates
from rgnet.updates import matrix

GRAPH = rg.Graph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 0), (1, 4)])
PLACES = {
    "square": ((3, 3), {}),
    "free": ((3, 3), {"boundary": "free"}),
    "mixed": ((2, 4), {"boundary": ("free", "periodic")}),
    "chain": ((5,), {}),
    "cubic": ((2, 2, 2), {}),
    "triangular": ((3, 3), {"lattice": "triangular"}),
    "graph": (GRAPH, {}),
}
DIMERS = {
    "square": ((4, 4), {}),
    "free": ((4, 3), {"boundary": "free"}),
    "mixed": ((2, 4), {"boundary": ("free", "periodic")}),
}
CONTINUOUS = ("XY", "ON", "Phi4", "GaussianField", "ContinuousModel")


def models_of(label, place):
    """The models of a row of the table on a place; none where they cannot be."""
    shape, options = (DIMERS if label == "Dimers" else PLACES).get(place, (None, {}))
    if shape is None or (label == "Ising, further couplings" and place in ("chain", "cubic", "triangular", "graph")):
        return ()
    return matrix.EXAMPLES[label](shape, **options)


def cells(places):
    for label in matrix.EXAMPLES:
        for place in places:
            for number, model in enumerate(models_of(label, place)):
                for update in updates.ALL:
                    if type(model).__name__ in update.models and update.reason(model) is None:
                        name = update.name if update.ergodic else f"{updates.exact_for(model)[0]}+{update.name}"
                        yield pytest.param(model, name, id=f"{label}-{place}-{'h' if number else '0'}-{name}")


def _last(case):
    """The last model of a case's row, that with a field if there is one."""
    return models_of(case.id.split("-square-")[0], "square")[-1]


ALL = list(cells(PLACES))
# Two tests a cell: one false alarm in a thousand runs of the whole table
P_LEAST = 1e-3 / (2 * len(ALL))


def p_by_parts(data, model):
    """Two-sided p-value of ⟨V·∇H − div V⟩ = 0."""
    x, space = data["spin"].values, tuple(range(-model.ndim, 0))
    step, n = 1e-5, model.components
    if n > 1:
        neighbor = np.roll(x.reshape(*x.shape[: x.ndim - model.ndim], -1), 1, axis=-1).reshape(x.shape)
        cosine = (x * neighbor).sum(axis=-model.ndim - 1, keepdims=True)
        field, divergence = neighbor - cosine * x, -(n - 1) * cosine.sum(axis=(-model.ndim - 1, *space))

        def moved(by):
            y = x + by * field
            return y / np.linalg.norm(y, axis=-model.ndim - 1, keepdims=True)

    elif type(model).__name__ == "XY":
        angle = x - np.roll(x.reshape(*x.shape[: x.ndim - model.ndim], -1), 1, axis=-1).reshape(x.shape)
        field, divergence = np.sin(angle), np.cos(angle).sum(axis=space)

        def moved(by):
            return x + by * field

    else:
        divergence = float(model.n_sites)

        def moved(by):
            return (1 + by) * x

    slope = (model.energy(moved(step)) - model.energy(moved(-step))) / (2 * step)
    return float(2 * scipy.stats.norm.sf(abs(stats.mean(slope - divergence).z(0.0))))


def check(model, name, draws):
    data = sampled(model, name, draws)
    np.testing.assert_allclose(data["energy"].values, model.energy(data["spin"].values), rtol=1e-9, atol=1e-8)
    for key, values in model.observe(data["spin"].values).items():
        np.testing.assert_allclose(data[key].values, values, rtol=1e-9, atol=1e-8)
    if type(model).__name__ in CONTINUOUS:
        assert p_by_parts(data, model) > P_LEAST
    elif type(model).__name__ == "Dimers":
        pytest.skip("sampled against enumeration in test_worm.py")
    else:
        assert min(p_values(model, data)) > P_LEAST
    return data


# In a field where there is one on the square lattice, without on the graph
QUICK = [case for case in ALL if ("-square-" in case.id and case.values[0] == _last(case)) or "-graph-0-" in case.id]


@pytest.mark.parametrize(("model", "name"), QUICK)
def test_cells(model, name):
    check(model, name, 300)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name"), ALL)
def test_all_cells(model, name):
    check(model, name, 5000)


@pytest.mark.parametrize(
    "label", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("XY", "ON")), "Phi4", "GaussianField"]
)
def test_integration_by_parts_sees_an_error_of_a_few_percent(label):
    """Draws at couplings 5 % off, tested against the model."""
    model = matrix.EXAMPLES[label]((3, 3))[0]
    data = model.to_dict()
    for key in ("K", "r", "u"):
        if key in data:
            data[key] *= 1.05
    wrong = rg.models.from_dict(data)
    name = updates.exact_for(wrong)[0]
    assert p_by_parts(sampled(wrong, name, 20_000), model) < P_LEAST


def test_readme_shows_the_table(request):
    readme = (request.config.rootpath / "README.md").read_text(encoding="utf-8")
    assert matrix.markdown() in readme, "run python -m rgnet.updates.matrix and paste what it prints"
