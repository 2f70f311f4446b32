"""Networks, runs, laws of initial parameters and studies in one file, which loads without pickle.

The file is a NumPy archive (``.npz``).  Its entry ``header`` holds JSON in UTF-8: the number of the format, the version
of the package, and the object as a tree; each array of the tree is an entry of its own, named after its place.  Nothing
in a file is ever executed.
"""

import inspect
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from rnnkernel import _checks
from rnnkernel.activations import BUILT_IN, Activation
from rnnkernel.convergence import ConvergenceStudy
from rnnkernel.fluctuations import Fluctuations
from rnnkernel.initial import InitialLaw
from rnnkernel.network import RNN
from rnnkernel.symbols import SymbolRNN
from rnnkernel.training import TrainingRecord, TrainingRun

_FORMAT = 1
_MADE = SymbolRNN, RNN, InitialLaw, TrainingRun, TrainingRecord, ConvergenceStudy, Fluctuations
_KINDS: dict[str, Any] = {each.__name__: each for each in _MADE}  # what they are made with are their attributes
_SOURCES: dict[str, Any] = {
    each: getattr(np.random, each) for each in ("PCG64", "PCG64DXSM", "Philox", "SFC64", "MT19937")
}


def save(thing: Any, path: str | os.PathLike[str]) -> None:
    """Write an object to one file, exactly: a run goes on from it as if it had never stopped.

    Parameters
    ----------
    thing : RNN, SymbolRNN, InitialLaw, TrainingRun, TrainingRecord, ConvergenceStudy or Fluctuations
        What to save.  Also a dict, list or tuple of these and of numbers, strings, arrays and
        ``numpy.random.Generator``, such as the seed or the state of what drew the data.
    path : str or path
        The file; one that is there is replaced when the new one is complete.

    Raises
    ------
    TypeError
        If a part cannot be written without pickle, such as a function of your own; it is named.

    Examples
    --------
    >>> import tempfile
    >>> rnn = RNN(output=[1.0, -1.0], inputs=[0.5, 1.0], recurrent=[0.2, 0.4], beta=0.75)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save({"network": rnn, "seed": 7}, folder + "/network.npz")
    ...     load(folder + "/network.npz")
    {'network': RNN(n_units=2, n_inputs=1, beta=0.75, activation='tanh'), 'seed': 7}
    """
    from rnnkernel import __version__

    whole = _checks.path("path", path)
    arrays: dict[str, Any] = {}
    header = {"format": _FORMAT, "version": __version__, "thing": _packed("thing", thing, arrays)}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    packed = io.BytesIO()  # NumPy leaves an archive open that it cannot write on
    np.savez(packed, **arrays)
    part = whole.parent / f"{whole.name}.{os.getpid()}.part"
    with _told(whole):
        try:
            part.write_bytes(packed.getvalue())
            part.replace(whole)
        finally:
            part.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Any:
    """Read what `save` wrote.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    object
        Equal to what was saved, bit by bit.

    Raises
    ------
    ValueError
        If the file is not one of `save`, is damaged, or is of a later format.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save([1.0, np.arange(3)], folder + "/numbers.npz")
    ...     load(folder + "/numbers.npz")
    [1.0, array([0, 1, 2])]
    """
    whole = _checks.path("path", path)
    try:
        with _told(whole), whole.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            header = json.loads(bytes(arrays["header"]))
            if header["format"] > _FORMAT:
                raise ValueError(f"it is of format {header['format']}, written by rnnkernel {header['version']}")
            return _unpacked(header["thing"], arrays)
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile) as error:
        raise ValueError(f"path must be a whole file that rnnkernel.save wrote: {error}") from error


def _packed(name: str, value: Any, arrays: dict[str, Any], inside: tuple[int, ...] = ()) -> Any:  # noqa: PLR0911 (a kind of value each)
    """Return a value as JSON; arrays go to `arrays`, under the name of their place."""
    if id(value) in inside:
        raise ValueError(f"{name} must not be something that holds it")
    inside = (*inside, id(value)) if isinstance(value, (list, tuple, dict)) else inside
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic) and not isinstance(value, (np.longdouble, np.clongdouble)):
        return _packed(name, value.item(), arrays)
    if type(value) is np.ndarray and value.dtype.kind in "biufc":
        while name in arrays:  # a key may look like a place
            name += "'"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, (list, tuple)):
        items = [_packed(f"{name}[{i}]", each, arrays, inside) for i, each in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _packed(f"{name}.{key}", each, arrays, inside) for key, each in value.items()}}
    if isinstance(value, np.random.Generator):
        return {"generator": _packed(name, value.bit_generator.state, arrays)}
    if isinstance(value, Activation) and value == BUILT_IN.get(value.name):
        return {"activation": value.name}
    if hasattr(value, "dist") and type(value.dist) is type(_distribution(value.dist.name)):
        return {"distribution": value.dist.name, "with": _packed(name, [value.args, value.kwds], arrays)}
    kind = type(value).__name__
    if type(value) is _KINDS.get(kind):
        fields = inspect.signature(_KINDS[kind]).parameters
        return {"kind": kind, "with": {f: _packed(f"{name}.{f}", getattr(value, f), arrays) for f in fields}}
    raise TypeError(f"{name} must be something that is saved without pickle, not {_checks.described(value)}")


def _unpacked(tree: Any, arrays: Any) -> Any:  # noqa: PLR0911 (a kind of value each)
    if isinstance(tree, list):
        return [_unpacked(each, arrays) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "tuple" in tree:
        return tuple(_unpacked(tree["tuple"], arrays))
    if "dict" in tree:
        return {key: _unpacked(each, arrays) for key, each in tree["dict"].items()}
    if "generator" in tree:
        state = _unpacked(tree["generator"], arrays)
        source = _SOURCES[state["bit_generator"]]()
        source.state = state
        return np.random.Generator(source)
    if "activation" in tree:
        return BUILT_IN[tree["activation"]]
    if "distribution" in tree:
        args, kwds = _unpacked(tree["with"], arrays)
        return _distribution(tree["distribution"])(*args, **kwds)
    return _KINDS[tree["kind"]](**{field: _unpacked(part, arrays) for field, part in tree["with"].items()})


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say which argument it is that cannot be written or read."""
    try:
        yield
    except OSError as error:
        why = f"path cannot be used, {error.strerror or error}"
        raise type(error)(error.errno, why, _checks.described(str(path))) from error


def _distribution(name: Any) -> Any:
    """Return SciPy's distribution of that name, or None."""
    from scipy import stats

    found = getattr(stats, str(name), None)
    return found if isinstance(found, (stats.rv_continuous, stats.rv_discrete)) else None
