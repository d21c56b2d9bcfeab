"""The Ising model: its energy against explicit sums, its arguments, its plain data."""

import dataclasses
import math

import numpy as np
import pytest

import rgnet as rg


def test_energy_against_explicit_sums():
    x = np.random.default_rng(0).choice([-1, 1], size=(7, 4, 6))
    model = rg.Ising((4, 6), K=0.3, h=-0.2, couplings={"nnn": 0.05, "plaquette": -0.1})
    down, right = np.roll(x, -1, 1), np.roll(x, -1, 2)
    diagonal, other = np.roll(down, -1, 2), np.roll(down, 1, 2)
    expected = -(
        0.3 * (x * (down + right)) - 0.2 * x + 0.05 * x * (diagonal + other) - 0.1 * x * down * right * diagonal
    ).sum((1, 2))
    np.testing.assert_allclose(model.energy(x), expected, atol=1e-12)


def test_free_boundary_loses_bonds():
    up = np.ones((3, 5), dtype=np.int8)
    assert rg.Ising((3, 5), K=1.0).energy(up) == -30.0
    assert rg.Ising((3, 5), K=1.0, boundary="free").energy(up) == -22.0
    assert rg.Ising((3, 5), K=1.0, boundary=("free", "periodic")).energy(up) == -25.0


def test_zero_couplings():
    assert rg.Ising(8, K=0.0).energy(np.ones((3, 8))).tolist() == [0.0] * 3


def test_temperature():
    assert pytest.approx(0.4, abs=1e-15) == rg.Ising((4, 4), T=2.5).K
    assert rg.Ising((4, 4), K=-0.5).T == -2.0
    assert math.inf == rg.Ising((4, 4), K=0.0).T


def test_plain_data_round_trip():
    mine = rg.operators.operator("knight", [(0, 0), (1, 2)])
    model = rg.Ising((4, 6), K=0.3, h=0.1, couplings={mine: 0.2, "nnn": 0.1}, boundary=("free", "periodic"))
    assert rg.models.from_dict(model.to_dict()) == model
    assert hash(rg.models.from_dict(model.to_dict())) == hash(model)
    assert dataclasses.replace(model, K=0.5).K == 0.5
    assert dataclasses.replace(model, K=0.5).couplings == model.couplings


def test_symmetry():
    assert rg.Ising(4, K=1.0, couplings={"nnn": 0.1}).is_symmetric
    assert not rg.Ising(4, K=1.0, h=0.1).is_symmetric
    assert not rg.Ising((4, 4), K=1.0, couplings={"corner": 0.1}).is_symmetric


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"K": math.nan}, "K=nan: a coupling is a finite real number"),
        ({"K": math.inf}, "K=inf"),
        ({"K": "0.4"}, "K='0.4'"),
        ({"K": True}, "K=True"),
        ({"K": 0.4j}, "K=0.4j"),
        ({}, "give the coupling K or the temperature T"),
        ({"K": 0.4, "T": 2.5}, "one of the two"),
        ({"T": 0}, "T=0: the reduced coupling"),
        ({"K": 0.4, "h": math.nan}, "h=nan"),
        ({"K": 0.4, "couplings": {"nn": 0.1}}, "give it as K="),
        ({"K": 0.4, "couplings": {"m": 0.1}}, "give it as h="),
        ({"K": 0.4, "couplings": {"phi2": 0.1}}, "powers of a spin"),
        ({"K": 0.4, "couplings": {"nnnn": 0.1}}, "'nnnn' is unknown"),
        ({"K": 0.4, "couplings": {"nnn": math.inf}}, r"couplings\['nnn'\]=inf"),
        ({"K": 0.4, "boundary": "open"}, "boundary='open'"),
        ({"K": 0.4, "couplings": ["nnn"]}, "give a mapping of operators to numbers"),
        ({"K": 0.4, "couplings": 0.1}, "give a mapping of operators to numbers"),
        ({"K": 0.4, "couplings": {rg.operators.operator("mine", [(0, 0), (0, 1)]): 0.1}}, "give it as K="),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        rg.Ising((4, 4), **arguments)


def test_operators_are_known_by_their_terms_not_their_names():
    knight = rg.operators.operator("phillip", [(0, 0), (1, 2)])
    assert rg.Ising((4, 4), K=0.4, couplings={knight: 0.1}).couplings == ((knight, 0.1),)


def test_configurations_of_another_lattice_or_alphabet():
    model = rg.Ising((4, 4), K=0.4)
    with pytest.raises(ValueError, match=r"shape \(3, 5\): this model's lattice is \(4, 4\)"):
        model.energy(np.ones((3, 5)))
    with pytest.raises(ValueError, match="values other than ±1; recode them"):
        model.energy(np.zeros((4, 4)))


def test_unknown_model():
    with pytest.raises(ValueError, match="model name='Isnig': known are Ising"):
        rg.models.from_dict({"name": "Isnig"})


def test_nearest_neighbours_of_the_triangular_lattice_are_those_of_K():
    """All three directions are K's, however they are written; one of them by itself is an anisotropy."""

    def made(*vectors):
        terms = [rg.operators.operator("", ((0, 0), v), symmetrize=False).terms[0] for v in vectors]
        return rg.Operator("mine", tuple(terms))

    with pytest.raises(ValueError, match="give it as K="):
        rg.Ising((4, 4), K=0.4, lattice="triangular", couplings={made((-1, 1), (0, 1), (1, 0)): 0.1})
    model = rg.Ising((4, 4), K=0.4, lattice="triangular", couplings={made((1, 0)): 0.1})
    assert model.energy(np.ones((4, 4))) == pytest.approx(-16 * (3 * 0.4 + 0.1))
