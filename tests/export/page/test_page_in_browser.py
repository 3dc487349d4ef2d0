"""The page of a model in a real browser, from disk: a small model, real pictures."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from stages.dataset.image_decoding import decode_image
from stages.download.cell_drawing import Look, draw_bmp
from stages.export.page.page_builder import COLUMNS
from stages.export.page.short_kernels import with_short_kernels
from tests.browser import CONTRASTS, DESK, PHONE, SCHEMES, chromium
from tests.own_sets import encoded, picture, write_files

from .driven_page import DrivenPage, write_page
from .small_classifier import METADATA, THRESHOLDS, small_classifier

BACKGROUND = METADATA["input"]["background"]
CELL = encoded(Image.new("RGB", (60, 60), "indigo"))
UNLIKE = encoded(Image.new("RGB", (60, 60), "white"))
"""What gets a note."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def model() -> bytes:
    return small_classifier()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, model: bytes) -> Path:
    return write_page(
        tmp_path_factory.mktemp("page") / "classifier.html", with_short_kernels(model)
    )


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[DrivenPage]:
    driven = DrivenPage(browser, path)
    yield driven
    driven.close()
    assert [url for url in driven.requests if not url.startswith("blob:")] == [path.as_uri()]
    assert driven.complaints == []


def file(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "", "buffer": content}


def drawn_cell(seed: int) -> bytes:
    look = Look(
        radius=90 + 10 * seed,
        elongation=1.2,
        raggedness=0.3,
        clump_contrast=12,
        clump_size=20,
        nucleoli=2,
        stain=(0, 0, 0),
        light=(1, 1, 1, 1),
    )
    return draw_bmp(look, np.random.default_rng(seed))


def in_each_form(bitmaps: list[bytes]) -> list[dict[str, Any]]:
    """The same images as files of each form."""
    pictures = [Image.open(io.BytesIO(content)) for content in bitmaps]
    return [
        file(f"{number}.{form.lower()}", encoded(image, form))
        for number, image in enumerate(pictures)
        for form in ("BMP", "PNG", "JPEG")
    ]


def p_all(model: bytes, content: bytes) -> float:
    """p(ALL) of ONNX Runtime in Python, of the pixels that Pillow decodes."""
    session = onnxruntime.InferenceSession(model)
    pixels = decode_image(content, background=BACKGROUND)
    return float(session.run(["p_all"], {"image": pixels[np.newaxis]})[0][0])


def require_same(rows: list[dict[str, str]], files: list[dict[str, Any]], model: bytes) -> None:
    assert [row["name"] for row in rows] == [one["name"] for one in files]
    for row, one in zip(rows, files, strict=True):
        assert float(row["p_all"]) == pytest.approx(p_all(model, one["buffer"]), abs=1e-3)


def test_it_answers_as_onnx_runtime_does_in_python(page: DrivenPage, model: bytes) -> None:
    files = in_each_form([drawn_cell(seed) for seed in range(3)])

    require_same(page.classify(*files), files, model)


def test_it_answers_for_real_cells_as_onnx_runtime_does_in_python(
    page: DrivenPage, model: bytes, real_sample: Path
) -> None:
    with zipfile.ZipFile(real_sample) as archive:
        names = [name for name in archive.namelist() if name.endswith(".bmp")]
        files = in_each_form([archive.read(name) for name in names[::300]])

    require_same(page.classify(*files), files, model)


def test_its_csv_has_the_columns_and_calls_of_predict(page: DrivenPage) -> None:
    dark, bright = (encoded(picture(1, brightness=level)) for level in (20, 250))
    rows = page.classify(file("a, b.png", dark), file('"c".png', bright))

    assert [list(row) for row in rows] == [list(COLUMNS)] * 2
    assert [row["name"] for row in rows] == ["a, b.png", '"c".png']
    for row in rows:
        assert re.fullmatch(r"0\.\d{8}", row["p_all"])
        value = float(row["p_all"])
        assert row["call"] == ("all" if value >= THRESHOLDS["default"] else "hem")
        at_point = "all" if value >= THRESHOLDS["operating_point"] else "hem"
        assert row["call_at_operating_point"] == at_point


