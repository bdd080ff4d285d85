"""`make simulate`: one seed with its history, or many on every core until one fails."""

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from drawdown import compiled
from tests.simulation.plan import plan_of
from tests.simulation.running import Failure, failure_of, run, shrunk

CHUNK = 25
SAID_EVERY = 1_000
"""Where nobody sees the bar."""


def main() -> int:
    """The exit code: 1 if a seed failed."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one, and print what happens")
    parser.add_argument("--seeds", type=int, default=1_000, help="run so many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of them")
    asked = parser.parse_args()
    print(f"the ledger's code runs {compiled.runtime()}")
    if asked.seed is not None:
        return one(asked.seed)
    return many(range(asked.first, asked.first + asked.seeds))


def one(seed: int) -> int:
    """Run a seed, and print its history; that of a failing one shortened."""
    outcome = run(plan_of(seed))
    if isinstance(outcome, Failure):
        print(outcome.reason, "\nlooking for the shortest history that fails …", file=sys.stderr)
        print(shrunk(outcome))
        return 1
    print("\n".join(outcome.history))
    entries = sum(len(book.entries) for book in outcome.auditor.books)
    print(f"seed {seed} holds: {outcome.taken} steps, {entries} entries")
    return 0


def many(seeds: range) -> int:
    """Run seeds on every core, with a bar; of the first that fails, show the shortest history."""
    chunks = (seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK))
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ProcessPoolExecutor(os.cpu_count()) as pool, Progress(*columns) as progress:
        task = progress.add_task("seeds", total=len(seeds))
        failed: list[int] = []
        for number, wrong in enumerate(pool.map(failing, chunks), 1):
            progress.advance(task, CHUNK)
            if not progress.console.is_terminal and number * CHUNK % SAID_EVERY == 0:
                print(f"{number * CHUNK} of {len(seeds)} seeds ran", flush=True)
            for seed in wrong:
                progress.console.print(f"seed {seed} fails: make simulate SEED={seed}")
                failed.append(seed)
    if not failed:
        print(f"{len(seeds)} seeds hold")
        return 0
    failure = failure_of(failed[0])
    assert failure is not None, f"seed {failed[0]} failed before, and holds now"
    print(f"seed {failed[0]}, shortened:\n{shrunk(failure)}")
    return 1


def failing(seeds: range) -> list[int]:
    """Those of these seeds that fail."""
    return list(_failing(seeds))


def _failing(seeds: range) -> Iterator[int]:
    for seed in seeds:
        if failure_of(seed) is not None:
            yield seed


if __name__ == "__main__":
    sys.exit(main())
