"""The model of dimers: input, links, field, heights, winding; and what sampling makes of it."""

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet import models, store
from rgnet.exact import dimers as exact
from rgnet.models import Dimers
from rgnet.models.dimers import columnar, field, flux, from_links, heights, links
from rgnet.sampling import sample

TORUS = exact.coverings((4, 4))
FREE = exact.coverings((4, 5), "free")


@pytest.mark.parametrize(
    "model",
    [
        Dimers((4, 6), K=0.3),
        Dimers((4, 5), T=-2.0, boundary="free"),
        Dimers((5, 4), K=0, boundary=("free", "periodic")),
    ],
)
def test_a_model_survives_json(model):
    again = models.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again == model
    assert hash(again) == hash(model)
    assert model.n_sites == np.prod(model.shape)
    assert model.ndim == 2
    assert not model.is_symmetric


def test_temperature():
    assert Dimers((4, 4), T=15).K == 1 / 15
    assert Dimers((4, 4), K=0.5).T == 2.0
    assert np.isposinf(Dimers((4, 4), K=0.0).T)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (4, 4, 4), "K": 1.0}, r"give two sides"),
        ({"shape": 8, "K": 1.0}, r"give two sides"),
        (
            {"shape": (3, 5), "K": 1.0, "boundary": "free"},
            r"15 sites are an odd number, and the two sublattices unequal",
        ),
        ({"shape": (3, 4), "K": 1.0}, r"a periodic side of odd length"),
        ({"shape": (4, 4)}, r"give the coupling K or the temperature"),
        ({"shape": (4, 4), "K": 1.0, "T": 1.0}, r"one of the two"),
        ({"shape": (4, 4), "T": 0}, r"T=0: the reduced coupling"),
        ({"shape": (4, 4), "K": np.nan}, r"K=nan: a coupling is a finite real number"),
        ({"shape": (4, 4), "T": "hot"}, r"T='hot': a coupling is a finite"),
        ({"shape": (4, 4), "K": True}, r"K=True"),
        ({"shape": (4, 4), "K": 1e308}, r"K=1e\+308: energies .* would overflow"),
        ({"shape": (4, 4), "T": 1e-308}, r"T=1e-308: energies .* would overflow at K = 1e\+308; use a larger \|T\|"),
        ({"shape": (4, 4), "T": -1e-310}, r"T=-1e-310: the reduced coupling K = 1/T would be infinite"),
        ({"shape": (4, 4), "K": 1.0, "boundary": "open"}, r"boundary='open'"),
        ({"shape": (1, 4), "K": 1.0}, r"periodic side of length 1"),
    ],
)
def test_impossible_models(options, message):
    with pytest.raises(ValueError, match=message):
        Dimers(**options)


def test_no_coverings():
    model = Dimers((4, 4), K=1.0)
    x = TORUS[7].copy()
    with pytest.raises(ValueError, match=r"configurations of shape \(4, 6\)"):
        model.energy(np.zeros((4, 6)))
    x[0, 0] = (x[0, 0] + 1) % 4
    with pytest.raises(ValueError, match=r"no coverings by dimers: each site of 0, 1, 2, 3"):
        model.energy(x)
    with pytest.raises(ValueError, match=r"no coverings"):
        model.energy(np.full((4, 4), 4))
    with pytest.raises(ValueError, match=r"no coverings"):
        Dimers((4, 4), K=1.0, boundary="free").energy(TORUS)  # some dimers cross the seam
    for function in (links, field, flux, heights, columnar):
        with pytest.raises(ValueError, match=r"that are no dimers"):
            function(np.full((4, 4), -1))
    with pytest.raises(ValueError, match=r"give \(\.\.\., 2, x, y\)"):
        from_links(np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"without a dimer or with several"):
        from_links(-np.ones((2, 4, 4)))


@pytest.mark.parametrize("x", [TORUS, FREE, exact.coverings((2, 4))], ids=["torus", "free", "double bonds"])
def test_links_and_back(x):
    spins = links(x)
    assert spins.dtype == np.int8
    assert spins.shape == (len(x), 2, *x.shape[1:])
    assert ((spins == 1).sum(axis=(1, 2, 3)) == x[0].size // 2).all()
    np.testing.assert_array_equal(from_links(spins), x)


def test_the_field_has_no_divergence_and_one_flux():
    E = field(TORUS)
    divergence = sum(E[:, axis] - np.roll(E[:, axis], 1, axis=1 + axis) for axis in (0, 1))
    np.testing.assert_array_equal(divergence, 0.0)
    for axis in (0, 1):  # through every section
        np.testing.assert_array_equal(E[:, axis].sum(axis=2 - axis), np.repeat(flux(TORUS)[:, axis, None], 4, axis=1))
    assert abs(flux(TORUS)).sum(axis=1).max() == 2


@pytest.mark.parametrize(("x", "boundary"), [(TORUS, "periodic"), (FREE, "free")], ids=["torus", "free"])
def test_heights_step_by_the_field_everywhere(x, boundary):
    h, E = heights(x, boundary), field(x)
    assert h.shape == (len(x), *(side - (boundary == "free") for side in x.shape[1:]))
    inner = (slice(None), slice(None, h.shape[1]), slice(None, h.shape[2]))
    np.testing.assert_array_equal(np.diff(h, axis=2), E[:, 0][inner][:, :, 1:])
    np.testing.assert_array_equal(np.diff(h, axis=1), -E[:, 1][inner][:, 1:])
    if boundary == "periodic":  # across the seams, with the winding
        winding = flux(x)
        np.testing.assert_array_equal(h[:, :, 0] + winding[:, :1] - h[:, :, -1], E[:, 0, :, 0])
        np.testing.assert_array_equal(h[:, 0] - winding[:, 1:] - h[:, -1], -E[:, 1, 0])


def test_columns_and_staggered_states():
    columns = Dimers((6, 4), K=1.0).start(0, np.random.default_rng(0))
    across = Dimers((6, 4), K=1.0).start(2, np.random.default_rng(0))
    np.testing.assert_allclose(columnar(np.stack([columns, across])), np.eye(2))
    assert Dimers((6, 4), K=1.0).energy(columns) == -12.0
    staggered = Dimers((6, 4), K=-1.0).start(0, np.random.default_rng(0))
    assert Dimers((6, 4), K=-1.0).energy(staggered) == 0.0
    assert abs(flux(staggered)).tolist() == [2, 0]


shapes = st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda s: s[0] * s[1] % 2 == 0)
boundaries = st.tuples(*[st.sampled_from(["periodic", "free"])] * 2)


@settings(max_examples=60, deadline=None)
@given(shapes, boundaries, st.sampled_from([-1.0, 0.0, 1.0]), st.integers(0, 5))
def test_every_start_is_a_covering(shape, boundary, K, chain):
    boundary = ["free" if side % 2 else name for side, name in zip(shape, boundary, strict=True)]
    model = Dimers(shape, K=K, boundary=boundary)
    x = model.start(chain, np.random.default_rng(chain))
    assert x.dtype == np.int8
    model.check(x)
    model.check(from_links(links(x)))


def test_odd_chains_start_in_disorder():
    model = Dimers((32, 32), K=0.0)
    x = model.start(1, np.random.default_rng(1))
    mean = model.n_sites / 4  # of N_∥ at K = 0: a plaquette has two parallel dimers with probability 1/4
    assert abs(model.parallel(x) - mean) < 0.25 * mean


def test_a_sample_is_labelled():
    model = Dimers((4, 6), K=0.4)
    data = sample(model, 12, chains=3, seed=5)
    assert data["spin"].dims == ("chain", "draw", "x", "y")
    assert data["spin"].dtype == np.int8
    assert models.from_attrs(data.attrs) == model
    assert (data.attrs["update"], data.attrs["values"]) == ("worm", "directions")
    assert {"tau_energy", "tau_columnar", "tau_flux", "worms_per_sweep"} <= set(data.attrs)
    np.testing.assert_array_equal(data["energy"], model.energy(data["spin"].values))
    np.testing.assert_array_equal(data["parallel"], model.parallel(data["spin"].values))
    np.testing.assert_array_equal(np.stack([data["flux_x"], data["flux_y"]], axis=-1), flux(data["spin"].values))
    assert "magnetization" not in data


def test_two_halves_are_the_whole():
    model = Dimers((6, 5), K=-0.7, boundary=("periodic", "free"))
    whole = sample(model, 20, seed=3)
    half = sample(model, 8, seed=3)
    rest = sample(model, 12, resume=half)
    xr.testing.assert_identical(xr.concat([half, rest], "draw").drop_attrs(), whole.drop_attrs())
    assert rest.attrs == whole.attrs
    with pytest.raises(ValueError, match=r"resume: sampled from"):
        sample(Dimers((6, 5), K=-0.8, boundary=("periodic", "free")), 12, resume=half)


def test_links_of_a_dataset():
    data = sample(Dimers((4, 6), K=0.4), 5, chains=2, seed=5, warmup=5, thin=1)
    spins = links(data)
    assert spins["spin"].dims == ("chain", "draw", "component", "x", "y")
    np.testing.assert_array_equal(spins["spin"], links(data["spin"].values))
    assert spins.attrs["values"] == "links"
    np.testing.assert_array_equal(spins["energy"], data["energy"])
    again = from_links(spins)
    xr.testing.assert_identical(again.transpose(*data.sizes), data)
    with pytest.raises(ValueError, match=r"with links: links takes what rgnet.sample returns"):
        links(spins)
    levels = rg.Network([rg.Majority(2)]).levels(spins)
    assert levels[1]["spin"].dims == ("chain", "draw", "component", "x", "y")


def test_what_needs_spins_refuses_directions():
    data = sample(Dimers((4, 4), K=0.4), 20, chains=2, seed=5, warmup=5, thin=1)
    for call in (
        lambda: rg.Majority(2)(data),
        lambda: rg.Network([rg.Majority(2)]).levels(data),
        lambda: rg.flow.mcrg([data, data]),
        lambda: rg.flow.couplings([data]),
    ):
        with pytest.raises(ValueError, match=r"directions of dimers, 0 to 3, and no spins: give .*links\(data\)"):
            call()
    with pytest.raises(ValueError, match=r"about='K' of Dimers.*Var of model.conjugate.*about=labels") as caught:
        rg.information.retained([data, data], about="K")
    assert "links(" not in str(caught.value)  # which would be refused in turn
    with pytest.raises(ValueError, match=r"2 components, such as the links of dimers.*give labels as about="):
        rg.information.retained([links(data)], about="K")


def test_what_links_keep_about_a_label():
    """The remedy where the score about K is not to be had."""
    data = sample(Dimers((4, 4), K=0.4), 400, chains=2, seed=5, warmup=50, thin=2)
    labels = (data["parallel"] > data["parallel"].mean()).astype(int)
    found = rg.information.retained([links(data)], about=labels)
    assert 0.0 < float(found["information"][0]) < np.log(2) + 0.1


def test_thermodynamics_of_dimers():
    data = sample(Dimers((4, 4), K=0.4), 400, chains=2, seed=5, warmup=50, thin=2)
    found = rg.observables.thermodynamics(data)
    assert float(found["energy"]) == pytest.approx(-float(data["parallel"].mean()) / 16)


def test_a_file_holds_it_all_in_about_the_bits_of_its_entropy(tmp_path):
    data = sample(Dimers((32, 32), K=0.1), 200, chains=2, seed=5, warmup=50, thin=2)
    store.write(tmp_path / "dimers.h5", {"data": data, "links": links(data)[["spin"]]}, {})
    tree = store.open(tmp_path / "dimers.h5")
    xr.testing.assert_identical(tree["data"].to_dataset().load(), data)
    np.testing.assert_array_equal(tree["links"]["spin"], links(data)["spin"])
    # int8 compressed and bits together: below 3 bits a site, where the entropy is 0.42
    assert (tmp_path / "dimers.h5").stat().st_size < data["spin"].size * 3 / 8 + 100_000
