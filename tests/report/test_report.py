"""The report as a file: what it says, that nothing in it comes from elsewhere, and when it is written."""

import base64
import hashlib
import json
import re
import shutil
import tomllib

import numpy as np
import pytest
import xarray as xr

from rgnet import __version__, plot, report, store
from rgnet.estimate import parenthesis, z_limit
from rgnet.report.figures import figures
from rgnet.report.gather import load
from rgnet.report.markup import Html, plain, tag
from rgnet.report.numbers import numbers
from rgnet.report.toml import to_toml
from rgnet.study.schema import Study


def number(value, error):
    return parenthesis(float(value), float(error)).replace("-", "−")


def test_every_element_is_closed_and_every_anchor_is_there(page, read):
    parsed = read(page)
    assert parsed.broken == []
    assert parsed.open == []
    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in parsed.all("a"):
        assert attrs["href"].removeprefix("#") in ids
    named = [name for _, attrs in parsed.elements for key, name in attrs.items() if key in ("aria-labelledby", "for")]
    assert set(named) <= set(ids)


def test_head_says_what_was_run(page, result, read):
    parsed = read(page)
    attrs = store.read_attrs(result)
    assert parsed.text("h1") == attrs["study"]["title"]
    said = set(parsed.texts["dt"])
    assert {"Model", "Lattices", "Sampled", "Moves", "Computing time", "Finished", "Seed", "Software"} <= said
    facts = parsed.text("dl")
    # One plane of 1600, three pictures, two chains of 800 and a cube of 800
    for words in ("7 points", "4\u202f003 configurations", "16×16", "64 sites", "8×8×8", f"rgnet {__version__}"):
        assert words in facts
    for version in ("numpy", "scipy", "numba"):
        assert re.search(rf"{version} \d", facts)


def test_every_digest_and_how_to_repeat(page, result, read):
    attrs = store.read_attrs(result)
    details = read(page).text("details")
    for entry in attrs["points"].values():
        assert entry["file"] in details
        assert entry["sha256"] in details
    assert store.verify(result) in details
    commands = read(page).text("pre")
    assert "rgnet run everything.toml" in commands
    point = re.search(r"rgnet run (\S+\.h5)", commands).group(1)
    assert (result.parent / point).exists()


def test_the_study_shown_reads_back_as_the_study_that_ran(page, result, read):
    study = store.read_attrs(result)["study"]
    shown = next(text for text in read(page).texts["code"] if "[[ensembles]]" in text)
    assert Study.model_validate(tomllib.loads(shown)).model_dump(mode="json") == study


@pytest.mark.parametrize("title", ['quoted "x" \\ back', "new\nline\ttab", "\x7f\x01 controls", "ψ ½ 😀", "'''"])
def test_toml_of_odd_text(title):
    study = {"name": "a", "title": title, "seed": 3, "model": {"couplings": {"nnn": -1e-05}, "boundary": ["free"]}}
    read = tomllib.loads(to_toml(study))
    assert read == {"name": "a", "title": title, "seed": 3, "model": study["model"]}


def test_tables_hold_every_entry_with_its_error(page, result, read):
    cells = set(read(page).texts["td"])
    tree = store.open(result)
    mcrg = tree["majority/mcrg"].to_dataset().load()
    plane = mcrg.isel(point=0)
    for name in ("y_t", "y_h"):
        for value, error in zip(plane[name].values.ravel(), plane[f"{name}_stderr"].values.ravel(), strict=True):
            assert not np.isfinite(value) or number(value, error) in cells
    thermo = tree["thermodynamics"].to_dataset().load()
    for name in ("energy", "specific_heat", "magnetization", "susceptibility", "binder", "correlation_length"):
        for value, error in zip(thermo[name].values, thermo[f"{name}_stderr"].values, strict=True):
            assert not np.isfinite(value) or number(value, error) in cells
    for network in ("majority", "decimation"):
        group = tree[f"{network}/couplings"].to_dataset().load()
        pairs = zip(group["coupling"].values.ravel(), group["coupling_stderr"].values.ravel(), strict=True)
        assert all(number(*pair) in cells for pair in pairs if np.isfinite(pair[0]))
    tangent = tree["majority/tangent"].to_dataset().load()
    pairs = zip(tangent["ratio"].values.ravel(), tangent["ratio_stderr"].values.ravel(), strict=True)
    assert all(number(*pair) in cells for pair in pairs)


def test_exact_values_stand_beside(page, result, read):
    cells = set(read(page).texts["td"])
    thermo = store.open(result)["thermodynamics"].to_dataset().load()
    for name in ("energy", "specific_heat"):
        for exact in thermo[f"{name}_exact"].values[np.isfinite(thermo[f"{name}_exact"].values)]:
            assert f"{exact:.6g}".replace("-", "−") in cells
    for exact in ("1", "1.875", "1.587375", "2.481851", "1.4142", "0.5139", "1.8006"):
        assert exact in cells
    for K in (0.5, 1.0):  # the decimated chain
        for scale in (2, 4, 8):
            assert f"{np.arctanh(np.tanh(K) ** scale):.6g}" in cells


