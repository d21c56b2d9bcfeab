"""One tiny study with everything a report shows, computed once, and how its page is read as a browser reads it."""

from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr

from rgnet import report, store
from rgnet import study as studies

STUDY = """
name = "everything"
title = "Blocks & <b>chains</b>: a \\"small\\" study"
seed = 5

[sample]
update = "swendsen-wang"

[networks.majority]
layers = [{ layer = "majority", b = 2, repeat = 2 }]

[networks.average]
layers = [{ layer = "average", b = 2, repeat = 2 }]
keep_levels = false

[networks.decimation]
layers = [{ layer = "decimation", b = 2, repeat = 3 }]

[[ensembles]]
name = "plane"
shape = [16, 16]
K_over_K_c = 1
draws = 400
networks = ["majority", "average"]
analyses = ["mcrg", "tangent", "couplings", "information"]

[[ensembles]]
name = "pictures"
shape = [32, 32]
K_over_K_c = [0.9, 1.0, 1.1]
draws = 1
chains = 1
warmup = 100
thin = 1
networks = ["majority", "average"]
analyses = ["snapshots"]

[[ensembles]]
name = "chain"
shape = [64]
K = { start = 0.5, stop = 1.0, num = 2 }
draws = 200
networks = ["decimation"]
analyses = ["couplings", "snapshots"]

[[ensembles]]
name = "cube"
shape = [8, 8, 8]
K_over_K_c = 1
draws = 200
networks = ["majority"]
analyses = ["mcrg", "snapshots"]
"""


def compute(text, folder):
    """Run a study given as text in this process; its result file."""
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    with ThreadPoolExecutor(1) as executor:
        return studies.run(path, data=folder, executor=executor)


@pytest.fixture(scope="session")
def result(tmp_path_factory):
    """The merged result of the study above, with its points' files beside it."""
    return compute(STUDY, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def page(result):
    """The text of its report."""
    return report.write(result).read_text(encoding="utf-8")


@pytest.fixture
def make(result, tmp_path):
    """A function that writes a result file of given groups, with the study above as changed by keywords."""

    def write(groups, points=("plane-16x16-1Kc",), notes=None, **changes):
        study = {**store.read_attrs(result)["study"], **changes}
        attrs = {
            "kind": "result",
            "study": study,
            "points": {name: {"file": f"{name}.h5", "sha256": "0" * 64} for name in points},
            "notes": notes or {},
            "compute_seconds": 12.5,
        }
        store.write(tmp_path / "result.h5", groups, attrs)
        return tmp_path / "result.h5"

    return write


def _stacked(variables, count, names=None, **coords):
    """A merged table of ``count`` points, as the study's merge writes it."""
    every = {"K": 0.4, "h": 0.0, "shape": "16x16", "side": 16, "sites": 256, "ndim": 2, "ensemble": "plane", **coords}
    data = {name: (("point", *dims), values) for name, (dims, values) in variables.items()}
    return xr.Dataset(data).assign_coords(
        point=("point", [f"plane-{i}" for i in range(count)] if names is None else names),
        **{name: ("point", np.broadcast_to(np.asarray(value), count).copy()) for name, value in every.items()},
    )


@pytest.fixture
def stacked():
    """A function (variables, count, names, **coords) -> a merged table of that many points."""
    return _stacked


@pytest.fixture
def read():
    """A function from the text of a page to a `Page`."""
    return Page


VOID = {"meta", "img", "input", "br", "hr", "link"}


class Page(HTMLParser):
    """Every element of a page with its attributes; the text of each kind of element; whether all are closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.broken, self.texts = [], [], [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.broken.append(tag)

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts.setdefault(tag, []).append(data)

    def all(self, tag):
        """Attributes of every element of this kind."""
        return [attrs for name, attrs in self.elements if name == tag]

    def text(self, tag="body"):
        """All text inside elements of this kind, without what is in script and style."""
        return "".join(self.texts.get(tag, []))

    def meta(self, name):
        """Content of a named meta element."""
        return next((attrs["content"] for attrs in self.all("meta") if attrs.get("name") == name), None)
