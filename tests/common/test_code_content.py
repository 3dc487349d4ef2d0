"""What counts in code; more of it in tests/workspace/test_code_difference.py."""

from __future__ import annotations

from stages.common.code_content import code_sha256, statements
from tests.conftest import ROOT


def test_code_with_other_comments_has_the_same_hash_and_other_code_another() -> None:
    code = b'"""One."""\n\na = "\\udc80"  # why\n'
    assert code_sha256(code) == code_sha256(b'"""Two."""\na = ("\\udc80")\n')
    assert code_sha256(code) != code_sha256(code.replace(b"80", b"81"))
    assert code_sha256(code) != code_sha256(code + b"a = 1\n")


def test_every_module_of_this_project_has_one_of_its_own() -> None:
    modules = (path.read_bytes() for path in (ROOT / "stages").rglob("*.py"))
    of_code = [code_sha256(code) for code in modules if statements(code)]
    assert len(of_code) == len(set(of_code)) > 100