def test_information_says_what_is_a_bound(page, result, read):
    cells = set(read(page).texts["td"])
    group = store.open(result)["average/information_K"].to_dataset().load().isel(point=0)
    assert list(group["kind"].values) == ["exact", "lower", "lower"]
    assert "=\u00a01" in cells
    for level in (1, 2):
        shown = number(group["fraction"][level], group["fraction_stderr"][level])
        assert f"≥\u00a0{shown}" in cells


def test_scores_are_marked_only_beyond_their_limit(make, read, stacked):
    energy = np.array([-1.0, -1.0, -1.0])
    z = np.array([0.0, 2.9, -3.5])
    limit = z_limit(3)
    assert 2.9 < limit < 3.5
    table = stacked(
        {
            "energy": ((), energy), "energy_stderr": ((), np.full(3, 0.01)), "energy_exact": ((), energy - 0.01 * z),
        },
        3,
    )  # fmt: skip
    text = report.write(make({"thermodynamics": table})).read_text()
    parsed = read(text)
    assert parsed.texts["strong"] == ["−3.5 !"]
    assert "beyond 2.94, the 99\u00a0% limit" in parsed.text("main")
    assert "mean z −0.20" in parsed.text("main")


def test_limit_of_scores_is_bonferroni():
    from scipy.stats import norm

    for count in (1, 7, 5000):
        assert z_limit(count) == pytest.approx(norm.isf(0.005 / count), abs=1e-9)


def test_nothing_comes_from_elsewhere(page, read):
    parsed = read(page)
    for name, attrs in parsed.elements:
        assert name not in ("link", "iframe", "object", "embed", "base", "form")
        assert "style" not in attrs, "inline style would be refused by the policy"
        assert not [key for key in attrs if key.startswith("on")]
        for key in ("src", "href", "srcset", "action", "data", "poster"):
            assert key not in attrs or attrs[key].startswith(("#", "data:image/png;base64,"))
    style, script = "".join(parsed.texts["style"]), "".join(parsed.texts["script"])
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"fetch|XMLHttpRequest|WebSocket|import\(|innerHTML|eval", script)
    assert not re.search(r"https?://|//[a-z]+\.", re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))


def test_policy_allows_this_style_and_this_script_alone(page, read):
    parsed = read(page)
    policy = next(attrs["content"] for attrs in parsed.all("meta") if "http-equiv" in attrs)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    bodies = re.findall(r"<(style|script)>(.*?)</\1>", page, re.DOTALL)
    assert [name for name, _ in bodies] == ["style", "script"]
    for name, body in bodies:
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert rules[f"{name}-src"] == f"'sha256-{digest}'"


def test_what_somebody_wrote_stays_text(make, read, stacked):
    evil = "<script>alert(1)</script><img src=\"x\" onerror='alert(2)'>"
    shot = xr.Dataset({"level_0": (("x_0", "y_0"), np.ones((4, 4), np.int8))}, attrs={"K": 0.4, "h": 0.0, "ndim": 2})
    table = stacked({"energy": ((), [-1.0]), "energy_stderr": ((), [0.1])}, 1, names=[evil], ensemble=evil, shape=evil)
    network = "<script>alert('net')"
    study = {
        "title": evil,
        "networks": {network: {"layers": [{"layer": evil, "b": 2, "repeat": 1}], "keep_levels": True}},
    }
    path = make(
        {"thermodynamics": table, f"snapshots/<script>/{network}": shot},
        points=[evil.replace("/", "")],
        notes={evil: {evil: evil}},
        **study,
    )
    text = report.write(path).read_text()
    parsed = read(text)
    assert parsed.text("h1") == evil
    assert evil in parsed.text("title")
    assert [attrs.get("type") for attrs in parsed.all("script")] == ["application/json", None]
    assert all("onerror" not in attrs for _, attrs in parsed.elements)
    assert "<" not in re.search(r'id="shots">(.*?)</script>', text).group(1)
    assert json.loads(re.search(r'id="shots">(.*?)</script>', text).group(1))["networks"][0]["name"] == network


def test_markup_escapes_all_but_markup():
    assert tag("p", "<b>", Html("<i></i>"), class_='"x"') == '<p class="&quot;x&quot;">&lt;b&gt;<i></i></p>'
    assert tag("input", disabled=True, value=None) == "<input disabled>"
    assert plain(tag("p", "a < b", tag("b", " & c"))) == "a < b & c"


