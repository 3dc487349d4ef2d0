"""What docs/own-data.md shows is what is taken, and its commands do what it says."""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from stages.common.params_file import load_params
from stages.dataset.archive_metadata import GIVEN
from stages.download.external import require_sound_list
from stages.download.params import DownloadParams
from stages.download.set_layout import CLASS_FOLDERS, KAGGLE, TABLE
from tests.conftest import ROOT
from tests.docs.pages import command, page, section
from tests.download.stage import PARAMS, run_download
from tests.own_sets import class_folders, encoded, picture, write_files

START = section("own-data.md", "From three folders to a report")
LAYOUTS = section("own-data.md", "What a set may look like")


def block(text: str, start: str) -> str:
    """The indented block that begins so."""
    (found,) = re.findall(rf"^    {start}.*\n(?:    .*\n)*", text, re.MULTILINE)
    return "".join(line[4:] + "\n" for line in found.splitlines())


def test_the_keys_that_are_shown_are_keys_of_params_yaml(tmp_path: Path) -> None:
    shown = yaml.safe_load(block(START, "profile: cnmc"))
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for stage, keys in shown["profiles"]["cnmc"].items():
        assert set(keys) <= set(content["profiles"]["cnmc"][stage])
        content["profiles"]["cnmc"][stage] |= keys
    content["profile"] = shown["profile"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    params = load_params(tmp_path / "params.yaml").section(DownloadParams)
    assert params.source == "/data/cells"
    assert params.classes == {"hem": ["benign"], "all": ["early", "pre"]}


def test_from_the_folders_to_the_report_are_ten_lines() -> None:
    lines = block(START, "profile: cnmc").splitlines() + block(START, "git switch").splitlines()
    assert len(lines) <= 12


def test_the_mapping_that_follows_s_is_read_as_in_params_yaml(tmp_path: Path) -> None:
    words = shlex.split(command(START, "dvc exp run"))
    (override,) = (word for word in words if "classes" in word)
    params = tmp_path / "params.yaml"
    params.write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    apply_overrides(params, [override])
    written = yaml.safe_load(params.read_text(encoding="utf-8"))["profiles"]["cnmc"]["download"]
    assert written["classes"] == {"hem": ["benign"], "all": ["early", "pre"]}


def test_the_layouts_and_columns_that_are_listed_are_those_that_are_known() -> None:
    assert re.findall(r"^\| (table|Kaggle's|class folders) \|", LAYOUTS, re.MULTILINE) == [
        TABLE,
        KAGGLE,
        CLASS_FOLDERS,
    ]
    header = block(LAYOUTS, "file_name,").splitlines()[0].split(",")
    assert header == ["file_name", "label", *GIVEN, "scanner"]


def run_on(source: Path, folder: Path) -> str:
    """Run the stage download on a set with the classes of this page."""
    classes = {"hem": ["benign"], "all": ["early", "pre"]}
    params = dataclasses.replace(
        PARAMS.section(DownloadParams), source=str(source), classes=classes
    )
    return run_download(params, folder)


def test_the_table_that_is_shown_is_taken(tmp_path: Path) -> None:
    table = block(LAYOUTS, "file_name,")
    pictures = {"benign/a 1.png": encoded(picture(1)), "early/b.jpg": encoded(picture(2), "JPEG")}
    write_files(tmp_path / "set", {**pictures, "metadata.csv": table.encode()})
    said = run_on(tmp_path / "set", tmp_path / "out")
    assert "as table with subject, field, cell, scanner, source_class, " in said


def test_the_table_of_folders_of_people_is_made_and_taken(tmp_path: Path) -> None:
    pictures = {
        f"{place}/{n}.png": encoded(picture(9 * number + n))
        for number, place in enumerate(["benign/P 1", "benign/P2", "early/P3"])
        for n in range(2)
    }
    write_files(tmp_path / "set", pictures)
    _, *arguments = shlex.split(command(LAYOUTS, "python -c"))
    made = [word.replace("/data/cells", str(tmp_path / "set")) for word in arguments]
    subprocess.run([sys.executable, *made], check=True)
    said = run_on(tmp_path / "set", tmp_path / "out")
    assert said.startswith("6 images (2 ALL: 2 early; 4 HEM: 4 benign), ")
    assert "as table with subject, source_class, " in said
    table = pd.read_csv(tmp_path / "set/metadata.csv")
    assert table["subject"].tolist() == ["P 1", "P 1", "P2", "P2", "P3", "P3"]


def test_the_command_that_publishes_a_split_writes_names_and_parts(tmp_path: Path) -> None:
    publish = command(section("own-data.md", "Publish a split"), "python -c")
    table = pd.DataFrame(
        {"image": ["a, b.png", "NA"], "subject": ["P1", ""], "split": ["val", "test"]}
    )
    (tmp_path / "data/splits").mkdir(parents=True)
    table.to_csv(tmp_path / "data/splits/cells.csv", index=False)
    _, *arguments = shlex.split(publish)
    subprocess.run([sys.executable, *arguments], cwd=tmp_path, check=True)
    expected = 'image,split\n"a, b.png",val\nNA,test\n'
    assert (tmp_path / "given_split.csv").read_text() == expected


def test_the_list_of_external_sets_that_is_shown_is_read_and_each_choice_is_sound(
    tmp_path: Path,
) -> None:
    shown = yaml.safe_load(block(section("own-data.md", "Test sets of others"), "profiles:"))
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["profile"] = "cnmc"
    content["profiles"]["cnmc"]["download"] |= shown["profiles"]["cnmc"]["download"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    external = load_params(tmp_path / "params.yaml").section(DownloadParams).external
    assert [found.name for found in external] == ["zurich", "oslo_2024"]
    require_sound_list(external)


@pytest.mark.parametrize("form", ["BMP", "PNG", "JPEG", "TIFF", "WebP"])
def test_each_form_is_named(form: str) -> None:
    assert form in section("own-data.md", "Pictures")


def test_the_page_is_where_errors_send_people() -> None:
    assert "class folders" in page("own-data.md")
    assert class_folders()
