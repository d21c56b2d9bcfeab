"""What `rgnet cheap` prints and draws."""

import re

import pytest
import shell

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


@pytest.mark.parametrize("name", ["folder", "picture"])
def test_a_path_that_names_no_picture_is_refused(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(CheapError, match=r"names no picture: give a path with its format"):
        command.run("x*y", to=tmp_path / name)


def test_remedies_are_those_of_the_command_line(tmp_path):
    """The command prints, draws, and refuses with options that it has."""
    done = shell.within("cheap", "x*y", "--to", "net.png", cwd=tmp_path)
    assert done.exit_code == 0
    assert "error promised" in done.stdout
    assert (tmp_path / "net.png").stat().st_size > 10_000
    refused = shell.within("cheap", "-x*y", "--tolerance", "1e-30", cwd=tmp_path)
    assert refused.exit_code == 2
    assert re.search(r"give --tolerance \S+, or --dtype mp --digits \d+", refused.stderr)
    assert "lambda is a word of Python's" in shell.within("cheap", "lambda*x", cwd=tmp_path).stderr