def test_without_snapshots_it_says_how_to_get_them(make, read, stacked):
    table = stacked({"energy": ((), [-1.0]), "energy_stderr": ((), [0.1])}, 1)
    parsed = read(report.write(make({"thermodynamics": table})).read_text())
    assert 'analyses = ["snapshots"]' in parsed.text("section")
    assert "6 points of 7 are not in this result" in parsed.text("dl")
    assert parsed.all("canvas") == []
    assert parsed.all("input") == []


def test_the_smallest_result_has_a_report(make, read):
    shot = xr.Dataset({"level_0": ("x_0", np.ones(4, np.int8))}, attrs={"K": 0.4, "h": 0.5, "ndim": 1})
    parsed = read(report.write(make({"snapshots/chain-4-K0.4/decimation": shot})).read_text())
    assert len(parsed.all("canvas")) == 2
    assert parsed.all("input") == []
    assert "thermodynamics" not in [attrs.get("id") for attrs in parsed.all("section")]


def test_with_further_couplings_no_critical_point_is_claimed(make, read, result):
    tree = store.open(result)
    names = ("majority/mcrg", "majority/tangent", "majority/couplings", "thermodynamics")
    groups = {name: tree[name].to_dataset().load() for name in names}
    model = {**store.read_attrs(result)["study"]["model"], "couplings": {"nnn": 0.1}}
    parsed = read("".join(map(str, (part for _, _, part in numbers(load(make(groups, model=model)))))))
    assert parsed.all("table")
    assert parsed.all("tfoot") == []
    assert "0.440687 =" not in "".join(parsed.texts["figcaption"])
    plain = read("".join(map(str, (part for _, _, part in numbers(load(make(groups)))))))
    assert len(plain.all("tfoot")) == 5
    assert "0.440687 =" in "".join(plain.texts["figcaption"])


def test_figures_are_those_of_the_result(page, result, read):
    images = read(page).all("img")
    drawn = plot.up_to_date(result, result.parent / "figures")
    assert len(images) == len(drawn) > 4
    for attrs, path in zip(images, drawn, strict=True):
        assert base64.b64decode(attrs["src"].partition(",")[2]) == path.read_bytes()
        assert len(attrs["alt"]) > 20
        assert (int(attrs["width"]), int(attrs["height"])) > (1000, 100)


def test_figures_are_drawn_elsewhere_where_the_folder_cannot_be_written(make, monkeypatch):
    def refuse(result, folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(plot, "up_to_date", refuse)
    shot = xr.Dataset({"level_0": ("x_0", np.ones(4, np.int8))}, attrs={"K": 0.4, "h": 0.5, "ndim": 1})
    path = make({"snapshots/chain-4-K0.4/decimation": shot})
    assert figures(load(path)).count("<img") == 1
    assert sorted(item.name for item in path.parent.iterdir()) == ["result.h5"]


def test_written_anew_only_when_made_from_another_result_or_by_another_version(make, monkeypatch, read, stacked):
    first = stacked({"energy": ((), [-1.0]), "energy_stderr": ((), [0.1])}, 1)
    path = make({"thermodynamics": first})
    made = report.up_to_date(path)
    assert made == path.parent / "report.html"
    assert read(made.read_text()).meta("rgnet-result-sha256") == store.verify(path)
    stamp = made.stat().st_mtime_ns
    assert report.up_to_date(path) == made
    assert made.stat().st_mtime_ns == stamp
    make({"thermodynamics": first + 0.0, "extra": xr.Dataset({"a": ("b", [1.0])})})
    report.up_to_date(path)
    assert made.stat().st_mtime_ns > stamp
    assert read(made.read_text()).meta("rgnet-result-sha256") == store.verify(path)
    stamp = made.stat().st_mtime_ns
    monkeypatch.setattr(report, "__version__", "99.0")
    report.up_to_date(path)
    assert made.stat().st_mtime_ns > stamp


def test_a_title_cannot_pass_for_the_origin_of_a_page(make, read, stacked):
    table = stacked({"energy": ((), [-1.0]), "energy_stderr": ((), [0.1])}, 1)
    path = make({"thermodynamics": table}, title='<meta name="rgnet-result-sha256" content="0">')
    assert read(report.write(path).read_text()).meta("rgnet-result-sha256") == store.verify(path)


def test_old_report_stays_when_the_new_one_cannot_be_written(make, monkeypatch, stacked):
    path = make({"thermodynamics": stacked({"energy": ((), [-1.0]), "energy_stderr": ((), [0.1])}, 1)})
    target = path.parent / "report.html"
    target.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"report\.html"):
        report.write(path)
    assert target.read_text() == "old"
    assert sorted(item.name for item in path.parent.iterdir() if item.is_file()) == ["report.html", "result.h5"]


