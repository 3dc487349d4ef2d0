"""The search for names finds them wherever git and a remote could keep them."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from .original_names import places_of, published


def zipped(member: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        "subject,Müller\n".encode(),
        "Mu\u0308ller".encode(),
        "MÜLLER".lower().encode(),
        zipped("images/müller 1.png", b""),
        zipped("metadata.csv", "file_name,subject\n1.png,Müller\n".encode() * 99),
        json.dumps({"subject": "Müller"}).encode(),
        zlib.compress(b"records" * 99 + "Müller".encode()),
    ],
)
def test_a_name_is_found_in_every_form_that_a_remote_keeps(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/ab").write_bytes(content)

    remote = [(str(path), path.read_bytes()) for path in tmp_path.rglob("ab")]

    assert places_of(["Müller"], remote)
    assert not places_of(["Schmidt"], remote)


def test_a_name_is_found_in_a_path_and_in_an_earlier_commit(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.com"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True)

    git("init", "--quiet")
    (tmp_path / "Schmidt.png").touch()
    (tmp_path / "metrics.csv").write_text("Müller")
    git("add", "--all")
    git("commit", "--quiet", "--message", "With names")
    git("rm", "--quiet", "metrics.csv")
    git("commit", "--quiet", "--message", "Without")
    (tmp_path / "remote").mkdir()

    found = list(published(tmp_path, tmp_path / "remote"))

    assert places_of(["Müller"], found) == ["git: metrics.csv"]
    assert "git: Schmidt.png" in places_of(["Schmidt"], found)
    assert not places_of(["Meyer"], found)
