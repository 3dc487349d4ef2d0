"""What README.md and the pages in docs/ say, against the files that they speak of."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
import yaml

from tests.conftest import ROOT
from tests.docs.pages import AT_THE_TOP, DOCS, NAMES, commands, folder, page, section

STAGES = [
    stage
    for path in ("dvc.yaml", "cross_validation/dvc.yaml")
    for stage in yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))["stages"].values()
]
PATH = re.compile(
    r"(?:stages|tests|docs|benchmarks|metrics|models|data|site|pr-report"
    r"|\.dvc|\.github|\.ci|\.train_state|\.download)/[^\s`]*"
    r"|(?:Makefile|[\w-]+\.(?:toml|yaml|yml|lock|cff)|requirements[\w-]*\.txt)"
)
MADE_ELSEWHERE = (
    *(".train_state/", ".download/", "pr-report/", "site/"),
    *("models/model.onnx", "models/classifier.html"),
)
"""Working state, and what `make export` writes; git ignores them."""
EXAMPLES = {("CONTRIBUTING.md", "train", "gradient_clip")}
"""Parameters that a recipe adds."""
MADE_BY_DVC = (".dvc/config.local", ".dvc/cache", ".dvc/tmp/exps")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def parameters(section: object, path: str = "") -> set[str]:
    if not isinstance(section, dict):
        return {path}
    return {path}.union(*(parameters(value, f"{path}.{key}") for key, value in section.items()))


def outputs() -> set[str]:
    """What the stages make, and the folders that it is in."""
    listed = [
        item
        for stage in STAGES
        for kind in ("outs", "metrics", "plots")
        for item in stage.get(kind, [])
    ]
    paths = {next(iter(item)) if isinstance(item, dict) else item for item in listed}
    return paths | {path.rpartition("/")[0] for path in paths}


def is_known(path: str) -> bool:
    if path in MADE_BY_DVC or path.startswith(MADE_ELSEWHERE) or path.rstrip("/") in outputs():
        return True
    return any(ROOT.glob(path.rstrip("/")))


def anchors(text: str) -> set[str]:
    """What a browser finds the headings of a page by."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        found.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower()))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_page_begins_with_its_title(name: str) -> None:
    assert page(name).startswith("# ")
    assert len(re.findall(r"^# ", page(name), re.MULTILINE)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_commands_stand_in_indented_blocks_where_tests_find_them(name: str) -> None:
    assert "```" not in page(name)
    assert "~~~" not in page(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_is_in_the_makefile(name: str) -> None:
    text = page(name)
    named = re.findall(r"`make ([a-z][\w-]*)", text)
    named += [line.split()[1] for line in commands(text) if line.startswith("make ")]
    assert set(named) <= targets()


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_that_is_set_exists(name: str) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    known = {path.strip(".") for path in parameters(params)}
    assert set(re.findall(r"""-S ["']?([\w.]+)=""", page(name))) <= known


@pytest.mark.parametrize("name", NAMES)
def test_every_path_is_there_or_is_made(name: str) -> None:
    spans = re.findall(r"`([^`\n]+)`", page(name))
    paths = {span for span in spans if PATH.fullmatch(span)}
    assert not {path for path in paths if not is_known(path)}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if link.startswith(("https://", "http://")):
            continue
        target, _, anchor = link.partition("#")
        file = (folder(name) / target).resolve() if target else folder(name) / name
        assert file.exists(), f"{name}: {link}"
        if folder(name) == DOCS:  # what `make docs` builds holds nothing else
            assert file.is_relative_to(DOCS), f"{name}: {link}"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{name}: {link}"


def test_the_pages_name_targets_parameters_paths_and_links() -> None:
    everything = "\n".join(page(name) for name in NAMES)
    for pattern in (r"`make [a-z]", r"-S [\w.]+=", r"`stages/", r"\]\([\w-]+\.md\)"):
        assert re.search(pattern, everything), pattern


def test_every_parameter_that_is_named_exists() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    profile = params["profiles"]["cnmc"]
    for name in NAMES:
        for stage, key in re.findall(r"`(\w+)\.([\w.]+)`", page(name)):
            if stage in profile and not key.endswith(("py", "json", "csv", "yaml")):
                value = profile[stage]
                for part in key.split("."):
                    assert part in value or (name, stage, key) in EXAMPLES, f"{name}: {stage}.{key}"
                    value = value.get(part, {})


def test_the_contents_name_every_page_once() -> None:
    listed = re.findall(r"^- \[[^]]+\]\((\S+\.md)\)", page("index.md"), re.MULTILINE)
    assert sorted([*listed, "index.md", *AT_THE_TOP]) == sorted(NAMES)


def test_the_site_has_the_groups_and_the_order_of_the_contents() -> None:
    site = (DOCS / "navigation.rst").read_text(encoding="utf-8")
    captions = re.findall(r":caption: (.+)", site)
    pages = [f"{name}.md" for name in re.findall(r"^   ([\w-]+)$", site, re.MULTILINE)]
    assert captions == re.findall(r"^## (.+)$", page("index.md"), re.MULTILINE)
    assert pages == ["index.md", *re.findall(r"^- \[[^]]+\]\((\S+\.md)\)", page("index.md"), re.M)]


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(docs/(\S+?\.md)\)", page("README.md")))
    assert linked == {path.name for path in DOCS.glob("*.md")}


def test_the_figures_of_synthetic_cells_are_those_of_the_metrics() -> None:
    results = json.loads((ROOT / "metrics/test.json").read_text(encoding="utf-8"))
    table = section("evaluation.md", "Figures on synthetic cells")
    for name in ("accuracy", "sensitivity", "specificity", "roc_auc"):
        spoken = name.replace("_", " ").replace("roc auc", "ROC AUC")
        (row,) = re.findall(rf"^\| {spoken} \|(.*)\|$", table, re.MULTILINE)
        cells = [cell.strip() for cell in row.split("|")]
        for cell, part in ((cells[0], results["test"]), (cells[2], results["external"])):
            low, high = part["intervals"][name]
            assert cell == f"{part[name]:.3f} ({low:.2f} to {high:.2f})"


def test_the_edit_that_the_pages_show_changes_params_yaml() -> None:
    edits = {
        edit
        for name in NAMES
        for edit in re.findall(r"perl -pi -e 's/([^/]*)/([^/]*)/' params\.yaml", page(name))
    }
    assert edits
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for old, new in edits:
        assert params.count(old) == 1
        assert yaml.safe_load(params.replace(old, new)) != yaml.safe_load(params)


@pytest.mark.parametrize("name", ["index.md", "limits.md"])
def test_that_it_is_no_medical_device_is_told(name: str) -> None:
    assert "no medical device" in " ".join(page(name).split())


@pytest.mark.parametrize("words", ["10.7937/tcia.2019.dc64i46r", "CC BY 3.0"])
def test_licence_and_citation_of_the_data_are_told(words: str) -> None:
    assert words in page("data.md")
