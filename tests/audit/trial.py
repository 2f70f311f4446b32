"""Running tests in forks of one process that has collected them: as they are, or with one answer bent."""

import itertools
import json
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from . import bends, bounds, members

TESTS = str(Path(__file__).parents[1])
IMPORTED = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)
PATIENCE = 30.0  # seconds for a test whose own time is short


class Job(NamedTuple):
    """A wrong answer, and for each statement the tests that ask for it, in the order in which they are run."""

    member: members.Member
    part: str
    bend: str
    tests: dict[str, list[str]]


class Seen(NamedTuple):
    """What one run of a test showed: whom it asked, what the answers consisted of, and how long it took."""

    asked: dict[str, bool]  # of each member, whether it was asked from outside the package
    parts: dict[str, dict[str, list[str]]]  # of each member the parts of its answers, and what bends mean something
    objects: dict[str, list[str]]  # of each member the classes of its answers
    bounds: dict[str, float]  # of each inequality that it asserts, how far apart the sides are
    seconds: float


class Trial:
    """A pytest plugin: instead of running what was collected it gives it to a function."""

    def __init__(self, task: Callable[["Trial"], None]) -> None:
        self.task = task
        self.items: dict[str, Any] = {}
        self.outcome = "passed"

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        self.items = {item.nodeid: item for item in session.items}
        self.task(self)
        return True

    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Note how a test ended: an assertion is a verdict, any other error a crash."""
        if call.excinfo is not None and self.outcome == "passed":
            verdict = call.excinfo.errisinstance((AssertionError, pytest.fail.Exception))
            self.outcome = "failed" if verdict else "crashed"

    def run(self, test: str, patience: float = PATIENCE) -> str:
        """Run one test here; return "passed", "failed" or "crashed"."""
        item = self.items[test]
        self.outcome = "passed"
        signal.signal(signal.SIGALRM, _give_up)
        signal.setitimer(signal.ITIMER_REAL, patience)
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        except TimeoutError:
            self.outcome = "crashed"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return self.outcome

    def named(self, test: str) -> list[str]:
        """Return the collected tests that a name stands for: itself, or one for each of its parameters."""
        return [each for each in self.items if each == test or each.startswith(f"{test}[")]

    def silence(self) -> None:
        """Let a fork say nothing."""
        config = next(iter(self.items.values())).config
        config.get_terminal_writer()._file = open(os.devnull, "w")  # noqa: SIM115

    def modules(self, tests: list[str]) -> list[Any]:
        """Return the modules that hold these tests, each after those of `tests` that it imports."""
        found: dict[str, Any] = {}

        def add(module: Any) -> None:
            for name in IMPORTED.findall(Path(module.__file__).read_text()):
                other = sys.modules.get(name)
                if name not in found and (getattr(other, "__file__", None) or "").startswith(TESTS):
                    add(other)
            found[module.__name__] = module

        for module in dict.fromkeys(getattr(self.items[test], "module", None) for test in tests):
            if module is not None and module.__file__.startswith(TESTS) and module.__name__ not in found:
                add(module)
        return list(found.values())


def _give_up(*_: Any) -> None:
    raise TimeoutError("the test runs without end")


def collected(tests: list[str], task: Callable[[Trial], None], marks: str = "") -> None:
    """Collect tests and do something with them."""
    trial = Trial(task)
    options = ["-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-m", marks]
    code = pytest.main([*options, *sorted(set(tests))], plugins=[trial])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"pytest ended with {code!r}")


def forked(tasks: list[Callable[[], Any]], workers: int, patience: float) -> Iterator[tuple[int, Any]]:
    """Do tasks in forks of this process, so many at a time; yield their numbers and results, None if one died."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(number) for number in range(len(tasks))]
        waiting, running = iter(range(len(tasks))), {}
        while True:
            for number in itertools.islice(waiting, workers - len(running)):
                running[_fork(tasks[number], paths[number])] = (number, time.monotonic() + patience)
            if not running:
                return
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid in running:
                number, _ = running.pop(pid)
                yield number, _result(paths[number])
            else:
                for late in [each for each, (_, until) in running.items() if time.monotonic() > until]:
                    os.kill(late, signal.SIGKILL)
                time.sleep(0.005)


