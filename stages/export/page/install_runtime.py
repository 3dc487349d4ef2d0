"""Install ONNX Runtime Web, which runs the model in the page, into this Python environment.

`npm` checks the package against the hash in package-lock.json. Of its 140 MB, the two files that
the page needs stay. Run it as `python -m stages.export.page.install_runtime`.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stages.common.command_entry import command
from stages.common.files import atomic_path
from stages.export.page.browser_runtime import (
    LOCK,
    PACKAGE,
    SHA256,
    RuntimeMissingError,
    read_runtime,
    runtime_folder,
)

_NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_LINES = 4
_ONE_TRY_MORE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")


def install_runtime(folder: Path) -> None:
    """Install the runtime's files into a folder, unless they are there.

    Raises:
        RuntimeMissingError: if there is no `npm`, it fails, or it brings other files.
    """
    try:
        read_runtime(folder)
    except RuntimeMissingError:
        with tempfile.TemporaryDirectory() as temporary:
            _copy(_installed(Path(temporary)), folder)
        read_runtime(folder)


def _installed(folder: Path) -> Path:
    """Let npm install into a folder; return that of the files."""
    npm = shutil.which(_NPM[0])
    if npm is None:
        raise RuntimeMissingError("there is no npm on the PATH (it comes with Node.js)")
    for file in (LOCK, LOCK.with_name("package.json")):
        shutil.copy(file, folder)
    done = subprocess.run(
        [npm, *_NPM[1:], *_ONE_TRY_MORE], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeMissingError(f"`{' '.join(_NPM)}` failed: {_reason(done.stderr)}")
    return folder / "node_modules" / PACKAGE / "dist"


def _reason(stderr: str) -> str:
    """Return the first lines of what npm says, as one; below them stands where in npm it failed."""
    lines = (line.removeprefix("npm error").strip() for line in stderr.splitlines())
    return "; ".join([line for line in lines if line][:_LINES])


def _copy(source: Path, folder: Path) -> None:
    with atomic_path(folder) as made:
        made.mkdir()
        for name in SHA256:
            shutil.copyfile(source / name, made / name)


@command("install_runtime")
def main() -> int:
    """Install the runtime; return the exit code."""
    try:
        install_runtime(runtime_folder())
    except (RuntimeMissingError, OSError) as error:
        print(
            f"{PACKAGE} cannot be installed: {error}. Without it `make export` makes all but "
            "models/classifier.html",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
