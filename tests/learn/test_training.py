"""Training: settings, splits, early stopping, exact resumption, what happens at a NaN."""

import math
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("torch")

from rgnet.learn import _training_loop
from rgnet.learn._torch import as_tensor, device, fork_seed, generator, torch
from rgnet.learn.training import Training, TrainingError, fit, split_chains


def make(seed=3):
    with fork_seed(seed):
        return torch.nn.Sequential(
            torch.nn.Linear(5, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1)
        )


def make_rows(seed=0, n=200):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    y = x @ rng.normal(size=(5, 1))
    cut = 3 * n // 4
    return (as_tensor(x[:cut]), as_tensor(y[:cut])), (as_tensor(x[cut:]), as_tensor(y[cut:]))


def noisy_loss(module, x, y, rng):
    """Uses the generator it is given, and through dropout torch's global one."""
    return ((module(x + 0.1 * torch.randn(x.shape, generator=rng)) - y) ** 2).mean()


SETTINGS = {"epochs": 6, "batch": 32, "learning_rate": 0.02, "progress": False}


class Stop(Exception):
    pass


def same_weights(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_linear_regression_is_learned():
    """A linear map without noise: Adam finds it, and the held-out loss says so."""
    with fork_seed(0):
        module = torch.nn.Linear(5, 1)
    history = fit(
        module,
        lambda m, x, y, _: ((m(x) - y) ** 2).mean(),
        make_rows(),
        Training(epochs=30, batch=16, learning_rate=0.05, patience=30, progress=False),
    )
    assert float(history["loss"].min()) < 1e-4 * float(history["loss"][0])
    assert history.attrs["best_epoch"] == int(history["loss"].values.argmin()) + 1
    assert list(history["epoch"].values) == list(range(1, 31))
    assert (history.attrs["stopped"], history.attrs["device"]) == ("epochs", str(device("auto")))
    assert history.attrs["seconds"] > 0
    assert not module.training


def test_the_same_seed_gives_the_same_bits_and_leaves_torch_as_it_was():
    runs = []
    for seed in (0, 0, 1):
        module = make()
        state = torch.get_rng_state()
        history = fit(module, noisy_loss, make_rows(), Training(seed=seed, **SETTINGS))
        assert torch.equal(state, torch.get_rng_state())
        runs.append((module, history))
    assert same_weights(runs[0][0], runs[1][0])
    np.testing.assert_array_equal(runs[0][1]["loss"], runs[1][1]["loss"])
    assert not same_weights(runs[0][0], runs[2][0])


@pytest.mark.parametrize("at", [1, 5, 13])
def test_interrupted_and_resumed_equals_the_whole_run(tmp_path, monkeypatch, at):
    """Interrupted in the callback, within an epoch (of 5 steps) and between two; twice, at another place."""
    monkeypatch.setattr(_training_loop, "SPEAK_EVERY", -1.0)  # after every step
    whole, rows = make(), make_rows()
    expected = fit(whole, noisy_loss, rows, Training(**SETTINGS))

    def stop_at(number):
        def callback(done, total, values):
            assert total == 30
            assert set(values) == {"epoch", "loss_train", "loss"}
            if done >= number:
                raise Stop

        return callback

    for number in (at, at + 7):
        with pytest.raises(Stop):
            fit(make(), noisy_loss, rows, Training(checkpoint=tmp_path, callback=stop_at(number), **SETTINGS))
    module = make()
    reached = []
    last = Training(checkpoint=tmp_path, callback=lambda done, total, values: reached.append(done), **SETTINGS)
    history = fit(module, noisy_loss, rows, last)
    assert min(reached) > at + 7
    assert same_weights(whole, module)
    for name in expected.data_vars:
        np.testing.assert_array_equal(expected[name], history[name])
    assert history.attrs["best_epoch"] == expected.attrs["best_epoch"]
    assert [path.name for path in tmp_path.iterdir()] == ["training.safetensors"]
    again, module = len(reached), make()
    fit(module, noisy_loss, rows, last)  # a finished run is only read
    assert len(reached) == again
    assert same_weights(whole, module)


def test_more_epochs_go_on_from_a_finished_run(tmp_path):
    whole, rows = make(), make_rows()
    fit(whole, noisy_loss, rows, Training(**SETTINGS))
    for epochs in (2, 6):
        module = make()
        history = fit(module, noisy_loss, rows, Training(checkpoint=tmp_path, **{**SETTINGS, "epochs": epochs}))
    assert same_weights(whole, module)
    assert history.sizes["epoch"] == 6
    with pytest.raises(ValueError, match=r"epochs=3: the checkpoint in .* is 6 epochs far"):
        fit(make(), noisy_loss, rows, Training(checkpoint=tmp_path, **{**SETTINGS, "epochs": 3}))


@pytest.mark.parametrize("change", ["weights", "data", "settings", "loss", "shape"])
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change):
    settings = {**SETTINGS, "epochs": 1, "checkpoint": tmp_path}
    fit(make(), noisy_loss, make_rows(), Training(**settings))
    module = make(seed=4 if change == "weights" else 3)
    if change == "shape":
        module = torch.nn.Linear(5, 1)
    loss = noisy_loss if change != "loss" else lambda m, x, y, g: noisy_loss(m, x, y, g)
    if change == "settings":
        settings["learning_rate"] = 0.5
    with pytest.raises(ValueError, match=r"holds another run .* give another folder, or delete this one"):
        fit(module, loss, make_rows(seed=int(change == "data")), Training(**settings))


def test_what_weights_do_not_show_tells_runs_apart(tmp_path):
    """Attributes of modules, and what the loss encloses, plain or a specification: each is another run."""

    @dataclass(frozen=True)
    class Spec:
        bound: str

        def fit(self):
            raise NotImplementedError

    class Scaled(torch.nn.Linear):
        gain = 1.0

    def run(gain, penalty, bound, epochs=1):
        with fork_seed(0):
            module = Scaled(5, 1)
        module.gain = gain
        spec, calls = Spec(bound), []

        def loss(m, x, y, _):
            calls.append(spec)
            return ((gain * m(x) - y) ** 2).mean() + penalty * m.weight.abs().sum()

        fit(module, loss, make_rows(), Training(checkpoint=tmp_path, **{**SETTINGS, "epochs": epochs}))
        return len(calls)

    run(1.0, 0.0, "nwj")
    assert run(1.0, 0.0, "nwj") == 0
    assert run(1.0, 0.0, "nwj", epochs=2) > 0
    for other in ((2.0, 0.0, "nwj"), (1.0, 0.5, "nwj"), (1.0, 0.0, "mine")):
        with pytest.raises(ValueError, match="holds another run"):
            run(*other, epochs=2)


def test_a_damaged_checkpoint_counts_as_none(tmp_path):
    settings = {**SETTINGS, "epochs": 2, "checkpoint": tmp_path}
    whole = make()
    fit(whole, noisy_loss, make_rows(), Training(**settings))
    path = tmp_path / "training.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    module = make()
    fit(module, noisy_loss, make_rows(), Training(**settings))
    assert same_weights(whole, module)


def test_early_stopping_keeps_the_best_weights():
    """Held-out losses are set by hand: the third is the least, and two epochs without a better one stop the run."""
    values = iter([5.0, 4.0, 1.0, 3.0, 2.0, 0.0])
    seen = []

    def evaluate(module, x, y, rng):
        assert not module.training
        assert not torch.is_grad_enabled()
        seen.append((module.weight.clone(), torch.rand(1, generator=rng).item()))
        return {"loss": next(values), "other": len(seen)}

    module = torch.nn.Linear(5, 1)
    settings = {**SETTINGS, "patience": 2, "epochs": 50}
    loss = lambda m, x, y, _: ((m(x) - y) ** 2).mean()  # noqa: E731
    history = fit(module, loss, make_rows(), Training(**settings), evaluate=evaluate)
    assert history["loss"].values.tolist() == [5.0, 4.0, 1.0, 3.0, 2.0]
    assert history["other"].values.tolist() == [1, 2, 3, 4, 5]
    assert (history.attrs["stopped"], history.attrs["best_epoch"]) == ("patience", 3)
    assert torch.equal(module.weight, seen[2][0])
    assert len({number for _, number in seen}) == 1  # the same random numbers at every epoch


def test_own_gradients_equal_backward():
    """A step that fills .grad itself, with the gradient of the loss, trains to the same bits."""
    plain = lambda m, x, y, _: ((m(x) - y) ** 2).mean()  # noqa: E731

    def step(module, x, y, rng):
        residual = module(x) - y
        module.weight.grad = (2 * residual * x).mean(0, keepdim=True).detach()
        module.bias.grad = (2 * residual).mean(0).detach()
        return float((residual.detach() ** 2).mean())

    results = []
    for extra in ({}, {"step": step}):
        with fork_seed(1):
            module = torch.nn.Linear(5, 1)
        fit(module, plain, make_rows(), Training(**SETTINGS), **extra)
        results.append(module.weight.detach())
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)


def test_a_nan_in_the_loss_keeps_the_last_good_weights():
    rows, calls, kept = make_rows(), [], []

    def loss(module, x, y, _):
        if module.training:
            calls.append(1)
        else:
            kept.append(module.weight.detach().clone())
        value = ((module(x) - y) ** 2).mean()
        return value * math.nan if len(calls) == 13 else value  # epoch 3, step 3

    module = torch.nn.Linear(5, 1)
    message = r"epoch 3, step 3: the loss is nan at learning_rate=0.02. The last good weights .* try a smaller .* 0.002"
    with pytest.raises(TrainingError, match=message):
        fit(module, loss, rows, Training(**SETTINGS))
    assert any(torch.equal(module.weight, weight) for weight in kept)


def test_a_gradient_that_is_not_finite_is_caught_at_its_step():
    """√|w| at w = 0 has a finite value and an infinite gradient."""

    class Root(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(()))

    module = Root()
    with pytest.raises(TrainingError, match="epoch 1, step 1: the weights w are not finite"):
        fit(module, lambda m, x, y, _: m.w.abs().sqrt() * 0 + m.w.sqrt(), make_rows(), Training(**SETTINGS))
    assert module.w.item() == 0.0


def test_a_held_out_loss_that_is_not_finite_stops():
    with pytest.raises(TrainingError, match="the held-out loss is inf"):
        fit(make(), noisy_loss, make_rows(), Training(**SETTINGS), evaluate=lambda m, x, y, g: {"loss": math.inf})


