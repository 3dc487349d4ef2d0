"""Run the download stage with the inventory of generated pixels instead of C-NMC 2019's."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.set_of_size import read_inventory
from stages.common.stage_entry import run_stage
from stages.download import __main__ as stage
from stages.download import bring_set


def main() -> None:
    """Run the stage with the inventory in the file of the first argument."""
    bring_set.C_NMC_2019 = read_inventory(Path(sys.argv.pop(1)))
    run_stage(stage.download)


if __name__ == "__main__":
    main()
