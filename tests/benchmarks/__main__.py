"""Run all benchmarks: `make bench`, or `python -m tests.benchmarks` where the peers are installed."""

import os
from collections.abc import Iterator
from typing import Any

THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM")


def main() -> None:
    """Measure, print and save."""
    # Libraries read these when they are imported, so they are set before that.
    os.environ.update({f"{name}_NUM_THREADS": "1" for name in THREADS})
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    from . import report, tables

    about = {"machine": report.machine(), "versions": report.versions()}
    for part in about.values():
        print(", ".join(f"{key} {value}" for key, value in part.items()))
    print(f"\n{report.SPREAD}")
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))

    found = []
    for table in measured(cores):
        print(tables.as_text(table), flush=True)
        found.append(table)
    report.save(found, about)
    print(f"\nSaved as {report.FOLDER}/benchmarks.md and benchmarks.json")


def measured(cores: set[int]) -> Iterator[Any]:
    """Give one table after the other, all but the last from one core."""
    from . import measures

    with measures.affinity({max(cores)}):
        yield from measures.training()
        yield measures.widths()
        yield measures.chain_simulation()
        yield measures.limit_or_simulation()
        yield measures.fresh_process()
    yield measures.two_cores(cores)


if __name__ == "__main__":
    main()
