from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.serialize import dump_yaml
from dvc.utils.serialize import load_yaml as load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.common.errors import StageError
from stages.common.params_file import load_params, sections
from stages.network.params import ModelParams
from tests.conftest import ROOT

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
SHIPPED: dict[str, Any] = yaml.safe_load(TEXT)
SECTIONS = {name: kind for name, kind in sections().items() if name not in SHIPPED}


def walk(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of params.yaml, dotted, and its value; the mappings among them."""
    for key, value in content.items():
        yield f"{prefix}{key}", value
        if isinstance(value, dict):
            yield from walk(value, f"{prefix}{key}.")


KEYS = dict(walk(SHIPPED))
LEAVES = [key for key, value in KEYS.items() if not isinstance(value, dict)]
MAPPINGS = [key for key, value in KEYS.items() if isinstance(value, dict) and key != "profiles"]
PROFILES = [f"profiles.{name}" for name in SHIPPED["profiles"]]
FRACTIONAL = [key for key in LEAVES if isinstance(KEYS[key], float)]
PATHS = ("download.source", "download.weights")  # any text may be one
CHOICES = [key for key in LEAVES if isinstance(KEYS[key], str) and not key.endswith(PATHS)]
WHOLE = [key for key in LEAVES if type(KEYS[key]) is int]


def written(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False)


def changed(key: str, value: Any = None, *, remove: bool = False) -> str:
    """The text of params.yaml with another value at the dotted key, or without the key."""
    content = copy.deepcopy(SHIPPED)
    *parents, last = key.split(".")
    section = content
    for parent in parents:
        section = section[parent]
    section[last] = value
    if remove:
        del section[last]
    return written(content)


def misspelt(key: str, name: str) -> str:
    """The text of params.yaml with the last part of the dotted key spelt otherwise."""
    content = copy.deepcopy(SHIPPED)
    *parents, last = key.split(".")
    section = content
    for parent in parents:
        section = section[parent]
    section[name] = section.pop(last)
    return written(content)


def failure(folder: Path, content: str | bytes) -> str:
    """The one line in which params.yaml is refused, without the name of the file."""
    path = folder / "params.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(StageError) as caught:
        load_params(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_what_ships_is_loaded_as_it_stands() -> None:
    assert dataclasses.asdict(load_params(ROOT / "params.yaml")) == SHIPPED


@pytest.mark.parametrize("profile", SHIPPED["profiles"])
def test_a_section_is_that_of_the_chosen_profile(tmp_path: Path, profile: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(changed("profile", profile))
    params = load_params(path)
    for name, kind in SECTIONS.items():
        section = params.section(kind)
        assert isinstance(section, kind)
        assert dataclasses.asdict(section) == SHIPPED["profiles"][profile][name]
    assert dataclasses.asdict(params.section(ModelParams)) == SHIPPED["model"]


@pytest.mark.parametrize("kind", [ModelParams, *SECTIONS.values()])
def test_a_section_cannot_be_changed(kind: type) -> None:
    section = load_params(ROOT / "params.yaml").section(kind)
    name = dataclasses.fields(section)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(section, name, getattr(section, name))


@pytest.mark.parametrize("key", [key for key in KEYS if key not in PROFILES])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    assert failure(tmp_path, changed(key, remove=True)) == f": {key} is missing; add it"


def test_only_the_chosen_profile_has_to_be_there(tmp_path: Path) -> None:
    chosen = SHIPPED["profile"]
    (other,) = set(SHIPPED["profiles"]) - {chosen}
    path = tmp_path / "params.yaml"
    path.write_text(changed(f"profiles.{other}", remove=True))
    assert list(load_params(path).profiles) == [chosen]
    message = failure(tmp_path, changed(f"profiles.{chosen}", remove=True))
    assert message == f": profile is '{chosen}', expected one of: {other}"


@pytest.mark.parametrize("key", LEAVES)
@pytest.mark.parametrize("kind", ["text or number", "truth value or number", "list"])
def test_a_value_of_a_wrong_type_is_named(tmp_path: Path, key: str, kind: str) -> None:
    value = KEYS[key]
    wrong: Any = {
        "text or number": 5 if isinstance(value, str) else "many",
        "truth value or number": 1 if isinstance(value, bool) else 2 if ".xla" in key else True,
        "list": {"a": 1} if isinstance(value, list) else [value],
    }[kind]
    message = failure(tmp_path, changed(key, wrong))
    assert message.startswith(f": {key} is {wrong!r}: ")
    assert ";" not in message  # it is the one problem


@pytest.mark.parametrize("key", MAPPINGS)
@pytest.mark.parametrize("wrong", [None, 5, "text", []])
def test_a_section_of_a_wrong_type_is_named(tmp_path: Path, key: str, wrong: Any) -> None:
    message = failure(tmp_path, changed(key, wrong))
    assert message == f": {key} is {wrong!r}: input should be an object"


@pytest.mark.parametrize("key", LEAVES)
def test_a_misspelt_key_is_named_with_the_one_that_is_missing(tmp_path: Path, key: str) -> None:
    name = key.rpartition(".")[2]
    message = failure(tmp_path, misspelt(key, f"{name}x"))
    assert message == (
        f": {key} is missing; add it; {key}x is not a known parameter; check its spelling or "
        "remove it"
    )


@pytest.mark.parametrize("key", [key for key in LEAVES if type(KEYS[key]) in (int, float)])
def test_a_number_far_out_of_range_is_named(tmp_path: Path, key: str) -> None:
    wrong = -(2**40)
    message = failure(tmp_path, changed(key, wrong))
    assert message.startswith(f": {key} is {wrong}: input should be greater than ")


@pytest.mark.parametrize("key", CHOICES)
def test_a_choice_that_does_not_exist_is_named(tmp_path: Path, key: str) -> None:
    message = failure(tmp_path, changed(key, "no such choice"))
    assert message.startswith(f": {key} is 'no such choice'")


@pytest.mark.parametrize("section", ["", *(f"{key}." for key in MAPPINGS)])
def test_an_unknown_key_is_named(tmp_path: Path, section: str) -> None:
    message = failure(tmp_path, changed(f"{section}typo", 1))
    assert message == f": {section}typo is not a known parameter; check its spelling or remove it"


def test_every_problem_is_named_in_the_one_line(tmp_path: Path) -> None:
    text = changed("model.dense.units", 0).replace("profile:", "profil:", 1)
    assert failure(tmp_path, text) == (
        ": profile is missing; add it; model.dense.units is 0: input should be greater than 0; "
        "profil is not a known parameter; check its spelling or remove it"
    )


def test_the_former_seed_of_all_is_refused_with_the_keys_in_its_place(tmp_path: Path) -> None:
    message = failure(tmp_path, changed("seed", 123))
    assert message == (
        ": seed is three parameters now; remove it, and set download.synthetic_seed, split.seed "
        "and train.seed in each profile"
    )
    named = re.findall(r"\w+\.\w*seed", message)
    assert {f"{profile}.{key}" for profile in PROFILES for key in named} <= set(LEAVES)


@pytest.mark.parametrize("key", FRACTIONAL)
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_refused(tmp_path: Path, key: str, number: float) -> None:
    assert failure(tmp_path, changed(key, number)).startswith(f": {key} is {number}: input should")


@pytest.mark.parametrize("key", WHOLE)
def test_a_count_is_not_rounded(tmp_path: Path, key: str) -> None:
    assert ": input should be a valid integer" in failure(tmp_path, changed(key, KEYS[key] + 0.5))


SYNTHETIC = "profiles.synthetic"


@pytest.mark.parametrize(
    ("key", "within", "beyond"),
    [
        ("model.base", ["EfficientNetB0", "EfficientNetB7"], ["EfficientNetB8", "efficientnetb3"]),
        ("model.base_batch_norm_momentum.imagenet", [0, 0.999], [-0.1, 1]),
        ("model.batch_norm.momentum", [0, 0.999], [-0.1, 1]),
        ("model.batch_norm.epsilon", [0.0000001], [0, -0.001]),
        ("model.dense.units", [1], [0]),
        ("model.dense.kernel_l2", [0, 1], [-0.1]),
        ("model.dropout", [0, 0.99], [-0.1, 1]),
        (f"{SYNTHETIC}.download.source", ["https://example.org/a.zip"], [""]),
        (f"{SYNTHETIC}.download.sha256", ["0" * 64, "A" * 64, None], ["0" * 63, "g" * 64]),
        (f"{SYNTHETIC}.download.kaggle_dataset", ["a/b/versions/12"], ["a/b", "a/b/versions/0"]),
        (f"{SYNTHETIC}.download.synthetic_cells", [320], [319]),
        (f"{SYNTHETIC}.download.synthetic_seed", [0, 2**31 - 1], [-1, 2**31]),
        (f"{SYNTHETIC}.split.test_share", [0.01, 0.99], [0, 1]),
        (f"{SYNTHETIC}.split.seed", [0, 2**31 - 1], [-1, 2**31]),
        (f"{SYNTHETIC}.preprocess.crop_size", [1, None], [0]),
        (f"{SYNTHETIC}.preprocess.fit", ["exact", "crop", "whole"], ["pad"]),
        (f"{SYNTHETIC}.preprocess.image_size", [32], [31]),
        (
            f"{SYNTHETIC}.preprocess.background",
            [[0, 128, 255]],
            [[0, 0], [0, 0, 0, 0], "black"],
        ),
        (f"{SYNTHETIC}.preprocess.microns_per_pixel", [0.1, None], [0, -1]),
        (f"{SYNTHETIC}.preprocess.cells_per_shard", [1], [0]),
        (f"{SYNTHETIC}.train.seed", [0, 2**31 - 1], [-1, 2**31]),
        (f"{SYNTHETIC}.train.optimizer", ["SGD"], ["adam"]),
        (f"{SYNTHETIC}.train.learning_rate", [1, 1e-9], [0, -0.001]),
        (f"{SYNTHETIC}.train.batch_size", [2], [1]),
        (f"{SYNTHETIC}.train.accumulate_batches", [1, 8], [0]),
        (f"{SYNTHETIC}.train.warmup_steps", [0, 100], [-1]),
        (f"{SYNTHETIC}.train.cooldown_steps", [0, 100], [-1]),
        (f"{SYNTHETIC}.train.ema_decay", [None, 0.999], [0, 1]),
        (f"{SYNTHETIC}.train.precision", ["float32", "auto"], ["bfloat16"]),
        (f"{SYNTHETIC}.train.xla", ["auto", True, False], ["always"]),
        (f"{SYNTHETIC}.train.reestimate_batch_norm", [0, 20], [-1]),
        (f"{SYNTHETIC}.train.fine_tuning.freeze_epochs", [0, 3], [-1]),
        (
            f"{SYNTHETIC}.train.fine_tuning.unfreeze_from",
            [None, "block5a", "top"],
            ["block8a", "block5", "block5a_conv"],
        ),
        (f"{SYNTHETIC}.train.sampling", ["subject_balanced"], ["balanced"]),
        (f"{SYNTHETIC}.train.class_weights", ["balanced"], ["natural"]),
        (f"{SYNTHETIC}.train.label_smoothing", [0, 0.99], [-0.1, 1]),
        (f"{SYNTHETIC}.train.augmentation.rotation_degrees", [0, 180], [-1, 180.5]),
        (f"{SYNTHETIC}.train.augmentation.brightness", [0, 0.99], [-0.1, 1]),
        (f"{SYNTHETIC}.train.augmentation.stain", [0, 0.99], [-0.1, 1]),
        (f"{SYNTHETIC}.train.device", ["auto", "cpu", "gpu"], ["cuda"]),
        (f"{SYNTHETIC}.train.devices", ["one", "all"], ["two", 2]),
        (f"{SYNTHETIC}.train.checkpoint_every_steps", [1, None], [0]),
        (f"{SYNTHETIC}.train.policy.monitor", ["val_loss"], ["loss"]),
        (f"{SYNTHETIC}.train.policy.factor", [0.1], [0, 1]),
        (f"{SYNTHETIC}.train.policy.patience", [1], [0]),
        (f"{SYNTHETIC}.evaluate.threshold", [0.001], [0, 1]),
        (f"{SYNTHETIC}.evaluate.target_sensitivity", [0.8], [0, 1]),
        (f"{SYNTHETIC}.evaluate.bootstrap_replicates", [2000], [1999]),
        (f"{SYNTHETIC}.evaluate.tta", ["none", "d4"], ["yes"]),
    ],
)
def test_a_range_holds_at_its_borders(
    tmp_path: Path, key: str, within: list[Any], beyond: list[Any]
) -> None:
    path = tmp_path / "params.yaml"
    for value in within:
        path.write_text(changed(key, value))
        load_params(path)
    for value in beyond:
        message = failure(tmp_path, changed(key, value))
        assert re.match(
            rf": {key} is {re.escape(repr(value))}: (input|string|list) should ", message
        )


@pytest.mark.parametrize("number", [-1, 256, 0.5])
def test_a_wrong_item_of_a_list_is_named(tmp_path: Path, number: float) -> None:
    key = f"{SYNTHETIC}.preprocess.background"
    assert failure(tmp_path, changed(key, [0, 0, number])).startswith(f": {key}.2 is {number}: in")


@pytest.mark.parametrize(
    ("text", "number"), [("1e-3", 0.001), ("1E-3", 0.001), ("1.e-3", 0.001), ("0.5", 0.5)]
)
def test_a_number_is_what_dvc_takes_it_for(tmp_path: Path, text: str, number: float) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"epsilon: .*", f"epsilon: {text}", TEXT))
    assert load_params(path).model.batch_norm.epsilon == number
    assert load(path)["model"]["batch_norm"]["epsilon"] == number


@pytest.mark.parametrize("text", ["yes", "No", "on", "OFF", "12:30", "1e"])
def test_a_name_is_a_text_where_dvc_takes_it_for_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    content = load(ROOT / "params.yaml")
    content["profiles"]["synthetic"]["download"]["ignore_classes"] = [text]
    dump_yaml(path, content)  # as `dvc exp run -S` does, which leaves out quotes
    assert f"- {text}\n" in path.read_text()
    assert load_params(path).profiles["synthetic"].download.ignore_classes == [text]


@pytest.mark.parametrize("text", ["'1e-3'", "1e", "many"])
def test_what_is_no_number_is_refused(tmp_path: Path, text: str) -> None:
    message = failure(tmp_path, re.sub(r"dropout: .*", f"dropout: {text}", TEXT))
    read = text.strip("'")
    assert message == f": model.dropout is '{read}': input should be a valid number"


def test_where_no_number_is_wanted_there_is_no_such_advice(tmp_path: Path) -> None:
    message = failure(tmp_path, changed("model.pooling", "5"))
    assert message == ": model.pooling is '5': input should be 'max' or 'avg'"


def test_a_choice_is_told_in_its_own_spelling(tmp_path: Path) -> None:
    assert failure(tmp_path, changed("profiles.cnmc.train.optimizer", "adam")).endswith(
        "is 'adam': input should be 'Adamax', 'Adam', 'AdamW' or 'SGD'"
    )


def test_a_profile_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    message = failure(tmp_path, changed("profile", "kaggle"))
    assert message == ": profile is 'kaggle', expected one of: cnmc, synthetic"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", ": the file is None: input should be an object"),
        ("# nothing but a comment\n", ": the file is None: input should be an object"),
        ("- seed\n- 123\n", ": the file is ['seed', 123]: input should be an object"),
        ("seed", ": the file is 'seed': input should be an object"),
        ("seed: [1, 2", " is not valid YAML: while parsing a flow sequence in "),
        ("seed: 1\n\tmodel: 2", " is not valid YAML: while scanning for the next token found"),
        ("a: 1\n---\nb: 2\n", " is not valid YAML: expected a single document in the stream"),
        ("2024-01-01: day", " is not valid YAML: keys must be str, int, float, bool or None"),
        ("seed: !!int x", " is not valid YAML: invalid literal for int() with base 10: 'x'"),
        ("<<<<<<< HEAD\nseed: 1\n=======\nseed: 2\n>>>>>>> x", " holds the marks of a merge conf"),
        ("model:\n<<<<<<< HEAD\n  a: 1\n=======\n  a: 2\n>>>>>>> x", " holds the marks of a mer"),
        (b"seed: \xff", " is not valid YAML: 'utf-8' codec can't decode byte 0xff in position 6"),
    ],
)
def test_what_is_no_yaml_or_no_mapping_is_told(
    tmp_path: Path, content: str | bytes, problem: str
) -> None:
    assert failure(tmp_path, content).startswith(problem)


def test_another_encoding_is_told(tmp_path: Path) -> None:
    assert failure(tmp_path, "# für mich".encode("latin-1")).endswith("byte; save it as UTF-8")


@pytest.mark.parametrize(
    "value", ["a: b.zip", "@a.zip", "`a`", "*a.zip", "!a b", "%a", "[a].zip", "{a}.zip", "'it's'"]
)
def test_a_path_that_is_no_yaml_is_told_to_be_quoted(tmp_path: Path, value: str) -> None:
    message = failure(tmp_path, TEXT.replace("source: kaggle", f"source: {value}"))
    assert message.startswith(" is not valid YAML: ")
    assert message.endswith(
        "; put a text with special characters, such as a path, into single quotes"
    )


@pytest.mark.parametrize(
    ("value", "read"), [("#1.zip", None), ("123", 123), ("true", True), ("~", None)]
)
def test_a_path_that_yaml_reads_otherwise_is_told_to_be_quoted(
    tmp_path: Path, value: str, read: object
) -> None:
    text = TEXT.replace("source: kaggle", f"source: {value}")
    assert failure(tmp_path, text) == (
        f": profiles.cnmc.download.source is {read!r}: input should be a valid string (YAML does "
        "not read it as text, nor what follows a #: put it into single quotes)"
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    with pytest.raises(StageError) as caught:
        load_params(path)
    assert str(caught.value) == f"{path} is missing; run this where params.yaml and dvc.yaml are"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(TEXT)),
    removed=st.integers(0, 30),
    inserted=st.text(st.sampled_from(" \n\t:-[{'\"#&*!0e.é"), max_size=3),
)
def test_a_slip_of_the_hand_is_harmless_or_told_in_one_line(
    tmp_path: Path, start: int, removed: int, inserted: str
) -> None:
    text = TEXT[:start] + inserted + TEXT[start + removed :]
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        load_params(path)
    except StageError:
        failure(tmp_path, text)
