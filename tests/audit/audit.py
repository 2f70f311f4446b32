"""The audit: which answers each statement names, each of them bent in each way, and whether its tests notice."""

import functools
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from . import bounds, members, trial
from .evidence import Statement, statements
from .trial import Job, Seen, Trial

WORKERS = os.cpu_count() or 1
LONGEST = 900.0  # seconds for one wrong answer, or for one file of tests


class Row(NamedTuple):
    """What was found of a statement."""

    page: str
    bounded: bool  # whether it shows an inequality
    functions: dict[str, dict[str, Any]]  # whether each is "asked", and what came of the "bends" of its answers
    bounds: dict[str, float]  # of each inequality in its tests, how far apart the sides are


Found = dict[str, Row]


def audit(words: Sequence[str] = (), bending: bool = True) -> Found:
    """Run the audit of statements, or only see which functions their tests ask."""
    claims = list(statements(words))
    if not claims:
        raise SystemExit(f"no statement has evidence and is called {' or '.join(words)}, or stands on such a page")
    found: Found = {}
    trial.collected(
        [test for claim in claims for test in claim.tests],
        lambda collected: found.update(_audited(collected, claims, bending)),
    )
    return found


def _audited(collected: Trial, claims: list[Statement], bending: bool) -> Found:
    seen = _looked(collected)
    jobs: dict[tuple[str, str, str], Job] = {}
    found: Found = {}
    for claim in claims:
        tests = [each for test in claim.tests for each in collected.named(test)]
        tests.sort(key=lambda test: seen[test].seconds)
        here = {test: seen[test] for test in tests}
        measured = bounds.tightest(each.bounds for each in here.values())
        row = found[claim.label] = Row(claim.page, claim.bounds, {}, measured)
        for name in claim.functions:
            function = {"asked": any(map(_is_asked(name), here.values())), "bends": {}}
            row.functions[name] = function
            for member, part, bend in answers(name, list(here.values())):
                function["bends"].setdefault(_answer(member, part), {})[bend] = ""
                job = jobs.setdefault((member.name, part, bend), Job(member, part, bend, {}))
                job.tests[claim.label] = [test for test in tests if member.name in here[test].asked]
    if bending:
        for job, verdicts in _tried(collected, list(jobs.values()), seen):
            for label, verdict in verdicts.items():
                for function in found[label].functions.values():
                    bent = function["bends"].get(_answer(job.member, job.part), {})
                    if job.bend in bent:
                        bent[job.bend] = verdict
    return found


def _looked(collected: Trial) -> dict[str, Seen]:
    """Run each test as it is."""
    files: dict[str, list[str]] = {}
    for test in collected.items:
        files.setdefault(test.split("::")[0], []).append(test)
    tasks = [functools.partial(trial.look, collected, tests) for tests in files.values()]
    seen: dict[str, Seen] = {}
    for _, result in trial.forked(tasks, WORKERS, LONGEST):
        seen |= {test: Seen(*each) for test, each in result.items()}
    return seen


def _tried(collected: Trial, jobs: list[Job], seen: dict[str, Seen]) -> Iterator[tuple[Job, dict[str, str]]]:
    """Try all wrong answers, the longest first."""

    def longest(job: Job) -> float:
        return sum(seen[test].seconds for test in {test for tests in job.tests.values() for test in tests})

    jobs = sorted(jobs, key=longest, reverse=True)
    seconds = {test: each.seconds for test, each in seen.items()}
    tasks = [functools.partial(trial.try_out, collected, job, seconds) for job in jobs]
    for done, (number, result) in enumerate(trial.forked(tasks, WORKERS, LONGEST), 1):
        yield jobs[number], result or dict.fromkeys(jobs[number].tests, "crashes")
        if sys.stderr.isatty() or not done % 100:
            print(f"\r{done} of {len(jobs)} wrong answers tried", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def answers(name: str, seen: list[Seen]) -> Iterator[tuple[members.Member, str, str]]:
    """Yield the answers that a named function or class gives in these tests, and the bends that mean something."""
    thing = members.find(name)
    if isinstance(thing, members.Member):
        yield from _own(thing, seen)
        kinds = {kind for each in seen for kind in each.objects.get(thing.name, [])}
        if any(each.parts.get(thing.name) for each in seen):
            kinds.discard("RNN")  # its weights' changes are the answer
    else:
        kinds = {thing.__name__}
    for kind in sorted(kinds):
        for member in members.of(members.classes()[kind]):
            if any(each.asked.get(member.name) for each in seen):
                yield from _own(member, seen)


def _own(member: members.Member, seen: list[Seen]) -> Iterator[tuple[members.Member, str, str]]:
    parts: dict[str, dict[str, None]] = {}
    for each in seen:
        for part, meaningful in each.parts.get(member.name, {}).items():
            parts.setdefault(part, {}).update(dict.fromkeys(meaningful))
    yield from ((member, part, bend) for part, meaningful in sorted(parts.items()) for bend in meaningful)


def _is_asked(name: str) -> Any:
    """Return whether something named, or a member of a class named, was asked in a test."""
    thing = members.find(name)
    if isinstance(thing, members.Member):
        return lambda seen: thing.name in seen.asked
    return lambda seen: any(each.startswith(f"{name}.") for each in seen.asked)


def _answer(member: members.Member, part: str) -> str:
    """Return how an answer is called: ``InitialLaw.sample, 0``."""
    return f"{member.name.removeprefix('rnnkernel.')}{', ' if part else ''}{part}"
