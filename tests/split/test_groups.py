from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.split.groups import subject_groups

SUBJECTS = ["1", "2", "10", "11", "H1", "H2", "H10"]


def one_cell_a_subject(subjects: list[str]) -> pd.DataFrame:
    return table([f"{name}.bmp" for name in subjects], subjects)


def table(members: list[str], subjects: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"image": members, "member": members, "subject": subjects})


@given(st.lists(st.sets(st.sampled_from(SUBJECTS), min_size=1), max_size=6), st.randoms())
def test_subjects_are_in_one_group_exactly_if_a_chain_of_identical_images_joins_them(
    sharing, random
):
    identical = [[f"{name}.bmp" for name in names] for names in sharing]
    groups = dict(
        zip(SUBJECTS, subject_groups(one_cell_a_subject(SUBJECTS), identical), strict=True)
    )
    for start in SUBJECTS:
        reached = {start}
        for _ in SUBJECTS:
            reached |= set().union(*(names for names in sharing if names & reached))
        assert {name for name in SUBJECTS if groups[name] == groups[start]} == reached
    random.shuffle(identical)
    assert subject_groups(one_cell_a_subject(SUBJECTS), identical) == list(groups.values())


@pytest.mark.parametrize(
    ("sharing", "name"),
    [
        ([["21", "20"]], "20+21"),
        ([["100", "20"], ["20", "3"]], "3+20+100"),
        ([["H10", "H3"]], "H3+H10"),
        ([["H2", "5"]], "5+H2"),
    ],
)
def test_a_group_is_named_after_its_subjects_by_number_patients_first(sharing, name):
    subjects = sorted({subject for names in sharing for subject in names})
    identical = [[f"{subject}.bmp" for subject in names] for names in sharing]
    assert set(subject_groups(one_cell_a_subject(subjects), identical)) == {name}


def test_every_cell_of_a_subject_is_in_its_group():
    cells = table(list("abcd"), ["1", "1", "2", "3"])
    assert subject_groups(cells, [["b", "c"]]) == ["1+2", "1+2", "1+2", "3"]


def test_identical_images_of_one_subject_join_nobody():
    cells = table(list("abc"), ["1", "1", "2"])
    assert subject_groups(cells, [["a", "b"]]) == ["1", "1", "2"]


def test_cells_without_a_subject_are_grouped_by_their_images():
    cells = table(list("abcd"), ["", "", "", ""])
    assert subject_groups(cells, [["b", "d"]]) == ["a", "b", "c", "b"]


def test_an_identical_image_without_a_subject_joins_those_who_have_it():
    cells = table(list("abcd"), ["2", "", "10", ""])
    assert subject_groups(cells, [["a", "b", "c"]]) == ["2+10", "2+10", "2+10", "d"]


@pytest.mark.parametrize(
    ("subjects", "name"),
    [(["P10", "P9"], "P9+P10"), (["b", "a"], "a+b"), (["a-2", "3", "a"], "3+a+a-2")],
)
def test_subjects_of_any_name_are_sorted_by_their_numbers(subjects, name):
    cells = table([f"{subject}.png" for subject in subjects], subjects)
    assert set(subject_groups(cells, [[f"{subject}.png" for subject in subjects]])) == {name}


def test_the_full_listing_has_66_groups(full_listing):
    joined = sorted({name for name in full_listing["group"] if "+" in name})
    assert joined == ["20+21", "51+75+78", "H2+H4+H5+H6", "H3+H10"]
    assert full_listing["group"].nunique() == 66
