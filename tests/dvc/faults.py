"""What can go wrong between DVC, its cache, its remotes and the stages, and with what outcome.

`python -m tests.dvc.faults` writes docs/faults-dvc.md. test_faults.py brings each fault about and
compares the outcome with the one in the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.dvc import (
    faults_of_cross_validation,
    faults_of_paths,
    faults_of_people,
    faults_of_places,
    faults_of_remotes,
    faults_of_runs,
    faults_of_training,
    faults_of_users,
)
from tests.dvc.project import ROOT
from tests.dvc.scene import Scene

DOCUMENT = ROOT / "docs/faults-dvc.md"


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        fault: what goes wrong.
        play: brings it about, and returns the outcome.
        outcome: the expected one.
    """

    fault: str
    play: Callable[[Scene], str]
    outcome: str


SPLIT = faults_of_people.SPLIT
SAME = "the same hashes"
CORRECTED = f"after its correction: {SAME}"
DAMAGED = (
    "`dvc pull` fails and names the outputs; it brings all others, and no wrong byte; after "
    f"{{removed}}`dvc push` from a clone that has the right ones: {SAME}"
)

SECTIONS = {
    "While stages run": [
        Row(
            "disk full, in each stage",
            faults_of_runs.disk_full,
            f"error: …: No space left on device; with more room: {SAME}",
        ),
        Row(
            "kill -9 of the stage, in each stage",
            faults_of_runs.stage_killed,
            "error: failed to reproduce '…': failed to run: …, exited with -9 (137 "
            f"where the shell is sh); after `dvc repro`: {SAME}",
        ),
        Row(
            "kill -9 of dvc, in each stage, and at once a new run",
            faults_of_runs.dvc_killed,
            f"after `dvc repro`: {SAME}",
        ),
        Row(
            "kill -9 of an experiment in the workspace",
            faults_of_runs.experiment_killed,
            "the next stage goes on and says, as `make locked` does: a killed `dvc exp run` has "
            "left HEAD on no branch, and its values in params.yaml: end what runs here, then `git "
            "switch main`, look at `git diff HEAD params.yaml`, and `git checkout HEAD -- "
            "params.yaml` takes them back; "
            f"after the [recipe](recipes.md#after-a-kill-of-dvc-itself): {SAME}",
        ),
        Row(
            "a stage fails half-way",
            faults_of_runs.stage_fails,
            "error: preprocess: data/raw/cnmc.zip: …: the images are 450×450, and "
            "`preprocess.crop_size` is 451; set it to 450 or less, or `preprocess.fit` to crop, "
            "which pads; failed to reproduce "
            "'preprocess': failed to run: …, exited with 1; the stages before it keep what they "
            "made, nothing half-written is left, and only that stage runs again",
        ),
        Row(
            "two `dvc repro` at once",
            faults_of_runs.two_at_once,
            "the second at once error: failed to reproduce 'download': … is busy, it is being "
            "blocked by:; the first: as if alone",
        ),
        Row(
            "disk of the cache full",
            faults_of_runs.cache_full,
            "error: failed to transfer … - [Errno 28] No space left on device: … -> …; failed to "
            f"reproduce 'split': [Errno 28] No space left on device; with more room: {SAME}",
        ),
    ],
    "After the last epoch of a training": [
        Row(
            "the output takes ASCII alone",
            faults_of_training.in_ascii_alone,
            "as with every letter; the last line ends with `\\u2192 models/model.keras`",
        ),
        Row(
            "the disk of the log is full; the output is closed (and more: "
            "`tests/common/test_standard_streams.py`)",
            faults_of_training.nobody_reads,
            "the stage goes on to its end",
        ),
        Row(
            "kill -9 of dvc after the stage, before it is in dvc.lock",
            faults_of_training.killed_before_its_record,
            f"`dvc repro` {faults_of_training.NO_EPOCH}",
        ),
        Row(
            "the same, where dvc.lock names these outputs already and the cache lacks them",
            faults_of_training.without_the_cache,
            f"`dvc repro` {faults_of_training.NO_EPOCH}",
        ),
        Row(
            "kill -9 of dvc after the stage, and since then a comment in the code",
            faults_of_training.commented_since,
            f"`dvc repro` {faults_of_training.NO_EPOCH}",
        ),
        Row(
            "trainings after which no evaluate runs",
            faults_of_training.never_evaluated,
            "each training removes the state of the one that DVC recorded before it; what DVC has "
            "not recorded stays",
        ),
        Row(
            "experiments of train alone beside the workspace",
            faults_of_training.experiments_never_evaluated,
            "each training keeps its state in `.train_state` of the workspace, and removes that of "
            "the one before it",
        ),
        Row(
            "a cache without room, or without the right to write",
            faults_of_training.cache_takes_nothing,
            "error: failed to reproduce 'train': [Errno 30] Read-only file system: …; once it "
            f"takes them, `dvc repro` {faults_of_training.NO_EPOCH}",
        ),
        Row(
            "`dvc repro` with more epochs and another learning rate",
            faults_of_training.other_settings,
            "trains anew, and says why: Training starts at epoch 1, for the training that dvc.lock "
            "records is another one: train.learning_rate 0.002 → 0.0046, train.epochs 1 → 2; how "
            "to start from the weights of a trained model: docs/training.md",
        ),
        Row(
            "`dvc repro --force --single-item train`",
            faults_of_training.forced,
            f"where DVC has recorded it: trains anew; else {faults_of_training.NO_EPOCH}",
        ),
    ],
    "In the cross-validation": [
        Row(
            "more folds than a class has groups of subjects",
            faults_of_cross_validation.wrong_param(
                "cross_validation.folds", [*range(1, 31)], stage="folds"
            ),
            "error: folds: cross_validation.folds lists 30 folds, but the hem cells are of 27 "
            "groups of subjects, and each fold needs one (subjects that share an image are one "
            "group); list at most 27 folds, or use an archive with more subjects; failed to "
            "reproduce …: failed to run: …, exited with 1; "
            f"{faults_of_cross_validation.CORRECTED}",
        ),
        Row(
            "`folds: 5`, a number",
            faults_of_cross_validation.no_list_of_folds,
            "DVC says error: unexpected error - 'Value' object is not iterable; `make "
            "cross-validate` and `make repro` name the key: error: params: params.yaml: "
            "cross_validation.folds is 5: input should be a valid array (write [1, 2, 3, 4, 5])",
        ),
        Row(
            "a seed named twice",
            faults_of_cross_validation.wrong_param(
                "cross_validation.seeds", [1, 1], stage="out_of_fold"
            ),
            "error: out_of_fold: params.yaml: cross_validation.seeds is [1, 1]: value error, "
            "expected each seed once; 1 stands there twice; failed to reproduce …: failed to run: "
            f"…, exited with 1; {faults_of_cross_validation.CORRECTED}",
        ),
        Row(
            "`strategy: official` for cells that have no folds",
            faults_of_cross_validation.official_without_folds,
            "error: folds: cross_validation.strategy is official, but 18 of 18 cells have no fold "
            "(first: …); give a column fold in a metadata.csv, or set cross_validation.strategy to "
            "subject (to stratified where subjects are not known) in params.yaml; failed to "
            "reproduce …: failed to run: …, exited with 1",
        ),
        Row(
            "an official fold that has no cells of a class",
            faults_of_cross_validation.fold_of_one_class,
            "error: folds: fold 3 would have no all cells: each fold needs cells of both classes; "
            "list fewer folds in cross_validation.folds, or set another cross_validation.strategy; "
            "failed to reproduce …: failed to run: …, exited with 1",
        ),
        Row(
            "kill -9 of a member",
            faults_of_cross_validation.member_killed,
            "`dvc repro` goes on where it was: the same bytes",
        ),
        Row(
            "kill -9 of the other stages: predict, out_of_fold, ensemble",
            faults_of_cross_validation.stages_killed,
            "error: failed to reproduce '…': failed to run: …, exited with -9 (137 where the shell "
            "is sh); after `dvc repro`: the same bytes, and nothing half-written is left",
        ),
        Row(
            "disk full, in predict and in ensemble",
            faults_of_cross_validation.no_room,
            "error: …: No space left on device; nothing half-written is left; with more room: the "
            "same bytes",
        ),
        Row(
            "members of different parameters put together by hand",
            faults_of_cross_validation.put_together,
            "error: out_of_fold: the members fold-1-seed-1 and fold-2-seed-1 were not trained "
            "alike: their reports differ in settings_sha256; put no members together by hand, and "
            "edit no parameter while they train: make the wrong one again with `dvc repro --force "
            "--single-item cross_validation/dvc.yaml:member@2-1` (or member@1-1), then the rest "
            "with `dvc repro cross_validation/dvc.yaml`; failed to reproduce …: failed to run: …, "
            "exited with 1; "
            f"{faults_of_cross_validation.AGAIN}",
        ),
        Row(
            "predictions of a member doubled, of another archive, missing",
            faults_of_cross_validation.predictions_spoilt,
            "error: out_of_fold: cross_validation/predictions/fold-3-seed-1/predictions.csv "
            "doubles … of val (1 in all); make it again with `dvc repro "
            "cross_validation/dvc.yaml`; cross_validation/predictions/fold-2-seed-1 was made with "
            "another fold-2.csv: of another archive, or other folds; make it again with `dvc repro "
            "cross_validation/dvc.yaml`; cross_validation/predictions/fold-1-seed-1 is not as "
            "predict writes it ([Errno 2] No such file or directory: …); make it again with `dvc "
            "repro cross_validation/dvc.yaml`; "
            f"{faults_of_cross_validation.AGAIN}",
        ),
    ],
    "In the cache": [
        Row(
            "an object changed in place",
            faults_of_runs.changed_in_place,
            f"`dvc status` shows it; after `dvc repro`: {SAME}",
        ),
        Row(
            "an object changed, still read-only, and its output gone from the workspace",
            faults_of_runs.rotten,
            "**wrong bytes, and DVC does not notice**: it trusts what is read-only; after the "
            f"[check of the cache](recipes.md#check-the-cache): {SAME}",
        ),
        Row(
            "the cache deleted",
            faults_of_runs.cache_deleted,
            f"`dvc status` shows it; after `dvc pull`: {SAME}",
        ),
    ],
    "Between cache and remote": [
        Row(
            "a folder: an object corrupted at the same size, one truncated, one missing",
            faults_of_remotes.damaged("A folder"),
            DAMAGED.format(removed=""),
        ),
        Row(
            "S3, SSH and HTTP: the same",
            faults_of_remotes.damaged("S3", "SSH", "HTTP"),
            DAMAGED.format(removed="removal of the damaged ones and "),
        ),
        Row(
            "the remote goes away in the middle of a push",
            faults_of_remotes.gone,
            "error: failed to transfer … - Server disconnected; failed to push data to the cloud - "
            "… files failed to upload; what has arrived is whole; the next `dvc push` sends the "
            f"rest; after `dvc pull`: {SAME}",
        ),
    ],
    "What people do": [
        Row(
            "a merge conflict in dvc.lock",
            faults_of_people.lock_conflict,
            "`dvc repro` names dvc.lock and runs nothing, and `make locked` says to settle it; "
            "after `git checkout --ours -- dvc.lock "
            "metrics`, or `--theirs`, and `dvc repro`: nothing is computed, the hashes of both "
            "changes",
        ),
        Row(
            "an output edited by hand: data/splits/cells.csv",
            faults_of_people.output_edited,
            f"`dvc status` and `make locked` name it; after `dvc repro`: {SAME}",
        ),
        Row(
            "a comment in code that stages share",
            faults_of_people.code_commented,
            f"`make relock` gives dvc.lock the new hashes, and no stage runs: {SAME}",
        ),
        Row(
            "files that editors, Jupyter, file managers and git leave beside the code",
            faults_of_people.editors_at_work,
            f"no stage runs for them: {SAME}",
        ),
        Row(
            "`core.autocrlf` of git, which gives text files other line ends",
            faults_of_people.other_line_ends,
            f"no stage runs for them: {SAME}",
        ),
        Row(
            "a metric edited by hand",
            faults_of_people.metric_edited,
            f"`make locked` names it; after `dvc repro`: {SAME}",
        ),
        Row(
            "a parameter out of range (every key: `tests/common/test_params_file.py`)",
            faults_of_people.wrong_value(f"{SPLIT}.test_share", 1.5, runs=["split"]),
            "error: split: params.yaml: profiles.synthetic.split.test_share is 1.5: input should "
            "be less than 1; failed to reproduce 'split': failed to run: …, exited with 1; "
            f"{CORRECTED}",
        ),
        Row(
            "a parameter of the wrong type (every key: `tests/common/test_params_file.py`)",
            faults_of_people.wrong_value(f"{SPLIT}.strategy", 5, runs=["split"]),
            "error: split: params.yaml: profiles.synthetic.split.strategy is 5: input should be "
            "'stratified', 'subject' or 'given'; failed to reproduce 'split': failed to run: …, "
            f"exited with 1; {CORRECTED}",
        ),
        Row(
            "a profile that does not exist",
            faults_of_people.wrong_value("profile", "cnmcc", runs=[]),
            "error: failed to reproduce 'download': Parameters 'profiles.cnmcc.download' are "
            f"missing from 'params.yaml'.; {CORRECTED}",
        ),
        Row(
            "a key misspelt in params.yaml",
            faults_of_people.key_misspelt,
            "error: split: params.yaml: profiles.synthetic.split.test_share is missing; add it; "
            "profiles.synthetic.split.test_shape is not a known parameter; check its spelling or "
            "remove it; failed to reproduce 'split': failed to run: …, exited with 1; "
            f"{CORRECTED}",
        ),
        Row(
            "a key misspelt in `dvc exp run -S`",
            faults_of_people.key_misspelt_in_experiment,
            "error: Could not override '…'; nothing is changed",
        ),
        Row(
            "a key that no stage reads",
            faults_of_people.key_of_no_stage,
            "`dvc repro` does not look at it; `make locked` names it, and so does the next stage "
            "that runs",
        ),
        Row(
            "a path with spaces, parentheses, `#` and letters beyond ASCII in `dvc exp run -S`, "
            "without quotes",
            faults_of_paths.unquoted_in_experiment,
            "error: unexpected error - LexerNoViableAltException: … See https://hydra.cc/…; "
            "nothing is changed; [in quotes, or from a variable]"
            "(data.md#paths-with-spaces-and-other-characters), the archive is taken",
        ),
        Row(
            "a path with ` #` in params.yaml, without quotes",
            faults_of_paths.cut_off,
            "error: download: …/a is not a file, but …/a #1.zip is there: in params.yaml a # after "
            "a space begins a comment, so put the path into single quotes; failed to reproduce "
            "'download': failed to run: …, exited with 1; in quotes, the archive is taken",
        ),
        Row(
            "a variable in braces in params.yaml: `${ARCHIVES}/a.zip`",
            faults_of_paths.braces,
            "error: download: params.yaml holds ${ in a path or an address: `dvc exp run -S` takes "
            "what is in such braces for a key of params.yaml, and runs nothing; write $NAME "
            "without braces; failed to reproduce 'download': failed to run: …, exited with 1; "
            "without braces, the archive is taken, also in `dvc exp run -S`",
        ),
        Row(
            "a path with `: ` in params.yaml, without quotes",
            faults_of_paths.no_yaml,
            "error: unable to read: 'params.yaml', YAML file structure is corrupted: mapping "
            "values are not allowed here, with the line and its number; nothing runs",
        ),
        Row(
            "a path that is not from `/` on, in `dvc exp run --temp`",
            faults_of_paths.relative_in_temp,
            "error: download: mine.zip is not a file in …, where `dvc exp run --temp` and --queue "
            "run, in a copy of what git knows; give the path from / on; failed to reproduce "
            "'download': failed to run: …, exited with 1; by its path from `/` on, the archive is "
            "taken",
        ),
        Row(
            "a clone in a path with spaces and letters beyond ASCII",
            faults_of_people.letters_beyond_ascii,
            f"as elsewhere ({SAME}), except for what [Limits](limits.md#dvc) says of DVC",
        ),
        Row(
            "a home in which nothing can be written",
            faults_of_people.home_read_only,
            f"as elsewhere ({SAME})",
        ),
    ],
    "Where the project lies": [
        Row(
            "below the root of another repository",
            faults_of_places.below_another_repository,
            f"as elsewhere ({SAME})",
        ),
        Row("in a worktree of git", faults_of_places.worktree, f"as elsewhere ({SAME})"),
        Row(
            "renamed, to a path with quotes, spaces and other characters",
            faults_of_places.renamed_to_odd,
            f"as elsewhere ({SAME}), except for experiments beside the workspace, which DVC does "
            "not run there: `make leakage` names the characters",
        ),
        Row(
            "in a path with a brace",
            faults_of_places.brace_in_path,
            "`make repro` says so before it installs anything; the first stage, before it works: "
            "error: download: the path of this folder holds '{', '}', and DVC takes no braces and "
            "only UTF-8 there: …; rename the folder, or move the project elsewhere; failed to "
            "reproduce 'download': failed to run: …, exited with 1",
        ),
        Row(
            "not in a git repository",
            faults_of_places.not_in_git,
            "`make repro` says so before it installs anything, and what to do; after that: as "
            "elsewhere",
        ),
        Row(
            "in a git repository without a commit",
            faults_of_places.nothing_committed,
            "each command that compares with a commit asks for the first one",
        ),
        Row(
            "git does not know the user: `make leakage` after an edit",
            faults_of_places.no_identity,
            "one line says how to tell git who you are; the edit stays as it is",
        ),
        Row(
            "dvc.yaml is no YAML",
            faults_of_places.broken_yaml,
            "one line with what DVC says, from each command that asks DVC",
        ),
        Row(
            "dvc.yaml is gone",
            faults_of_places.no_pipeline,
            "`make locked` and `make relock` say so in one line",
        ),
        Row(
            "a worktree whose repository was moved",
            faults_of_places.repository_moved,
            "one line names `git worktree repair`; after that: as elsewhere",
        ),
        Row(
            "a shallow clone, as CI makes it, without the commit to compare with",
            faults_of_places.shallow,
            "`make compare` says what to fetch; after that: as elsewhere",
        ),
        Row(
            "git's file HEAD is empty, as after a power cut",
            faults_of_places.head_empty,
            f"each command says in one line how to mend it; after that: {SAME}",
        ),
        Row(
            "git has lost the content of a file",
            faults_of_places.content_lost,
            "`make compare` names the file and `git fetch --refetch`; after that: as elsewhere",
        ),
        Row(
            "a Python without the packages (each program: `tests/common/test_missing_package.py`)",
            faults_of_places.without_packages,
            "each stage and command says in one line to run `make repro`, or which Python to take",
        ),
        Row(
            "git's index is damaged",
            faults_of_places.index_damaged,
            "each command that asks DVC, which would wait forever, says in one line how to make it "
            f"anew; after that: as elsewhere ({SAME})",
        ),
    ],
    "More than one user, more than one machine": [
        Row(
            "a cache in which another user, without `cache.shared`, has made folders",
            faults_of_users.closed_cache,
            "before the work error: train: DVC's cache is …, and you may not write in …, which "
            "belongs to the user …, and in … more: DVC would fail after the work; each user of "
            "this cache runs `dvc config --local cache.shared group`, and opens what is there to a "
            "group that you share: `chgrp -R GROUP …`, `find … -type d -user NAME -exec chmod "
            "g+rwxs {} +`; failed to reproduce 'train': failed to run: …, exited with 1; after the "
            "[recipe](machines.md#a-shared-cache) both write, and one takes what the other has "
            "made",
        ),
        Row(
            "a remote folder to which another user has pushed",
            faults_of_users.closed_remote,
            "ERROR: unexpected error - [Errno 13] Permission denied: …; after the "
            "[recipe](machines.md#a-remote-folder-of-several-users) both push, and one pulls what "
            "the other has pushed",
        ),
        Row(
            "a container that ran as root in the checkout",
            faults_of_users.root_was_here,
            "DVC may not write its own files; `make` names the first, and how to take the folder "
            f"over; after that: {SAME}",
        ),
        Row(
            "a checkout of another user, which git does not read",
            faults_of_users.git_does_not_trust,
            "`make` and our commands say in one line how to trust it; after that: as elsewhere "
            f"({SAME})",
        ),
        Row(
            "a checkout in which the user may not write",
            faults_of_users.no_right_to_write,
            "`make` says so before it installs anything",
        ),
        Row(
            "a user without a name and a home, as in `docker run --user`",
            faults_of_users.without_name_and_home,
            f"with the variables of the [recipe](machines.md#containers): {SAME}",
        ),
        Row(
            "SIGUSR1 while the [job of SLURM](machines.md#slurm) trains",
            faults_of_users.job_out_of_time,
            "error: train: stopped by SIGUSR1 after 0 epochs and … steps; what is done is saved: "
            "the next run goes on from there; failed to reproduce 'train': failed to run: …, "
            f"exited with 138; the job goes back into the queue, and then on: {SAME}",
        ),
        Row(
            "two jobs on one checkout",
            faults_of_users.two_jobs,
            f"a clone for each, with one cache: {SAME}",
        ),
    ],
}


def render() -> str:
    """The document."""
    lines = [
        "# Faults around DVC and their outcomes",
        "",
        "What can go wrong while stages run, in the cache, on the way to a remote, and by what "
        "people do.",
        "`python -m tests.dvc.faults` writes this page. `pytest -m dvc` brings each fault about in "
        "real",
        "clones, with real remotes on 127.0.0.1, and checks the outcome against this table.",
        "",
        '"The same hashes" means that the clone then has every output of an undisturbed run. `…` '
        "stands",
        "for a name, a number, a path or a hash.",
    ]
    for title, rows in SECTIONS.items():
        table = [f"| {row.fault} | {row.outcome} |" for row in rows]
        lines += ["", f"## {title}", "", "| fault | outcome |", "| --- | --- |", *table]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
