"""Draw a gallery as one PNG, so that `dvc plots diff` can show two revisions side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from stages.common.files import atomic_path
from stages.evaluate.report.gallery import Gallery
from stages.report.svg import new_figure

_COLUMNS = 4
_INCHES = 2.4  # width of a cell with its Grad-CAM


def write_contact_sheets(galleries: Sequence[Gallery], folder: Path) -> None:
    """Write each gallery as a PNG file named after its title, for `dvc plots diff`."""
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for gallery in galleries:
            name = gallery.title.lower().replace(" ", "_")
            (temporary / f"{name}.png").write_bytes(contact_sheet(gallery))


def contact_sheet(gallery: Gallery) -> bytes:
    """Draw the cells of a gallery, each with its Grad-CAM, class, p(ALL) and file name.

    Returns:
        A PNG on white; an empty gallery shows its `empty` text. Equal galleries give equal bytes.
    """
    lines = max(1, -(-len(gallery.pictures) // _COLUMNS))
    with new_figure(width=_COLUMNS * _INCHES, height=0.4 + lines * 0.7 * _INCHES) as figure:
        figure.suptitle(gallery.title if gallery.pictures else gallery.empty)
        panels = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
        for panel in panels:
            panel.set_axis_off()
        for panel, picture in zip(panels, gallery.pictures, strict=False):
            height, width = picture.thumbnail.shape[:2]
            panel.imshow(picture.thumbnail, extent=(0, width, 0, height))
            panel.imshow(picture.overlay, extent=(width, 2 * width, 0, height))
            panel.set(xlim=(0, 2 * width), ylim=(0, height))
            panel.set_title(
                f"{picture.label.upper()}, p(ALL) {picture.p_all:.3f}\n{picture.image}", fontsize=7
            )
        content = io.BytesIO()
        figure.savefig(content, format="png", facecolor="white", metadata={"Software": None})
        return content.getvalue()
