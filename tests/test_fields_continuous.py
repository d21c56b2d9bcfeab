"""Models by two functions: against φ⁴ and XY chains by quadrature, the examples of the docstring, and refusals."""

import doctest
import json
import math
import sys
import types

import numpy as np
import pytest
import scipy.stats
import xarray as xr

import rgnet as rg
from rgnet import stats, updates
from rgnet.exact import quadrature
from rgnet.models import ContinuousModel, Phi4, _code, continuous
from rgnet.sampling import sample
from rgnet.updates import chains, matrix


def spring(a, b):
    return -0.5 * (a - b) * (a - b)


def well(a):
    return 0.5 * a * a - 0.2 * a * a * a * a + 0.1 * a


def aligned(a, b):
    return 1.3 * math.cos(a - b)


STIFFNESS = 0.4


def reading(a, b):
    return -STIFFNESS * (a - b) * (a - b)


def test_the_documented_examples_run():
    assert doctest.testmod(continuous).failed == 0


def test_phi4_by_functions():
    """H and moments of a triangle; r = −1, u = 0.8, h = 0.1."""
    model = ContinuousModel(3, bond=spring, site=well)
    x = np.random.default_rng(1).normal(size=(5, 3))
    np.testing.assert_allclose(model.energy(x), Phi4(3, r=-1.0, u=0.8, h=0.1).energy(x))
    data = sample(model, 6000, update="metropolis", warmup=100, thin=6, seed=2)
    exact = quadrature.phi4(3, -1.0, 0.8, 0.1)
    np.testing.assert_allclose(data["energy"].values, model.energy(data["spin"].values), atol=1e-10)
    for found, value in (
        (data["energy"], exact.energy),
        (data["magnetization"], exact.magnetization),
        ((data["spin"] ** 2).sum("x"), exact.phi2),
    ):
        assert 2 * scipy.stats.norm.sf(abs(stats.mean(found).z(value))) > 1e-4


@pytest.mark.parametrize("name", ["metropolis", "metropolis-sequential"])
def test_the_xy_ring_by_functions(name):
    model = ContinuousModel(6, bond=aligned, domain=(-math.pi, math.pi), is_symmetric=True)
    data = sample(model, 3000, update=name, warmup=100, thin=10, seed=3)
    x, w = quadrature.circle(64)
    bond = 1.3 * np.cos(x[:, None] - x[None])
    _, means = quadrature.chain(0 * x, bond, w, 6, on_bonds={"bond": bond})
    assert 2 * scipy.stats.norm.sf(abs(stats.mean(data["energy"]).z(-means["bond"]))) > 1e-4
    assert data.attrs["values"] == "angles"
    spins = data["spin"].values
    assert -math.pi <= spins.min() < spins.max() < math.pi
    order = model.order_field(spins)
    np.testing.assert_allclose(order.sum(axis=-1), data["magnetization"].values, atol=1e-10)
    lengths = np.hypot(*np.moveaxis(data["magnetization"].values, -1, 0))
    np.testing.assert_allclose(model.watch(spins)["magnetization"], lengths)


def test_resumed_and_rebuilt_by_name():
    model = ContinuousModel((3, 4), bond=spring, site=well, boundary="free")
    options = {"update": "metropolis", "warmup": 20, "thin": 2, "chains": 2, "seed": 3}
    whole, half = sample(model, 8, **options), sample(model, 3, **options)
    rest = sample(model, 5, resume=half)
    np.testing.assert_array_equal(whole["spin"].values[:, 3:], rest["spin"].values)
    assert model.to_dict()["bond"].endswith(":spring")
    data = ContinuousModel((3, 4), bond=matrix._spring, site=matrix._well).to_dict()
    assert data["bond"] == "rgnet.updates.matrix:_spring"
    assert rg.models.from_dict(data).to_dict() == data


def _made(strength, place):
    """A spring by its text, as another module would hold it, with a helper inside."""
    space = {}
    text = f"def outer():\n  k = {strength}\n  def f(a, b):\n    return -k * (a - b) * (a - b)\n  return f\nf = outer()"
    exec(compile("\n" * place + text, f"module_{place}.py", "exec"), space)
    return space["f"]


def test_the_code_of_a_function_is_its_text_and_not_its_place():
    assert _code.digest(_made(0.5, 0), None) == _code.digest(_made(0.5, 7), None)
    assert _code.digest(_made(0.5, 0), None) != _code.digest(_made(0.4, 0), None)
    assert _code.digest(spring, well) != _code.digest(matrix._spring, well)
    assert _code.digest(spring, None) != _code.digest(None, spring)


READING = {
    "a global": "J = {}\ndef f(a, b):\n  return -J * (a - b) ** 2",
    "a default": "def f(a, b, J={}):\n  return -J * (a - b) ** 2",
    "a keyword": "def f(a, b, *, J={}):\n  return -J * (a - b) ** 2",
    "a helper": "def g(a):\n  return {} * a * a\ndef f(a, b):\n  return -g(a - b)",
    "a helper's global": "J = {}\ndef g(a):\n  return J * a * a\ndef f(a, b):\n  return -g(a - b)",
    "a function within": "J = {}\ndef f(a, b):\n  g = lambda x: J * x * x\n  return -g(a - b)",
    "a long array": "import numpy\nJ = numpy.ones(5000)\nJ[2500] = {}\ndef f(a, b):\n  return -J[2500] * (a - b) ** 2",
    "a tuple": "J = (1, ({}, 2))\ndef f(a, b):\n  return -J[1][0] * (a - b) ** 2",
    "a cycle": "J = {}\ndef f(a, b):\n  return g(a, b)\ndef g(a, b):\n  return -J if a < b else f(b, a)",
    "a module": "import types\nm = types.ModuleType('m')\nm.J = {}\ndef f(a, b):\n  return -m.J * (a - b) ** 2",
    "a jitted helper": "import numba\n@numba.njit\ndef g(a):\n  return {} * a\ndef f(a, b):\n  return g(a) * g(b)",
}


