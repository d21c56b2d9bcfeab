"""Figures: what is drawn is what was given, with errors and exact lines; and every figure of a result can be made."""

import numpy as np
import pytest
import xarray as xr

from rgnet import plot
from rgnet.exact import ising2d


def errorbars(ax):
    """Data and errors of every error-bar container: x, y, half-lengths in y."""
    found = []
    for container in ax.containers:
        line, _, (bars,) = container.lines
        segments = np.array(bars.get_segments())
        x, y = (np.asarray(values, dtype=float) for values in (line.get_xdata(), line.get_ydata()))
        found.append((x, y, (segments[:, 1, 1] - segments[:, 0, 1]) / 2))
    return found


def table():
    rng = np.random.default_rng(0)
    shape = (3, 4)
    names = {name: (("level", "operators"), rng.uniform(0.9, 1.9, shape)) for name in ("y_t", "y_h")}
    errors = {f"{name}_stderr": (("level", "operators"), rng.uniform(0.01, 0.02, shape)) for name in ("y_t", "y_h")}
    return xr.Dataset({**names, **errors}, coords={"level": [1, 2, 3], "operators": [1, 2, 3, 4]})


def test_exponents_show_every_value_its_error_and_the_exact_line():
    data = table()
    figure = plot.exponents(data, ndim=2)
    for ax, name, exact in zip(figure.axes, ("y_t", "y_h"), (1.0, 1.875), strict=True):
        drawn = errorbars(ax)
        assert len(drawn) == 3
        for level, (_, y, half) in zip(data["level"], drawn, strict=True):
            np.testing.assert_allclose(y, data[name].sel(level=level))
            np.testing.assert_allclose(half, data[f"{name}_stderr"].sel(level=level))
        assert exact in [line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1]
        assert ax.get_xlabel()
        assert ax.get_ylabel()


def test_no_known_value_no_line():
    figure = plot.exponents(table(), ndim=5)
    assert not any("exact" in text.get_text() for text in figure.axes[0].get_legend().get_texts())


def test_scan_draws_one_line_a_size_in_order():
    rng = np.random.default_rng(1)
    K, side = np.array([0.46, 0.42, 0.44] * 2), np.array([8] * 3 + [16] * 3)
    variables = {}
    for name in ("susceptibility", "binder", "correlation_length"):
        variables[name] = ("point", rng.uniform(1, 2, 6))
        variables[f"{name}_stderr"] = ("point", rng.uniform(0.1, 0.2, 6))
    data = xr.Dataset(variables, coords={"K": ("point", K), "side": ("point", side)})
    figure = plot.thermodynamics(data, ising2d.K_c)
    for ax in figure.axes:
        drawn = errorbars(ax)
        assert len(drawn) == 2
        assert all(list(x) == [0.42, 0.44, 0.46] for x, _, _ in drawn)
    _, y, half = errorbars(figure.axes[2])[1]
    np.testing.assert_allclose(y, data["correlation_length"].values[[4, 5, 3]] / 16)
    np.testing.assert_allclose(half, data["correlation_length_stderr"].values[[4, 5, 3]] / 16)


def test_information_caption_has_the_numbers():
    def kept(values):
        coords = {"level": range(len(values))}
        return xr.Dataset({"fraction": ("level", values), "fraction_stderr": ("level", [0, 0.01, 0.02])}, coords=coords)

    figure = plot.information({"K": {"a": kept([1, 0.5, 0.3]), "b": kept([1, 0.7, 0.2])}})
    text = figure.get_supxlabel()
    assert "first level: b 0.700(10), a 0.500(10)" in text
    assert "last level: a 0.30(2), b 0.20(2)" in text


@pytest.mark.parametrize("shapes", [[(16, 16), (8, 8)], [(12,), (6,)], [(4, 4, 4), (2, 2, 2)]])
def test_configurations_of_any_dimension(shapes):
    rng = np.random.default_rng(2)
    shot = xr.Dataset(
        {
            f"level_{k}": (tuple(f"{a}_{k}" for a in "xyz"[: len(s)]), rng.choice([-1, 1], size=s))
            for k, s in enumerate(shapes)
        }
    )
    figure = plot.configurations([("one", shot), ("two", shot)])
    shown = [ax for ax in figure.axes if ax.images]
    assert len(shown) == 4
    picture = shown[0].images[0].get_array()
    expected = shot["level_0"].values
    expected = expected[..., 0] if expected.ndim == 3 else np.atleast_2d(expected)
    np.testing.assert_array_equal(picture, expected)


def test_the_users_settings_are_left_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plot.exponents(table(), ndim=2)
    assert dict(mpl.rcParams) == before
