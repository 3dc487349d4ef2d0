"""Parse the names of images, which identify cells. No other module parses them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stages.common.errors import StageError

_IMAGE_NAME = re.compile(
    r"UID_(?P<subject>[Hh]?[1-9]\d*)_(?P<field>\d+)_(?P<cell>\d+)_(?P<label>all|hem)\.bmp",
    re.ASCII,
)


@dataclass(frozen=True)
class ImageName:
    """The parts of an image name.

    `subject` is in upper case; the data set spells subject H3 as h3. `field` is the microscope
    field within the subject, `cell` the cell within the field, `label` one of CLASS_NAMES.
    """

    subject: str
    field: int
    cell: int
    label: str


def parse_image_name(name: str) -> ImageName:
    """Parse `UID_<subject>_<field>_<cell>_{all,hem}.bmp`; healthy subjects begin with H.

    Raises:
        StageError: if `name` has another form, or its class contradicts its subject.
    """
    match = _IMAGE_NAME.fullmatch(name)
    if match is None:
        raise StageError(
            f"{name}: expected an image name of the form "
            "UID_<subject>_<field>_<cell>_all.bmp or …_hem.bmp"
        )
    subject = match["subject"].upper()
    healthy = subject.startswith("H")
    if healthy != (match["label"] == "hem"):
        raise StageError(
            f"{name}: subject {subject} is {'healthy' if healthy else 'a patient'} by its name, "
            f"but the class is {match['label']}; expected hem for H subjects and all for others"
        )
    return ImageName(subject, int(match["field"]), int(match["cell"]), match["label"])