def test_points_files_are_not_needed_and_others_are_not_believed(result, tmp_path, read):
    shutil.copy(result, tmp_path)
    alone = load(tmp_path / "result.h5")
    assert alone.details == {}
    assert alone.changed == ()
    points = store.read_attrs(result)["points"]
    names = list(points)
    shutil.copy(result.parent / points[names[1]]["file"], tmp_path / points[names[0]]["file"])
    swapped = load(tmp_path / "result.h5")
    assert swapped.details == {}
    assert swapped.changed == (names[0],)
    shutil.copytree(result.parent / "figures", tmp_path / "figures")
    text = read(report.write(tmp_path / "result.h5").read_text()).text("details")
    assert f"other files than it was made from: {names[0]}." in text


@pytest.mark.parametrize("damage", ["cut", "point", "text", "missing"])
def test_bad_input_is_named(result, tmp_path, damage):
    path = tmp_path / "result.h5"
    if damage == "cut":
        path.write_bytes(result.read_bytes()[:-100])
    elif damage == "point":
        path = next(item for item in result.parent.glob("chain-*.h5"))
    elif damage == "text":
        path.write_text("hello")
    with pytest.raises(FileNotFoundError if damage == "missing" else store.FileError, match=re.escape(path.name)):
        report.up_to_date(path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_two_thousand_points_stay_readable(make, monkeypatch, read, stacked):
    count, levels, operators = 2000, 5, 4
    rng = np.random.default_rng(0)
    names = [f"plane-64x64-K{i}" for i in range(count)]
    quantities = ("energy", "specific_heat", "magnetization", "susceptibility", "binder", "correlation_length")
    thermo = {name: ((), rng.normal(size=count)) for name in quantities}
    thermo |= {f"{name}_stderr": ((), np.full(count, 0.01)) for name in quantities}
    thermo |= {"energy_exact": ((), thermo["energy"][1] + 0.01 * rng.normal(size=count))}
    K = np.linspace(0.4, 0.5, count)
    flow = {
        name: (("level", "operator"), rng.normal(size=(count, levels, operators))) for name in ("coupling", "ratio")
    }
    flow |= {f"{name}_stderr": (dims, np.abs(values)) for name, (dims, values) in flow.items()}
    flow_coords = {
            "level": range(levels), "operator": ["nn", "nnn", "third", "plaquette"],
            "scale": ("level", [1, 2, 4, 8, 16]),
        }  # fmt: skip
    mcrg = {name: (("level", "operators"), rng.normal(size=(count, levels, operators))) for name in ("y_t", "y_h")}
    mcrg |= {f"{name}_stderr": (dims, np.abs(values)) for name, (dims, values) in mcrg.items()}
    couplings = stacked(flow, count, names, K=K).assign_coords(flow_coords)
    exponents = stacked(mcrg, count, names, K=K).assign_coords(level=range(levels), operators=range(1, 1 + operators))
    exponents.attrs = {"even": '["nn", "nnn", "third", "plaquette"]', "odd": '["m", "corner", "straight", "diagonal"]'}
    path = make(
        {
            "thermodynamics": stacked(thermo, count, names, K=K), "majority/couplings": couplings,
            "majority/tangent": couplings, "majority/mcrg": exponents,
        },
        points=names,
        notes={name: {"majority/mcrg": "too short " * 20} for name in names},
    )  # fmt: skip
    monkeypatch.setattr(plot, "up_to_date", lambda *_: [])  # two thousand figures are the figures' own affair
    target = report.write(path)
    text = target.read_text()
    parsed = read(text)
    assert target.stat().st_size < 2_000_000
    assert len(parsed.all("tr")) < 3500
    for words in (
        "1\u202f800 further rows left out here", "9\u202f800 further rows left out here",
        "1\u202f992 further points with tables", "1\u202f800 further notes",
    ):  # fmt: skip
        assert words in parsed.text("main")
    assert "2000 energies" in parsed.text("main")
    assert 'rgnet.open("result.h5")["thermodynamics"]' in parsed.text("main")


def test_many_figures_are_limited_by_number_and_size(make, monkeypatch, tmp_path, stacked):
    path = make({"thermodynamics": stacked({"energy": ((), [-1.0]), "energy_stderr": ((), [0.1])}, 1)})
    images = []
    for i in range(40):
        image = tmp_path / f"exponents-{i}.png"
        image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8) + (200).to_bytes(4, "big") * 2 + bytes(50_000))
        images.append(image)
    monkeypatch.setattr(plot, "up_to_date", lambda *_: images)
    shown = figures(load(path))
    assert shown.count("<img") == 16
    assert "24 further figures left out here" in shown
    for image in images:
        image.write_bytes(image.read_bytes() + bytes(900_000))
    assert figures(load(path)).count("<img") == 2
