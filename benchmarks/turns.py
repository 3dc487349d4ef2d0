"""Ways of doing the same thing, in turns, and how their times compare."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

Seconds = Mapping[str, list[float]]


def in_turns(ways: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """Do each way `rounds` times, each round beginning with another; return what they return.

    Args:
        ways: by name; each does its work once and returns its seconds.
        rounds: how often.
    """
    names = list(ways)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(ways[name]())
            print(f"round {number + 1}: {name} {seconds[name][-1]:.2f} s", flush=True)
    return seconds


def ratio(seconds: Seconds, way: str, to: str) -> float:
    """Return the median of a way by the median of another."""
    return statistics.median(seconds[way]) / statistics.median(seconds[to])
