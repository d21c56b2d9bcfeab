"""Thermodynamics of every model: draws of tiny lattices against enumeration, and formulae on given draws."""

import json

import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import models, observables, stats
from tests.support import states as proof

DISCRETE = [
    models.Potts((3, 3), 3, K=0.8),
    models.Potts((2, 5), 2, K=0.6, h=0.2),
    models.Clock((2, 3), 5, K=0.9),
    models.BlumeCapel((3, 3), K=0.6, D=0.4, h=0.1),
    models.Ising((4, 3), K=0.2, lattice="triangular"),
    models.SpinGlass((3, 4), K=0.5, seed=2),
]


def dataset(model, x, energy=None):
    """What sampling would return of configurations (chain, draw, [component], *shape)."""
    component = ("component",) if model.components > 1 else ()
    kept = {"energy": model.energy(x) if energy is None else energy, **model.observe(x)}
    variables = {name: (("chain", "draw", "component")[: np.ndim(v)], v) for name, v in kept.items()}
    variables["spin"] = (("chain", "draw", *component, *model.geometry.dims), x)
    attrs = {"model": json.dumps(model.to_dict()), "boundary": json.dumps(list(model.boundary)), **model.attributes}
    return xr.Dataset(variables, attrs={**attrs, "level": 0, "scale": 1})


def vectors(model, x):
    """The order parameter of every site by its definition, (m, ..., N), up to a rotation."""
    if proof.name_of(model) == "Potts":  # q components whose sum vanishes, of length 1 together
        return np.sqrt(model.q / (model.q - 1)) * np.stack([(x == a) - 1 / model.q for a in range(model.q)])
    if proof.name_of(model) == "Clock":
        return np.stack([np.cos(2 * np.pi * x / model.q), np.sin(2 * np.pi * x / model.q)])
    return x[None].astype(float)


def bond_sum(model, x):
    """S of every row, bond by bond."""
    on_bond = {
        "Potts": lambda a, b: a == b,
        "Clock": lambda a, b: np.cos(2 * np.pi * (a - b) / model.q),
    }.get(proof.name_of(model), np.multiply)
    pairs = proof.bonds(model)
    scale = model.bond_couplings() / model.K if proof.name_of(model) == "SpinGlass" else np.ones(len(pairs))
    return sum(J * on_bond(x[:, i], x[:, j]) for (i, j), J in zip(pairs, scale, strict=True))


def independent_components(model):
    return {"Potts": getattr(model, "q", 0) - 1, "Clock": 2}.get(proof.name_of(model), 1)


@pytest.mark.parametrize("model", DISCRETE, ids=lambda m: type(m).__name__)
def test_against_enumeration(model):
    """35 comparisons: a normal |z| exceeds 4.2 in one of 37,000, and so in one of a thousand such tests."""
    every = proof.states(model)
    energy = proof.energies(model, every)
    p = np.exp(energy.min() - energy)
    p /= p.sum()
    picks = np.random.default_rng(5).choice(len(p), size=(4, 3000), p=p)
    x = every[picks].astype(np.int8).reshape(4, 3000, *model.shape)
    table = observables.thermodynamics(dataset(model, x))

    n, m = model.n_sites, independent_components(model)
    S, field = bond_sum(model, every), vectors(model, every)
    m2 = (field.sum(-1) ** 2).sum(0)
    expected = {
        "energy": -p @ S / n,
        "specific_heat": model.K**2 * (p @ S**2 - (p @ S) ** 2) / n,
        "magnetization": p @ np.sqrt(m2) / n,
        "susceptibility": (p @ m2 - (p @ np.sqrt(m2)) ** 2) / n,
        "binder": 1 - m * (p @ m2**2) / ((m + 2) * (p @ m2) ** 2),
    }
    axis = int(np.argmax(model.shape))
    side = model.shape[axis]
    if list(model.shape).count(side) == 1:
        wave = np.exp(2j * np.pi * np.indices(model.shape)[axis].ravel() / side)
        structure = p @ (np.abs(field @ wave) ** 2).sum(0)
        k = (4 / np.sqrt(3) if getattr(model, "lattice", "") == "triangular" else 2) * np.sin(np.pi / side)
        connected = p @ m2 - ((field.sum(-1) @ p) ** 2).sum()
        expected["correlation_length"] = np.sqrt(connected / structure - 1) / k if connected > structure else np.nan
    if proof.name_of(model) == "BlumeCapel":
        expected["occupation"] = p @ (every != 0).mean(-1)
    for name, value in expected.items():
        if np.isfinite(value):
            z = (float(table[name]) - value) / float(table[f"{name}_stderr"])
            assert abs(z) < 4.2, (name, float(table[name]), value)
    if proof.name_of(model) == "SpinGlass":
        q2 = np.mean([(p @ (every[:, i] * every[:, j])) ** 2 for i in range(n) for j in range(n)])
        assert abs(float(table["overlap2"]) - q2) < 4.2 * float(table["overlap2_stderr"])