def test_what_cannot_be_read_has_one_line_and_stops_nothing(page: DrivenPage) -> None:
    huge = encoded(Image.new("1", (12_000, 12_000)))
    rows = page.classify(
        file("first.png", CELL),
        file("notes.txt", b"no image"),
        file("empty.png", b""),
        file("huge.png", huge),
        file("last.png", CELL),
    )

    assert [row["name"] for row in rows] == ["first.png", "last.png"]
    assert page.column("name") == ["first.png", "notes.txt", "empty.png", "huge.png", "last.png"]
    told = page.column("note")[1:4]
    assert [text[:12] for text in told] == ["it is of no ", "it is empty;", "it is of mor"]
    assert page.progress().endswith("3 could not be read")


def test_a_note_says_in_what_an_image_is_unlike_the_training_cells(page: DrivenPage) -> None:
    rows = page.classify(file("white.png", UNLIKE), file("cell.bmp", drawn_cell(1)))

    texts = [note["text"] for note in METADATA["notes"]]
    assert [row["note"] for row in rows] == ["; ".join(texts), ""]
    assert page.column("note")[0] == "; ".join(texts)
    assert page.progress().endswith("1 with a note")


def test_two_hundred_images_are_shown_a_hundred_a_page(page: DrivenPage) -> None:
    names = [f"{number}.png" for number in range(200)]
    rows = page.classify(*(file(name, CELL) for name in names))

    assert [row["name"] for row in rows] == names
    assert page.tab.inner_text("#range") == "Rows 1 to 100 of 200"
    page.tab.click("#next")
    assert page.column("name") == names[100:]
    assert page.tab.is_disabled("#next")
    page.tab.click("#previous")
    assert page.column("name") == names[:100]


def test_work_can_be_stopped_and_goes_on_where_it_stopped(page: DrivenPage) -> None:
    names = [f"{number}.png" for number in range(60)]
    page.choose(*(file(name, CELL) for name in names))
    page.tab.wait_for_selector("#results tbody tr")
    page.tab.click("#stop")
    page.tab.wait_for_selector("#progress[data-state=stopped]")

    done = len(page.column("name"))
    assert 0 < done < 60
    assert page.progress() == f"Stopped: {done} of 60 done"
    assert [row["name"] for row in page.saved()] == names[:done]
    page.tab.click("#stop")
    page.wait()
    assert page.column("name") == names


def test_files_chosen_while_others_are_classified_come_after_them(page: DrivenPage) -> None:
    page.choose(file("first.png", CELL), file("second.png", CELL))
    page.choose(file("third.png", CELL))
    page.wait()

    assert page.column("name") == ["first.png", "second.png", "third.png"]


def test_a_column_sorts_both_ways_and_back_by_the_keyboard(page: DrivenPage) -> None:
    levels = {"b10.png": 90, "b9.png": 10, "a.png": 200}
    page.classify(
        *(file(name, encoded(picture(1, brightness=level))) for name, level in levels.items()),
        file("text.png", b"text"),
    )
    given = [*levels, "text.png"]
    heading = page.tab.locator("thead th", has_text="Name")

    seen = []
    heading.locator("button").focus()
    for _ in range(3):
        page.tab.keyboard.press("Enter")
        seen.append((heading.get_attribute("aria-sort"), page.column("name")))
    up = ["a.png", "b9.png", "b10.png", "text.png"]
    assert seen == [("ascending", up), ("descending", up[::-1]), ("none", given)]

    page.tab.click("thead button[data-column=p_all]")
    numbers = page.column("p_all")
    assert numbers[:3] == sorted(numbers[:3])
    assert page.column("name")[3] == "text.png"


def test_a_filter_narrows_the_table_and_what_is_saved(page: DrivenPage) -> None:
    page.classify(
        file("One.png", CELL),
        file("two.png", UNLIKE),
        file("bad.png", b"text"),
    )

    page.tab.select_option("#kind", "noted")
    assert page.column("name") == ["two.png"]
    page.tab.select_option("#kind", "unread")
    assert page.column("name") == ["bad.png"]
    assert page.tab.is_disabled("#save")
    page.tab.select_option("#kind", "every")
    page.tab.fill("#search", "oNE")
    assert page.column("name") == ["One.png"]
    assert [row["name"] for row in page.saved()] == ["One.png"]
    page.tab.fill("#search", "nothing")
    assert page.tab.inner_text("#range") == "No rows to show"


