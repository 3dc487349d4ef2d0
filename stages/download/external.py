"""Bring in the external test sets, as the training cells are brought in."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.common.errors import StageError
from stages.dataset.external_sets import SetChoices, archive_of, write_choices
from stages.dataset.fit_rules import require_sound_fit
from stages.dataset.part_names import PART_NAMES, TAKEN_NAMES
from stages.download.bring_set import Taken, bring_set
from stages.download.params import DownloadParams, ExternalParams
from stages.download.taken_text import taken_counts, taken_text

_OWN_KEYS = re.compile(r"download\.(source|classes|ignore_classes|sha256)\b")


def require_sound_list(listed: Sequence[ExternalParams]) -> None:
    """Check names and choices of the external sets, before any work.

    Raises:
        StageError: if a name is given twice (upper and lower case do not matter) or means something
            else; or if choices contradict each other.
    """
    seen: set[str] = set()
    for chosen in listed:
        name = chosen.name.lower()
        if name in seen:
            raise StageError(
                f"download.external names {chosen.name} twice (upper and lower case do not "
                "matter); give each set a name of its own"
            )
        if name in TAKEN_NAMES:
            raise StageError(
                f"download.external names a set {chosen.name}, which means something else in the "
                f"tables and metrics, as {', '.join(dict.fromkeys(PART_NAMES.values()))} and "
                "others do; give it the name of its laboratory, for example"
            )
        seen.add(name)
        require_sound_fit(
            chosen.fit,
            crop_size=chosen.crop_size,
            microns_per_pixel=chosen.microns_per_pixel,
            where=f"download.external {chosen.name}",
        )


def bring_external_sets(
    params: DownloadParams, folder: Path
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Write the archive of each set of the list, and what params.yaml says of it, into a folder.

    Returns:
        The section of the report by name, and what was taken of each set in words.

    Raises:
        StageError: as of the training cells, with the name of the set.
    """
    folder.mkdir(parents=True)
    sections: dict[str, dict[str, Any]] = {}
    told = []
    for chosen in params.external:
        content, words = _bring(chosen, params, archive_of(folder, chosen.name))
        sections[chosen.name] = content
        told.append(f"external {chosen.name}: {words}")
    write_choices([_choices(chosen) for chosen in params.external], folder)
    return sections, told


def _bring(
    chosen: ExternalParams, params: DownloadParams, archive: Path
) -> tuple[dict[str, Any], str]:
    own = ("source", "classes", "ignore_classes", "sha256")
    of_set = dataclasses.replace(params, **{key: getattr(chosen, key) for key in own})

    def complete(content: dict[str, Any], taken: Taken) -> tuple[dict[str, Any], str]:
        return content | taken_counts(taken), taken_text(content, taken)

    try:
        return bring_set(of_set, archive, names_csv=f"names-{chosen.name}.csv", complete=complete)
    except StageError as error:
        told = _OWN_KEYS.sub(r"\1 there", str(error))
        raise StageError(f"download.external {chosen.name}: {told}") from error


def _choices(chosen: ExternalParams) -> SetChoices:
    keys = [field.name for field in dataclasses.fields(SetChoices)]
    return SetChoices(**{key: getattr(chosen, key) for key in keys})