def test_heat_of_a_model_that_holds_its_couplings():
    model = models.DiscreteModel((4, 4), bond=[[0.3, 0.0], [0.0, 0.5]])
    x = np.random.default_rng(3).integers(0, 2, size=(2, 400, 4, 4), dtype=np.int8)
    table = observables.thermodynamics(dataset(model, x))
    assert float(table["specific_heat"]) == pytest.approx(model.energy(x).var() / 16, rel=1e-9)
    assert float(table["energy"]) == pytest.approx(model.energy(x).mean() / 16, rel=1e-9)


def test_formulae_of_xy_on_given_draws():
    model = models.XY((6, 4), K=1.1)
    x = np.random.default_rng(3).normal(0, 1.2, size=(2, 301, 6, 4))
    x = (x + np.pi) % (2 * np.pi) - np.pi
    table = observables.thermodynamics(dataset(model, x))
    flat = x.reshape(-1, 6, 4)
    step = np.roll(flat, -1, 1) - flat
    S = (np.cos(step) + np.cos(np.roll(flat, -1, 2) - flat)).sum((1, 2))
    twist = np.sin(step).sum((1, 2))
    wrap = lambda a: (a + np.pi) % (2 * np.pi) - np.pi  # noqa: E731
    corners = [flat, np.roll(flat, -1, 1), np.roll(flat, -1, (1, 2)), np.roll(flat, -1, 2)]
    winding = sum(wrap(corners[(k + 1) % 4] - corners[k]) for k in range(4)) / (2 * np.pi)
    spin = np.exp(1j * flat)
    m2 = np.abs(spin.sum((1, 2))) ** 2
    wave = np.exp(2j * np.pi * np.arange(6) / 6)
    structure = sum(np.abs(part.sum(2) @ wave) ** 2 for part in (spin.real, spin.imag))
    expected = {
        "energy": -S.mean() / 24,
        "specific_heat": 1.1**2 * S.var() / 24,
        "vortex_density": np.abs(np.rint(winding)).sum((1, 2)).mean() / 24,
        "helicity_modulus": np.cos(step).sum((1, 2)).mean() / 24 - 1.1 * (twist**2).mean() / 24,
        "magnetization": np.sqrt(m2).mean() / 24,
        "susceptibility": (m2.mean() - np.sqrt(m2).mean() ** 2) / 24,
        "binder": 1 - (m2**2).mean() / (2 * m2.mean() ** 2),
        "correlation_length": np.sqrt(m2.mean() / structure.mean() - 1) / (2 * np.sin(np.pi / 6)),
    }
    assert [str(name) for name in table.data_vars if not str(name).endswith("stderr")][:-2] == [
        name for name in (*observables.QUANTITIES, *observables.FURTHER) if name in expected
    ]
    for name, value in expected.items():
        assert float(table[name]) == pytest.approx(value, rel=1e-9), name
    assert table.attrs["order_parameter_components"] == 2


