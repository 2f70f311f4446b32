"""Everything public of the package, wrapped: to see what is asked, or to bend an answer."""

import functools
import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import rnnkernel as rk

ROOT = Path(__file__).parents[2]
PACKAGE = str(Path(rk.__file__).parent)
SET = re.compile(r"^ +(self\.[a-z]\w*(?:, self\.[a-z]\w*)*)(?:: \w+)? = ", re.MULTILINE)  # ``self.a, self.b = ``
HERE = str(Path(__file__).parent)
Answer = Callable[[str, Any, tuple[Any, ...]], Any]  # of a member's name, its answer and its arguments

_asked: Counter[str] = Counter()  # the members that are answering now


class Member(NamedTuple):
    """Something public that can be asked: a function of the package, or what a class defines."""

    name: str
    owner: Any
    attribute: str


def classes() -> dict[str, type]:
    """Return the classes of the package whose instances a user can meet, by name."""
    found = {}
    for module in _modules(PACKAGE):
        for name, value in vars(module).items():
            mine = inspect.isclass(value) and value.__module__.startswith("rnnkernel.")
            if mine and not name.startswith("_") and "widgets" not in value.__module__:
                found[name] = value
    return found


def find(name: str) -> Member | type:
    """Return what a name such as ``rnnkernel.MarkovChain.period`` stands for."""
    _, first, *rest = name.split(".")
    thing = getattr(rk, first)
    if rest:
        return Member(name, thing, rest[0])
    return thing if inspect.isclass(thing) else Member(name, rk, first)


def members() -> Iterator[Member]:
    """Yield everything public of the package that can be asked."""
    for name in rk.__all__:
        if inspect.isfunction(getattr(rk, name)):
            yield Member(f"rnnkernel.{name}", rk, name)
    for kind in classes().values():
        yield from of(kind)


def of(kind: type) -> Iterator[Member]:
    """Yield everything public that instances of a class can be asked."""
    for attribute in sorted(_attributes(kind)):
        yield Member(f"rnnkernel.{kind.__name__}.{attribute}", kind, attribute)


def _attributes(kind: type) -> set[str]:
    """Return the public attributes of a class: its methods and properties, and what it sets on itself."""
    found = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("rnnkernel."):
            continue
        found |= {*vars(base), *base.__annotations__}
        for names in SET.findall(inspect.getsource(base)):
            found |= {name.strip().removeprefix("self.") for name in names.split(",")}
    return {name for name in found if not name.startswith("_") or name == "__call__"}


def wrap(member: Member, answer: Answer) -> None:
    """Let a member's answers, wherever it is asked, be what a function makes of them."""
    if member.owner is rk:
        original = getattr(rk, member.attribute)
        wrapped = _function(member.name, original, answer)
        for module in _modules(str(ROOT)):
            for name, value in list(vars(module).items()):
                if value is original:
                    setattr(module, name, wrapped)
        return
    for kind in [member.owner, *_subclasses(member.owner)]:
        if kind is member.owner or member.attribute in vars(kind):
            static = inspect.getattr_static(kind, member.attribute, None)
            setattr(kind, member.attribute, _descriptor(member.name, member.attribute, static, kind, answer))


def _descriptor(name: str, attribute: str, static: Any, kind: type, answer: Answer) -> Any:
    if inspect.isfunction(static):
        return _function(name, static, answer)
    if isinstance(static, classmethod | staticmethod):
        return type(static)(_function(name, static.__func__, answer))

    def read(self: Any) -> Any:
        if hasattr(type(static), "__get__"):
            return static.__get__(self, kind)
        if attribute not in vars(self):
            raise AttributeError(attribute)
        return vars(self)[attribute]

    read.__name__ = attribute
    return _Attribute(_function(name, read, answer), attribute, static)


class _Attribute:
    """Takes the place of a property, or of an attribute that each instance has.

    It is no property: objects of the package do not let such be set.
    """

    def __init__(self, read: Callable[[Any], Any], attribute: str, static: Any) -> None:
        self.read, self.attribute = read, attribute
        if isinstance(static, functools.cached_property):
            self.attrname = attribute

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else self.read(instance)

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.attribute] = value


def _function(name: str, original: Callable[..., Any], answer: Answer) -> Callable[..., Any]:
    """Return a function whose answers are changed, but for those that it needs for its own."""

    @functools.wraps(original)
    def wrapped(*args: Any, **options: Any) -> Any:
        _asked[name] += 1
        try:
            value = original(*args, **options)
        finally:
            _asked[name] -= 1
        return value if _asked[name] else answer(name, value, args)

    return wrapped


def _subclasses(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _modules(folder: str) -> list[Any]:
    return [module for module in sys.modules.values() if (getattr(module, "__file__", None) or "").startswith(folder)]


def asked_from_outside() -> bool:
    """Return, inside an `Answer`, whether it is a test or a page that asks, not the package itself."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return not frame.f_code.co_filename.startswith(PACKAGE)
