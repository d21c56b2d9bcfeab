"""Sampling that is cut anywhere goes on from its checkpoints as if it had not been cut."""

import numpy as np
import pytest

import rgnet as rg
from rgnet import store
from rgnet.models import Dimers
from rgnet.sampling import sample
from rgnet.updates import chains, exact_for

MODEL = rg.Ising((6, 4), K=0.4)
DIMERS = Dimers((4, 6), K=0.4, boundary=("periodic", "free"))


class Cut(Exception):
    """Stands for the end of a process: nothing of it but files survives."""


def cut_after(reports):
    count = 0

    def callback(*_):
        nonlocal count
        count += 1
        if count > reports:
            raise Cut

    return callback


@pytest.fixture(autouse=True)
def short_calls(monkeypatch):
    """Kernel calls of two sweeps, so that even a small run reports often."""
    monkeypatch.setattr(chains, "_sweeps_per_call", lambda run: 2)
    monkeypatch.setattr("rgnet.updates.wolff._SITES_PER_CALL", 2 * MODEL.n_sites)
    monkeypatch.setattr("rgnet.updates.worm._PIVOTS_PER_CALL", 2 * DIMERS.n_sites)


# Every move with and without a pilot; a pilot for one of its two answers alone, which no move knows of, with two moves
CASES = [(m, name, given) for m in (MODEL, DIMERS) for name in exact_for(m) for given in ({}, {"warmup": 9, "thin": 5})]
CASES += [
    (m, name, given) for m, name in ((MODEL, "wolff"), (DIMERS, "worm")) for given in ({"warmup": 9}, {"thin": 2})
]


@pytest.mark.parametrize(("model", "update", "given"), CASES, ids=lambda value: str(value).partition("(")[0])
def test_a_run_cut_again_and_again_is_the_whole_run(tmp_path, model, update, given, monkeypatch):
    if len(given) < 2:  # the pilot takes hundreds of sweeps
        monkeypatch.setattr(chains, "_sweeps_per_call", lambda run: 16)
    options = {"chains": 2, "update": update, "seed": 4, **given}
    whole = sample(model, 12, **options)
    rng = np.random.default_rng(1)
    cuts = 0
    while True:
        every = 0.0 if rng.random() < 0.7 else 60.0  # some of the runs die before their first checkpoint
        try:
            callback = cut_after(int(rng.integers(1, 6 if len(given) == 2 else 12)))
            data = sample(model, 12, **options, checkpoint=tmp_path / "run", checkpoint_every=every, callback=callback)
            break
        except Cut:
            cuts += 1
    assert cuts > 0
    assert data.identical(whole)
    again = sample(
        model, 12, **options, checkpoint=tmp_path / "run", callback=cut_after(0 if (tmp_path / "run").exists() else 999)
    )
    assert again.identical(whole)


def test_a_resumed_run_is_checkpointed_too(tmp_path):
    head = sample(MODEL, 5, seed=2, warmup=4, thin=3)
    whole = sample(MODEL, 9, resume=head)
    with pytest.raises(Cut):
        sample(MODEL, 9, resume=head, checkpoint=tmp_path, checkpoint_every=0, callback=cut_after(5))
    assert list(tmp_path.glob("part-*.h5"))
    assert sample(MODEL, 9, resume=head, checkpoint=tmp_path).identical(whole)
    other = sample(MODEL, 6, seed=2, warmup=4, thin=3)
    with pytest.raises(ValueError, match=r"holds another run \(begins"):
        sample(MODEL, 9, resume=other, checkpoint=tmp_path)


def test_an_unseeded_run_is_the_one_in_the_folder(tmp_path):
    with pytest.raises(Cut):
        sample(MODEL, 9, warmup=3, thin=1, checkpoint=tmp_path, checkpoint_every=0, callback=cut_after(6))
    data = sample(MODEL, 9, warmup=3, thin=1, checkpoint=tmp_path)
    assert sample(MODEL, 9, warmup=3, thin=1, seed=int(data.attrs["seed"])).identical(data)


def test_a_damaged_part_is_drawn_again(tmp_path):
    options = {"seed": 4, "warmup": 3, "thin": 1}
    whole = sample(MODEL, 12, **options)
    sample(MODEL, 12, **options, checkpoint=tmp_path, checkpoint_every=0)
    parts = sorted(tmp_path.glob("part-*.h5"))
    assert len(parts) >= 4
    for damaged in (parts[2], parts[0]):
        damaged.write_bytes(damaged.read_bytes()[:-7])
        assert sample(MODEL, 12, **options, checkpoint=tmp_path).identical(whole)
        store.verify(damaged)


def test_parts_of_two_processes_are_one_row(tmp_path):
    """Two runs of one point, cut at different draws, in one folder."""
    options = {"seed": 4, "warmup": 3, "thin": 2}
    whole = sample(MODEL, 30, **options)
    for reports in (9, 14, 11):
        with pytest.raises(Cut):
            sample(MODEL, 30, **options, checkpoint=tmp_path / "a", checkpoint_every=0, callback=cut_after(reports))
        for path in (tmp_path / "a").iterdir():
            (tmp_path / "both").mkdir(exist_ok=True)
            path.rename(tmp_path / "both" / path.name)
    assert sample(MODEL, 30, **options, checkpoint=tmp_path / "both").identical(whole)


def test_a_run_may_become_longer_but_not_shorter_or_another(tmp_path):
    options = {"seed": 4, "warmup": 3, "thin": 2, "checkpoint": tmp_path}
    sample(MODEL, 6, **options, checkpoint_every=0)
    assert sample(MODEL, 9, **options).identical(sample(MODEL, 9, seed=4, warmup=3, thin=2))
    with pytest.raises(ValueError, match=r"draws=4: the checkpoints in .* hold \d draws .* at least as many"):
        sample(MODEL, 4, **options)
    with pytest.raises(ValueError, match=r"holds another run \(thin 2 there, 3 now\); give another folder"):
        sample(MODEL, 9, **{**options, "thin": 3})
    with pytest.raises(ValueError, match=r"holds another run \(seed 4 there, None now"):
        sample(MODEL, 9, **{**options, "seed": None})
    with pytest.raises(ValueError, match=r"checkpoint_every=-1: give a number of seconds"):
        sample(MODEL, 9, **options, checkpoint_every=-1)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file; give a folder"):
        sample(MODEL, 9, **{**options, "checkpoint": tmp_path / "file"})


def test_a_short_run_leaves_nothing(tmp_path):
    sample(MODEL, 6, seed=4, checkpoint=tmp_path / "none")
    assert not (tmp_path / "none").exists()
