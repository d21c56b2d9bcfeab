"""What all models share: plain data and back, the order field, the lattices, and mistakes told before any sampling."""

import itertools
import json

import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import lattice
from rgnet.updates import matrix

GRAPH = rg.Graph([(0, 1), (1, 2), (2, 0), (2, 3)])


@pytest.mark.parametrize("label", [label for label in matrix.EXAMPLES if label != "Dimers"])
@pytest.mark.parametrize("place", [((4, 2), {"boundary": "free"}), ((3, 3), {"lattice": "triangular"}), (GRAPH, {})])
def test_models_are_plain_data(label, place):
    shape, options = place
    if label == "Ising, further couplings" and place != ((4, 2), {"boundary": "free"}):
        pytest.skip("operators by name are those of hypercubic lattices")
    for model in matrix.EXAMPLES[label](shape, **options):
        again = rg.models.from_dict(json.loads(json.dumps(model.to_dict())))
        assert again == model
        assert hash(again) == hash(model)
        x = model.start(1, np.random.default_rng(1))
        assert again.energy(x) == model.energy(x)
        assert x.dtype == model.dtype
        field = model.order_field(x)
        magnetization = np.asarray(model.observe(x)["magnetization"])
        np.testing.assert_allclose(field.sum(axis=tuple(range(-model.ndim, 0))), np.atleast_1d(magnetization))


@pytest.mark.parametrize("label", ["Potts", "Clock", "XY", "ON", "BlumeCapel", "SpinGlass, ±J"])
def test_the_order_field_is_a_level(label):
    model = matrix.EXAMPLES[label]((4, 4))[0]
    data = rg.sample(model, 20, chains=2, warmup=20, thin=2, seed=1)
    if data.attrs.get("values") in ("states", "angles"):
        with pytest.raises(ValueError, match=r"give rgnet\.models\.order_field\(data\)"):
            rg.Network([rg.BlockAverage(2)]).levels(data)
    levels = rg.Network([rg.BlockAverage(2)]).levels(rg.models.order_field(data))
    total = levels[1]["spin"].sum(["x", "y"])
    np.testing.assert_allclose(total.values * 4, data["magnetization"].values.reshape(total.shape), atol=1e-12)


@pytest.mark.parametrize(
    ("edges", "n_sites", "message"),
    [
        ([(0, 1), (1, 1)], None, r"edge \(1, 1\): it joins site 1 with itself"),
        ([(0, 1), (1, 3)], None, r"edges without site 2: .* give n_sites=4 if site 2 is meant to have none"),
        ([(0, 1), (1, 0)], None, r"edge \(1, 0\) is given twice"),
        ([(0, 1), (1, 5)], 4, r"edges name site 5, and n_sites=4 leaves 0 … 3"),
        ([(0, -1)], None, r"edge \(0, -1\): edges are pairs of site numbers"),
        ([(0, 1.5)], None, r"edge \(0, 1\.5\): edges are pairs"),
        ([(0, 1, 2)], None, r"edge \(0, 1, 2\): edges are pairs"),
        ([], None, r"n_sites=0: a graph needs at least two sites"),
        ([], 1, r"n_sites=1: a graph needs at least two sites"),
    ],
)
def test_graphs_that_are_none(edges, n_sites, message):
    with pytest.raises(ValueError, match=message):
        rg.Graph(edges, n_sites)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lattice": "kagome"}, r"lattice='kagome': give one of hypercubic, triangular.*any other lattice is a graph"),
        ({"lattice": "cubic"}, r"lattice='cubic': it has 3 dimensions, and shape=\(4, 4\) has 2"),
        ({"lattice": GRAPH}, r"a graph is given in place of the shape, which here is 4"),
        ({"boundary": "open"}, r'boundary=.open. .*"periodic" or "free"'),
        ({"K": float("nan")}, r"K=nan: a coupling is a finite real number"),
        ({"K": float("inf")}, r"K=inf: a coupling is a finite real number"),
        ({"h": float("nan")}, r"h=nan: a coupling is a finite real number"),
    ],
)
def test_lattices_and_couplings_that_are_none(options, message):
    build = lambda: rg.Ising((4, 4), **{"K": 0.3, **options})  # noqa: E731
    if message is None:
        assert build().geometry.kind == "graph"
        return
    with pytest.raises(ValueError, match=message):
        build()