def _fork(task: Callable[[], Any], path: Path) -> int:
    """Do a task in a fork, which leaves its result, or what it raised, and ends without its parent's clean-up."""
    pid = os.fork()
    if pid:
        return pid
    try:
        try:
            left = {"result": task()}
        except BaseException:
            left = {"error": traceback.format_exc()}
        path.write_text(json.dumps(left))
        path.rename(path.with_suffix(".done"))
    finally:
        os._exit(0)


def _result(path: Path) -> Any:
    """Return what a task left."""
    done = path.with_suffix(".done")
    if not done.exists():
        return None
    left = json.loads(done.read_text())
    done.unlink()
    if "error" in left:
        raise RuntimeError(left["error"])
    return left["result"]


def look(trial: Trial, tests: list[str]) -> dict[str, Seen]:
    """Run tests as they are; return what each showed."""
    trial.silence()
    asked: dict[str, bool] = {}
    parts: dict[str, dict[str, set[str]]] = {}
    objects: dict[str, set[str]] = {}

    def note(name: str, value: Any, args: tuple[Any, ...]) -> Any:
        asked[name] = asked.get(name, False) or members.asked_from_outside()
        here = parts.setdefault(name, defaultdict(set))
        before = next((each for each in args if isinstance(each, bends.rk.RNN)), None)
        for part, each in bends.parts(value, before):
            here[part] |= set(bends.meaningful(each))
        kind = next((k.__name__ for k in type(value).__mro__ if k.__module__.startswith("rnnkernel.")), None)
        if kind:
            objects.setdefault(name, set()).add(_public(type(value)))
        return value

    for member in list(members.members()):
        members.wrap(member, note)
    for module in trial.modules(tests):
        bounds.quotients(module)
    found = {}
    for test in tests:
        for each in (asked, parts, objects, bounds.seen):
            each.clear()
        function = trial.items[test].function
        function.__code__ = vars(trial.items[test].module)[function.__name__].__code__
        start = time.monotonic()
        outcome = trial.run(test, 600)
        if outcome != "passed":
            raise RuntimeError(f"{test} has {outcome}, though nothing is wrong")
        found[test] = Seen(
            dict(asked),
            {name: {part: sorted(each) for part, each in here.items()} for name, here in parts.items()},
            {name: sorted(each) for name, each in objects.items()},
            dict(bounds.seen),
            time.monotonic() - start,
        )
    return found


def _public(kind: type) -> str:
    """Return the name of a class, or of the public class that it extends."""
    return next((base.__name__ for base in kind.__mro__ if base.__name__ in bends.rk.__all__), kind.__name__)


def try_out(trial: Trial, job: Job, seconds: dict[str, float]) -> dict[str, str]:
    """Bend one answer; return for each statement "caught", "crashes", "unnoticed", or "void" if nothing was bent."""
    trial.silence()
    felt = False

    def bend(_: str, value: Any, args: tuple[Any, ...]) -> Any:
        nonlocal felt
        before = next((each for each in args if isinstance(each, bends.rk.RNN)), None)
        answer = bends.replaced(value, before, job.part, job.bend)
        felt = felt or not bends.same(value, answer)
        return answer

    members.wrap(job.member, bend)
    everything = sorted({test for tests in job.tests.values() for test in tests})
    try:
        for module in trial.modules(everything):  # what they computed when they were imported was not bent
            module.__spec__.loader.exec_module(module)
    except Exception:  # the modules of the tests cannot even be imported with this answer
        return dict.fromkeys(job.tests, "crashes")
    at_import, outcomes, felts = felt, {}, {}
    verdicts = {}
    for label, tests in job.tests.items():
        verdicts[label] = "void"
        for test in tests:
            if test not in outcomes:
                felt = at_import
                outcomes[test] = trial.run(test, max(PATIENCE, 10 * seconds[test]))
                felts[test] = felt
            if outcomes[test] == "failed":
                verdicts[label] = "caught"
                break
            if outcomes[test] == "crashed":
                verdicts[label] = "crashes"
            elif felts[test] and verdicts[label] == "void":
                verdicts[label] = "unnoticed"
    return verdicts
