"""Which tests run a faulty function, and whether one of them fails."""

import functools
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.audit import trial
from tests.audit.trial import Trial

from . import plant
from .faults import PACKAGE, Fault, chosen

WORKERS = os.cpu_count() or 1
LONGEST = 1800.0  # seconds for one fault
TESTS = ["rnnkernel", "tests/package", "tests/chapters"]
MARKS = "not verify and not browser and not built"
Ran = dict[str, tuple[float, list[list[Any]]]]  # of each test, how long it took and where the functions begin that ran


def run(files: set[str], earlier: dict[str, str]) -> dict[str, str]:
    """Plant faults; return for each by name which test notices it, or nothing; those of `earlier` are tried first."""
    found: dict[str, str] = {}
    faults = [fault for fault in chosen() if not files or fault.file in files]
    trial.collected(TESTS, lambda collected: found.update(_planted(collected, faults, earlier)), MARKS)
    return found


def _planted(collected: Trial, faults: list[Fault], earlier: dict[str, str]) -> dict[str, str]:
    known = {fault.name: earlier.get(fault.name, "") for fault in faults}
    ran = _watched(collected, set(known.values()))
    quick = {each: [known[each.name]] if known[each.name] in ran else [] for each in faults if known[each.name]}
    found = {fault: by for fault, by in _tried(collected, quick) if by}
    if len(found) < len(faults):
        ran |= _watched(collected, set(collected.items) - set(ran))
        callers = plant.callers_of_compiled()
        slow = {fault: _likeliest(fault, ran, callers) for fault in faults if fault not in found}
        found |= dict(_tried(collected, slow))
    return {fault.name: found[fault] for fault in faults}


def _tried(collected: Trial, tests: dict[Fault, list[str]]) -> Iterator[tuple[Fault, str]]:
    """Plant faults and run tests of each; yield what notices them."""
    faults = list(tests)
    tasks = [functools.partial(_notice, collected, fault, each) for fault, each in tests.items()]
    for done, (number, failed) in enumerate(trial.forked(tasks, WORKERS, LONGEST), 1):
        by = "the end of the process" if failed is None else failed
        print(f"{done} of {len(faults)}: {faults[number].name}: {by or 'nothing'}", file=sys.stderr, flush=True)
        yield faults[number], by


def _watched(collected: Trial, tests: set[str]) -> Ran:
    """Run tests as they are."""
    files: dict[str, list[str]] = defaultdict(list)
    for test in sorted(tests & set(collected.items)):
        files[test.split("::")[0]].append(test)
    tasks = [functools.partial(_watch, collected, tests) for tests in files.values()]
    ran: Ran = {}
    for _, result in trial.forked(tasks, WORKERS, LONGEST):
        ran |= result
    return ran


def _watch(collected: Trial, tests: list[str]) -> Ran:
    """Run tests and note which functions of the package they run."""
    collected.silence()
    here: set[tuple[str, int]] = set()

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(PACKAGE)):
            here.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    ran: Ran = {}
    for test in tests:
        here.clear()
        start = time.monotonic()
        threading.setprofile(note)  # a study trains in threads
        sys.setprofile(note)
        outcome = collected.run(test, 600)
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        if outcome != "passed":
            print(f"left out, as it fails while it is watched: {test}", file=sys.__stderr__, flush=True)
            continue
        ran[test] = (time.monotonic() - start, sorted(map(list, here)))
    return ran


def _likeliest(fault: Fault, ran: Ran, callers: dict[str, set[tuple[str, int]]]) -> list[str]:
    """Return the tests of a function's own file, and then those that run it; quick ones before slow ones."""
    name = fault.function.rpartition(".")[2]
    places = callers.get(name, set())

    def reached(test: str) -> bool:
        return any(
            (file, line) in places or (file == str(PACKAGE / fault.file) and fault.lines[0] <= line <= fault.lines[1])
            for file, line in ran[test][1]
        )

    own = f"test_{fault.file.removeprefix('_')}"
    tests = [test for test in ran if own in test or reached(test)] or (list(ran) if name in callers else [])
    return sorted(tests, key=lambda test: (own not in test, ran[test][0]))


def _notice(collected: Trial, fault: Fault, tests: list[str]) -> str:
    """Plant a fault and run tests; return the first that fails, or nothing."""
    collected.silence()
    plant.plant(fault)
    for module in collected.modules(tests):
        try:
            module.__spec__.loader.exec_module(module)
        except Exception:
            return next((test for test in tests if getattr(collected.items[test], "module", None) is module), tests[0])
    return next((test for test in tests if collected.run(test, 120) != "passed"), "")
