"""A branch beside main: what runs, and what DVC says of the difference, wherever it is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.docs.pages import NAMES, page
from tests.dvc.project import RATE, Project

PRECISION = "8"
TEXTS = {"data", "source", "weights", "inventory", "sha256", "stopped_by", "device", "precision"}
TEXTS |= {"strategy", "settings_sha256", "tensorflow", "keras"}


@pytest.fixture(scope="module", params=["pulled", "pulled nothing", "shallow"])
def on_branch(
    request: pytest.FixtureRequest, forked: Project, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """X in a clone: with all data, with none, and as CI makes it, with one commit."""
    if request.param == "pulled":
        return forked
    folder = tmp_path_factory.mktemp("of branch") / "clone"
    options = ["--branch", "X", *(["--depth", "1"] if request.param == "shallow" else [])]
    project = forked.clone(folder, *options, pulled=False)
    project.run("git", "fetch", "--quiet", "--depth", "1", "origin", "main:main")
    return project


Differences = dict[str, dict[str, Any]]


def differences(project: Project, *revisions: str) -> Differences:
    output = project.run("dvc", "metrics", "diff", *revisions, "--json")
    return json.loads(output)


@pytest.fixture(scope="module")
def from_main(on_branch: Project) -> Differences:
    return differences(on_branch, "main")


@pytest.fixture(scope="module")
def from_main_in_forked(forked: Project) -> Differences:
    return differences(forked, "main")


def test_the_difference_from_main_is_the_same_in_every_clone(
    on_branch: Project, from_main: Differences, from_main_in_forked: Differences
) -> None:
    assert from_main == from_main_in_forked == differences(on_branch, "main", "X")
    assert "test.log_loss" in from_main["metrics/test.json"]
    assert set(from_main) == {"metrics/train.json", "metrics/test.json"}


def table_rows(markdown: str) -> Iterator[list[str]]:
    for line in markdown.splitlines()[2:]:
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_no_figure_is_shown_as_nothing_or_as_zero_where_it_is_not(
    on_branch: Project, from_main: Differences
) -> None:
    shown = on_branch.run("dvc", "metrics", "diff", "main", "--precision", PRECISION, "--md")
    rows = list(table_rows(shown))
    assert len(rows) > 10
    for path, name, *figures in rows:
        change = from_main[path][name]
        values = [change["old"], change["new"], change.get("diff")]
        for figure, value in zip(figures, values, strict=True):
            if value is None:  # as an NPV where no cell is called HEM: it does not exist
                assert figure == "-", name
            elif isinstance(value, str):
                assert figure == value, name
            else:
                assert float(figure) == pytest.approx(value, abs=5e-9), name
                assert (float(figure) == 0) == (value == 0), name


def test_what_is_in_a_table_of_metrics_is_a_number_or_a_name(forked: Project) -> None:
    shown = json.loads(forked.run("dvc", "metrics", "show", "--json"))[""]["data"]
    texts = {
        name.rpartition(".")[2]
        for file in shown.values()
        for name, value in leaves(file["data"])
        if isinstance(value, str)
    }
    assert texts <= TEXTS


def leaves(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from leaves(value, f"{name}.{key}")
    else:
        yield name, content


def committed_figures() -> Iterator[tuple[str, float]]:
    for path in sorted((ROOT / "metrics").glob("*.json")):
        for name, value in leaves(json.loads(path.read_text())):
            if isinstance(value, float):
                yield f"{path.name}{name}", value


def test_the_precision_in_the_documents_shows_every_figure_whole() -> None:
    decimals = {
        name: len(f"{value:.12f}".rstrip("0").partition(".")[2])
        for name, value in committed_figures()
    }
    assert 5 < max(decimals.values()) <= int(PRECISION), decimals  # DVC's own is 5
    told = {
        precision
        for name in NAMES
        for precision in re.findall(r"dvc (?:metrics|exp) diff main.*--precision (\d+)", page(name))
    }
    assert told == {PRECISION}


def test_no_figure_is_a_time() -> None:
    names = [name for name, _ in committed_figures()]
    assert names
    assert not [name for name in names if re.search("second|time|date|duration", name)]


def test_the_changed_parameter_is_named(on_branch: Project) -> None:
    assert json.loads(on_branch.run("dvc", "params", "diff", "main", "--json")) == {
        "params.yaml": {RATE: {"old": 0.002, "new": 0.003, "diff": 0.001}}
    }


def test_every_chart_shows_both_branches(on_branch: Project, tmp_path: Path) -> None:
    output = on_branch.run("dvc", "plots", "diff", "main", "X", "--json", "-o", str(tmp_path))
    plots = json.loads(output[output.index("{") :])["data"]
    charts = {name: plot for name, (plot, *_) in plots.items() if plot["type"] == "vega"}
    assert {"loss", "accuracy", "metrics/roc.csv", "metrics/predictions.csv"} <= set(charts)
    for name, chart in charts.items():
        rows = chart["content"]["data"]["values"]
        assert {row["rev"] for row in rows} == {"main", "X"}, name
        for axis, encoding in chart["content"].get("encoding", {}).items():
            if axis in ("x", "y") and encoding["type"] == "quantitative":
                assert all(float(row[encoding["field"]]) >= 0 for row in rows), name
    written = on_branch.run("dvc", "plots", "diff", "main", "X", "--out", str(tmp_path / "page"))
    assert (tmp_path / "page/index.html").as_uri() in written


def test_the_comparison_with_intervals_needs_nothing_pulled(on_branch: Project) -> None:
    text = on_branch.run("python", "-m", "stages.compare", "main", "X")
    assert re.search(r"main → X: 48 test cells of \d+ subjects", text)
    assert "95 % interval" in text
