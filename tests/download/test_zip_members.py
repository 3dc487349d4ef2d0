from __future__ import annotations

import hashlib
import io
import zipfile

from stages.download.zip_members import add_member


def test_the_bytes_depend_on_name_and_content_alone() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        add_member(archive, "a/image.bmp", bytes(range(256)) * 100)
        add_member(archive, "b/ü.csv", b"")
    # Seen with Python 3.11; a change would change the hash of every archive that was packed.
    assert hashlib.sha256(content.getvalue()).hexdigest() == (
        "c1ba13e820e997eca17a976940240908b8cc833d2f540a2f1600bb0da0b5d331"
    )


def test_members_are_plain_files_in_bzip2_without_a_date() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        add_member(archive, "image.bmp", b"image")
        info = archive.getinfo("image.bmp")
    assert info.date_time == (1980, 1, 1, 0, 0, 0)
    assert info.create_system == 3
    assert info.external_attr == 0o644 << 16
    assert info.compress_type == zipfile.ZIP_BZIP2