@pytest.mark.parametrize("text", READING.values(), ids=READING)
def test_every_value_that_a_function_reads_is_its_code(text):
    def digest(strength):
        space = {"__name__": "elsewhere"}
        exec(text.format(strength), space)
        return _code.digest(space["f"])

    assert digest(0.4) == digest(0.4) != digest(0.8)


def test_a_global_that_changed_is_compiled_anew(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "STIFFNESS", 0.4)
    before = ContinuousModel(3, bond=reading).energy([0.0, 1.0, 0.0])
    stored = ContinuousModel(3, bond=reading).to_dict()
    assert rg.models.from_dict(stored).to_dict() == stored
    monkeypatch.setattr(sys.modules[__name__], "STIFFNESS", 0.8)
    assert ContinuousModel(3, bond=reading).energy([0.0, 1.0, 0.0]) == pytest.approx(2 * before)
    with pytest.raises(ValueError, match=r"bond='.*:reading', site=None: their code has changed .*restore the module"):
        rg.models.from_dict(stored)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ContinuousModel((4, 4), bond=3), r"bond=3: give a function of two floats"),
        (lambda: ContinuousModel((4, 4), bond=lambda a: a), r"could not compile or call it .*two floats"),
        (lambda: ContinuousModel((4, 4), bond=lambda a, b: a - b), r"a bond has no direction"),
        (lambda: ContinuousModel((4, 4), bond=lambda a, b: math.log(-a * b)), r"it is nan at .*finite numbers"),
        (lambda: ContinuousModel((4, 4), bond=spring, domain=(1.0, 1.0)), r"low must be below high"),
        (lambda: ContinuousModel((4, 4), bond=spring, domain=(0.0, math.nan)), r"domain\[1\]=nan"),
        (lambda: ContinuousModel((4, 4), bond=spring, is_symmetric=1), r"say True or False"),
        (lambda: ContinuousModel((4, 4), bond=spring).energy(np.zeros(3)), r"shape \(3,\)"),
    ],
)
def test_bad_input_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("name", ["__main__:bond", "somewhere:f.<locals>.g", "no_such_module:f", "math:no_such_name"])
def test_functions_that_cannot_be_found_are_named(name):
    data = ContinuousModel((4, 4), bond=spring).to_dict() | {"bond": name}
    with pytest.raises(ValueError, match=r"bond=.*put it at the top of a module"):
        rg.models.from_dict(data)


def test_other_moves_are_refused():
    with pytest.raises(ValueError, match=r"heat-bath moves configurations of .*exact here are metropolis"):
        updates.resolve("heat-bath", ContinuousModel((4, 4), bond=spring))


@pytest.mark.parametrize("low", [-2 * math.pi, -3 * math.pi, -math.pi, 0.0, math.pi])
def test_chains_start_inside_the_domain(low):
    for width in (2 * math.pi, math.pi):
        model = ContinuousModel(5, bond=aligned, domain=(low, low + width))
        for chain in (0, 1):
            x = model.start(chain, np.random.default_rng(1))
            assert (low <= x).all()
            assert (x < low + width).all()


def test_functions_of_the_script_that_runs_are_found(monkeypatch):
    """Where the attribute cannot give the model, it is given."""
    main = sys.modules["__main__"]
    mine = types.FunctionType(spring.__code__, {}, "mine")
    mine.__module__, mine.__qualname__ = "__main__", "mine"
    model = ContinuousModel(3, bond=mine, site=well)
    x = np.random.default_rng(2).normal(size=(2, 200, 3))
    kept = {"energy": (("chain", "draw"), model.energy(x)), "spin": (("chain", "draw", "x"), x)}
    data = xr.Dataset(kept, attrs={"model": json.dumps(model.to_dict()), **model.attributes})
    with pytest.raises(ValueError, match=r"lost with it .*give it as model= to"):
        rg.observables.thermodynamics(data)
    with pytest.raises(ValueError, match=r"lost with it .*or rgnet.models.order_field"):
        rg.models.order_field(data)
    np.testing.assert_array_equal(rg.models.order_field(data, model=model)["spin"], x)
    given = rg.observables.thermodynamics(data, model=model)
    with pytest.raises(ValueError, match=r"was sampled from .*give that model"):
        rg.observables.thermodynamics(data, model=ContinuousModel(3, bond=spring))
    monkeypatch.setattr(main, "mine", mine, raising=False)
    assert rg.observables.thermodynamics(data).identical(given)
    monkeypatch.setattr(main, "mine", aligned)
    with pytest.raises(ValueError, match=r"bond='__main__:mine', .*their code has changed since"):
        rg.observables.thermodynamics(data)


def test_a_pilot_that_cannot_settle_names_the_weight(monkeypatch):
    monkeypatch.setattr(chains, "_PILOT_MOST", 128)
    monkeypatch.setattr(chains, "_PILOT_TIMES", math.inf)
    with pytest.raises(ValueError, match=r"the weight cannot be normalised, and the values run away"):
        sample(ContinuousModel(3, bond=spring, site=well), 5, chains=2, seed=1)
