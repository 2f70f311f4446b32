"""What all objects of the package have in common: made once, never changed, compared and pickled as a whole."""

import pickle
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any, Self

import numpy as np


class Immutable:
    """Attributes are set once; arrays among them are read-only, also after pickle and copy.

    Two objects are equal if they are of one class and what they were made with is equal.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ or isinstance(getattr(type(self), name, None), (property, cached_property)):
            raise AttributeError(f"{name} of a {type(self).__name__} cannot be set: make a new one")
        self.__dict__[name] = value if name.startswith("_") else read_only(value)

    def __post_init__(self) -> None:
        """Protect the fields of a dataclass."""
        self.__setstate__(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: read_only(value) for name, value in state.items()})

    def __getstate__(self) -> dict[str, Any]:
        for name, value in self._given().items():
            if isinstance(value, FunctionType):
                try:
                    pickle.dumps(value)
                except (pickle.PicklingError, AttributeError) as error:
                    raise pickle.PicklingError(
                        f"{name} of a {type(self).__name__} cannot be pickled: it must be a function that a module "
                        f"defines at its top level, not {value.__qualname__}"
                    ) from error
        return dict(self.__dict__)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and _same(self._given(), other._given()))

    def __hash__(self) -> int:
        return hash(type(self))

    def _given(self) -> dict[str, Any]:
        """All public attributes but those that are computed from others on first use."""
        known = {name for name in self.__dict__ if not name.startswith("_")}
        return {name: self.__dict__[name] for name in known if not hasattr(getattr(type(self), name, None), "attrname")}


if TYPE_CHECKING:
    cached = cached_property
else:

    class cached(cached_property):
        """A `cached_property` whose arrays are read-only."""

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            value = super().__get__(instance, owner)
            if instance is not None:
                value = instance.__dict__[self.attrname] = read_only(value)
            return value


def read_only(value: Any) -> Any:
    """Return arrays, and arrays in tuples, as views that cannot be written through; all else as it is."""
    if isinstance(value, tuple):
        parts = map(read_only, value)
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    if isinstance(value, np.ndarray) and value.flags.writeable:
        value = value.view()
        value.flags.writeable = False
    return value


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if hasattr(a, "dist") and hasattr(b, "dist"):  # frozen distributions
        return type(a.dist) is type(b.dist) and _same((a.args, a.kwds), (b.args, b.kwds))
    return bool(a == b)
