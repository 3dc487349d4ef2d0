"""docs/architecture.md against the folders of stages/, dvc.yaml, and the rules of imports."""

from __future__ import annotations

import re

import yaml

from tests.conftest import ROOT
from tests.docs.pages import section
from tests.pipeline.test_rooms import SHARED

PAGE = "architecture.md"
STAGES = ROOT / "stages"


def rows(heading: str) -> list[str]:
    """The first cells of the table in a section."""
    cells = re.findall(r"^\| ([^|]+?) \|", section(PAGE, heading), re.MULTILINE)
    return [cell for cell in cells if cell != "---"][1:]


def test_every_folder_of_the_code_has_a_line_and_every_line_a_folder() -> None:
    listed = [cell.strip("`") for cell in rows("The code")]
    folders = {
        f"{path.parent.relative_to(ROOT)}/"
        for path in STAGES.rglob("__init__.py")
        if path.parent != STAGES
    }
    assert len(listed) == len(set(listed))
    assert set(listed) == folders


def test_the_stages_stand_in_the_order_of_dvc_yaml() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert rows("The pipeline") == list(stages)
    listed = [cell.strip("`").split("/")[1] for cell in rows("The code")]
    assert list(dict.fromkeys(name for name in listed if name in stages)) == list(stages)


def test_the_shared_folders_stand_in_the_order_in_which_they_may_import() -> None:
    listed = [cell.strip("`").split("/")[1] for cell in rows("The code")]
    assert tuple(listed[: len(SHARED)]) == SHARED
    assert ", ".join(f"`{name}`" for name in SHARED) in " ".join(
        section(PAGE, "Who may import whom").split()
    )
