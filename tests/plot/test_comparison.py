"""The figure of a comparison: every number of the table is where it belongs, with its error."""

import numpy as np
import pytest

import rgnet as rg
from rgnet.comparison import compare
from rgnet.layers.filter import Filter
from rgnet.plot.comparison import MAPS, comparison, rows_of, short


@pytest.fixture(scope="module")
def table():
    data = rg.sample(rg.Ising((8, 8), K=0.4), draws=200, chains=4, seed=1)
    networks = {"majority": rg.Network([rg.Majority(2)] * 2), "learned": Filter(np.ones((2, 2)))}
    return compare(data, networks, rows=256)


def test_every_number_is_on_the_maps(table):
    figure = comparison(table, "title")
    rows = rows_of(table)
    assert len(rows) == 1 + 2 + 1 + 1 + 2  # data, majority, learned, its control, "random"
    maps = [ax for ax in figure.axes if ax.images]
    assert len(maps) == len(MAPS)
    for ax, (name, _) in zip(maps, MAPS, strict=True):
        expected = np.array([table[name].values[i, k] for i, k in rows])
        np.testing.assert_array_equal(np.ma.filled(ax.images[0].get_array().astype(float), np.nan), expected)
        texts = [text.get_text() for text in ax.texts if text.get_text()][: expected.size]
        assert texts == [short(value) for value in expected.ravel()]
    names = {text.get_text().replace("\n", " ") for text in maps[0].texts}
    assert set(table["network"].values.tolist()) <= names


def test_flows_have_error_bars_and_the_exact_coupling(table):
    figure = comparison(table)
    panels = [ax for ax in figure.axes if ax.containers]
    assert len(panels) == 4
    drawn = [container.lines[0] for container in panels[0].containers]
    y = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in drawn])
    assert np.isin(
        np.round(table["coupling"].sel(operator="nn", network="majority", level=1).item(), 9), np.round(y, 9)
    )
    assert all(container.lines[2] for ax in panels for container in ax.containers)
    exact = [line for line in panels[0].lines if len(set(line.get_ydata())) == 1 and line.get_ydata()[0] == 0.4]
    assert exact
    assert all(ax.get_title("left") for ax in panels)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.934, ".93"), (1.0, "1"), (0.996, "1"), (-0.001, "0"), (0.004, "0"), (-0.06, "-.06"), (np.nan, "–")],
)
def test_short_numbers(value, text):
    assert short(value) == text
