"""What stands in the signature of a kernel: numba's types, by which Python, JavaScript and `tools/wasm.py` know it."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, get_type_hints

from numba import float64, int64, typeof

from rnnkernel.activations import activation

_TANH = activation("tanh")
_types: Any = typeof
Value = Annotated[Any, _types(_TANH.value)]
Derivative = Annotated[Any, _types(_TANH.derivative)]
Vector = Annotated[Any, float64[::1]]
Matrix = Annotated[Any, float64[:, ::1]]
Matrices = Annotated[Any, float64[:, :, ::1]]
MatrixGrid = Annotated[Any, float64[:, :, :, ::1]]
Places = Annotated[Any, int64[::1]]


@cache
def takes(kernel: Callable[..., Any]) -> dict[str, Any]:
    """Return numba's type of each parameter of a kernel."""
    hints = get_type_hints(getattr(kernel, "py_func", kernel), include_extras=True)
    scalars = {int: int64, float: float64}
    return {name: scalars.get(hint) or hint.__metadata__[0] for name, hint in hints.items() if name != "return"}


def run(kernel: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Call a kernel on those of the values given that it takes, with tanh; return what it gives, by name."""
    given = {"value": _TANH.value, "derivative": _TANH.derivative} | given
    return dict(kernel(*(given[name] for name in takes(kernel)))._asdict())