def test_triangular_bonds_and_energy():
    """Every site of a periodic triangular lattice has six neighbours; the energy is counted pair by pair."""
    model = rg.Ising((4, 5), K=0.3, lattice="triangular")
    x = model.start(1, np.random.default_rng(3))
    total = 0
    for i in range(4):
        for j in range(5):
            total += int(x[i, j]) * int(x[(i + 1) % 4, j] + x[i, (j + 1) % 5] + x[(i + 1) % 4, (j - 1) % 5])
    assert model.conjugate(x) == total
    assert model.energy(x) == pytest.approx(-0.3 * total)
    degree = np.diff(lattice.adjacency(model.geometry)[0])
    assert (degree == 6).all()


@pytest.mark.parametrize(
    "place",
    [
        ((5, 4), {}),
        ((3, 3, 3), {}),
        ((2, 2), {}),
        ((7,), {}),
        ((4, 6), {"boundary": ("free", "periodic")}),
        ((6, 3), {"lattice": "triangular"}),
        ((4, 5), {"lattice": "triangular"}),
        ((4, 5), {"lattice": "triangular", "boundary": "free"}),
        (GRAPH, {}),
    ],
    ids=str,
)
def test_colours_and_neighbours(place):
    geometry = rg.Ising(place[0], K=0.1, **place[1]).geometry
    pairs, colors = lattice.bonds(geometry), lattice.coloring(geometry)
    assert (colors[pairs[:, 0]] != colors[pairs[:, 1]]).all()
    start, near, bond = lattice.adjacency(geometry)
    rebuilt = sorted(
        (min(i, int(j)), max(i, int(j)), int(b))
        for i in range(geometry.n_sites)
        for j, b in zip(near[start[i] : start[i + 1]], bond[start[i] : start[i + 1]], strict=True)
    )
    wanted = sorted((min(a, b), max(a, b), k) for k, (a, b) in enumerate(pairs.tolist()) for _ in range(2))
    assert rebuilt == wanted
    table = lattice.neighbor_table(geometry)
    assert [sorted(column[column < geometry.n_sites]) for column in table.T] == [
        sorted(near[start[i] : start[i + 1]]) for i in range(geometry.n_sites)
    ]
    order, begin = lattice.by_color(geometry)
    assert sorted(order) == list(range(geometry.n_sites))
    assert [set(colors[order[a:b]]) for a, b in itertools.pairwise(begin)] == [{c} for c in range(len(begin) - 1)]


def test_an_order_field_of_one_component_keeps_what_its_values_are():
    for label, values in (("BlumeCapel", "spin-1"), ("Phi4", "real"), ("SpinGlass, ±J", None)):
        model = matrix.EXAMPLES[label]((4, 4))[0]
        x = model.start(1, np.random.default_rng(1))
        attrs = {"model": json.dumps(model.to_dict()), **model.attributes}
        data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), x[None, None])}, attrs=attrs)
        assert rg.models.order_field(data).attrs.get("values") == values
    two = matrix.EXAMPLES["DiscreteModel"]((4, 4))[0]
    named = rg.DiscreteModel((4, 4), bond=two.bond, values=[-1.0, 0.5, 2.0])
    x = named.start(1, np.random.default_rng(1))
    attrs = {"model": json.dumps(named.to_dict()), **named.attributes}
    data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), x[None, None])}, attrs=attrs)
    assert "values" not in rg.models.order_field(data).attrs


def test_levels_of_vectors_are_asked_for_one_component():
    model = rg.XY((4, 4), K=1.0)
    x = np.random.default_rng(1).uniform(-3, 3, size=(2, 200, 4, 4))
    attrs = {"model": json.dumps(model.to_dict()), **model.attributes}
    data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), x)}, attrs=attrs)
    levels = rg.Network([rg.BlockAverage(2)]).levels(rg.models.order_field(data))
    with pytest.raises(ValueError, match=r"vectors of 2 components, .*level\.isel\(component=0\)"):
        rg.flow.mcrg(levels)
    first = [level.isel(component=0) for level in levels]
    assert rg.flow.mcrg(first, even=["phi2"], odd=["m"]).sizes["level"] == 1
