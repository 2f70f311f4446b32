"""Putting a fault into the running package: the code of one function is exchanged."""

import gc
from types import FunctionType
from typing import Any

from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher

import rnnkernel as rk

from .faults import PACKAGE, Fault


def plant(fault: Fault) -> None:
    """Exchange the code of a function in this process, wherever the function is known."""
    here = [each for each in functions() if _is_at(each, fault)]
    if not here:
        raise LookupError(f"nothing runs {fault.function} of {fault.file}")
    for function in here:
        function.__code__ = fault.code
    if any(each.py_func in here for each in dispatchers()):
        forget_compiled()


def functions() -> list[FunctionType]:
    """Return all functions of this process."""
    return [each for each in gc.get_objects() if type(each) is FunctionType]


def dispatchers() -> list[Any]:
    """Return the functions that numba compiles."""
    return [each for each in gc.get_objects() if issubclass(type(each), Dispatcher)]


def forget_compiled() -> None:
    """Let all functions be compiled again when they are called: compiled code holds that of the functions it calls."""
    for each in dispatchers():
        each._cache = NullCache()
        each._make_finalizer()()
        each._reset_overloads()
        each.overloads.clear()


def callers_of_compiled() -> dict[str, set[tuple[str, int]]]:
    """Return for each compiled function, by name, where the Python functions begin that may come to call it."""
    compiled = {each.py_func.__name__: each.py_func for each in dispatchers() if _is_ours(each.py_func)}
    python = [each for each in functions() if _is_ours(each) and each not in compiled.values()]
    found: dict[str, set[tuple[str, int]]] = {}
    for name in compiled:
        names = {name}
        while more := {each for each, function in compiled.items() if names & _mentions(function)} - names:
            names |= more
        found[name] = {_place(each) for each in python if names & _mentions(each)}
    return found


def _mentions(function: FunctionType) -> set[str]:
    """Return the names that a function's code holds, those of functions inside it too."""
    found, codes = set(), [function.__code__]
    while codes:
        code = codes.pop()
        found |= {*code.co_names, *code.co_freevars}
        codes += [each for each in code.co_consts if isinstance(each, type(code))]
    return found


def _place(function: FunctionType) -> tuple[str, int]:
    return function.__code__.co_filename, function.__code__.co_firstlineno


def _is_ours(function: FunctionType) -> bool:
    return function.__code__.co_filename.startswith(str(PACKAGE))


def _is_at(function: FunctionType, fault: Fault) -> bool:
    return _place(function) == (str(PACKAGE / fault.file), fault.lines[0]) and function.__name__ == fault.code.co_name


assert rk.__file__ == str(PACKAGE / "__init__.py"), "another copy of the package is imported"