def test_rows_can_be_removed_to_begin_anew(page: DrivenPage) -> None:
    page.classify(file("one.png", CELL))
    page.tab.click("#clear")

    assert page.tab.is_hidden("#results")
    assert page.tab.is_hidden("#progress")
    assert [row["name"] for row in page.classify(file("two.png", CELL))] == ["two.png"]


def test_a_folder_gives_what_is_an_image_by_its_name(page: DrivenPage, tmp_path: Path) -> None:
    names = ("b.png", "a/c.BMP", "a/.hidden.png", "Thumbs.db", "__MACOSX/b.png", "d.jpeg")
    folder = write_files(tmp_path / "folder", dict.fromkeys(names, CELL))
    write_files(folder, {"notes.txt": b"text", "a/labels.csv": b"text", "e.webp": b"text"})

    page.choose(folder, chooser="#folder")
    page.wait()
    read = ["folder/a/c.BMP", "folder/b.png", "folder/d.jpeg"]
    assert page.column("name") == [*read, "folder/e.webp"]
    assert [row["name"] for row in page.saved()] == read
    assert page.progress().endswith("2 left out, for no images by their names")


def test_a_folder_without_images_is_told(page: DrivenPage, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "folder", {"notes.txt": b"text"})

    page.choose(folder, chooser="#folder")
    page.tab.wait_for_selector("#progress")
    assert page.progress() == "No image was found there: BMP, PNG and JPEG are read"


def test_files_and_folders_may_be_dropped(page: DrivenPage, tmp_path: Path) -> None:
    names = ("one.txt", "folder/b.png", "folder/a/c.png", "folder/a/.hidden.png", "folder/d.txt")
    write_files(tmp_path, dict.fromkeys(names, CELL))

    page.drop(tmp_path / "one.txt", tmp_path / "folder")
    page.wait()
    assert page.column("name") == ["one.txt", "folder/a/c.png", "folder/b.png"]
    assert page.progress().endswith("1 left out, for no images by their names")


def test_a_folder_of_more_than_a_hundred_files_may_be_dropped(
    page: DrivenPage, tmp_path: Path
) -> None:
    names = [f"folder/{number:03}.png" for number in range(120)]
    write_files(tmp_path, dict.fromkeys(names, CELL))

    page.drop(tmp_path / "folder")
    page.wait()
    assert [row["name"] for row in page.saved()] == names


PASTE = """() => {
  const transfer = new DataTransfer();
  const canvas = Object.assign(document.createElement("canvas"), { width: 60, height: 60 });
  canvas.toBlob((blob) => {
    transfer.items.add(new File([blob], "cell.png"));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
  });
}"""


def test_an_image_may_be_pasted(page: DrivenPage) -> None:
    page.tab.evaluate(PASTE)
    page.wait()

    assert page.column("name") == ["cell.png"]


def test_it_is_used_by_the_keyboard_alone(page: DrivenPage) -> None:
    page.classify(file("one.png", CELL))
    page.tab.focus("#files")
    focused = "getComputedStyle(document.querySelector('label[for=folder]')).outlineStyle"
    assert page.tab.evaluate(focused) == "none"
    reached = []
    for _ in range(11):
        page.tab.keyboard.press("Tab")
        reached.append(
            page.tab.evaluate(
                "document.activeElement.id || document.activeElement.dataset.column || '-'"
            )
        )

        if reached[-1] == "folder":
            assert page.tab.evaluate(focused) == "solid"
    order = ["folder", "search", "kind", "save", "clear", *COLUMNS]
    assert reached == order


def test_it_is_told_to_who_cannot_see_it(page: DrivenPage) -> None:
    page.classify(file("one.png", CELL))

    assert page.tab.get_attribute("#announcer", "role") == "status"
    assert page.tab.text_content("#announcer") == page.progress()
    shown = page.tab.locator("#results").aria_snapshot()
    assert "columnheader" in shown
    assert 'rowheader "one.png"' in shown
    assert page.tab.locator("progress").get_attribute("aria-label") == "Cells done"


