"""DVC stage ensemble: one model file, with all members inside, for the mean of their logits."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

if __name__ == "__main__":
    explain_missing_packages()
    set_numpy_environment()  # before NumPy is imported

from pathlib import Path

from stages.common.errors import StageError
from stages.common.files import file_sha256
from stages.common.stage_entry import run_stage
from stages.common.tensorflow_import import import_tensorflow
from stages.cross_validation.members import Member, read_members
from stages.cross_validation.params import CrossValidationParams


def ensemble(
    params: CrossValidationParams,
    *,
    folds: Path,
    predictions: Path,
    members: Path,
    ensemble_keras: Path,
) -> str:
    """Write the ensemble, a model with the members' input and output.

    The members' models are those whose predictions are measured: by their hash in member.json.

    Raises:
        StageError: if a model is missing or another one, or the members do not belong together.
    """
    found = read_members(predictions, folds, numbers=params.folds, seeds=params.seeds)
    paths = [_model_of(member, members) for member in found]
    import_tensorflow(deterministic=True)
    import keras

    from stages.network.lazy_weights import network_of
    from stages.network.mean_model import mean_model
    from stages.network.model_writer import write_model

    with keras.StatelessScope(initialize_variables=False):
        write_model(mean_model([network_of(path) for path in paths]), ensemble_keras)
    megabytes = ensemble_keras.stat().st_size / 1e6
    return f"{len(paths)} members, {megabytes:,.1f} MB → {ensemble_keras}"


def _model_of(member: Member, members: Path) -> Path:
    path = members / member.name / "model.keras"
    if not path.is_file():
        raise StageError(
            f"{path} is missing; bring it with `dvc pull {path}`, or make it with `dvc repro "
            "cross_validation/dvc.yaml`"
        )
    if file_sha256(path) != member.model_sha256:
        raise StageError(
            f"{path} is not the model whose predictions are measured; take that one back with "
            f"`dvc checkout {path}`, or run `dvc repro cross_validation/dvc.yaml`"
        )
    return path


if __name__ == "__main__":
    run_stage(ensemble)
