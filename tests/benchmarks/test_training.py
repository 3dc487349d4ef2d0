from pathlib import Path

import pytest

from benchmarks import first_step, notebook_training, our_training, training
from benchmarks.cells import ROOT, Made
from benchmarks.peak_memory import row
from benchmarks.rows import MET, NOT_MEASURED
from benchmarks.workers import worker
from stages.common.params_file import load_params
from stages.network.model import build_model
from stages.network.params import ModelParams

SECONDS = {
    our_training.EPOCH: [11.0, 10.0, 12.0],
    our_training.BATCHES: [8.2, 8.4, 8.0],
    our_training.ONE_BATCH: [8.0, 8.0, 8.0],
    our_training.VALIDATION: [2.8, 2.8, 2.8],
    our_training.FROZEN: [2.2, 2.2, 2.2],
    our_training.FROZEN_ONCE: [5.0, 5.5, 6.0],
    notebook_training.NOTEBOOK: [22.0, 22.0, 22.0],  # twice steps and validation
    training.TORCH: [12.0, 12.0, 12.0],
    training.FREE: [7.5, 7.5, 7.5],
}


def test_each_row_compares_the_two_that_it_names() -> None:
    rows = training.rows(SECONDS, image_size=96, steps=8)
    ratios = [found.ratio for found in rows]
    assert ratios == pytest.approx([1.025, 11 / 10.8, 2.0, 1.5, 8 / 7.5, 5.0, 10.0])
    assert [found.verdict for found in rows] == [MET] * 7
    for found in rows:
        assert len(found.ways) == 2
        assert found.how.endswith(".")


@pytest.mark.parametrize(("sets", "target"), [(["avx2", "avx512_vnni"], 1.35), (["avx2"], 1.1)])
def test_what_determinism_may_cost_depends_on_what_the_free_mode_would_use(
    sets: list[str], target: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "instruction_sets", lambda: sets)
    rows = training.rows(SECONDS, image_size=96, steps=8)
    assert [found.target for found in rows if training.FREE in found.ways] == [{"at_most": target}]


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_recipe_is_timed_without_an_early_stop(*, deterministic: bool) -> None:
    train = our_training._params(deterministic=deterministic).profiles["cnmc"].train
    assert train.deterministic == deterministic
    assert train.policy.patience == train.epochs == our_training.EPOCHS


def test_without_pytorch_its_row_says_how_to_get_it() -> None:
    there = {name: times for name, times in SECONDS.items() if name != training.TORCH}
    rows = training.rows(there, image_size=96, steps=8)
    [missing] = [found for found in rows if found.verdict == NOT_MEASURED]
    assert "pip install torch==" in missing.why


def test_a_worker_says_how_long_each_thing_took() -> None:
    with worker("tests.benchmarks.toy_worker") as toy:
        assert toy.ask("work") >= 0.2
        assert toy.ask("nap") >= 0.1
        assert toy.ask("work") >= 0.2


def test_a_worker_that_has_ended_is_an_error() -> None:
    with (
        worker("tests.benchmarks.toy_worker") as toy,
        pytest.raises(RuntimeError, match="has ended with 1"),
    ):
        toy.ask("what it does not know")


STAGE = """
import time
from pathlib import Path
time.sleep(0.3)
Path(".train_state/a/checkpoint-000000-000000001").mkdir(parents=True)
time.sleep(60)
"""


def made_for(folder: Path, code: str) -> Made:
    (folder / "code/stages/train").mkdir(parents=True)
    (folder / "code/stages/train/__main__.py").write_text(code)
    return Made(folder)


def test_the_first_step_is_timed_until_its_checkpoint_is_there(tmp_path: Path) -> None:
    run = first_step._timed(made_for(tmp_path, STAGE), tmp_path / "code")
    for _ in range(2):  # what the first has left is no answer
        assert run() >= 0.3


def test_a_training_that_fails_at_its_start_is_an_error(tmp_path: Path) -> None:
    run = first_step._timed(made_for(tmp_path, "raise SystemExit(1)"), tmp_path / "code")
    with pytest.raises(RuntimeError, match="ended before its first step"):
        run()


def test_the_stages_of_a_commit_are_unpacked_where_it_is_known(tmp_path: Path) -> None:
    assert first_step._unpack("HEAD", tmp_path / "head")
    assert (tmp_path / "head/stages/train/__main__.py").exists()
    assert not first_step._unpack("0000000", tmp_path / "unknown")


def test_peak_memory_is_a_row_in_gigabytes() -> None:
    found = row({"host_bytes": 5_900_000_000, "epochs": [{"steps": 5}]}, image_size=224)
    assert (found.ratio, found.unit, found.verdict) == (5.9, "GB", MET)


def test_in_pytorch_the_network_has_the_same_weights() -> None:
    torch = pytest.importorskip("torch")
    from benchmarks.torch_efficientnet import Classifier

    params = load_params(ROOT / "params.yaml").section(ModelParams)
    ours = build_model(params, image_size=32, weights=None)
    theirs = Classifier()
    count = sum(weight.numel() for weight in theirs.parameters())
    assert count == sum(weight.numpy().size for weight in ours.trainable_weights)
    logits, penalty = theirs(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert logits.shape == (2, 2)
    assert penalty.shape == ()
