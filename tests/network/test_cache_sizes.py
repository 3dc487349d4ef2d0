import subprocess
import sys
from pathlib import Path

import pytest

from stages.network import cache_sizes
from tests.conftest import ROOT

PROGRAM = """
import sys
from stages.common.portable_environment import set_numpy_environment
set_numpy_environment()
from stages.common.tensorflow_import import import_tensorflow
import_tensorflow(deterministic=True)
import numpy as np, tensorflow as tf
from stages.network.cache_sizes import CACHE_SIZES, set_cache_sizes
random = np.random.default_rng(0)
row, column = (tf.constant(random.random(shape, np.float32)) for shape in ((2, 1000), (1000, 2)))
def product():
    return (row @ column).numpy().tobytes()
other_caches = (48 * 2**10, 2 * 2**20, 24 * 2**20)
assert set_cache_sizes()
first = product()
assert set_cache_sizes(other_caches)
other = product()
assert set_cache_sizes()
print(product() == first, product() == other)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is set")
def test_products_follow_the_cache_sizes_that_are_set() -> None:
    python = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(python, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "True False\n", done.stderr


@pytest.mark.parametrize("library", ["of another version.so", sys.executable, __file__])
def test_a_library_without_the_variables_stays_as_it_is(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_sizes, "_LIBRARIES", [str(tmp_path / library)])
    assert not cache_sizes.set_cache_sizes()
