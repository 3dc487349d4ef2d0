"""Describe the machine and the commit of the figures."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from stages.common.processor import processor_name

PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "pandas", "dvc", "torch", "onnxruntime")


def machine() -> dict[str, Any]:
    """Return processor, cores, memory, system and versions."""
    return {
        "processor": f"{processor_name()} ({platform.machine()})",
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "versions": {"python": platform.python_version(), **_versions()},
    }


def commit() -> str:
    """Return the commit that is checked out, and whether files differ from it; "?" without git."""
    command = ["git", "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=, changed"]
    told = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "?"


def machine_text(described: dict[str, Any]) -> str:
    """Return the description of `machine` as text."""
    versions = ", ".join(f"{name} {version}" for name, version in described["versions"].items())
    return (
        f"{described['processor']}, {described['cores']} cores, {described['memory_gb']} GB of "
        f"memory, {described['system']}; {versions}"
    )


def _versions() -> dict[str, str]:
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed
