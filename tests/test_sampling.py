"""`rgnet.sample`: labels, choices, resuming, memory, messages."""

import json

import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import stats, updates
from rgnet.sampling import join, sample
from rgnet.updates import asked, chains, exact_for

SMALL = rg.Ising((6, 4), K=0.4)
FURTHER = rg.Ising((4, 3), K=0.2, couplings={"nnn": 0.1, "corner": 0.05}, boundary=("free", "periodic"))
FIELD = rg.Ising((3, 4, 2), K=-0.2, h=0.3, boundary=("periodic", "free", "periodic"))
PAIRS = [(name, model) for model in (SMALL, FURTHER, FIELD) for name in updates.exact_for(model)]


@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_dataset_is_labelled_and_consistent(name, model):
    data = sample(model, 12, chains=3, update=name, seed=5)
    assert data["spin"].dims == ("chain", "draw", *("x", "y", "z")[: model.ndim])
    assert data["spin"].shape == (3, 12, *model.shape)
    assert data["spin"].dtype == np.int8
    assert set(np.unique(data["spin"])) <= {-1, 1}
    np.testing.assert_allclose(data["energy"], model.energy(data["spin"].values), rtol=1e-12)
    space = data["spin"].dims[2:]
    np.testing.assert_array_equal(data["magnetization"], data["spin"].astype(int).sum(space))
    assert data["magnetization"].dtype == np.int64
    assert all(isinstance(value, (str, int, float)) for value in data.attrs.values())
    assert rg.models.from_attrs(data.attrs) == model
    assert json.loads(data.attrs["boundary"]) == list(model.boundary)
    assert data.attrs["update"] == name
    assert data.attrs["level"] == 0
    assert data.attrs["scale"] == 1
    assert data.attrs["seed"] == "5"


@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_half_a_run_resumed_is_the_whole_run(name, model):
    whole = sample(model, 25, chains=3, update=name, seed=9)
    head = sample(model, 10, chains=3, update=name, seed=9)
    tail = sample(model, 15, resume=head)
    assert xr.concat([head, tail], dim="draw", combine_attrs="override").drop_attrs().identical(whole.drop_attrs())
    assert tail.attrs == whole.attrs
    last = sample(model, 3, resume=tail, seed=9, update=name, chains=3, thin=head.attrs["thin"])
    np.testing.assert_array_equal(last["draw"], [25, 26, 27])


def test_choices_can_be_repeated_by_hand():
    chosen = sample(SMALL, 8, seed=3, update="metropolis")
    again = sample(SMALL, 8, seed=3, update="metropolis", warmup=chosen.attrs["warmup"], thin=chosen.attrs["thin"])
    assert chosen.drop_attrs().identical(again.drop_attrs())
    assert "tau_energy" not in again.attrs


@pytest.mark.parametrize("name", exact_for(SMALL))
def test_work_split_into_many_calls_gives_the_same_draws(name, monkeypatch):
    options = {"chains": 2, "update": name, "warmup": 7, "thin": 5, "seed": 4}
    whole = sample(SMALL, 9, **options)
    monkeypatch.setattr(chains, "_sweeps_per_call", lambda run: 2)
    assert sample(SMALL, 9, **options).identical(whole)
    if name != "wolff":  # the pilot too
        chosen = sample(SMALL, 3, update=name, seed=8)
        monkeypatch.undo()
        assert sample(SMALL, 3, update=name, seed=8).identical(chosen)


def test_warmup_and_thinning_follow_the_autocorrelation_time():
    data = sample(rg.Ising((16, 16), K=0.42), 800, update="metropolis", seed=2)
    tau = max(data.attrs["tau_energy"], data.attrs["tau_magnetization"])
    assert data.attrs["thin"] == round(tau)
    assert data.attrs["pilot"] / 2 >= 50 * tau
    assert data.attrs["warmup"] == data.attrs["pilot"] + np.ceil(20 * tau)
    # Draws one τ apart have τ ≈ coth(1/2)/2 = 1.08 draws; the pilot knows τ within a factor of 2 or so
    assert 0.5 < stats.autocorrelation_time(abs(data["magnetization"])) < 3


