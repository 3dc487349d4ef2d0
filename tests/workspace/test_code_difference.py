from __future__ import annotations

import pytest

from stages.workspace.code_difference import difference

CODE = b'''"""Add."""
from dataclasses import dataclass


@dataclass
class Sum:
    first: int
    """The first."""

    def total(self, second):
        """Return the sum."""
        return self.first + second  # both
'''
COUNTS = "differs in more than comments, docstrings and layout, first"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"  # both", b""),
        (b'"""Add."""', b'"""Add two numbers."""'),
        (b'    """The first."""\n', b""),
        (b'        """Return the sum."""\n', b'        """Return\n\n        it."""\n'),
        (b"self.first + second", b"(\n            self.first\n            + second\n        )"),
        (b"\n", b"\r\n"),
        (b'"""Add."""', b"# -*- coding: utf-8 -*-"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(old: bytes, new: bytes) -> None:
    changed = CODE.replace(old, new)
    assert changed != CODE
    assert difference("add.py", CODE, changed) is None


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b"first + second", b"first - second", "in the statement from line 6 on"),
        (b"first: int\n", b"first: float\n", "in the statement from line 6 on"),
        (b"@dataclass\n", b"", "in the statement from line 5 on"),
        (b"import dataclass", b"import dataclass, field", "in the statement from line 2 on"),
        (b"# both\n", b"# both\nprint(1)\n", "in the statement from line 13 on"),
        (CODE[CODE.index(b"@") :], b"", "at its end"),
    ],
)
def test_all_else_counts(old: bytes, new: bytes, place: str) -> None:
    reason = difference("add.py", CODE, CODE.replace(old, new, 1))
    assert reason == f"{COUNTS} {place}"


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0"), ("1", "True"), ("'a'", "b'a'"), ("0.1", "0.2"), ("'a'", "'a '")],
)
def test_a_value_of_another_kind_counts(one: str, other: str) -> None:
    reason = difference("add.py", f"x = {one}".encode(), f"x = {other}".encode())
    assert reason == f"{COUNTS} in the statement from line 1 on"


def test_the_encoding_counts_where_it_changes_a_string() -> None:
    latin = b"# coding: latin-1\nx = '\xc3\xa4'\n"
    assert difference("add.py", latin.replace(b"latin-1", b"utf-8"), latin) is not None


def test_a_docstring_counts_where_the_code_may_read_it() -> None:
    code = b'"""A."""\nprint(__doc__)\n'
    assert difference("add.py", code, code.replace(b"A.", b"B.")) is not None


def test_a_docstring_may_stand_where_nothing_is_done() -> None:
    one, other = b"class A:\n    pass\n", b'class A:\n    """Nothing."""\n'
    assert difference("a.py", one, other) is None


def test_a_file_that_is_new_gone_or_broken_is_named_as_such() -> None:
    assert difference("add.py", None, CODE) == "is new"
    assert difference("add.py", CODE, None) == "is gone"
    reason = difference("add.py", CODE, CODE + b"(")
    assert reason is not None
    assert reason.startswith("is no Python (")


def test_of_files_that_are_not_python_every_byte_counts() -> None:
    assert difference("page.css", b"a {}", b"a {}") is None
    expected = "differs, and of such a file every byte counts"
    assert difference("page.css", b"a {}", b"a {} ") == expected


@pytest.mark.parametrize("name", ["requirements.txt", "below/requirements-gpu.txt"])
def test_comments_and_layout_of_requirements_do_not_count(name: str) -> None:
    pins = b"# by make\na==1 \\\n    --hash=sha256:00\nb==2\n"
    same = b"a==1 --hash=sha256:00  # why\n\n    # via a\nb==2"
    assert difference(name, pins, same) is None
    for old, new in ((b"b==2", b"b==3"), (b"b==2", b"# b==2"), (b":00", b":01")):
        reason = difference(name, pins, pins.replace(old, new))
        assert reason == "differs in more than comments and layout"
