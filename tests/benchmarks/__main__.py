"""Run all benchmarks, `make bench`, or some, `make bench ONLY=pages`."""

import os
import sys
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
    names = sys.argv[1:]
    found = []
    for table in measured(names):
        print(tables.as_text(table), flush=True)
        found.append(table)
    if not names:
        report.save(found, about)
        print(f"\nSaved in {report.RESULTS}, which the book shows, and in {report.NUMBERS}")


def measured(names: list[str]) -> Iterator[Any]:
    """Give one table after the other, those of the measures named or else of all."""
    from . import measures, pages, roofline, scale, scaling, tables

    cores = measures.usable_cores()
    on_one_core = (
        measures.training,
        roofline.roofline,
        scaling.widths,
        scaling.lengths,
        scaling.symbols,
        scaling.batches,
        scaling.memory,
        measures.chain_simulation,
        measures.limit_or_simulation,
        scale.scale,
        measures.fresh_process,
    )
    on_all_cores = (measures.two_cores, measures.book, pages.pages)
    known = [measure.__name__ for measure in (*on_one_core, *on_all_cores)]
    if unknown := set(names).difference(known):
        raise SystemExit(f"There is no {', '.join(unknown)}, only {', '.join(known)}.")
    for given, group in (({max(cores)}, on_one_core), (cores, on_all_cores)):
        with measures.affinity(given):
            for measure in group:
                if not names or measure.__name__ in names:
                    made = measure()
                    yield from [made] if isinstance(made, tables.Table) else made


if __name__ == "__main__":
    main()
