"""DVC stage out_of_fold: measure every training cell by models that have not seen its subject."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

if __name__ == "__main__":
    explain_missing_packages()
    set_numpy_environment()  # before NumPy is imported

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd

from stages.common.files import write_csv, write_json, write_text
from stages.common.param_types import Fraction
from stages.common.stage_entry import run_stage
from stages.common.stage_report import read_report
from stages.cross_validation.measured import (
    describe_members,
    mean_over_seeds,
    measure_ensemble,
    measure_seeds,
)
from stages.cross_validation.members import Member, read_members
from stages.cross_validation.params import CrossValidationParams
from stages.cross_validation.pooled import (
    OUT_OF_FOLD,
    external_of_members,
    mean_of,
    pool_members,
    tune_ensemble,
    tune_members,
)
from stages.cross_validation.pooled_report import render_report
from stages.dataset.appearance_table import add_appearance, read_appearance
from stages.dataset.carried_columns import add_subgroups, require_subgroups
from stages.dataset.cell_table import read_cells
from stages.dataset.data_names import data_name
from stages.dataset.predictions_table import write_predictions
from stages.report.provenance import provenance
from stages.statistics.frozen import Frozen
from stages.statistics.metrics import roc_points
from stages.statistics.tuning import Tuning, describe_tuning


def out_of_fold(
    params: CrossValidationParams,
    *,
    profile: str,
    threshold: Annotated[Fraction, "evaluate.threshold"],
    target_sensitivity: Annotated[Fraction, "evaluate.target_sensitivity"],
    replicates: Annotated[int, "evaluate.bootstrap_replicates"],
    subgroups: Annotated[list[str], "evaluate.subgroups"],
    cells_csv: Path,
    external_csv: Path,
    appearance_csv: Path,
    download_report: Path,
    folds_report: Path,
    folds: Path,
    predictions: Path,
    report: Path,
    predictions_csv: Path,
    roc_csv: Path,
    report_html: Path,
) -> str:
    """Measure the members' predictions out of fold, and the ensemble on the external sets.

    Raises:
        StageError: if the members do not belong together; see members.py.
    """
    tables = [read_cells(cells_csv), read_cells(external_csv, external=True)]
    cells = pd.concat(tables, ignore_index=True).fillna("")
    require_subgroups(cells, subgroups, cells_csv)
    members = [
        _with_subgroups(member, tables[1], subgroups)
        for member in read_members(predictions, folds, numbers=params.folds, seeds=params.seeds)
    ]
    tunings = tune_members(members, threshold=threshold, target_sensitivity=target_sensitivity)
    training = add_appearance(tables[0], read_appearance(appearance_csv), appearance_csv)
    pooled = pool_members(members, tunings, training.set_index("image"))
    ensemble = tune_ensemble(pooled, threshold=threshold, target_sensitivity=target_sensitivity)
    seeds = measure_seeds(pooled, threshold=threshold, replicates=replicates, subgroups=subgroups)
    external = external_of_members(members)
    described = read_report(folds_report, made_by="cross_validation/dvc.yaml:folds")
    results = {
        "data": data_name(read_report(download_report, made_by="download")),
        "strategy": params.strategy,
        "folds": params.folds,
        "seeds": params.seeds,
        "warnings": _warnings(described),
        "threshold": threshold,
        "target_sensitivity": target_sensitivity,
        OUT_OF_FOLD: mean_over_seeds(pooled, seeds, threshold=threshold, replicates=replicates),
        "by_seed": seeds,
        "ensemble": describe_tuning(ensemble),
        "external": {
            name: measure_ensemble(
                mean_of(predicted),
                {member.name: rows for member, rows in zip(members, predicted, strict=True)},
                ensemble,
                training=training,
                replicates=replicates,
                subgroups=subgroups,
            )
            for name, predicted in external.items()
        },
        "members": describe_members(
            [(each.name, _tested(each), tunings[each.name], each.train) for each in members]
        ),
    }
    inputs = [cells_csv, external_csv, appearance_csv, folds, predictions]
    page = render_report(
        results,
        pooled={seed: frozen.predictions for seed, frozen in pooled.items()},
        folds=described,
        provenance=provenance(results, profile=profile, train=members[0].train, inputs=inputs),
    )
    write_predictions(_rows(pooled, members, external, ensemble), predictions_csv)
    write_csv(_roc(pooled), roc_csv)
    write_json(results, report)
    write_text(page, report_html)
    return f"{_summary(results)} → {report}, {report_html}"


def _with_subgroups(member: Member, external: pd.DataFrame, subgroups: Sequence[str]) -> Member:
    """Return the member with the columns to measure by beside its predictions."""
    cells = pd.concat([member.cells, external], ignore_index=True).fillna("")
    rows = add_subgroups(member.predictions, cells, subgroups)
    return dataclasses.replace(member, predictions=rows)


def _tested(member: Member) -> pd.DataFrame:
    return member.predictions[member.predictions["split"] == "test"]


def _warnings(folds: Mapping[str, Any]) -> list[str]:
    shared = {
        "subjects": folds["subjects_in_several_folds"],
        "identical images": folds["identical_images_in_several_folds"],
    }
    if shared["subjects"] is None:
        return ["Leakage is unknown: nobody knows whether the folds share people."]
    if folds["strategy"] == "official":  # identical images are left out where they are tested
        del shared["identical images"]
    found = [f"{name}: {count:,}" for name, count in shared.items() if count]
    if not found:
        return []
    return [
        f"The folds share what they should not ({', '.join(found)}): the figures say how the "
        "models do on further cells of subjects that they know, not on new patients."
    ]


def _rows(
    pooled: Mapping[int, Frozen],
    members: Sequence[Member],
    external: Mapping[str, Sequence[pd.DataFrame]],
    ensemble: Tuning,
) -> pd.DataFrame:
    """Return all that is measured: the cells out of fold, and the external ones by seed's mean."""
    tables = [frozen.predictions for frozen in pooled.values()]
    for predicted in external.values():
        for seed in pooled:
            of_seed = [
                rows for member, rows in zip(members, predicted, strict=True) if member.seed == seed
            ]
            mean = mean_of(of_seed)
            tables.append(
                mean.assign(
                    seed=seed, test_fold="", operating_threshold=ensemble.operating_threshold
                )
            )
    rows = pd.concat(tables, ignore_index=True)
    front = ["split", "seed", "test_fold"]
    helpers = ["p_all_calibrated", "p_all_size_only"]
    return rows[[*front, *(name for name in rows if name not in [*front, *helpers])]]


def _roc(pooled: Mapping[int, Frozen]) -> pd.DataFrame:
    """Return the ROC curve of each seed, labelled in column `seed`."""
    return pd.concat(
        [roc_points(frozen.predictions).assign(seed=seed) for seed, frozen in pooled.items()],
        ignore_index=True,
    )


def _summary(results: Mapping[str, Any]) -> str:
    mean = results[OUT_OF_FOLD]
    data = "SYNTHETIC data" if results["data"] == "synthetic" else results["data"]
    deviation = mean.get("standard_deviation", {}).get("accuracy")
    spread = "" if deviation is None else f" ± {deviation:.3f} over {len(results['seeds'])} seeds"
    return (
        f"{mean['cells']:,} cells, each out of fold: accuracy {mean['accuracy']:.3f}{spread}, "
        f"ROC AUC {mean['roc_auc']:.3f} ({data})"
    )


if __name__ == "__main__":
    run_stage(out_of_fold)
