"""Describe the machine that a training runs on."""

from __future__ import annotations

import os
from typing import Any

from stages.common.portable_environment import in_effect
from stages.common.processor import instruction_sets, processor_name
from stages.network.known_answers import computes_as_others
from stages.train.device import Device


def describe_machine(device: Device, *, deterministic: bool, threads: int) -> dict[str, Any]:
    """Return what a difference between two machines may come from.

    Args:
        device: what the training runs on.
        deterministic: whether `train.deterministic` is true.
        threads: `train.threads`.

    Returns:
        processor, cores (that this process may use), instruction_sets (those that libraries choose
        their code by), device, threads (None: as many as cores), environment (variables in effect
        that decide arithmetic), computes_as_others (None if not known or not deterministic).
    """
    return {
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "instruction_sets": instruction_sets(),
        "device": device.name,
        "threads": threads if deterministic else None,
        "environment": in_effect(),
        "computes_as_others": computes_as_others() if deterministic else None,
    }


def machine_line(machine: dict[str, Any]) -> str:
    """Return what the log says of a machine from `describe_machine`."""
    threads = f", {machine['threads']} threads an operation" if machine["threads"] else ""
    sets = " ".join(machine["instruction_sets"]) or "instruction sets not known"
    settings = " ".join(f"{name}={value}" for name, value in machine["environment"].items())
    return f"{machine['processor']}, {machine['cores']} cores, {sets}{threads}; {settings}"