def test_given_warmup_and_thinning_are_obeyed():
    """A run of one chain is its parts: states after w + t, w + 2t sweeps, whichever w and t."""
    reference = sample(SMALL, 12, chains=1, update="heat-bath", warmup=0, thin=1, seed=1)
    thinned = sample(SMALL, 2, chains=1, update="heat-bath", warmup=6, thin=3, seed=1)
    np.testing.assert_array_equal(thinned["spin"][0], reference["spin"][0, [8, 11]])
    assert (thinned.attrs["warmup"], thinned.attrs["thin"]) == (6, 3)


def test_chains_start_apart_and_have_their_own_streams():
    model = rg.Ising((8, 8), K=0.4)
    rngs = [np.random.default_rng(1) for _ in range(4)]
    starts = [chains.start(model, chain, rng)[:64] for chain, rng in enumerate(rngs)]
    assert np.all(starts[0] == 1)
    assert 0 < np.count_nonzero(starts[1] == 1) < 64
    staggered = chains.start(rg.Ising((8, 8), K=-0.4), 0, rngs[0])[:64].reshape(8, 8)
    assert rg.Ising((8, 8), K=-0.4).energy(staggered) == -0.4 * 128
    data = sample(model, 5, seed=1, warmup=20, thin=2)
    assert len({data["spin"].values[c].tobytes() for c in range(4)}) == 4


def test_seeds():
    one, same, other = (sample(SMALL, 5, seed=seed, warmup=10, thin=1) for seed in (1, 1, 2))
    assert one.identical(same)
    assert not one["spin"].identical(other["spin"])
    fresh = sample(SMALL, 5, warmup=10, thin=1)
    assert sample(SMALL, 5, warmup=10, thin=1, seed=int(fresh.attrs["seed"])).identical(fresh)


def test_wolff_sweep_is_a_fixed_number_of_clusters():
    model = rg.Ising((16, 16), K=0.3)
    data = sample(model, 200, update="wolff", seed=6, warmup=200, thin=1)
    # Mean cluster = N<m²> where s → −s is a symmetry (improved estimator): its value from the same draws.
    mean_cluster = float((data["magnetization"].astype(float) ** 2).mean()) / model.n_sites
    assert 0.7 < data.attrs["clusters_per_sweep"] * mean_cluster / model.n_sites < 1.4
    assert sample(model, 2, update="wolff", warmup=0, thin=1).attrs["clusters_per_sweep"] == 1


def test_callback_and_progress_report_draws_and_energy(capsys):
    seen = []
    data = sample(SMALL, 10, seed=1, progress=True, callback=lambda *report: seen.append(report))
    assert seen[0][0] == 0
    assert [report[1] for report in seen] == [10] * len(seen)
    assert seen[-1][0] == 10
    assert seen[-1][2] == pytest.approx(float(data["energy"].mean()) / SMALL.n_sites)
    assert "H/N" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (rg.Ising((8, 8), K=0.3), "swendsen-wang"),
        (rg.Ising((8, 8), K=0.3, h=0.1), "metropolis"),
        (rg.Ising((64, 64), K=0.3), "metropolis"),
        (rg.Ising((64, 64), K=0.44), "swendsen-wang"),
        (rg.Ising((8, 6), K=-0.3), "swendsen-wang"),
        (rg.Ising((8, 7), K=-0.3, boundary=("periodic", "free")), "swendsen-wang"),
        (rg.Ising((8, 7), K=-0.3), "metropolis"),
        (rg.Ising((8, 8), K=-0.3, h=0.1), "metropolis"),
        (rg.Ising((8, 8), K=0.0), "metropolis"),
        (rg.Ising((8, 8), K=0.3, couplings={"nnn": 0.1}), "metropolis"),
        (rg.Ising((8, 8), K=0.3, couplings={"nnn": 0.0}), "swendsen-wang"),
    ],
)
def test_auto(model, name):
    assert updates.resolve("auto", model).name == name


