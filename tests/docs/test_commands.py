"""Every command in README.md and docs/ is run or checked by a test; this file says by which."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.conftest import ROOT
from tests.docs.pages import NAMES, command, commands, inline_commands, page, section

DVC = "tests/dvc"
SHARED = '"A shared cache"'
CHECKED = {
    # A pattern of whole commands; a file, and words in it that run or check such a command.
    r"make repro": (f"{DVC}/test_first_run.py", "stages.workspace.repro_summary"),
    r"make test": (".ci/run", "make test"),
    r"make verify": (f"{DVC}/test_verify.py", 'make(project, "verify"'),
    r"make check": ("Makefile", "test: check"),
    r"make unit": ("tests/pipeline/test_unit.py", '"--dry-run", "unit"'),
    r"make VENV=/path/to/folder": ("tests/workspace/test_makefile.py", "make VENV=/path/to/folder"),
    r'make predict (OPTIONS="--tta --format json" )?IMAGES=("folder another\.zip cell\.png"|folder)'
    r"( > predictions\.csv)?": ("tests/predict/test_make_predict.py", '"predict", *arguments'),
    r"python -m stages\.predict( folder another\.zip cell\.png > predictions\.csv)?": (
        "tests/predict/conftest.py",
        '"-m", "stages.predict", *arguments',
    ),
    r"python -m pip install --require-hashes --requirement requirements-predict\.txt": (
        "tests/predict/test_runtime_packages.py",
        "--requirement requirements-predict.txt` installs it",
    ),
    r"docker (build|run) .*leukemia-predict.*": (
        "tests/predict/test_container_file.py",
        'section("model-in-use.md", "Predict")',
    ),
    r"python -m tests\.predict\.faults": ("tests/predict/test_faults.py", "DOCUMENT"),
    r"make docs": ("tests/docs/test_site.py", '"-m", "sphinx"'),
    r"make bench": ("tests/docs/test_commands.py", '"bench", "requirements"'),
    r"python -m stages\.export\.page\.install_runtime": (
        "tests/export/page/test_browser_runtime.py",
        "main() == 0",
    ),
    r"make export": (f"{DVC}/test_export.py", 'make(clone, "export")'),
    r"make requirements": ("tests/docs/test_commands.py", '"bench", "requirements"'),
    r"dvc repro --force --single-item cross_validation/dvc\.yaml:member@2-1": (
        f"{DVC}/faults_of_cross_validation.py",
        '"--force", "--single-item", f"{PIPELINE}:member@2-1"',
    ),
    r"dvc repro cross_validation/dvc\.yaml": (
        f"{DVC}/faults_of_cross_validation.py",
        'f"repro {PIPELINE}"',
    ),
    r"make cross-validate": (
        f"{DVC}/faults_of_cross_validation.py",
        'make(clone, "cross-validate"',
    ),
    r"make compare.*": ("tests/compare/test_main.py", 'main(["main", "--md"])'),
    r"make leakage OPTIONS=--cross-validation": (
        "tests/compare/test_leakage_gap.py",
        '"--cross-validation"',
    ),
    r"make leakage": ("tests/compare/test_leakage_gap.py", "stages.compare.leakage_gap"),
    r"make experiments": (f"{DVC}/test_pr_report.py", 'make(pull_request, "experiments")'),
    r"dvc repro cross_validation/dvc\.yaml(:member@1-2)?": (
        f"{DVC}/test_cross_validation.py",
        'f"repro {PIPELINE}"',
    ),
    r"dvc exp run -S \"cross_validation\.seeds=\[1,2,3\]\" cross_validation/dvc\.yaml": (
        f"{DVC}/test_cross_validation.py",
        '"dvc", "exp", "run", "--name", "another"',
    ),
    r"dvc (pull|status) dvc\.yaml": (f"{DVC}/test_cross_validation.py", '"pull dvc.yaml"'),
    r"make locked": (f"{DVC}/test_pr_report.py", 'make(pull_request, "locked")'),
    r"make relock": (f"{DVC}/test_relock.py", 'make(project, "relock"'),
    r"dvc commit --force": (f"{DVC}/test_relock.py", '"commit --force"'),
    r"make pr-report BASE=main": (f"{DVC}/test_pr_report.py", '"pr-report", "BASE=main"'),
    r"python -m stages\.compare main \[other\]": ("tests/compare/test_main.py", "main(["),
    r"python -m benchmarks\.download --help": (
        "tests/benchmarks/test_download.py",
        "download.main(",
    ),
    r'python -c "import pandas; .+"': ("tests/docs/test_own_data.py", '"Publish a split"'),
    r'python -c "import pathlib, .+"': ("tests/docs/test_own_data.py", "command(LAYOUTS,"),
    r"python -m tests\.docs\.parameters": ("tests/docs/test_parameters.py", "PAGE, page"),
    r"python -m tests\.dvc\.faults": (f"{DVC}/test_faults.py", "DOCUMENT, SECTIONS"),
    r"python -m tests\.download\.faults": ("tests/download/test_faults.py", "DOCUMENT"),
    r"python -m tests\.compare\.simulation": ("tests/compare/test_simulation.py", "rates("),
    r"python -m tests\.pipeline\.portable": (
        "tests/pipeline/test_portable.py",
        "run(HOSTILE_CORE, tiny_pipeline",
    ),
    r"dvc remote modify --local local shared group": (
        f"{DVC}/faults_of_users.py",
        '"A remote folder of several users"',
    ),
    r"git worktree repair": (f"{DVC}/faults_of_places.py", "def repository_moved"),
    r"git fetch --refetch": (f"{DVC}/faults_of_places.py", 'git("fetch --quiet --refetch")'),
    r"cp -rL": ("tests/download/test_pack_folder.py", "`cp -rL` copies a folder"),
    r"pytest -m portable": ("tests/pipeline/test_portable.py", "pytest.mark.portable"),
    r"pytest -m dvc": (f"{DVC}/conftest.py", "pytest.mark.dvc"),
    r"pytest -m download": ("tests/download/conftest.py", "pytest.mark.download"),
    r"perl -pi -e '.+' params\.yaml": ("tests/docs/test_pages.py", "perl -pi -e"),
    r"git switch -c [\w-]+": (f"{DVC}/conftest.py", "switch --quiet --create X"),
    r"git switch -": (f"{DVC}/test_killed_experiment.py", '"After a kill of dvc itself"'),
    r"git checkout HEAD -- params\.yaml": (
        f"{DVC}/test_killed_experiment.py",
        '"After a kill of dvc itself"',
    ),
    r"git diff HEAD params\.yaml": (f"{DVC}/faults.py", "`git diff HEAD params.yaml`"),
    r"dvc exp run": (f"{DVC}/test_killed_experiment.py", '"dvc", "exp", "run"'),
    r"git switch [\w-]+": (f"{DVC}/test_experiments.py", '"switch", "--quiet", "kept"'),
    r"git commit --all( --message .*)?": (f"{DVC}/project.py", "commit --all --quiet"),
    r"git fetch --depth 1 origin main:main": (
        f"{DVC}/test_branches.py",
        '"--depth", "1", "origin", "main:main"',
    ),
    r"git checkout --ours -- dvc\.lock metrics": (
        f"{DVC}/faults_of_people.py",
        '"Merge conflict in dvc.lock"',
    ),
    r"git tag --annotate .*": (f"{DVC}/test_model_elsewhere.py", "git (tag .*) --message"),
    r"git push origin leukemia-classifier@\S+": (
        f"{DVC}/test_model_elsewhere.py",
        "leukemia-classifier@v1.1.0",
    ),
    r"git checkout \.dvc/config": (f"{DVC}/test_limits.py", '"git", "checkout"'),
    r"git diff HEAD": (f"{DVC}/test_verify.py", '.git("diff HEAD")'),
    r"git status": (f"{DVC}/test_experiments.py", '"git", "status"'),
    r"dvc repro": (f"{DVC}/test_first_run.py", 'origin.dvc("repro")'),
    r"dvc status": (f"{DVC}/test_first_run.py", 'origin.dvc("status")'),
    r"dvc repro --force (--single-item )?\w+": (
        f"{DVC}/faults_of_runs.py",
        "repro --single-item --force split",
    ),
    r"dvc repro --pull": (f"{DVC}/test_push_pull.py", '"repro --pull split"'),
    r"dvc repro --pull --allow-missing": (
        f"{DVC}/test_push_pull.py",
        '"repro --pull --allow-missing"',
    ),
    r"dvc checkout": (f"{DVC}/test_experiments.py", '"dvc", "checkout"'),
    r"dvc params diff( main)?": (f"{DVC}/test_branches.py", '"params", "diff", "main"'),
    r"dvc metrics diff( main)?( lower-rate)?( --precision 8)?": (
        f"{DVC}/test_branches.py",
        '"metrics", "diff", "main", "--precision"',
    ),
    r"dvc plots( diff( main)?)?": (f"{DVC}/test_branches.py", '"plots", "diff", "main"'),
    r"dvc exp run -S profile=cnmc( -S [^\s\"']+)*": (
        f"{DVC}/test_first_run.py",
        '"profile": "cnmc"',
    ),
    r"dvc exp run -S profile=cnmc -S (\"[^\"]+\"|'[^']+')": (
        f"{DVC}/faults_of_paths.py",
        '"Paths with spaces and other characters"',
    ),
    r"export ARCHIVE='.+'": (
        f"{DVC}/faults_of_paths.py",
        '"Paths with spaces and other characters"',
    ),
    r"dvc exp run -S( profiles\.synthetic\.\S+)?": (f"{DVC}/test_first_run.py", '"exp", "run"'),
    r"dvc exp run -S \S+ -S profiles\.synthetic\.download\.weights=\S+": (
        f"{DVC}/test_trained_model.py",
        '"Go on from a trained model"',
    ),
    r"dvc exp run --temp( -S \S+)?": (f"{DVC}/conftest.py", '"exp", "run", "--temp"'),
    r"dvc exp run --queue( -S \S+)+": (f"{DVC}/test_experiments.py", '"dvc exp run --queue"'),
    r"dvc exp show": (f"{DVC}/test_experiments.py", '"exp", "show"'),
    r"rm -r \.dvc/tmp/exps": (f"{DVC}/test_experiments.py", "rm -r .dvc/tmp/exps"),
    r"dvc exp run --run-all": (f"{DVC}/test_experiments.py", '"--run-all"'),
    r"dvc exp diff main [\w-]+ --precision 8": (f"{DVC}/test_experiments.py", '"exp", "diff"'),
    r"dvc exp apply [\w-]+": (f"{DVC}/test_experiments.py", '"exp", "apply"'),
    r"dvc exp branch [\w-]+ [\w-]+": (f"{DVC}/test_experiments.py", '"exp", "branch"'),
    r"dvc push": (f"{DVC}/test_push_pull.py", 'publisher.dvc("push")'),
    r"dvc pull": (f"{DVC}/test_push_pull.py", 'clone.dvc("pull")'),
    r"dvc pull (train|export)": (f"{DVC}/test_push_pull.py", 'clone.dvc("pull train")'),
    r"dvc pull metrics/report\.html metrics/gallery": (
        f"{DVC}/test_push_pull.py",
        '"pull metrics/report.html metrics/gallery"',
    ),
    r"dvc push --run-cache": (f"{DVC}/test_push_pull.py", '"push --run-cache"'),
    r"dvc pull --run-cache": (f"{DVC}/test_push_pull.py", '"pull --run-cache"'),
    r"dvc remote modify (local|--local) .*": (f"{DVC}/remotes.py", '"Choose a remote"'),
    r"dvc remote modify --unset local method": (
        f"{DVC}/test_push_pull.py",
        '"remote modify --unset local method"',
    ),
    r"dvc cache dir --local \S+": (f"{DVC}/faults_of_runs.py", "cache dir --local"),
    r"(mkdir|chgrp|chmod) .* /shared/leukemia-cache": (f"{DVC}/faults_of_users.py", SHARED),
    r"dvc config (--local )?cache\.shared group": (f"{DVC}/faults_of_users.py", SHARED),
    r"chgrp -R GROUP …": (f"{DVC}/faults.py", "chgrp -R GROUP …"),
    r"find (/shared/leukemia-cache|…) -type d .*": (f"{DVC}/faults_of_users.py", SHARED),
    r"git clone /path/to/checkout leukemia": (f"{DVC}/project.py", '"git", "clone"'),
    r"git config --global --add safe\.directory \S+": (
        f"{DVC}/faults_of_users.py",
        '"A checkout of another user"',
    ),
    r"docker run .*": (f"{DVC}/faults_of_users.py", '"Containers"'),
    r"dvc repro (download|export)": (f"{DVC}/ordeal.py", 'f"repro {stage}"'),
    r"sbatch( --\S+)* docs/slurm-job\.sh( --single-item train)?": (
        f"{DVC}/test_slurm_job.py",
        "docs/slurm-job.sh",
    ),
    r"scontrol requeue": (f"{DVC}/test_slurm_job.py", "scontrol"),
    r"git clone \. \.\./second": (f"{DVC}/faults_of_users.py", '"Two jobs on one checkout"'),
    r"dvc --cd \.\./second .*": (f"{DVC}/faults_of_users.py", '"Two jobs on one checkout"'),
    r"python -m pip install dvc-ssh": ("requirements-dev.txt", "dvc-ssh=="),
    r"cp models/model\.keras \.\./two-epochs\.keras": (
        f"{DVC}/test_trained_model.py",
        '"Go on from a trained model"',
    ),
    r"cp -R -n .*": (f"{DVC}/test_push_pull.py", '"Share runs of other parameters"'),
    r"find \.dvc/cache/files .*": (f"{DVC}/faults_of_runs.py", '"Check the cache"'),
    r"rm -r data models .*": (f"{DVC}/faults_of_runs.py", '"Check the cache"'),
    r"dvc artifacts get .*": (f"{DVC}/test_model_elsewhere.py", '"artifacts get"'),
    r"dvc get .*": (f"{DVC}/test_model_elsewhere.py", r"get \S+ models/model"),
    r"dvc exp run -S 'profiles\.cnmc\.evaluate\.subgroups=\[scanner, stain\]'": (
        "tests/evaluate/test_main.py",
        'subgroups=["scanner", "stain"]',
    ),
    r"chmod 600": ("tests/download/test_pseudonyms.py", "st_mode) == 0o600"),
    r"dvc import .*": (f"{DVC}/test_model_elsewhere.py", '"import"'),
    r"dvc update .*": (f"{DVC}/test_model_elsewhere.py", '"update"'),
}


def every_command(name: str) -> list[str]:
    """The commands of a page, in its blocks and in its sentences."""
    return commands(page(name)) + inline_commands(page(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_run_or_checked_by_a_test(name: str) -> None:
    for line in every_command(name):
        assert any(re.fullmatch(pattern, line) for pattern in CHECKED), f"{name}: {line}"


@pytest.mark.parametrize("pattern", CHECKED)
def test_the_test_that_is_named_for_a_command_is_there(pattern: str) -> None:
    file, words = CHECKED[pattern]
    assert words in (ROOT / file).read_text(encoding="utf-8"), f"{file} lacks {words}"


@pytest.mark.parametrize("pattern", CHECKED)
def test_no_pattern_is_left_over(pattern: str) -> None:
    lines = [line for name in NAMES for line in every_command(name)]
    assert any(re.fullmatch(pattern, line) for line in lines)


def test_comments_and_the_place_of_the_environment_are_no_part_of_a_command() -> None:
    block = "    # A folder\n    .venv/bin/dvc push   # all of it\n"
    text = f"Do this:\n\n{block}\nand look:\n\n    metric  main\n"
    assert commands(text) == ["dvc push"]


def test_a_sentence_has_commands_between_backticks() -> None:
    text = "Run `.venv/bin/dvc\npush`; `dvc` alone, `dvc.lock` and `a name` are none."
    assert inline_commands(text) == ["dvc push"]


@pytest.mark.integration
@pytest.mark.parametrize("target", ["bench", "requirements"])
def test_what_takes_long_or_a_registry_is_a_target_of_the_makefile(target: str) -> None:
    make = ["make", "--dry-run", "--silent", target]
    printed = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"bench": "python -m benchmarks", "requirements": "uv pip compile"}[target] in printed


def test_each_kind_of_remote_has_its_commands() -> None:
    recipes = section("recipes.md", "Choose a remote")
    assert command(recipes, "dvc remote modify local url s3:").endswith("s3://bucket/path")
    assert recipes.count("\n    # ") == 4


@pytest.mark.parametrize("name", ["Makefile", *NAMES])
def test_every_module_that_is_run_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8") if name == "Makefile" else page(name)
    for module in re.findall(r"python -m ((?:stages|tests|benchmarks)[\w.]*)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
