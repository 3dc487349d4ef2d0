"""Let the scripts of this virtual environment run after a move, and in a path with any character.

    python -m stages.workspace.movable_scripts

pip writes the path of Python into the first line of each script, where a moved folder leaves it
wrong and a quote breaks it. Here a script asks for the Python that lies beside it. `activate` asks
Bash where it lies.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import re
import sys
from pathlib import Path

from stages.common.command_entry import command
from stages.common.files import atomic_path

START = b"""\
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""
"""For the shell a command, for Python a string."""

OWN_PLACE = b"""\
# Other shells do not know where this file lies: there the path above counts.
if [ -n "${BASH_SOURCE:-}" ]; then
    VIRTUAL_ENV=$(cd -- "$(dirname -- "$BASH_SOURCE")/.." >/dev/null && pwd)
    export VIRTUAL_ENV
fi
"""
"""For `activate`, once it has set the path that it was made with."""

_FIRST_USE = b'\n_OLD_VIRTUAL_PATH="$PATH"\n'
_BY_PIP = re.compile(rb"#!(?=.*?/python).*?\n(?=# -\*-|import |from )", re.DOTALL)


def movable(script: bytes) -> bytes:
    """Return a script as pip wrote it with another start, and `activate` with its own place.

    Anything else is returned as it is.
    """
    if b"\0" in script:  # uv, a program, holds the text of `activate`
        return script
    if _BY_PIP.match(script):
        return _BY_PIP.sub(lambda _: START, script, count=1)
    if OWN_PLACE in script:
        return script
    return script.replace(_FIRST_USE, OWN_PLACE + _FIRST_USE)


@command("scripts")
def main() -> int:
    """Rewrite the scripts of the environment that runs this, and return the exit code."""
    for path in sorted(Path(sys.prefix, "bin").iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if (changed := movable(content)) != content:
            with atomic_path(path) as temporary:
                temporary.write_bytes(changed)
                temporary.chmod(path.stat().st_mode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