def test_a_name_runs_no_script(page: DrivenPage) -> None:
    hostile = "<img src=x onerror=alert(1)>.png"
    page.classify(file(hostile, CELL))

    assert page.column("name") == [hostile]


def test_it_may_connect_to_nothing(browser: Any, path: Path) -> None:
    page = DrivenPage(browser, path)
    outcome = page.tab.evaluate("fetch('data:,x').then(() => 'connected', () => 'refused')")
    page.close()

    assert outcome == "refused"
    assert "Content Security Policy" in " ".join(page.complaints)


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_can_be_read_and_nothing_is_wider_than_the_page(
    browser: Any, path: Path, width: int, scheme: str
) -> None:
    page = DrivenPage(browser, path, width=width, scheme=scheme)
    page.classify(file("cell.bmp", drawn_cell(1)), file("w" * 80, UNLIKE), file("bad", b"text"))
    assert {"ALL", "HEM"} <= set(page.column("call"))
    page.tab.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    contrasts = page.tab.evaluate(CONTRASTS)["texts"]
    total = page.tab.evaluate("document.documentElement.scrollWidth")
    page.close()

    assert total <= width
    assert len(contrasts) > 60
    assert [entry for entry in contrasts if entry[1] < 4.5] == []


def test_it_warns_of_synthetic_data_wherever_one_has_scrolled_to(page: DrivenPage) -> None:
    page.classify(file("one.png", CELL))
    page.tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")

    banner = page.tab.locator(".banner")
    assert "SYNTHETIC TRAINING DATA" in banner.inner_text()
    assert banner.bounding_box()["y"] == 0
    assert page.tab.title().startswith("SYNTHETIC DATA")


@pytest.fixture
def changed(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A page of a model with other metadata."""
    driven: list[DrivenPage] = []

    def open_page(**metadata: Any) -> DrivenPage:
        path = write_page(tmp_path / "classifier.html", small_classifier(**metadata))
        driven.append(DrivenPage(browser, path))
        return driven[0]

    yield open_page
    driven[0].close()
    assert driven[0].complaints == []


def test_of_a_model_of_real_cells_it_says_that_it_is_no_medical_device(changed: Any) -> None:
    data = {"name": "C-NMC 2019", "synthetic": False, "licence": "CC BY 3.0"}
    page = changed(data=data)

    assert "SYNTHETIC" not in page.tab.inner_text("body").upper()
    assert "Not a medical device" in page.tab.inner_text(".banner")


def test_where_training_took_squares_alone_others_are_refused(changed: Any) -> None:
    page = changed(input={**METADATA["input"], "fit": "exact", "crop_size": 50})
    page.classify(
        file("square.png", CELL),
        file("wide.png", encoded(Image.new("RGB", (70, 60)))),
        file("small.png", encoded(Image.new("RGB", (40, 40)))),
    )

    square, wide, small = page.column("note")
    assert square == ""
    assert wide.startswith("it is 70×60, expected a square")
    assert small.startswith("it is 40×40, and `preprocess.crop_size` is 50; expected an image no")


def test_a_model_that_knows_a_scale_asks_for_that_of_the_images(changed: Any) -> None:
    page = changed(input={**METADATA["input"], "microns_per_pixel": 0.25})
    page.choose(file("cell.png", CELL))
    page.wait()
    assert page.column("note") == ["it is of unknown scale; fill in the microns a pixel above"]

    page.tab.get_by_label("Microns a pixel of these images").fill("40")
    rows = page.classify(file("cell.png", CELL))
    assert [row["note"] for row in rows] == ["; ".join(n["text"] for n in METADATA["notes"])]


def test_a_damaged_model_is_told_in_one_line(browser: Any, path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    start = text.index('id="model">') + len('id="model">')
    broken = tmp_path / "broken.html"
    broken.write_text(text[: start + 400] + text[start + 800 :], encoding="utf-8")
    page = DrivenPage(browser, broken)
    page.choose(file("one.png", CELL))
    page.wait()
    told = page.progress()
    page.close()

    assert told.startswith("The model does not run in this browser: ")
    assert page.complaints == []
