"""Run all benchmarks: `make bench`, or `python -m tests.benchmarks` where the peers are installed."""

import os
from collections.abc import Iterator
from itertools import chain

THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM")


def main() -> None:
    """Measure, print and save."""
    # Libraries read these when they are imported, so they are set before that.
    os.environ.update({f"{name}_NUM_THREADS": "1" for name in THREADS})
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    from . import measures, report

    about = {"machine": report.machine(), "versions": report.versions()}
    for part in about.values():
        print(", ".join(f"{key} {value}" for key, value in part.items()))
    print(f"\n{report.SPREAD}")
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))

    def single() -> Iterator[measures.Table]:
        with measures.affinity({max(cores)}):
            yield from measures.training()
            yield measures.widths()
            yield measures.chain_simulation()
            yield measures.limit_or_simulation()
            yield measures.fresh_process()

    tables = []
    for table in chain(single(), (measures.two_cores(cores) for _ in range(1))):
        print(report.as_text(table), flush=True)
        tables.append(table)
    report.save(tables, about)
    print(f"\nSaved as {report.FOLDER}/benchmarks.md and benchmarks.json")


if __name__ == "__main__":
    main()