def test_frozen_lattice_is_sampled():
    data = sample(rg.Ising((4, 4), K=20.0), 5, seed=1)
    assert set(np.abs(data["magnetization"].values.ravel())) == {16}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 0}, "draws=0: give a whole number of at least 1"),
        ({"draws": 2.5}, "draws=2.5: give a whole number of at least 1"),
        ({"draws": True}, "draws=True: give a whole number"),
        ({"chains": 0}, "chains=0: give a whole number of at least 1"),
        ({"thin": 0}, "thin=0: give a whole number of at least 1"),
        ({"warmup": -1}, "warmup=-1: give a whole number of at least 0"),
        ({"seed": -1}, "seed=-1: give a whole number of at least 0"),
        ({"seed": "x"}, "seed='x': give a whole number"),
        ({"update": "wolf"}, "update='wolf' is unknown; .*did you mean 'wolff'"),
        ({"update": "swendsen_wang"}, "did you mean 'swendsen-wang'"),
        ({"draws": 10**12}, "GB.*sample in parts with resume="),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        sample(SMALL, **{"draws": 5, **options})


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        (rg.Ising((4, 4), K=0.0), "wolff", "parity.*exact here are metropolis, heat-bath, .*swendsen-wang"),
        (
            FURTHER,
            "wolff",
            "nnn, corner; exact here are metropolis, heat-bath, metropolis-sequential, heat-bath-sequential$",
        ),
        (
            FURTHER,
            "swendsen-wang",
            "nnn, corner; exact here are metropolis, heat-bath, metropolis-sequential, heat-bath-sequential$",
        ),
    ],
)
def test_a_pair_that_would_not_be_exact_is_refused(model, name, message):
    with pytest.raises(ValueError, match=message):
        sample(model, 5, update=name)


def test_a_chain_that_does_not_forget_its_start_is_refused(monkeypatch):
    monkeypatch.setattr(chains, "_PILOT_MOST", 512)
    with pytest.raises(ValueError, match=r"after 512 sweeps of pilot .*swendsen-wang.*warmup= and thin="):
        sample(rg.Ising((32, 32), K=0.44), 5, update="metropolis", seed=1)


def test_resume_refuses_some_of_the_chains_that_share_a_stream():
    head = sample(SMALL, 6, update="metropolis", seed=1, warmup=5, thin=2)
    assert head.attrs["kernel"] == "multispin-replicas"
    with pytest.raises(ValueError, match=r"holds 1 random states .* do not belong to the 2 chains"):
        sample(SMALL, 2, resume=head.isel(chain=slice(0, 2)))


def test_resume_refuses_what_it_does_not_continue():
    head = sample(SMALL, 6, seed=1, warmup=5, thin=2)
    with pytest.raises(ValueError, match="resume: sampled from"):
        sample(rg.Ising((6, 4), K=0.41), 2, resume=head)
    for name, value in (("chains", 2), ("update", "wolff"), ("thin", 3), ("seed", 2)):
        with pytest.raises(ValueError, match=f"resume: {name}={value} but the run had"):
            sample(SMALL, 2, resume=head, **{name: value})
    with pytest.raises(ValueError, match=r"holds \d random states? after 6 draws, which do not belong to the 4 chains"):
        sample(SMALL, 2, resume=head.isel(draw=slice(0, 3)))
    with pytest.raises(ValueError, match=r"which do not belong to the [24] chains"):
        sample(SMALL, 2, resume=head.isel(chain=slice(0, 2)))
    with pytest.raises(ValueError, match=r"which do not belong to the [24] chains"):
        sample(SMALL, 2, resume=head.isel(chain=[1, 0, 2, 3]))
    with pytest.raises(TypeError, match="resume is a str: give a Dataset"):
        sample(SMALL, 2, resume="file.h5")
    with pytest.raises(TypeError, match="give a model, such as"):
        sample((4, 4), 2)
    with pytest.raises(ValueError, match="resume: no model"):
        sample(SMALL, 2, resume=head.drop_attrs())


def test_parts_are_joined_to_the_run_that_they_are_of():
    """What `xarray.concat` makes of last_spin and of the attributes is refused, not gone on from."""
    options = {"chains": 2, "update": "metropolis", "warmup": 5, "thin": 2, "seed": 9, "configurations": False}
    whole, first = sample(SMALL, 9, **options), sample(SMALL, 4, **options)
    second = sample(SMALL, 5, resume=first, configurations=False)
    xr.testing.assert_identical(join([first, second]), whole)
    xr.testing.assert_identical(join([whole]), whole)
    after = sample(SMALL, 3, resume=join([first, second]), configurations=False)
    xr.testing.assert_identical(after, sample(SMALL, 3, resume=whole, configurations=False))
    wrong_parts = [
        (second, first, r"parts 0 and 1 do not follow one another: draw 8 is followed by 0; give .*in order"),
        (first, second.assign_attrs(update="wolff"), r"update is 'metropolis' and 'wolff'"),
        (first, second.assign_attrs(seed="10"), r"seed is '9' and '10'"),
        (first, second.isel(chain=[0]), r"their chain differ"),
        (first.drop_vars("chain"), second.drop_vars("chain").isel(chain=[0]), r"chain has 2 and 1"),
        (first, second.drop_vars("energy"), r"only one of them holds energy"),
    ]
    for one, two, message in wrong_parts:
        with pytest.raises(ValueError, match=message):
            join([one, two])
    for none in ([], [first.isel(draw=slice(0)), second]):
        with pytest.raises(ValueError, match="give the Datasets of one run"):
            join(none)
    spread = xr.concat([first, second], "draw", data_vars="all", coords="different", compat="equals")
    with pytest.raises(ValueError, match=r"joined by rgnet\.join"):
        sample(SMALL, 3, resume=spread, configurations=False)
    wrong = xr.concat([first, second], "draw", data_vars="minimal", coords="minimal", compat="override")
    for data in (spread, wrong):
        with pytest.raises(ValueError, match=r"last_spin is not that of the last draw.*rgnet\.join"):
            sample(SMALL, 3, resume=data.assign_attrs(second.attrs), configurations=False)


@pytest.mark.parametrize(("model", "wide"), [(SMALL, 16), (rg.XY((4, 4), K=1.0), 8 + 16 + 8 + 16 + 16)])
def test_memory_is_counted_by_what_is_kept(monkeypatch, model, wide):
    run = {"chains": 2, "update": "metropolis", "warmup": 1, "thin": 1, "configurations": False}
    data = sample(model, 4, **run)
    bytes_of_a_draw = sum(v.dtype.itemsize * v[0, 0].size for n, v in data.data_vars.items() if n != "last_spin")
    assert bytes_of_a_draw <= wide
    memory = 100 * 2 * bytes_of_a_draw / 0.8
    monkeypatch.setattr(asked.os, "sysconf", lambda name: 1 if name == "SC_PAGE_SIZE" else memory)
    sample(model, 100, **run)
    with pytest.raises(ValueError, match=r"draws=101: 2 chains of 101 . quantities take .*, or take fewer draws"):
        sample(model, 101, **run)
    with pytest.raises(ValueError, match=r"keep energies alone with configurations=False"):
        sample(model, 100, **(run | {"configurations": True}))


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        (rg.XY((4, 4), K=1.0), "auto+wolff", r"auto chooses a whole move \(here 'wolff\+over-relaxation'\)"),
        (rg.XY((4, 4), K=1.0), "wolff+", r"a name is missing beside a \+; exact here are metropolis"),
        (rg.BlumeCapel((4, 4), K=1.0, D=0.5), "wolff", r"joined with one of them swendsen-wang, such as 'metro"),
        (rg.Phi4((4, 4), r=-0.5, u=0.8), "direct", r"joined with one of them over-relaxation, wolff, swendsen-wang"),
    ],
)
def test_refusals_say_what_works(model, name, message):
    with pytest.raises(ValueError, match=message):
        updates.resolve(name, model)
