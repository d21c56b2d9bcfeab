"""Small networks as pictures."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Circle

from rgnet.cheap.activations import get
from rgnet.cheap.network import NeuralNetwork, layer
from rgnet.plot import neural_network

SIGNS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])


def gate(scale=0.01):
    weights = SIGNS.prod(axis=1, keepdims=True).T / (8 * scale**2)
    hidden = layer(scale * SIGNS, [0.0, 0.0, 0.0, -0.3], get("softplus"))
    return NeuralNetwork((hidden, layer(weights, [0.0], None)), ("left", "right"), ("product",))


def test_every_neuron_and_synapse_is_there(tmp_path):
    figure = neural_network.draw(gate())
    axes = figure.axes[0]
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    lines = [item for item in axes.collections if isinstance(item, LineCollection)]
    assert len(circles) == 7
    assert [len(item.get_segments()) for item in lines] == [8, 4]
    first, second = (item.get_linewidths() for item in lines)
    assert max(first) < 0.5 < 2.5 < min(second)  # 0.01 beside 1250
    colours = [to_rgba(row, alpha=1) for row in lines[1].get_colors()[:, :3]]
    assert sum(colour == to_rgba(neural_network.POSITIVE) for colour in colours) == 2
    words = {text.get_text() for text in axes.texts}
    assert {"left", "right", "product", "−0.3", "layer 1: 4\nsoftplus", "outputs\nlinear"} <= words
    assert axes.get_title(loc="left") == "4 neurons, 12 synapses, 1 hidden layer"
    figure.savefig(tmp_path / "gate.png")
    assert (tmp_path / "gate.png").stat().st_size > 5000


def test_circles_never_overlap():
    wide = NeuralNetwork(
        (layer(np.ones((60, 3)), None, get("x*exp(-x**2)*cos(x)*sin(x)")), layer(np.ones((2, 60)))), ("a", "b", "c"),
        ("u", "v"),
    )  # fmt: skip
    figure = neural_network.draw(wide, title="sixty")
    axes = figure.axes[0]
    centres = np.array([patch.center for patch in axes.patches])
    gaps = np.abs(centres[:, None] - centres[None]).sum(axis=2) + 9 * np.eye(len(centres))
    assert gaps.min() > 2 * axes.patches[0].radius
    assert figure.get_size_inches().max() < 13
    assert axes.get_title(loc="left") == "sixty"


def test_width_is_logarithmic():
    low, middle, high = (neural_network.line_width(-w, 1e-4, 1.0) for w in (1e-4, 1e-2, 1.0))
    assert middle == pytest.approx((low + high) / 2)
    assert low < high
    assert neural_network.line_width(3.0, 3.0, 3.0) == pytest.approx((low + high) / 2)


def test_bad_input():
    large = NeuralNetwork((layer(np.ones((81, 1)), None, get("tanh")), layer(np.ones((1, 81)))), ("x",), ("y",))
    with pytest.raises(ValueError, match=r"81 neurons.*fewer inputs or terms"):
        neural_network.draw(large)
    wide = NeuralNetwork((layer(np.ones((1, 81))),), tuple(f"x{k}" for k in range(81)), ("y",))
    with pytest.raises(ValueError, match=r"81 inputs and 1 outputs cannot be read"):
        neural_network.draw(wide)
    with pytest.raises(ValueError, match=r"draw.int."):
        neural_network.draw(3)
