"""What can be wrong with an archive or a folder of the set: how it is made, and what is said."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stages.dataset.archive_layout import PRELIMINARY_LABELS
from tests.conftest import TINY_SIZE, TRAINING, VALIDATION, bmp, tiny_members

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


def drawn(
    mode: str = "RGB", form: str = "BMP", *, width: int = TINY_SIZE, height: int = TINY_SIZE
) -> bytes:
    content = io.BytesIO()
    Image.new(mode, (width, height)).save(content, form)
    return content.getvalue()


def every_image(content: bytes) -> Callable[[Path], None]:
    return lambda path: write(path, {name: content for name in tiny_members() if "UID_" in name})


def elsewhere(path: str) -> str:
    """Where people keep what they have not named as C-NMC does."""
    label, name = path.split("/")[-2:]
    return f"{label}/{name.removesuffix('.bmp').removeprefix('UID_')}.png"


def unpack_png(path: Path) -> None:
    for name in tiny_members():
        if "training_data" in name:
            (path / elsewhere(name)).parent.mkdir(parents=True, exist_ok=True)
            (path / elsewhere(name)).write_bytes(drawn("RGB", "PNG"))


def write_png(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in tiny_members():
            if "training_data" in name:
                archive.writestr(elsewhere(name), drawn("RGB", "PNG"))


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

FAULTS = [
    Fault(
        "not a zip",
        "zip",
        lambda path: path.write_bytes(b"<html>Sign in</html>"),
        "this is not a zip archive, or it is damaged or cut off",
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
        "UID_9_1_1_all.bmp is a symbolic link; put the file or folder itself there",
    ),
    Fault(
        "folder without a class",
        "folder",
        unpack_without_class,
        "no training images of class hem",
    ),
    Fault(
        "PNG images in folders of the classes",
        "folder",
        unpack_png,
        "no training images of class all and hem; expected BMP images "
        "…/training_data/fold_0/{all,hem}/UID_<subject>_<field>_<cell>_{all,hem}.bmp as in "
        "Kaggle's andrewmvd/leukemia-classification, found 48 files (24 all/*.png, 24 hem/*.png); "
        'docs/data.md shows the layout under "Images in another form"',
    ),
    Fault("the same, zipped", "layout", write_png, "found 48 files (24 all/*.png, 24 hem/*.png)"),
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
        "every image grey",
        "form",
        every_image(drawn("L")),
        "48 of 50 images are BMP of 8 bits a pixel (grey, or with a palette); expected BMP of 24 "
        "bits a pixel (red, green and blue)",
    ),
    Fault(
        "every image with a fourth channel",
        "form",
        every_image(drawn("RGBA")),
        "48 of 50 images are BMP of 32 bits a pixel (with a fourth channel); expected BMP of 24",
    ),
    Fault(
        "PNG under the name of a BMP",
        "form",
        every_image(drawn("RGB", "PNG")),
        "48 of 50 images are PNG; expected BMP of 24 bits a pixel",
    ),
    Fault(
        "one JPEG under the name of a BMP, one empty image, one cut off",
        "form",
        lambda path: write(
            path,
            {
                IMAGE: drawn("RGB", "JPEG"),
                IMAGE.replace("1_1_1", "1_2_1"): b"",
                IMAGE.replace("1_1_1", "1_3_1"): drawn()[:-1],
            },
        ),
        f"1 of 50 images is JPEG ({IMAGE}); 1 of 50 images is empty "
        f"({IMAGE.replace('1_1_1', '1_2_1')}); 1 of 50 images is cut off "
        f"({IMAGE.replace('1_1_1', '1_3_1')}); expected BMP of 24 bits a pixel",
    ),
    Fault(
        "a JPEG of CMYK, a JPEG 2000 and a GIF under the name of a BMP",
        "form",
        lambda path: write(
            path,
            {
                IMAGE: drawn("CMYK", "JPEG"),
                IMAGE.replace("1_1_1", "1_2_1"): drawn("RGB", "JPEG2000"),
                IMAGE.replace("1_1_1", "1_3_1"): drawn("P", "GIF"),
            },
        ),
        "is JPEG 2000 (",
    ),
    Fault(
        "a page of a web server, or a form that no magic number tells, under the name of a BMP",
        "form",
        lambda path: write(path, {IMAGE: b"<!DOCTYPE html>"}),
        f"1 of 50 images is of no known form ({IMAGE}); expected BMP of 24 bits a pixel (red, "
        'green and blue); convert them as docs/data.md shows under "Images in another form", and '
        "replace what is damaged or no image, or leave it out",
    ),
    Fault(
        "a BMP of 24 bits with compressed pixels",
        "form",
        lambda path: write(path, {IMAGE: drawn()[:30] + b"\1" + drawn()[31:]}),
        f"1 of 50 images is BMP with compressed pixels ({IMAGE}); expected BMP of 24",
    ),
    Fault(
        "one image of another size",
        "form",
        lambda path: write(path, {IMAGE: bmp(1, size=40)}),
        f"49 of 50 images are 36×36; 1 of 50 images is 40×40 ({IMAGE}); expected squares of one "
        "size",
    ),
    Fault(
        "no image a square",
        "form",
        lambda path: write(
            path,
            {name: drawn(height=30) for name in tiny_members() if name.endswith(".bmp")},
        ),
        "all 50 images are 36×30; expected squares of one size",
    ),
]
