"""Check params.yaml before DVC reads it: DVC says less of what is wrong.

python -m stages.workspace.params_check
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import sys

from stages.common.command_entry import command
from stages.common.params_file import load_params
from stages.workspace.lock_check import PARAMS


@command("params")
def main() -> int:
    """Return the exit code: 0, or 2 after an error."""
    load_params(PARAMS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
