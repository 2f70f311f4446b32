"""Run all benchmarks, `make bench`, or some, `make bench ONLY=pages`."""

import os
import sys
from collections.abc import Iterator
from functools import partial
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
    for table in measured(cores, sys.argv[1:]):
        print(tables.as_text(table), flush=True)
        found.append(table)
    report.save(found, about)
    print(f"\nSaved as {report.FOLDER}/benchmarks.md and benchmarks.json")


def measured(cores: set[int], names: list[str]) -> Iterator[Any]:
    """Give one table after the other, those of the measures named or else of all."""
    from . import measures, pages, roofline, tables

    one_core = (
        measures.training,
        measures.widths,
        measures.chain_simulation,
        measures.limit_or_simulation,
        roofline.roofline,
        measures.fresh_process,
    )
    groups = (
        ({max(cores)}, {each.__name__: each for each in one_core}),
        (cores, {"two_cores": partial(measures.two_cores, cores), "pages": pages.pages}),
    )
    if unknown := set(names).difference(*(group for _, group in groups)):
        raise SystemExit(f"There is no {', '.join(unknown)}, only {', '.join(name for _, g in groups for name in g)}.")
    for share, group in groups:
        with measures.affinity(share):
            for name, measure in group.items():
                if not names or name in names:
                    made = measure()
                    yield from [made] if isinstance(made, tables.Table) else made


if __name__ == "__main__":
    main()
