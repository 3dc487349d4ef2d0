"""Time several ways of doing the same thing, in turns, and compare their times."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

Seconds = Mapping[str, list[float]]


def in_turns(ways: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """Run each way `rounds` times, and return the seconds. Each round begins with another way.

    Args:
        ways: by name; each does its work once and returns its seconds.
        rounds: number of rounds.
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
    """Return the median of `way` divided by the median of `to`."""
    return statistics.median(seconds[way]) / statistics.median(seconds[to])