def test_control_c_leaves_the_checkpoint(tmp_path):
    """The signal comes in the middle of a step; the step is ended, the next run goes on."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")
    calls = []

    def loss(module, x, y, rng):
        calls.append(1)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return noisy_loss(module, x, y, rng)

    loss.__qualname__ = noisy_loss.__qualname__
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(make(), loss, make_rows(), Training(checkpoint=tmp_path, **SETTINGS))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 8
    whole, module = make(), make()
    fit(whole, noisy_loss, make_rows(), Training(**SETTINGS))
    first = []
    again = Training(checkpoint=tmp_path, callback=lambda done, total, values: first.append(done), **SETTINGS)
    fit(module, noisy_loss, make_rows(), again)
    assert first[0] == 10  # the end of the epoch in which it was interrupted
    assert same_weights(whole, module)


def test_the_bar_shows_epochs_and_both_losses(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "140")
    fit(make(), noisy_loss, make_rows(), Training(**{**SETTINGS, "progress": True}))
    shown = capsys.readouterr().err
    assert "epoch 6/6" in shown
    assert "held out" in shown
    fit(make(), noisy_loss, make_rows(), Training(**{**SETTINGS, "progress": None}))
    assert "epoch" not in capsys.readouterr().out


def test_splits_are_by_chain():
    train, held = split_chains(4, 3, 0.25)
    assert held.tolist() == [9, 10, 11]
    assert train.tolist() == list(range(9))
    train, held = split_chains(1, 10, 0.25)
    assert held.tolist() == [8, 9]
    assert split_chains(1, 8, 0.5)[1].tolist() == [4, 5, 6, 7]
    assert split_chains(2, 1, 0.01)[1].tolist() == [1]
    assert split_chains(2, 1, 0.99)[0].tolist() == [0]
    train, held = split_chains(5, 2, 0.4, labels=["a", "a", "b", "b", "c"])
    assert held.tolist() == [2, 3, 6, 7]
    assert sorted([*train, *held]) == list(range(10))


def test_streams_are_of_seed_and_key():
    draw = lambda *key: torch.rand(4, generator=generator(*key)).tolist()  # noqa: E731
    assert draw(1, 2) == draw(1, 2)
    assert len({tuple(draw(*key)) for key in ((1,), (1, 0), (1, 2), (2, 1), (1, 2, 0))}) == 5
    with fork_seed(5):
        first = torch.rand(2)
    with fork_seed(5):
        assert torch.equal(first, torch.rand(2))
    memory = np.zeros(3)
    tensor = as_tensor(memory)
    memory[0] = 1
    assert tensor[0] == 0
    assert tensor.dtype == torch.float32
    assert as_tensor(np.arange(3), dtype=None).dtype == torch.int64


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: Training(epochs=0), r"Training\(epochs=0\): a whole number of at least 1"),
        (lambda: Training(batch=2.5), "batch=2.5"),
        (lambda: Training(learning_rate=0), "a number above 0"),
        (lambda: Training(learning_rate=math.nan), "learning_rate=nan"),
        (lambda: Training(held_out=1.0), "a share between 0 and 1"),
        (lambda: Training(seed=-1), "seed=-1"),
        (lambda: Training(patience=True), "patience=True"),
        (lambda: Training(checkpoint=3), "a folder, which need not exist yet"),
        (lambda: Training(device="tpu9"), 'device=.tpu9.: torch cannot use it here .* "auto" or "cpu" will do'),
        (lambda: Training(callback=1), "a function of"),
        (lambda: Training(checkpoint_every=math.inf), "a number of seconds"),
        (lambda: split_chains(1, 1, 0.5), "cannot be split in two"),
        (lambda: split_chains(2, 2, 0.5, labels=[0, 1]), "give two of each class"),
        (lambda: split_chains(2, 2, 1.5), "held_out=1.5"),
        (lambda: fit(make(), noisy_loss, (make_rows()[0], ()), Training()), "held-out rows of lengths"),
        (lambda: fit(make(), noisy_loss, (make_rows()[0], [torch.zeros(0)]), Training()), "no held-out rows"),
        (
            lambda: fit(make(), noisy_loss, ((torch.zeros(2), torch.zeros(3)), [torch.zeros(1)]), Training()),
            r"\[2, 3\]",
        ),
        (lambda: generator(-1), "seed=-1"),
        (
            lambda: fit(torch.nn.ReLU(), noisy_loss, make_rows(), Training()),
            "ReLU has no parameter .* nothing to train",
        ),
    ],
)
def test_bad_input(make_it, message):
    with pytest.raises(ValueError, match=message):
        make_it()


def test_a_file_is_no_checkpoint_folder(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(ValueError, match="is a file; give a folder"):
        fit(make(), noisy_loss, make_rows(), Training(checkpoint=tmp_path / "a", **SETTINGS))


def test_evaluate_must_say_the_loss():
    with pytest.raises(ValueError, match="among its values must be 'loss'"):
        fit(make(), noisy_loss, make_rows(), Training(**SETTINGS), evaluate=lambda m, x, y, g: {"kl": 1.0})


def test_without_torch_the_error_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None\nimport rgnet\nimport rgnet.learn._torch"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert 'ImportError: rgnet.learn needs PyTorch, which is not installed: pip install -e ".[learn]"' in done.stderr
