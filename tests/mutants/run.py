"""Which tests run a faulty function, and whether one of them fails."""

import functools
import os
import sys
import threading
import time
from collections import defaultdict
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


def run(files: set[str]) -> dict[str, str]:
    """Plant faults; return for each by name "caught" or "survived"."""
    found: dict[str, str] = {}
    faults = [fault for fault in chosen() if not files or fault.file in files]
    trial.collected(TESTS, lambda collected: found.update(_planted(collected, faults)), MARKS)
    return found


def _planted(collected: Trial, faults: list[Fault]) -> dict[str, str]:
    ran = _watched(collected)
    callers = plant.callers_of_compiled()
    tests = [_likeliest(fault, ran, callers) for fault in faults]
    tasks = [functools.partial(_notice, collected, fault, each) for fault, each in zip(faults, tests, strict=True)]
    found: dict[str, str] = {}
    for number, failed in trial.forked(tasks, WORKERS, LONGEST):
        fault = faults[number]
        found[fault.name] = "survived" if failed == "" else "caught"  # no answer: the fault ended the process
        print(f"{len(found)} of {len(faults)}: {found[fault.name]} {fault.name} {failed}", file=sys.stderr, flush=True)
    return {fault.name: found[fault.name] for fault in faults}


def _watched(collected: Trial) -> Ran:
    """Run each test as it is."""
    files: dict[str, list[str]] = defaultdict(list)
    for test in collected.items:
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
    try:
        for module in collected.modules(tests):
            module.__spec__.loader.exec_module(module)
    except Exception as error:
        return f"by {type(error).__name__} before any test"
    return next((f"by {test}" for test in tests if collected.run(test, 120) != "passed"), "")
