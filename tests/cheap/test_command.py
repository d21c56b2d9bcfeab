"""What `rgnet cheap` prints and draws."""

import pytest

from rgnet.cheap import command
from rgnet.cheap.errors import CheapError


class Picture:
    def savefig(self, path, **options):
        path.write_bytes(b"drawn")


def test_the_example(tmp_path):
    to = tmp_path / "network.png"
    text = command.run("x*y*z + 2*x**3", tolerance=1e-6, to=to, draw=lambda made: Picture())
    for word in (
        "13",
        "52",
        "inputs    x, y, z",
        "layer 1",
        "copy x",
        "p1 = x²",
        "multiplications      3",
        "bits needed",
    ):
        assert word in text
    assert to.read_bytes() == b"drawn"
    values = dict(line.split("  ", 1) for line in text.splitlines() if "  " in line)
    assert float(values["error achieved"].split()[0]) <= float(values["error promised"]) <= 1e-6
    assert int(values["bits needed"].split()[0]) <= int(values["bits predicted"]) <= 53


def test_several_outputs_and_boxes():
    text = command.run("x*y; 2*x - 1/2", box="x=0,1; y=-2,2", activation="tanh", tolerance=1e-5, dtype="float64")
    assert "f0 = x*y" in text
    assert "f1 = 2*x - 1/2" in text
    assert "[-2, 2]" in text
    assert command.run("3*x", tolerance=None).count("layer") == 1  # "hidden layers 0"


def test_a_large_network_is_counted_and_not_drawn(tmp_path):
    def refuse(made):
        raise CheapError("too large to draw")

    text = command.run("(x + y + z)**2 * x**9", to=tmp_path / "a.png", draw=refuse)
    assert "not drawn: too large" in text


@pytest.mark.parametrize(
    ("expression", "options", "message"),
    [
        ("", {}, "no expression"),
        ("x*y", {"box": "1"}, 'give "-1,1"'),
        ("x*y", {"box": "x=0,1"}, "a pair for each of x, y"),
        ("x*y", {"tolerance": 1e-20}, "below the floor"),
        ("x*y", {"activation": "relu"}, "not smooth"),
        ("exp(x)", {}, "is no polynomial"),
    ],
)
def test_bad_input(expression, options, message):
    with pytest.raises(CheapError, match=message):
        command.run(expression, **options)


def test_a_path_that_is_none(tmp_path):
    with pytest.raises(CheapError, match="no folder"):
        command.run("x*y", to=tmp_path / "no" / "a.png", draw=lambda made: Picture())
