from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.dataset.shard_writer import write_shard
from tests.conftest import ROOT

pytestmark = pytest.mark.integration

IMPORT = "from stages.common.tensorflow_import import import_tensorflow; import_tensorflow()"
NOISE = 'import os; os.write(2, b"a note of its C++ parts\\n")'


def python(
    program: str, *, before: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that finds packages in `before` first, then this project."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KE"))}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=own | {"PYTHONPATH": f"{before}{os.pathsep}{ROOT}"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def fake_tensorflow(tmp_path: Path) -> Path:
    """A folder with a package tensorflow that writes to file descriptor 2 when imported."""
    package = tmp_path / "tensorflow"
    package.mkdir()
    (package / "__init__.py").write_text(f"{NOISE}\n")
    return tmp_path


def add(folder: Path, statement: str) -> None:
    """Let the fake tensorflow do something more when imported."""
    with (folder / "tensorflow/__init__.py").open("a") as file:
        file.write(f"{statement}\n")


def test_tensorflow_and_keras_say_nothing_whatever_backend_the_user_has_chosen() -> None:
    done = python(
        f"{IMPORT}; import keras; print(keras.ops.sum([1, 2]).numpy(), keras.backend.backend())",
        KERAS_BACKEND="jax",
    )
    assert done.stderr == ""
    assert done.stdout == "3 tensorflow\n"
    assert done.returncode == 0


def test_what_is_written_below_python_is_held_back(fake_tensorflow: Path) -> None:
    done = python(IMPORT, before=fake_tensorflow)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_comes_later_is_shown(fake_tensorflow: Path) -> None:
    later = 'import sys; sys.stderr.write("by Python, "); sys.stderr.flush()'
    done = python(f"{IMPORT}; {later}; {NOISE}", before=fake_tensorflow)
    assert done.stderr == "by Python, a note of its C++ parts\n"


def test_what_came_before_is_shown(fake_tensorflow: Path) -> None:
    add(fake_tensorflow, "import sys; print('a note in Python', file=sys.stderr)")
    earlier = 'import sys; sys.stderr.write("before")'  # no line end: Python still holds it
    done = python(f"{earlier}; {IMPORT}", before=fake_tensorflow, PYTHONUNBUFFERED="")
    assert done.stderr == "before"


@pytest.mark.parametrize("error", ["raise ImportError('no libcudart')", "raise SystemExit(3)"])
def test_if_the_import_fails_all_is_shown(fake_tensorflow: Path, error: str) -> None:
    add(fake_tensorflow, error)
    done = python(IMPORT, before=fake_tensorflow)
    assert done.stderr.startswith("a note of its C++ parts\n")
    if "ImportError" in error:
        assert done.stderr.endswith("ImportError: no libcudart\n")
        assert done.returncode == 1
    else:
        assert done.returncode == 3


def test_the_environment_can_ask_for_what_tensorflow_logs(fake_tensorflow: Path) -> None:
    program = f"{IMPORT}; import tensorflow"
    done = python(program, before=fake_tensorflow, TF_CPP_MIN_LOG_LEVEL="0")
    assert done.stderr == "a note of its C++ parts\n"


@pytest.mark.parametrize(("asked", "level"), [({}, "3"), ({"TF_CPP_MIN_LOG_LEVEL": "1"}, "1")])
def test_the_environment_says_how_much_is_logged_later(
    fake_tensorflow: Path, asked: dict[str, str], level: str
) -> None:
    program = f"{IMPORT}; import os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    assert python(program, before=fake_tensorflow, **asked).stdout == f"{level}\n"


@pytest.mark.parametrize("fails", [False, True])
def test_no_descriptor_is_left_open(fake_tensorflow: Path, *, fails: bool) -> None:
    if fails:
        add(fake_tensorflow, "raise ImportError")
    program = (
        "import contextlib, os\n"
        "before = sorted(os.listdir('/dev/fd'))\n"
        f"with contextlib.suppress(ImportError):\n    {IMPORT}\n"
        "assert sorted(os.listdir('/dev/fd')) == before\n"
        "print('done')"
    )
    assert python(program, before=fake_tensorflow).stdout == "done\n"


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_not_looked_for_in_what_is_imported(
    fake_tensorflow: Path, *, collects: bool
) -> None:
    add(fake_tensorflow, "import gc; print(gc.isenabled())")
    program = (
        f"import gc; gc.enable() if {collects} else gc.disable()\n"
        f"{IMPORT}; print(gc.isenabled(), gc.get_freeze_count() > 1000)"
    )
    assert python(program, before=fake_tensorflow).stdout == f"False\n{collects} True\n"


def test_a_second_call_does_nothing(fake_tensorflow: Path) -> None:
    program = (
        f"import gc\n{IMPORT}\n"
        "before = gc.get_freeze_count()\nmade = [[] for _ in range(1000)]\n"
        f"{IMPORT}; print(gc.get_freeze_count() <= before)"
    )
    assert python(program, before=fake_tensorflow).stdout == "True\n"


@pytest.mark.parametrize("deterministic", [True, False])
def test_without_onednns_graphs_tensorflow_keeps_its_memory(
    fake_tensorflow: Path, *, deterministic: bool
) -> None:
    program = (
        f"{IMPORT.replace('()', f'(deterministic={deterministic})')}\n"
        "import os; print(os.environ.get('TF_CPU_ALLOCATOR_USE_BFC'))"
    )
    told = python(program, before=fake_tensorflow).stdout
    assert told == ("true\n" if deterministic else "None\n")


def test_importing_the_module_does_nothing(fake_tensorflow: Path) -> None:
    program = (
        "import os, sys\n"
        "before = dict(os.environ)\n"
        "import stages.common.tensorflow_import\n"
        "assert dict(os.environ) == before\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    assert python(program, before=fake_tensorflow).returncode == 0


WRITE = """
import sys
from pathlib import Path
import numpy as np
from stages.preprocess.record_writer import import_record_writer
import_record_writer()
from stages.common.errors import StageError
from stages.dataset.shard_writer import write_shard
image = np.arange(32 * 32 * 3).astype(np.uint8).reshape(32, 32, 3)
try:
    write_shard([(image, "all", "1.bmp"), (image, "hem", "2.bmp")], Path(sys.argv[1]))
except StageError as error:
    print(error)
"""


def write_lightly(path: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.argv = ['', {str(path)!r}]\n{WRITE}"
    return python(f"{program}\nprint('keras' in sys.modules or 'sklearn' in sys.modules)")


def test_the_record_writer_alone_writes_the_bytes_that_all_of_tensorflow_writes(
    tmp_path: Path,
) -> None:
    done = write_lightly(tmp_path / "lightly")
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
    image = np.arange(32 * 32 * 3).astype(np.uint8).reshape(32, 32, 3)
    write_shard([(image, "all", "1.bmp"), (image, "hem", "2.bmp")], tmp_path / "fully")
    lightly, fully = (tmp_path / name / "shard-00000.tfrecord" for name in ("lightly", "fully"))
    assert lightly.read_bytes() == fully.read_bytes()


def test_the_record_writer_alone_tells_of_errors(tmp_path: Path) -> None:
    path = tmp_path / "shard-00000.tfrecord"
    path.mkdir()
    done = write_lightly(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path}; Is a directory; mend that and run this again\nFalse\n"
