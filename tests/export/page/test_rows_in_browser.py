"""The rows of the page's table: calls, order and CSV, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stages.export.page.joined_scripts import joined_scripts
from stages.export.page.page_builder import COLUMNS, SCRIPTS
from tests.browser import chromium

THRESHOLDS = [{"name": "default", "value": 0.5}, {"name": "operating_point", "value": 0.3}]
METADATA = {"class_names": ["hem", "all"], "thresholds": THRESHOLDS, "notes": []}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        tab = started.new_page()
        tab.add_script_tag(content=joined_scripts(SCRIPTS / "rows.js"))
        yield tab


def answered(tab: Any, p_all: float, *, metadata: Any = METADATA) -> Any:
    answer = {"pAll": p_all, "pAllCalibrated": p_all, "notes": []}
    file = {"place": 0, "name": "cell"}
    return tab.evaluate("(all) => answeredRow(...all)", [file, answer, metadata])


@pytest.mark.parametrize(
    ("p_all", "calls"),
    [
        (0.5, ("all", "all")),
        (0.4999999951, ("all", "all")),  # of eight decimals, as in predictions.csv
        (0.4999999949, ("hem", "all")),
        (0.3, ("hem", "all")),
        (0.29, ("hem", "hem")),
    ],
)
def test_a_cell_is_called_from_the_threshold_on(
    browser: Any, p_all: float, calls: tuple[str, str]
) -> None:
    row = answered(browser, p_all)

    assert (row["call"], row["call_at_operating_point"]) == calls


@pytest.mark.parametrize(
    "thresholds", [THRESHOLDS[:1], [THRESHOLDS[0], {"name": "operating_point", "value": None}]]
)
def test_without_an_operating_point_there_is_no_call_at_it(browser: Any, thresholds: Any) -> None:
    row = answered(browser, 0.9, metadata={**METADATA, "thresholds": thresholds})

    assert (row["call"], row["call_at_operating_point"]) == ("all", "")


def test_the_csv_has_eight_decimals_and_quotes_where_they_are_needed(browser: Any) -> None:
    rows = [
        {"name": 'a "b", c', "p_all": 0.5, "p_all_calibrated": 1e-9, "call": "all", "note": ""},
        {"name": "unread", "note": "it is empty"},
    ]

    assert browser.evaluate("(rows) => csv(rows)", rows).splitlines() == [
        ",".join(COLUMNS),
        '"a ""b"", c",0.50000000,0.00000000,all,,',
    ]


@pytest.mark.parametrize("descending", [False, True])
def test_what_has_no_value_comes_last_either_way(browser: Any, descending: bool) -> None:
    rows = [
        {"place": place, "name": name, "p_all": p_all, "note": ""}
        for place, (name, p_all) in enumerate([("c", None), ("b", 0.2), ("a", None), ("d", 0.1)])
    ]
    view = {"kind": "every", "search": "", "by": "p_all", "descending": descending}
    shown = browser.evaluate(
        """([rows, view]) => {
          for (const row of rows) row.p_all ??= undefined; // JSON has null alone
          return shownRows(rows, view).map((row) => row.name);
        }""",
        [rows, view],
    )

    assert shown == [*(["b", "d"] if descending else ["d", "b"]), "c", "a"]
