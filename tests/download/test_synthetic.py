import io
import os
import subprocess
import sys
import zipfile
from hashlib import md5
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score

from stages.dataset.archive import is_synthetic, open_archive, read_member
from stages.dataset.archive_cells import training_cells
from stages.download.inventory import C_NMC_2019
from stages.download.synthetic import write_synthetic_archive
from stages.download.verification import verify_archive
from stages.split.image_identity import identical_images, image_prints
from tests.conftest import ROOT

pytestmark = pytest.mark.integration

CELLS, SEED = 320, 1


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synthetic") / "cnmc.zip"
    write_synthetic_archive(path, cells=CELLS, seed=SEED)
    return path


@pytest.fixture(scope="module")
def cells(archive: Path) -> pd.DataFrame:
    """What the check of any archive finds in it."""
    return verify_archive(archive, name="built-in", remedy="mend it", inventory=C_NMC_2019).cells


def test_it_passes_the_check_of_any_archive_and_says_that_it_is_synthetic(
    archive: Path, cells: pd.DataFrame
) -> None:
    assert (cells["fold"] != "preliminary").sum() == CELLS
    assert (cells["fold"] == "preliminary").sum() == CELLS // 12
    with open_archive(archive) as opened:
        assert is_synthetic(opened)


def test_every_class_has_many_subjects_fields_and_folds(cells: pd.DataFrame) -> None:
    training = cells.query("fold != 'preliminary'")
    subjects = training.groupby("label")["subject"].nunique()
    assert subjects["all"] >= 20
    assert subjects["hem"] >= 20
    assert set(training["fold"]) == {"fold_0", "fold_1", "fold_2"}
    assert len(set(training["field"])) > 1
    sizes = training.groupby("subject").size()
    assert sizes.min() >= 4
    assert sizes.max() > sizes.min()


def test_no_external_subject_is_in_training(cells: pd.DataFrame) -> None:
    external = cells["fold"] == "preliminary"
    assert not set(cells.loc[external, "subject"]) & set(cells.loc[~external, "subject"])


def test_images_are_450_px_24_bit_bmps_with_a_cell_on_black(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        member = opened.namelist()[0]
        assert opened.getinfo(member).file_size == 608_454  # as each of C-NMC 2019
        with opened.open(member) as file, Image.open(file) as image:
            assert (image.format, image.mode, image.size) == ("BMP", "RGB", (450, 450))
            pixels = np.asarray(image)
    assert not pixels[:40].any()
    assert pixels[225, 225].all()
    assert 0.03 < (pixels.sum(axis=2) > 0).mean() < 0.6


def test_one_subject_is_spelled_in_lower_case(archive: Path) -> None:
    names = [name for name in zipfile.ZipFile(archive).namelist() if "_h3_" in name.lower()]
    assert names
    assert all("/UID_h3_" in name for name in names)


def test_some_images_are_identical_under_two_subject_names(
    archive: Path, cells: pd.DataFrame
) -> None:
    cells = cells.set_index("member")
    members = cells.index.tolist()
    twins = identical_images(members, image_prints(archive, members))
    pairs = {tuple(sorted(cells["subject"][members])) for members in twins}
    assert pairs == {("20", "21"), ("H2", "H4")}
    assert len(twins) == 6


def test_another_seed_gives_other_cells(archive: Path, built_in_archive: Path) -> None:
    first, second = zipfile.ZipFile(archive), zipfile.ZipFile(built_in_archive)
    shared = set(first.namelist()) & set(second.namelist())
    images = sorted(name for name in shared if name.endswith(".bmp"))
    assert len(images) > CELLS // 2
    assert not any(first.read(name) == second.read(name) for name in images[:20])


def test_size_alone_tells_the_classes_apart_about_as_well_as_on_real_cells(
    archive: Path, cells: pd.DataFrame
) -> None:
    training = cells.query("fold != 'preliminary'")
    areas = []
    with zipfile.ZipFile(archive) as opened:
        for member in training["member"]:
            with opened.open(member) as file, Image.open(file) as image:
                areas.append(np.count_nonzero(np.asarray(image).sum(axis=2)))
    auc = roc_auc_score(training["label"] == "all", areas)  # 0.81 on C-NMC 2019
    assert 0.7 < auc < 0.9


# Compression takes most of the time, and none of numpy.
PLAIN = """
import sys, zipfile
from pathlib import Path
from stages.download import synthetic
def write_zip(destination, contents, *, comment, description):
    with zipfile.ZipFile(destination, "w") as archive:
        archive.comment = comment
        for member, content in contents.items():
            archive.writestr(member, content())
synthetic.write_zip = write_zip
synthetic.write_synthetic_archive(Path(sys.argv[1]), cells=int(sys.argv[2]), seed=int(sys.argv[3]))
"""


def test_the_bytes_are_the_same_without_the_processors_vector_units(
    archive: Path, tmp_path: Path
) -> None:
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    dispatched = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    if not dispatched:
        pytest.skip("numpy has nothing to switch off on this processor")
    path = tmp_path / "plain.zip"
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)}
    command = [sys.executable, "-c", PLAIN, path, str(CELLS), str(SEED)]
    subprocess.run(command, env=environment, cwd=ROOT, check=True)
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(archive) as expected:
        assert plain.comment == expected.comment
        assert plain.namelist() == expected.namelist()
        for name in expected.namelist():
            assert plain.read(name) == expected.read(name), name


def test_no_member_is_deflated_because_deflate_differs_between_builds_of_zlib(
    archive: Path,
) -> None:
    kinds = {info.compress_type for info in zipfile.ZipFile(archive).infolist()}
    assert kinds == {zipfile.ZIP_BZIP2}


@pytest.fixture(scope="module")
def built_in_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the built-in profile."""
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text())
    params = shipped["profiles"]["synthetic"]["download"]
    path = tmp_path_factory.mktemp("built_in") / "cnmc.zip"
    assert params["synthetic_seed"] != SEED  # test_another_seed_gives_other_cells
    write_synthetic_archive(path, cells=params["synthetic_cells"], seed=params["synthetic_seed"])
    return path


def test_the_archive_of_the_built_in_profile_is_the_one_in_dvc_lock(built_in_archive: Path) -> None:
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())
    expected = {out["path"]: out["md5"] for out in lock["stages"]["download"]["outs"]}
    found = md5(built_in_archive.read_bytes(), usedforsecurity=False).hexdigest()
    assert found == expected["data/raw/cnmc.zip"]


def test_cells_of_known_subjects_are_easier_than_those_of_new_ones(built_in_archive: Path) -> None:
    """A split by image scores better than one by subject: here for trees on size and colours."""
    with open_archive(built_in_archive) as archive:
        cells = training_cells(archive)
        features = [size_and_colours(read_member(archive, member)) for member in cells["member"]]
    by_image = StratifiedKFold(5, shuffle=True, random_state=0)
    by_subject = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    known, new = (
        cross_val_score(
            ExtraTreesClassifier(200, random_state=0),
            features,
            cells["label"],
            cv=list(folds.split(features, cells["label"], groups)),
        ).mean()
        for folds, groups in ((by_image, None), (by_subject, cells["subject"]))
    )
    assert known > new + 0.03


def size_and_colours(content: bytes) -> list[float]:
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.reduce(5), np.float64)
    cell = pixels[pixels.any(axis=2)]
    return [float(len(cell)), *cell.mean(axis=0), *cell.std(axis=0)]
