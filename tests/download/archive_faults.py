"""What can be wrong with an archive or a folder of the set: how it is made, and what is said."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stages.dataset.archive_layout import PRELIMINARY_LABELS
from tests.conftest import TINY_SIZE, TRAINING, VALIDATION, tiny_members
from tests.own_sets import write_files

IMAGE = f"{TRAINING}/fold_1/all/UID_1_1_1_all.bmp"
LABELS = f"{VALIDATION}/{PRELIMINARY_LABELS}"
ENTRY = b"PK\x01\x02"  # of the directory


@dataclass(frozen=True)
class Fault:
    """A fault, of one `kind` with others, made at a path, and a part of the line that tells it."""

    name: str
    kind: str
    make: Callable[[Path], object]
    told: str


def write(path: Path, changes: Mapping[str, bytes] | None = None, *, without: str = "?") -> None:
    """Write the tiny archive with other members, and without those that a text is part of."""
    members = {name: body for name, body in tiny_members().items() if without not in name}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members | dict(changes or {})).items():
            archive.writestr(name, content)


def add(path: Path, *further: zipfile.ZipInfo, content: bytes = b"image") -> None:
    """Write the tiny archive and further members, whatever zipfile thinks of them."""
    write(path)
    with zipfile.ZipFile(path, "a") as archive:
        for info in further:
            archive.NameToInfo.pop(info.filename, None)  # or it would warn of duplicates
            archive.writestr(info, content)


def named(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x" if "\0" in name else name)
    info.filename = name
    return info


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


def spoil(path: Path, change: Callable[[bytes], bytes]) -> None:
    write(path)
    path.write_bytes(change(path.read_bytes()))


def set_first_entry(path: Path, offset: int, form: str, value: int) -> None:
    """Let the directory's first entry, and it alone, hold another value at an offset."""

    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        struct.pack_into(form, changed, content.index(ENTRY) + offset, value)
        return bytes(changed)

    spoil(path, change)


def declare_total(path: Path) -> None:
    """Let 8 members of 4 MB declare 4 GB each, just within the ratio."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(8):
            archive.writestr(f"{TRAINING}/fold_0/all/UID_1_1_{number}_all.bmp", bytes(4_200_000))
    content = bytearray(path.read_bytes())
    start = content.index(ENTRY)
    for _ in range(8):
        struct.pack_into("<I", content, start + 24, 4_100_000_000)
        start = content.find(ENTRY, start + 1)
    path.write_bytes(content)


def make_tar(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("all/1.png"))


def flip(path: Path) -> None:
    write(path)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(IMAGE)
    content = bytearray(path.read_bytes())
    content[info.header_offset + 30 + len(IMAGE) + info.compress_size // 2] ^= 1
    path.write_bytes(content)


def unpack(path: Path) -> None:
    for name, content in tiny_members().items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def unpack_with_link(path: Path) -> None:
    unpack(path)
    (path / TRAINING / "fold_1/all/UID_9_1_1_all.bmp").symlink_to("/etc/passwd")


def unpack_without_class(path: Path) -> None:
    unpack(path)
    for image in sorted(path.rglob("*_hem.bmp")):
        image.unlink()


MORE = Image.new("RGB", (TINY_SIZE, TINY_SIZE), (255, 0, 0))


def drawn(
    mode: str = "RGB",
    form: str = "BMP",
    *,
    width: int = TINY_SIZE,
    height: int = TINY_SIZE,
    **options: object,
) -> bytes:
    content = io.BytesIO()
    Image.new(mode, (width, height)).save(content, form, **options)
    return content.getvalue()


def every_image(content: bytes) -> Callable[[Path], None]:
    return lambda path: write(path, {name: content for name in tiny_members() if "UID_" in name})


def with_names(old: str, new: str) -> Callable[[Path], None]:
    """Write the tiny archive with other endings of the images of one folder."""

    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in tiny_members().items():
                archive.writestr(name.replace(".bmp", new) if old in name else name, content)

    return make


def bad_labels(content: bytes) -> Callable[[Path], None]:
    return lambda path: write(path, {LABELS: content})


HEADER = b"Patient_ID,new_names,labels\r\n"
FIRST, SECOND = b"UID_91_1_1_all.bmp,1.bmp,1\r\n", b"UID_H92_1_1_hem.bmp,2.bmp,0\r\n"


def own(
    *changes: Mapping[str, bytes], without: str = "?", zipped: bool = False
) -> Callable[[Path], None]:
    """Write a set in folders `all` and `hem` with other files, as a folder or a zip."""

    def make(path: Path) -> None:
        files = {
            f"{label}/{number}.png": drawn("RGB", "PNG")
            for label in ("all", "hem")
            for number in "12"
        }
        for change in changes:
            files |= change
        files = {name: content for name, content in files.items() if without not in name}
        if not zipped:
            write_files(path, files)
            return
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)

    return make


def table(*rows: str, name: str = "metadata.csv") -> dict[str, bytes]:
    return {name: ("\n".join(rows) + "\n").encode()}


def understated(path: Path) -> None:
    own(zipped=True)(path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(ENTRY) + 24, 10)
    path.write_bytes(content)


def linked(path: Path) -> None:
    own()(path)
    for name in ("all/3.png", "all/4.png", "more"):
        (path / name).symlink_to("1.png")


ALL, HEM = "all/1.png,all", "hem/1.png,hem"
OWN_FAULTS = [
    Fault(
        "classes of other names",
        "set",
        own({"Blast/1.png": b"", "normal/a.png": b"", "normal/b.png": b""}),
        "classes that nothing maps: Blast (1), normal (2); expected hem and all; name them in "
        "download.classes, as {hem: [benign, normal], all: [early, pre]}, or in "
        "download.ignore_classes; where the innermost folders are no classes, write a metadata.csv",
    ),
    Fault(
        "the same, zipped",
        "set",
        own({"Blast/1.png": b""}, zipped=True),
        "classes that nothing maps: Blast (1); expected hem and all",
    ),
    Fault(
        "an own image of more bytes than declared",
        "bytes",
        understated,
        "all/1.png is corrupt (it unpacks to more than the 10 bytes that it declares)",
    ),
    Fault(
        "one class alone",
        "set",
        own(without="hem"),
        "no images of class hem (expected hem and all); found all (2)",
    ),
    Fault(
        "no images",
        "set",
        own({"all/a.txt": b""}, without=".png"),
        "no images; expected class folders (…/<class>/<image>), a metadata.csv beside images, or "
        "the layout of Kaggle's andrewmvd/leukemia-classification, found 1 file (1 all/*.txt)",
    ),
    Fault(
        "an image in no folder",
        "set",
        own({"a.png": b""}),
        "a.png, one of 1 such images, is in no class folder; expected …/<class>/<image>",
    ),
    Fault(
        "links among own images",
        "set",
        linked,
        "all/3.png, one of 3 such, is a symbolic link (`cp -rL` copies a folder and follows its "
        "links)",
    ),
    Fault(
        "a line end in the name of an own image",
        "set",
        own({"all/a\nb.png": b""}),
        r"'all/a\nb.png' has a name that cannot be shown; rename the file",
    ),
    Fault(
        "two names that differ in the form of their letters alone",
        "set",
        own({"all/ü.png": drawn(), "all/u\u0308.png": drawn()}),
        r"'all/u\u0308.png' and 'all/\xfc.png' have the same name; rename one of them",
    ),
    Fault(
        "own images of forms that are not read",
        "form",
        own(
            {
                "all/1.png": drawn("RGB", "GIF"),
                "all/2.png": drawn("CMYK", "TIFF"),
                "all/3.tif": drawn("F", "TIFF"),
                "all/4.bmp": b"",
                "all/5.jpg": drawn("RGB", "JPEG")[:-20],
                "all/6.webp": b"hello",
                "all/7.gif": drawn("RGB", "GIF"),
            }
        ),
        "3 of 9 images are of no form that is read (all/1.png, all/6.webp, all/7.gif): save it as "
        "a BMP, PNG, JPEG, TIFF or WebP image of 8 bits a channel; 1 of 9 images is TIFF (mode "
        "CMYK) (all/2.png): save it with 8 bits a channel, as RGB or grey; 1 of 9 images is TIFF "
        "of 32 bits a channel (mode F) (all/3.tif): ",
    ),
    Fault(
        "own images of several pages or frames",
        "form",
        own(
            {
                "all/1.tif": drawn("RGB", "TIFF", save_all=True, append_images=[MORE]),
                "all/2.png": drawn("RGB", "PNG", save_all=True, append_images=[MORE]),
                "all/3.webp": drawn("RGB", "WEBP", save_all=True, append_images=[MORE]),
            }
        ),
        "1 of 6 images is TIFF of 2 pages or frames (all/1.tif): save one image a file; 1 of 6 "
        "images is PNG of 2 pages or frames (all/2.png): save one image a file; 1 of 6 images is "
        "WebP of 2 pages or frames (all/3.webp): save one image a file",
    ),
    Fault(
        "an image that may be a decompression bomb",
        "form",
        own({"all/1.png": drawn("1", "PNG", width=10_000, height=9_000)}),
        "1 of 4 images is of more than 89,478,485 pixels (all/1.png): cut the cells out of it",
    ),
    Fault(
        "table without labels",
        "set",
        own(table("file_name,class", ALL)),
        "metadata.csv has columns file_name, class, but no label; expected file_name and label, "
        "and of subject, field, cell, fold, split what is known",
    ),
    Fault(
        "table with people under another name",
        "set",
        own(table("file_name,label,Patient ID", f"{ALL},7", f"{HEM},8")),
        "metadata.csv has a column Patient ID; name it subject if it tells people apart, for the "
        "split and for pseudonyms, or leave it out",
    ),
    Fault(
        "table with an empty label",
        "set",
        own(table("file_name,label", ALL, "hem/1.png,")),
        "metadata.csv has no label in 1 of 2 rows (first: row 2)",
    ),
    Fault(
        "table that names an image that is not there",
        "set",
        own(table("file_name,label", ALL, "hem/9.png,hem")),
        "1 of 2 images of the table are not there: hem/9.png; expected paths below the folder of "
        "the table",
    ),
    Fault(
        "table with backslashes",
        "set",
        own(table("file_name,label", ALL, r"hem\1.png,hem")),
        r"not there: hem\1.png; expected paths below the folder of the table; write / between",
    ),
    Fault(
        "table that leads out of its folder",
        "set",
        own(table("file_name,label", ALL, "../1.png,hem")),
        "metadata.csv names ../1.png; expected paths below the folder of the table",
    ),
    Fault(
        "table with two rows for an image",
        "set",
        own(table("file_name,label", ALL, HEM, "hem/1.png,all")),
        "the table has two rows for hem/1.png; leave one of them out",
    ),
    Fault(
        "table with an unknown part",
        "set",
        own(table("file_name,label,split", f"{ALL},train", f"{HEM},holdout")),
        "split is 'holdout' for hem/1.png, one of 1 with an unknown part; expected train, val, "
        "valid, validation, test, or nothing",
    ),
    Fault(
        "table with a column of the project's own name",
        "set",
        own(table("file_name,label,group", f"{ALL},1")),
        "metadata.csv has a column group, a name of the project's own; rename it",
    ),
    Fault(
        "table with two columns of one name",
        "set",
        own(table("file_name,label,stain, stain", f"{ALL},1,2")),
        "metadata.csv has two columns stain; rename one",
    ),
    Fault("table without rows", "set", own(table("file_name,label")), "metadata.csv has no rows"),
    Fault(
        "table that is no CSV",
        "set",
        own({"metadata.csv": b'file_name,label\n"a'}),
        "metadata.csv cannot be read (Error tokenizing data",
    ),
    Fault(
        "table not in UTF-8",
        "set",
        own({"metadata.csv": "file_name,label\nall/ü.png,all\n".encode("latin-1")}),
        "metadata.csv cannot be read ('utf-8' codec can't decode byte 0xfc",
    ),
    Fault(
        "lines that are no JSON",
        "set",
        own({"metadata.jsonl": b'{"file_name": "all/1.png"\n'}),
        "metadata.jsonl cannot be read (Expecting ',' delimiter",
    ),
]

FAULTS = [
    Fault(
        "not a zip",
        "zip",
        lambda path: path.write_bytes(b"<html>Sign in</html>"),
        "this is not a zip archive, or it is damaged or cut off",
    ),
    Fault(
        "another kind of archive",
        "zip",
        make_tar,
        "cut off (File is not a zip file: it is a gzip file: unpack it, and name the folder)",
    ),
    Fault(
        "a web page under the name of a zip",
        "zip",
        lambda path: path.write_bytes(b"<!DOCTYPE html>\n<html>Sign in"),
        "(File is not a zip file: it is a web page, such as one that asks to sign in)",
    ),
    Fault("empty file", "zip", lambda path: path.write_bytes(b""), "this is not a zip archive"),
    Fault(
        "truncated zip",
        "zip",
        lambda path: spoil(path, lambda content: content[:-100]),
        "this is not a zip archive, or it is damaged or cut off",
    ),
    Fault(
        "first half alone missing",
        "zip",
        lambda path: spoil(path, lambda content: content[len(content) // 2 :]),
        " is corrupt (",
    ),
    Fault(
        "`..` in a name",
        "name",
        lambda path: add(path, named("../../evil.bmp")),
        "'../../evil.bmp' leads out of its folder with .. in its name",
    ),
    Fault(
        "absolute name",
        "name",
        lambda path: add(path, named("/etc/cron.d/evil")),
        "'/etc/cron.d/evil' has an absolute name",
    ),
    Fault(
        "drive letter",
        "name",
        lambda path: add(path, named("C:/evil.bmp")),
        "'C:/evil.bmp' has an absolute name",
    ),
    Fault(
        "backslashes",
        "name",
        lambda path: add(path, named("..\\evil.bmp")),
        r"'..\\evil.bmp' has a backslash in its name",
    ),
    Fault(
        "line end in a name",
        "name",
        lambda path: add(path, named("evil\n.bmp")),
        r"'evil\n.bmp' has a name that cannot be shown",
    ),
    Fault(
        "duplicate member names",
        "name",
        lambda path: add(path, named(IMAGE)),
        f"{IMAGE} stands in it twice",
    ),
    Fault(
        "duplicate after canonical spelling of the path",
        "name",
        lambda path: add(path, named(f"./{IMAGE}")),
        f"./{IMAGE} stands in it twice",
    ),
    Fault(
        "symbolic link",
        "member",
        lambda path: add(path, link(f"{TRAINING}/fold_1/all/UID_9_1_1_all.bmp"), content=b"/etc"),
        "UID_9_1_1_all.bmp is a symbolic link",
    ),
    Fault(
        "encrypted member",
        "member",
        lambda path: set_first_entry(path, 8, "<H", 1),
        " is encrypted, expected a zip without a password",
    ),
    Fault(
        "unknown compression",
        "member",
        lambda path: set_first_entry(path, 10, "<H", 9),
        " is compressed by method 9; expected deflate, bzip2 or no compression",
    ),
    Fault(
        "bomb by ratio",
        "bomb",
        lambda path: write(path, {IMAGE: bytes(20_000_000)}),
        f"{IMAGE} declares 20,000,000 bytes packed into 19,",
    ),
    Fault(
        "bomb by declared total",
        "bomb",
        declare_total,
        "its files declare 32,800,000,000 bytes unpacked, expected at most 30,000,000,000",
    ),
    Fault(
        "more bytes than declared",
        "bomb",
        lambda path: set_first_entry(path, 24, "<I", 1_000),
        "is corrupt (it unpacks to more than the 1,000 bytes that it declares)",
    ),
    Fault(
        "missing class",
        "layout",
        lambda path: write(path, without="_hem.bmp"),
        "no training images of class hem",
    ),
    Fault(
        "image of the other class in a class folder",
        "layout",
        lambda path: write(path, {f"{TRAINING}/fold_1/all/UID_H7_1_1_hem.bmp": b"image"}),
        "is of class hem by its name, but lies in a folder of class all",
    ),
    Fault(
        "image outside the class folders",
        "layout",
        lambda path: write(path, {f"{TRAINING}/fold_1/UID_7_1_1_all.bmp": b"image"}),
        "lies outside the class folders of a fold",
    ),
    Fault(
        "one image in two folds",
        "layout",
        lambda path: write(path, {IMAGE.replace("fold_1", "fold_2"): b"image"}),
        "one image name stands twice",
    ),
    Fault(
        "one cell under two spellings",
        "layout",
        lambda path: write(path, {f"{TRAINING}/fold_0/hem/UID_h3_1_1_hem.bmp": b"image"}),
        "one cell stands twice, under two spellings",
    ),
    Fault(
        "label file with other columns",
        "labels",
        bad_labels(b"name,label\n1.bmp,1\n"),
        "has columns name, label; expected Patient_ID, new_names, labels",
    ),
    Fault(
        "label file that is not CSV",
        "labels",
        bad_labels(HEADER + FIRST + b"1,2,3,4\n"),
        "cannot be read as CSV",
    ),
    Fault("label file without a row", "labels", bad_labels(HEADER + FIRST), "no row for 2.bmp"),
    Fault(
        "label that contradicts the name",
        "labels",
        bad_labels(HEADER + FIRST + SECOND.replace(b",0", b",1")),
        "labels UID_H92_1_1_hem.bmp as '1'; expected 0 for hem",
    ),
    Fault("label file missing", "labels", lambda path: write(path, without=LABELS), "found 0"),
    Fault("flipped bit in a member", "bytes", flip, f"{IMAGE} is corrupt ("),
    Fault(
        "other CRC-32 in the directory",
        "bytes",
        lambda path: set_first_entry(path, 16, "<I", 1),
        "expected 00000001",
    ),
    Fault(
        "folder with a symbolic link",
        "folder",
        unpack_with_link,
        "UID_9_1_1_all.bmp is a symbolic link (`cp -rL` copies a folder and follows its links); "
        "put the file or folder itself there",
    ),
    Fault(
        "folder without a class",
        "folder",
        unpack_without_class,
        "no training images of class hem",
    ),
    Fault(
        "training images of C-NMC as PNG",
        "layout",
        with_names("training_data", ".png"),
        "UID_3_1_1_all.png: expected an image name of the form "
        "UID_<subject>_<field>_<cell>_all.bmp or …_hem.bmp, and 47 more files are refused",
    ),
    Fault(
        "preliminary images as PNG",
        "layout",
        with_names("prelim_phase_data/", ".png"),
        "C-NMC_test_prelim_phase_data/1.png: expected a .bmp, and 1 more file is refused",
    ),
    Fault(
        "every image of 16 bits",
        "form",
        every_image(drawn("I;16", "PNG")),
        "48 of 50 images are PNG of 16 bits a channel (mode I;16) (",
    ),
    Fault(
        "one image in the colours of print, one empty, one cut off",
        "form",
        lambda path: write(
            path,
            {
                IMAGE: drawn("CMYK", "JPEG"),
                IMAGE.replace("1_1_1", "1_2_1"): b"",
                IMAGE.replace("1_1_1", "1_3_1"): drawn()[:-1],
            },
        ),
        f"1 of 50 images is JPEG (mode CMYK) ({IMAGE}): save it with 8 bits a channel, as RGB or "
        f"grey; 1 of 50 images is empty ({IMAGE.replace('1_1_1', '1_2_1')}): replace it with a "
        "sound copy, or leave it out; 1 of 50 images is damaged or cut off "
        f"({IMAGE.replace('1_1_1', '1_3_1')}): replace it",
    ),
    *OWN_FAULTS,
]
