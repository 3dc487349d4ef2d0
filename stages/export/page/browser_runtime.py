"""ONNX Runtime Web, as `npm` has installed it: the part of the page that runs the model."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "onnxruntime-web"
SCRIPT = "ort.wasm.bundle.min.mjs"
PROGRAM = "ort-wasm-simd-threaded.wasm"
SHA256 = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    PROGRAM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""Of the version in package-lock.json: other files would make another page from the same commit."""

LOCK = Path(__file__).with_name("package-lock.json")
INSTALL = "python -m stages.export.page.install_runtime"

_EXPORTS = re.compile(r"export\{([^}]*)\};\s*(?://# sourceMappingURL=\S+)?\s*$")


class RuntimeMissingError(Exception):
    """ONNX Runtime Web is not here; the message is a clause that says so."""


@dataclass(frozen=True)
class BrowserRuntime:
    """ONNX Runtime Web.

    Attributes:
        version: of the package.
        script: JavaScript that leaves the runtime in the constant `ort`.
        program: WebAssembly.
    """

    version: str
    script: str
    program: bytes


def runtime_folder() -> Path:
    """Return the folder of this Python environment that holds the runtime's two files."""
    return Path(sys.prefix) / PACKAGE


def locked_version() -> str:
    """Return the version that package-lock.json names."""
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    version: str = packages[f"node_modules/{PACKAGE}"]["version"]
    return version


def read_runtime(folder: Path) -> BrowserRuntime:
    """Read the runtime from a folder.

    Raises:
        RuntimeMissingError: if a file is missing, or is not that of the locked version.
    """
    script, program = (_checked(folder / name) for name in (SCRIPT, PROGRAM))
    return BrowserRuntime(locked_version(), _as_script(script.decode("utf-8")), program)


def _checked(path: Path) -> bytes:
    needed = f"{PACKAGE} {locked_version()}, which runs the model in a browser,"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RuntimeMissingError(f"{needed} is not installed: there is no {path}") from error
    if hashlib.sha256(content).hexdigest() != SHA256[path.name]:
        raise RuntimeMissingError(f"{needed} is not installed: {path} is another version's")
    return content


def _as_script(module: str) -> str:
    """Return a module as a script that leaves what it exports in the constant `ort`.

    Chromium starts no worker from a module in a page from disk.
    """
    exports = _EXPORTS.search(module)
    if exports is None:
        raise ValueError(f"{SCRIPT} does not end with its exports")
    names = [pair.split(" as ") for pair in exports[1].split(",")]
    members = ",".join(f"{outer}:{inner}" for inner, outer in names)
    body = module[: exports.start()].replace("import.meta.url", "self.location.href")
    return f'"use strict";\n{body}const ort={{{members}}};\n'
