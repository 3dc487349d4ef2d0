"""A worker that does next to nothing."""

import time

from benchmarks.workers import Turns


def main() -> None:
    """Sleep when asked to."""
    turns = Turns({"nap": lambda: time.sleep(0.1)})
    while True:
        turns.wait("work")
        print("what is printed is no answer")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