def test_formulae_of_vectors_and_fields_on_given_draws():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 200, 3, 4, 5))
    x[..., 0, :, :] += 0.8
    x /= np.linalg.norm(x, axis=2, keepdims=True)
    heisenberg = observables.thermodynamics(dataset(models.ON((4, 5), 3, K=0.7), x))
    m2 = (x.sum((-1, -2)) ** 2).sum(-1)
    assert float(heisenberg["binder"]) == pytest.approx(1 - 3 * (m2**2).mean() / (5 * m2.mean() ** 2))
    assert float(heisenberg["magnetization"]) == pytest.approx(np.sqrt(m2).mean() / 20)
    field = rng.normal(0.3, 1.0, size=(2, 200, 4, 5))
    for model in (models.Phi4((4, 5), -0.5, 1.2), models.GaussianField((4, 5), 0.4)):
        data = dataset(model, field)
        table = observables.thermodynamics(data)
        gradient = sum((np.roll(field, -1, axis) - field) ** 2 for axis in (-1, -2)).sum((-1, -2))
        energy = 0.5 * gradient + 0.5 * model.r * (field**2).sum((-1, -2))
        energy = energy + (0.25 * model.u * (field**4).sum((-1, -2)) if hasattr(model, "u") else 0)
        assert float(table["energy"]) == pytest.approx(energy.mean() / 20)
        assert float(table["phi2"]) == pytest.approx((field**2).mean())
        assert float(table["phi4"]) == pytest.approx((field**4).mean())
        assert "specific_heat" not in table
        bare = observables.thermodynamics(data.drop_vars("spin"))
        assert float(bare["phi4"]) == pytest.approx((field**4).mean())


@pytest.mark.parametrize(
    "model",
    [
        models.Ising((4, 4), K=0.4, h=0.1),
        models.Potts((4, 4), 4, K=0.7, h=-0.2),
        models.Clock((4, 4), 5, K=-0.7),
        models.BlumeCapel((4, 4), K=0.5, D=0.6, h=0.2),
        models.XY((4, 4), K=1.0, h=0.3),
        models.ON((4, 4), 3, K=1.0),
        models.SpinGlass((4, 4), K=1.0, h=0.1, J="gaussian"),
    ],
    ids=lambda m: type(m).__name__,
)
def test_energies_and_order_parameters_alone_say_the_same(model):
    x = np.stack([model.start(2 * k + 1, np.random.default_rng(k)) for k in range(300)]).reshape(2, 150, -1)
    data = dataset(model, x.reshape(2, 150, *model.start(0, np.random.default_rng(0)).shape))
    whole, bare = observables.thermodynamics(data), observables.thermodynamics(data.drop_vars("spin"))
    for name in ("energy", "specific_heat", "magnetization", "susceptibility", "binder"):
        assert float(bare[name]) == pytest.approx(float(whole[name]), rel=1e-9), name
        assert float(bare[f"{name}_stderr"]) == pytest.approx(float(whole[f"{name}_stderr"]), rel=1e-7), name
    assert np.isnan(bare["correlation_length"])


def test_what_energies_alone_cannot_say():
    """With several terms in H the bonds are unknown; the order parameter is not."""
    model = rg.Ising((4, 4), K=0.3, couplings={"nnn": 0.1})
    x = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.int8), size=(2, 200, 4, 4))
    bare = observables.thermodynamics(dataset(model, x).drop_vars("spin"))
    assert np.isnan(bare["energy"])
    assert float(bare["magnetization"]) > 0
    with pytest.raises(ValueError, match="neither spin nor energy in it"):
        observables.thermodynamics(dataset(model, x)[["magnetization"]])


def test_estimators_of_clusters():
    model = rg.Ising((4, 4), K=0.3)
    rng = np.random.default_rng(1)
    data = dataset(model, rng.choice(np.array([-1, 1], dtype=np.int8), size=(2, 200, 4, 4)))
    m2, m4 = rng.uniform(20, 30, (2, 200)), rng.uniform(1500, 1600, (2, 200))
    data = data.assign(cluster_m2=(("chain", "draw"), m2), cluster_m4=(("chain", "draw"), m4))
    table = observables.thermodynamics(data)
    assert float(table["susceptibility_improved"]) == pytest.approx(m2.mean() / 16)
    assert float(table["binder_improved"]) == pytest.approx(1 - m4.mean() / (3 * m2.mean() ** 2))
    error = float(table["susceptibility_improved_stderr"])
    assert 0.8 < error / (m2.std() / np.sqrt(400) / 16) < 1.25


def test_tempered_data_have_a_row_for_each_replica():
    couplings = [0.2, 0.3, 0.4]
    parts = []
    for seed, K in enumerate(couplings):
        model = rg.Ising((4, 4), K=K)
        x = np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), size=(2, 200, 4, 4))
        parts.append(dataset(model, x))
    data = xr.concat(parts, dim="replica", combine_attrs="override").transpose("chain", "draw", "replica", ...)
    data = data.assign_coords(K=("replica", couplings))
    table = observables.thermodynamics(data)
    for index, part in enumerate(parts):
        alone = observables.thermodynamics(part)
        for name in alone.data_vars:
            np.testing.assert_array_equal(table[name].values[index], alone[name].values)
    assert table["K"].values.tolist() == couplings

    slow = np.repeat(np.random.default_rng(9).choice(np.array([-1, 1], dtype=np.int8), size=(2, 2, 4, 4)), 100, axis=1)
    stuck = xr.concat([*parts[:2], dataset(rg.Ising((4, 4), K=0.4), slow)], "replica", combine_attrs="override")
    stuck = stuck.assign_coords(K=("replica", couplings))
    with pytest.warns(UserWarning, match=r"K = 0\.4: 2 x 200 draws are too few for an error bar"):
        table = observables.thermodynamics(stuck)
    assert np.isfinite(table["energy"].values).tolist() == [True, True, False]
    with pytest.raises(stats.ShortChainError):
        observables.thermodynamics(stuck.isel(replica=[2]))


def test_the_length_in_a_field_is_that_of_the_connected_part():
    """A ring in a field, all of whose states are known: of ⟨M²⟩ the larger part is ⟨M⟩²."""
    model = rg.Ising(10, K=0.7, h=0.1)
    every = proof.states(model)
    p = np.exp(-proof.energies(model, every))
    p /= p.sum()
    total = every.sum(axis=1)
    wave = np.exp(2j * np.pi * np.arange(10) / 10)
    structure = p @ np.abs(every @ wave) ** 2
    connected = p @ total**2 - (p @ total) ** 2
    k = 2 * np.sin(np.pi / 10)
    exact, wrong = (np.sqrt(square / structure - 1) / k for square in (connected, p @ total**2))
    picks = np.random.default_rng(6).choice(len(p), size=(4, 3000), p=p)
    table = observables.thermodynamics(dataset(model, every[picks].astype(np.int8)))
    length, error = float(table["correlation_length"]), float(table["correlation_length_stderr"])
    assert abs(length - exact) < 3.5 * error
    assert abs(length - wrong) > 10 * error
    glass = models.SpinGlass((8, 8), K=0.3, h=0.5)
    x = np.random.default_rng(6).choice(np.array([-1, 1], dtype=np.int8), size=(4, 500, 8, 8), p=(0.3, 0.7))
    assert np.isnan(observables.thermodynamics(dataset(glass, x))["correlation_length"])


def test_a_given_model_is_the_one_that_was_sampled():
    x = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.int8), size=(2, 200, 4, 4))
    model = rg.Ising((4, 4), K=0.3)
    bare = dataset(model, x).drop_attrs(deep=False)
    assert np.isfinite(observables.thermodynamics(bare, model=model)["energy"])
    for given in ("x", {"K": 0.3}):
        with pytest.raises(TypeError, match=r"give a model, such as rg.Ising"):
            observables.thermodynamics(bare, model=given)
    for other in (rg.Ising((2, 8), K=0.3), rg.Ising(16, K=0.3), models.ON((4, 4), 3, K=1.0)):
        with pytest.raises(ValueError, match=r"its configurations are of .*and spin is of \{'x': 4, 'y': 4\}"):
            observables.thermodynamics(bare, model=other)


def test_a_model_given_for_tempered_data_is_compared_but_for_its_coupling():
    x = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.int8), size=(2, 200, 4, 4))
    couplings = [0.2, 0.3]
    parts = [dataset(rg.Ising((4, 4), K=K), x) for K in couplings]
    data = xr.concat(parts, dim="replica", combine_attrs="override").assign_coords(K=("replica", couplings))
    own = observables.thermodynamics(data)
    for given in (data, data.drop_attrs(deep=False)):
        assert observables.thermodynamics(given, model=rg.Ising((4, 4), K=0.25)).equals(own)
    for other in (rg.Ising((4, 4), K=0.2, h=0.1), models.XY((4, 4), K=0.2)):
        with pytest.raises(ValueError, match=r"the Dataset was sampled from .*give that model"):
            observables.thermodynamics(data, model=other)
