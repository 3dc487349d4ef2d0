from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import StageError
from stages.download import pseudonyms as module
from stages.download.pseudonyms import (
    key_fingerprint,
    key_path,
    pseudonym,
    pseudonymised,
    pseudonyms,
    read_key,
    write_names,
)
from tests.conftest import ROOT

KEY = bytes(range(32))
TABLE = pd.DataFrame(
    {
        "file_name": [
            "images/all/Müller 1.PNG",
            "images/hem/Smith'1.tif",
            "images/hem/Smith'2.tif",
        ],
        "label": ["all", "hem", "hem"],
        "subject": ["Müller", "Smith", "Smith"],
        "field": ["Müller/a", "", "3"],
        "fold": ["fold_0", "fold_1", "fold_1"],
        "scanner": ["A", "A", "B"],
    }
)
NAMES = re.compile(r"m.?.?ller|smith", re.IGNORECASE)


@given(name=st.text(max_size=40))
def test_a_pseudonym_depends_on_name_kind_and_key_alone(name: str) -> None:
    made = pseudonym(name, kind="subject", key=KEY)

    assert re.fullmatch(r"s[0-9a-f]{12}", made)
    assert made == pseudonym(name, kind="subject", key=KEY)
    assert made[1:] != pseudonym(name, kind="image", key=KEY)[1:]
    assert made != pseudonym(name, kind="subject", key=bytes(32))
    assert made != pseudonym(f"{name}x", kind="subject", key=KEY)


def test_a_pseudonym_is_the_same_for_ever() -> None:
    assert pseudonym("Müller", kind="subject", key=KEY) == "s37e46cf9a19e"


def test_one_name_however_its_accents_are_encoded() -> None:
    composed, decomposed = "M\u00fcller", "Mu\u0308ller"

    assert pseudonym(composed, kind="subject", key=KEY) == pseudonym(
        decomposed, kind="subject", key=KEY
    )


def test_two_names_of_one_pseudonym_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DIGITS", 1)

    with pytest.raises(StageError, match=r"the images '.+' and '.+' have the same pseudonym; ren"):
        pseudonyms([str(number) for number in range(17)], kind="image", key=KEY)


def test_a_table_keeps_its_rows_and_none_of_its_names() -> None:
    made = pseudonymised(TABLE, key=KEY)

    assert list(made.columns) == list(TABLE.columns)
    assert not NAMES.search(made.to_csv())
    assert made["file_name"][0] == (
        f"images/{pseudonym('all/Müller 1.PNG', kind='image', key=KEY)}.png"
    )
    assert made["file_name"].is_unique
    assert made["subject"].tolist() == [
        pseudonym(name, kind="subject", key=KEY) for name in TABLE["subject"]
    ]
    assert made["field"][1] == ""  # what is missing is not invented
    for column in ("label", "fold", "scanner"):
        assert made[column].equals(TABLE[column])


def test_a_table_without_subjects_stays_without() -> None:
    made = pseudonymised(TABLE[["file_name", "label"]], key=KEY)

    assert list(made.columns) == ["file_name", "label"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["Müller 1", "Smith'1", "Smith'2"], "file_name"),
        (["scans/Müller 1.ndpi", "scans/Smith'1.ndpi", "scans/Smith'2.ndpi"], "file_name"),
        (["Frau Müller", "Mr Smith", "Mr Smith"], "subject"),
    ],
)
def test_a_further_column_that_gives_the_names_away_is_refused(
    values: list[str], kind: str
) -> None:
    with pytest.raises(StageError, match=f"column 'note' holds the {kind} of each image, .* names"):
        pseudonymised(TABLE.assign(note=values), key=KEY)


def test_the_table_of_names_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"

    write_names(TABLE, pseudonymised(TABLE, key=KEY), path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = pd.read_csv(path).iloc[0]
    assert first["subject"] == "Müller"
    assert first["pseudonym_of_subject"] == "s37e46cf9a19e"


def test_the_key_is_made_at_first_use_and_read_ever_after(tmp_path: Path) -> None:
    path = tmp_path / "new folder/key"

    key = read_key(path)

    assert len(key) == 32
    assert read_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert key != read_key(tmp_path / "other")
    assert key_fingerprint(key) not in path.read_text()


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    read = (
        "from pathlib import Path; from stages.download.pseudonyms import read_key; "
        f"print(read_key(Path({str(tmp_path / 'key')!r})).hex())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", read], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    assert len({process.communicate()[0] for process in started} - {""}) == 1


@pytest.mark.parametrize("content", ["", "secret\n", "0" * 63, "ü" * 64])
def test_another_file_is_no_key(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)

    with pytest.raises(StageError, match=r"key.*PSEUDONYM_KEY"):
        read_key(path)


def test_a_key_that_cannot_be_made_is_said_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StageError, match=r"file/key, the key of the pseudonyms, cannot be read or"):
        read_key(tmp_path / "file/key")


def test_the_key_lies_outside_the_project_or_where_the_user_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PSEUDONYM_KEY", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert key_path() == Path("/home/me/.config/leukemia-classification/pseudonym.key")
    monkeypatch.setenv("PSEUDONYM_KEY", "~/our.key")
    assert key_path() == Path("/home/me/our.key")
