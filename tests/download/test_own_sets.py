"""Sets of own cells, from folders, zips and addresses, with class folders and with tables."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import io
import json
import os
import random
import shutil
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from stages.common.errors import StageError
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.download import label_table
from stages.download.params import DownloadParams
from tests.conftest import CHARACTERS, ROOT, WriteArchive, tiny_members
from tests.download.http_server import storing
from tests.download.stage import PARAMS, run_download
from tests.own_sets import class_folders, encoded, picture, write_files

OWN = dataclasses.replace(PARAMS.section(DownloadParams), identifiers="names")
MAPPING = {"hem": ["benign"], "all": ["early", "pre"]}
CELL = encoded(picture(1))
TWO = {"all/1.png": CELL, "hem/1.png": encoded(picture(2))}


def run(folder: Path, source: Path | str, **changes: Any) -> str:
    return run_download(dataclasses.replace(OWN, source=str(source), **changes), folder)


def made(folder: Path) -> bytes:
    return (folder / "data/raw/cnmc.zip").read_bytes()


def report(folder: Path) -> Any:
    return json.loads((folder / "metrics/download.json").read_text())


def cells(folder: Path) -> pd.DataFrame:
    with open_archive(folder / "data/raw/cnmc.zip") as archive:
        assert external_cells(archive).empty
        return training_cells(archive)


def zipped(path: Path, files: Mapping[str, bytes], prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(prefix + name, content)
    return path


def labelled(
    files: Mapping[str, bytes], table: str, name: str = "metadata.csv"
) -> dict[str, bytes]:
    return {**files, name: table.encode()}


def test_class_folders_become_an_archive_with_their_own_bytes(tmp_path: Path) -> None:
    files = class_folders()
    write_files(tmp_path / "set", files)
    line = run(tmp_path / "out", tmp_path / "set", classes=MAPPING)
    assert line.startswith(
        "36 images (24 ALL: 12 early, 12 pre; 12 HEM: 12 benign), 0 ignored, 0 other files, "
        "recognized as class folders with source_class, 36 to 48 px wide and 36 to 44 high, "
    )
    with zipfile.ZipFile(tmp_path / "out/data/raw/cnmc.zip") as archive:
        names = archive.namelist()
        assert names == [*sorted(f"images/{name}" for name in files), "metadata.csv"]
        assert {name: archive.read(f"images/{name}") for name in files} == files
    listed = cells(tmp_path / "out")
    assert listed["image"].tolist() == sorted(files)
    assert (listed["member"] == "images/" + listed["image"]).all()
    assert listed.groupby("label")["source_class"].unique().map(list).to_dict() == {
        "all": ["early", "pre"],
        "hem": ["benign"],
    }
    assert (listed[["subject", "field", "cell", "fold"]] == "").all(axis=None)


def test_the_report_counts_what_was_taken_mapped_and_ignored(tmp_path: Path) -> None:
    files = class_folders(4) | {
        "doubtful/1.png": b"not even read",
        "pre/notes.txt": b"",
        "x.md": b"",
    }
    write_files(tmp_path / "set", files)
    run(tmp_path / "out", tmp_path / "set", classes=MAPPING, ignore_classes=["Doubtful"])
    assert report(tmp_path / "out") == {
        "source": "folder",
        "synthetic": False,
        "verified": False,
        "layout": "class folders",
        "bytes": len(made(tmp_path / "out")),
        "sha256": hashlib.sha256(made(tmp_path / "out")).hexdigest(),
        "weights": "none",
        "images": 12,
        "classes": {
            "hem": {"benign": 4},
            "all": {"early": 4, "pre": 4},
            "ignored": {"doubtful": 1},
        },
        "other_files": 2,
        "width": {"least": 36, "most": 48},
        "height": {"least": 36, "most": 44},
    }


def test_the_same_set_gives_the_same_bytes_from_folder_zip_address_and_itself(
    tmp_path: Path,
) -> None:
    files = class_folders(4)
    write_files(tmp_path / "set", files)
    shuffled = list(files.items())
    random.Random(1).shuffle(shuffled)
    write_files(tmp_path / "other order", dict(shuffled))
    sources: list[Path | str] = [
        tmp_path / "set",
        tmp_path / "other order",
        zipped(tmp_path / "one.zip", files),
        zipped(tmp_path / "below.zip", dict(shuffled), prefix="my cells/v1/"),
    ]
    with storing((tmp_path / "one.zip").read_bytes()) as (_, address):
        for number, source in enumerate([*sources, f"{address}/cells.zip"]):
            run(tmp_path / f"out{number}", source, classes=MAPPING)
    shutil.copy(tmp_path / "out0/data/raw/cnmc.zip", tmp_path / "kept.zip")
    run(tmp_path / "again", tmp_path / "kept.zip")
    assert len({made(folder) for folder in [*tmp_path.glob("out*"), tmp_path / "again"]}) == 1


def test_what_was_fetched_is_kept_when_a_class_is_not_mapped(tmp_path: Path) -> None:
    content = zipped(tmp_path / "one.zip", class_folders(2)).read_bytes()
    with storing(content) as (storage, address):
        with pytest.raises(StageError, match="classes that nothing maps"):
            run(tmp_path / "out", f"{address}/cells.zip")
        assert not list((tmp_path / "out").rglob("*.zip"))
        run(tmp_path / "out", f"{address}/cells.zip", classes=MAPPING)
    assert storage.starts == [0, len(content) - 1]


def test_nothing_is_left_beside_the_archive(tmp_path: Path) -> None:
    run(tmp_path / "out", zipped(tmp_path / "one.zip", TWO))
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        "cnmc.zip",
        "download.json",
        "keras.json",
        "sets.json",
    ]


def test_the_sha256_of_a_folder_is_that_of_its_archive_and_of_a_zip_its_own(tmp_path: Path) -> None:
    write_files(tmp_path / "set", TWO)
    run(tmp_path / "out", tmp_path / "set")
    digits = report(tmp_path / "out")["sha256"]
    run(tmp_path / "out", tmp_path / "set", sha256=digits)
    with pytest.raises(StageError, match=r"SHA256 is .*; correct download\.sha256"):
        run(tmp_path / "out", tmp_path / "set", sha256="0" * 64)
    archive = zipped(tmp_path / "one.zip", TWO)
    run(tmp_path / "out", archive, sha256=hashlib.sha256(archive.read_bytes()).hexdigest())


@pytest.mark.parametrize("names", [("all", "hem"), ("ALL", "Hem"), ("x/All", "y/HEM")])
def test_without_a_mapping_classes_have_our_names_in_any_case(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    write_files(tmp_path / "set", {f"{name}/1.png": CELL for name in names})
    assert run(tmp_path / "out", tmp_path / "set").startswith("2 images (1 ALL; 1 HEM), ")
    assert sorted(cells(tmp_path / "out")["label"]) == ["all", "hem"]
    assert "source_class" not in cells(tmp_path / "out")


def test_a_name_in_two_lists_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path / "set", TWO)
    for changes in (
        {"classes": {"hem": ["hem", "x"], "all": ["all", "X"]}},
        {"classes": {"hem": ["hem"], "all": ["all", "x"]}, "ignore_classes": ["X"]},
    ):
        with pytest.raises(StageError, match=r"download\.ignore_classes name x twice"):
            run(tmp_path / "out", tmp_path / "set", **changes)


def test_folders_above_the_classes_say_which_part_an_image_is_for(tmp_path: Path) -> None:
    files = {
        f"{part}/{deeper}{label}/1.png": encoded(picture(number))
        for number, (part, deeper) in enumerate(
            [("Train", ""), ("valid", "site a/"), ("test", ""), ("site b/validation", "")]
        )
        for label in ("all", "hem")
    }
    write_files(tmp_path / "set", files)
    assert "recognized as class folders with split, " in run(tmp_path / "out", tmp_path / "set")
    listed = cells(tmp_path / "out").set_index("image")["split"].to_dict()
    assert listed == {
        "Train/all/1.png": "train",
        "Train/hem/1.png": "train",
        "site b/validation/all/1.png": "val",
        "site b/validation/hem/1.png": "val",
        "test/all/1.png": "test",
        "test/hem/1.png": "test",
        "valid/site a/all/1.png": "val",
        "valid/site a/hem/1.png": "val",
    }


def test_copies_beside_originals_are_told(tmp_path: Path) -> None:
    names = ["all/a.png", "all/b.png", "hem/c.png"]
    for number, tree in enumerate(("Original", "Segmented")):
        pictures = {
            f"{tree}/{name}": encoded(picture(n + 9 * number)) for n, name in enumerate(names)
        }
        write_files(tmp_path / "set", pictures)
    assert (
        ", 6 with the name of another of their class, but for a word, as Original/all/a.png and "
        "Segmented/all/a.png"
        ": where these are copies of one picture, take one kind: name its folder as the source, or "
        "write a metadata.csv, "
    ) in run(tmp_path / "out", tmp_path / "set")
    assert "the name of another" not in run(tmp_path / "out", tmp_path / "set/Original")


@pytest.mark.parametrize(
    "copy", ["0_mask", "0-segmented", "0.overlay", "0 (Copy)", "0 - Kopie", "mask_0"]
)
def test_copies_in_the_folder_of_the_originals_are_told(tmp_path: Path, copy: str) -> None:
    names = ["all/0", f"all/{copy}", "hem/1", "hem/2", "hem/cell_3", "hem/cell_4"]
    write_files(
        tmp_path / "set", {f"{name}.png": encoded(picture(n)) for n, name in enumerate(names)}
    )
    first, second = sorted((f"all/{copy}.png", "all/0.png"))
    told = run(tmp_path / "out", tmp_path / "set")
    assert (
        f", 2 with the name of another of their class, but for a word, as {first} and {second}: "
    ) in told


def test_pictures_are_numbered_anew_in_each_class_and_part(tmp_path: Path) -> None:
    folders = [f"{part}/{label}" for part in ("train", "val", "test") for label in ("all", "hem")]
    files = {f"{folder}/1.png": encoded(picture(n)) for n, folder in enumerate(folders)}
    write_files(tmp_path / "set", files)
    assert "the name of another" not in run(tmp_path / "out", tmp_path / "set")


TABLE = """file_name,label,subject,field,cell,fold,split,scanner,Age band
pictures/a.png,All,P1,slide 3,7,one,train,"Leica, old",20–40
pictures/b.jpg,hem,,NA,,two,Validation,Zeiss,
pictures/c.tif,hem, P2 ,1,N/A,nan,test,,60+
"""
PICTURES = {
    "pictures/a.png": CELL,
    "pictures/b.jpg": encoded(picture(2), "JPEG"),
    "pictures/c.tif": encoded(picture(3), "TIFF"),
}
EXPECTED = """image,member,label,subject,field,cell,fold,split,scanner,Age band
a.png,images/a.png,all,P1,slide 3,7,one,train,"Leica, old",20–40
b.jpg,images/b.jpg,hem,,,,two,val,Zeiss,
c.tif,images/c.tif,hem,P2,1,,,test,,60+
"""


def as_json_lines(table: str) -> str:
    rows = pd.read_csv(io.StringIO(table), dtype=str, keep_default_na=False).to_dict("records")
    told = [{key: value or None for key, value in row.items()} for row in rows]
    told[0]["cell"] = 7
    return "\n".join(json.dumps(row) for row in told) + "\n\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", TABLE.encode()),
        ("METADATA.CSV", b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode()),
        (
            "metadata.csv",
            TABLE.replace('"Leica, old"', "Leica; old")
            .replace(",", "\t")
            .replace(";", ",")
            .replace("\t", ";")
            .replace("Leica, old", '"Leica, old"')
            .encode(),
        ),
        (
            "metadata.tsv",
            TABLE.replace('"Leica, old"', "Leica; old")
            .replace(",", "\t")
            .replace(";", ",")
            .encode(),
        ),
        ("metadata.jsonl", as_json_lines(TABLE).encode()),
    ],
)
def test_a_table_says_what_is_known_and_its_other_columns_are_carried(
    tmp_path: Path, name: str, content: bytes
) -> None:
    write_files(tmp_path / "set", {**PICTURES, name: content, "pictures/left out.png": b""})
    line = run(tmp_path / "out", tmp_path / "set")
    assert "3 images (1 ALL: 1 All; 2 HEM), " in line or "3 images (1 ALL; 2 HEM), " in line
    assert (
        "1 other files, recognized as table with subject, field, cell, fold, split, scanner, "
        "Age band, " in line
    )
    assert cells(tmp_path / "out").to_csv(index=False) == EXPECTED
    assert report(tmp_path / "out")["layout"] == "table"


def test_a_table_in_parquet_is_read_where_pandas_can(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.read_csv(io.StringIO(TABLE), dtype=str)
    table["cell"] = pd.array([7, None, None], dtype="Int64")
    write_files(tmp_path / "set", PICTURES)
    table.to_parquet(tmp_path / "set/metadata.parquet")
    run(tmp_path / "out", tmp_path / "set")
    assert cells(tmp_path / "out").to_csv(index=False) == EXPECTED


def test_values_of_parquet_become_plain_texts(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(
        {
            "file_name": list(TWO),
            "label": ["all", "hem"],
            "subject": pd.Categorical(["P1", "P2"]),
            "taken": pd.to_datetime(["2020-01-31", None]),
            "age": [1.5, None],
        }
    )
    write_files(tmp_path / "set", TWO)
    table.to_parquet(tmp_path / "set/metadata.parquet")
    run(tmp_path / "out", tmp_path / "set")
    listed = cells(tmp_path / "out")[["subject", "taken", "age"]]
    assert listed.to_numpy().tolist() == [["P1", "2020-01-31 00:00:00", "1.5"], ["P2", "", ""]]


def test_a_table_in_parquet_says_what_to_install_where_pandas_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("pyarrow"):

        def missing(_: bytes) -> pd.DataFrame:
            raise ImportError

        monkeypatch.setitem(label_table._READERS, ".parquet", missing)
    write_files(tmp_path / "set", {**PICTURES, "metadata.parquet": b"PAR1"})
    expected = (
        r"metadata\.parquet needs a package that is not installed; save the table as "
        r"metadata\.csv, or install it \(\.venv/bin/python -m pip install pyarrow\)"
    )
    with pytest.raises(StageError, match=expected):
        run(tmp_path / "out", tmp_path / "set")


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    header, *rows = TABLE.splitlines(keepends=True)
    for name, ordered in (("one", rows), ("other", rows[::-1])):
        write_files(tmp_path / name, labelled(PICTURES, header + "".join(ordered)))
        run(tmp_path / f"out {name}", tmp_path / name)
    assert made(tmp_path / "out one") == made(tmp_path / "out other")


def test_columns_that_say_nothing_are_not_kept(tmp_path: Path) -> None:
    table = "file_name,label,subject,fold\nall/1.png,all,,1\nhem/1.png,hem,NA,2\n"
    write_files(tmp_path / "set", labelled(TWO, table))
    run(tmp_path / "out", tmp_path / "set")
    with zipfile.ZipFile(tmp_path / "out/data/raw/cnmc.zip") as archive:
        assert archive.read("metadata.csv").startswith(b"file_name,label,fold\n")


def test_our_columns_are_known_in_any_case(tmp_path: Path) -> None:
    table = "File_Name, Label,Subject,Scanner\nall/1.png,all,P1,A\nhem/1.png,hem,P2,B\n"
    write_files(tmp_path / "set", labelled(TWO, table))
    run(tmp_path / "out", tmp_path / "set")
    listed = cells(tmp_path / "out")
    assert listed["subject"].tolist() == ["P1", "P2"]
    assert listed["Scanner"].tolist() == ["A", "B"]


@pytest.mark.parametrize("column", ["patient_id", "Patient", "subject id", "CaseNo", "subjects"])
def test_a_column_that_tells_people_apart_must_be_named_so(tmp_path: Path, column: str) -> None:
    # It would be carried along in clear, though `identifiers` is pseudonyms, and no split knew it.
    table = f"file_name,label,{column}\nall/1.png,all,1\nhem/1.png,hem,2\n"
    write_files(tmp_path / "set", labelled(TWO, table))
    expected = rf"metadata\.csv has a column {column}; name it subject if it tells people apart"
    with pytest.raises(StageError, match=expected):
        run(tmp_path / "out", tmp_path / "set", identifiers="pseudonyms")


def test_a_table_in_each_folder_of_a_part_lists_the_images_below_it(tmp_path: Path) -> None:
    files = {
        f"{part}/{name}": content for part in ("train", "test") for name, content in TWO.items()
    }
    table = b"file_name,label\nall/1.png,all\nhem/1.png,hem\n"
    tables = {f"{part}/metadata.csv": table for part in ("train", "test")}
    write_files(tmp_path / "set", files | tables)
    run(tmp_path / "out", tmp_path / "set")
    listed = cells(tmp_path / "out")
    assert listed["image"].tolist() == sorted(files)
    assert listed["split"].tolist() == ["test", "test", "train", "train"]


def test_a_table_wins_over_folders_and_over_kaggles_names(tmp_path: Path) -> None:
    files = {name: content for name, content in tiny_members().items() if "UID_1_" in name}
    files |= {name: content for name, content in tiny_members().items() if "UID_H1_" in name}
    rows = "".join(f"{name},{'hem' if 'UID_H' in name else 'all'},A\n" for name in files)
    write_files(tmp_path / "set", labelled(files, "file_name,label,scanner\n" + rows))
    run(tmp_path / "out", tmp_path / "set")
    assert set(cells(tmp_path / "out")["scanner"]) == {"A"}


def test_kaggles_layout_comes_byte_for_byte_from_a_zip(
    tmp_path: Path, write_archive: WriteArchive
) -> None:
    source = write_archive(name="source.zip")
    run(tmp_path / "out", source, classes=MAPPING)  # it is not asked: names tell the classes there
    assert made(tmp_path / "out") == source.read_bytes()


FORMS = {
    "grey.bmp": encoded(picture(1).convert("L"), "BMP"),
    "palette.png": encoded(picture(2).quantize(16)),
    "alpha.png": encoded(picture(3).convert("RGBA")),
    "photo.jpg": encoded(picture(4), "JPEG"),
    "scan.tif": encoded(picture(5), "TIFF", compression="tiff_lzw"),
    "web.webp": encoded(picture(6), "WEBP"),
    "a JPEG.png": encoded(picture(7), "JPEG"),
    "PNG of upper case.PNG": encoded(picture(8)),
}


def test_every_form_of_image_is_taken_with_its_own_bytes(tmp_path: Path) -> None:
    files = {f"all/{name}": content for name, content in FORMS.items()} | {"hem/1.png": CELL}
    write_files(tmp_path / "set", files)
    run(tmp_path / "out", tmp_path / "set")
    with zipfile.ZipFile(tmp_path / "out/data/raw/cnmc.zip") as archive:
        assert {name: archive.read(f"images/{name}") for name in files} == files
        images = [info for info in archive.infolist() if info.filename != "metadata.csv"]
    # bzip2, whose output is the same everywhere, takes 16 ms for a BMP of 450 px; deflate's is not.
    assert {info.compress_type for info in images} == {zipfile.ZIP_STORED}


LONG = "ä" * 125 + ".png"  # 254 bytes
NAMES = [
    "two words.png",
    'it\'s "quoted".png',
    "ünï cödé 白血病.png",
    "[x]=3 #1, (2);{a}.png",
    "-dash.png",
    "a,b.png",
    LONG,
    *(f"{ord(character)}{character}.png" for character in CHARACTERS if character != "\t"),
]


@pytest.mark.parametrize("form", ["folder", "zip", "table"])
def test_names_of_all_kinds_are_taken(tmp_path: Path, form: str) -> None:
    names = [name for name in NAMES if "\\" not in name or form == "folder"]
    files = {f"all/{name}": encoded(picture(n, size=(8, 8))) for n, name in enumerate(names)}
    files |= {"hem/1.png": CELL}
    if form == "table":
        rows = pd.DataFrame({"file_name": list(files)})
        rows["label"] = rows["file_name"].str[:3]
        files["metadata.csv"] = rows.to_csv(index=False).encode()
    source = tmp_path / "set"
    source = zipped(source, files) if form == "zip" else write_files(source, files)
    run(tmp_path / "out", source)
    taken = {name for name in files if name != "metadata.csv"}
    assert set(cells(tmp_path / "out")["image"]) == {
        unicodedata.normalize("NFC", name) for name in taken
    }


def test_names_that_differ_in_case_alone_are_two_images(tmp_path: Path) -> None:
    files = TWO | {"all/A.png": encoded(picture(3)), "all/a.png": encoded(picture(4))}
    run(tmp_path / "out", zipped(tmp_path / "one.zip", files))
    with zipfile.ZipFile(tmp_path / "out/data/raw/cnmc.zip") as archive:
        assert archive.read("images/all/A.png") != archive.read("images/all/a.png")


def test_letters_are_composed_so_that_names_are_those_of_every_disk(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "all/Zellen für Łódź.png")
    table = "file_name,label\nall/Zellen für Łódź.png,all\nhem/1.png,hem\n"
    files = {decomposed: CELL, "hem/1.png": CELL}
    write_files(tmp_path / "set", labelled(files, table))
    run(tmp_path / "out", tmp_path / "set")
    assert cells(tmp_path / "out")["image"].tolist() == ["all/Zellen für Łódź.png", "hem/1.png"]


def test_what_systems_leave_in_folders_is_no_image(tmp_path: Path) -> None:
    write_files(tmp_path / "set", TWO)
    run(tmp_path / "clean", tmp_path / "set")
    clutter = ["all/Thumbs.db", "all/.hidden.png", "__MACOSX/all/._1.png", "hem/desktop.ini"]
    write_files(tmp_path / "set", dict.fromkeys(clutter, b"clutter"))
    run(tmp_path / "out", tmp_path / "set")
    assert made(tmp_path / "out") == made(tmp_path / "clean")
    assert report(tmp_path / "out")["other_files"] == 0


def test_a_damaged_member_of_a_zip_is_told_with_the_name_of_the_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "one.zip", TWO)
    content = bytearray(path.read_bytes())
    content[content.index(b"all/1.png") + 60] ^= 1
    path.write_bytes(content)
    with pytest.raises(StageError, match=r"one\.zip: all/1\.png is corrupt \(.*; replace the file"):
        run(tmp_path / "out", path)


def test_a_relative_path_a_tilde_and_a_variable_lead_to_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "Zellen für Łódź (1) #2, [x]=3"
    write_files(place, TWO)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CELLS", str(place))
    for source in (place.name, f"~/{place.name}", "$CELLS", f"./{place.name}/../{place.name}/"):
        assert run(tmp_path / "out", source).startswith("2 images (1 ALL; 1 HEM), ")


@pytest.mark.integration
def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    content = encoded(Image.new("RGB", (1000, 1000)), "BMP")
    for label in ("all", "hem"):
        write_files(tmp_path / "set", {f"{label}/0.bmp": content})
        for number in range(1, 30):
            os.link(tmp_path / f"set/{label}/0.bmp", tmp_path / f"set/{label}/{number}.bmp")
    code = (
        "import resource, sys; from pathlib import Path;"
        "from stages.download.pack_own_set import pack_own_set;"
        "from stages.download.source_files import folder_files;"
        "from tests.download.test_own_sets import OWN;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "pack_own_set(folder_files(Path(sys.argv[1])), Path(sys.argv[2]), OWN, name='set');"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "set", tmp_path / "made.zip"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])
            ),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 80 * 1024  # KiB; all images have 180 MB
