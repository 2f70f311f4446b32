"""The one door to numba: compiled once for each state of the package, for every process after that.

numba's own cache looks at the file of a function but not at the functions it calls, so an edit in one
file could leave stale machine code in another.  Here the cache folder is named after a hash of the
whole package: an edit anywhere starts a new folder.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
import numba.extending

_config: Any = numba.config
_extending: Any = numba.extending
_PACKAGE = Path(__file__).parent


def package_hash() -> str:
    """Return a short hash of every Python file of the package."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(str(path.relative_to(_PACKAGE)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    """Return NUMBA_CACHE_DIR, the package's own folder, or the user's cache: the first that is usable."""
    if _config.CACHE_DIR:
        return Path(_config.CACHE_DIR)
    if os.access(_PACKAGE, os.W_OK):
        return _PACKAGE / "__pycache__"
    return Path.home() / ".cache" / "rnnkernel"


_FOLDER = str(_cache_folder() / f"numba-{package_hash()}")


@contextmanager
def _caching_in(folder: str) -> Iterator[None]:
    before = _config.CACHE_DIR
    _config.CACHE_DIR = folder
    try:
        yield
    finally:
        _config.CACHE_DIR = before


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile with ``numba.njit``, division by zero as in NumPy, cached for this state of the package.

    Use it bare or with options of ``numba.njit``, for example ``@jit(fastmath={"reassoc", "contract"})``.
    """
    if function is None:
        return lambda inner: jit(inner, **options)
    dispatcher = numba.njit(error_model="numpy", **options)(function)
    if not _config.DISABLE_JIT:
        with _caching_in(_FOLDER):
            dispatcher.enable_caching()
        _name_for_cache(dispatcher, f"{function.__module__}.{function.__qualname__}")
    return dispatcher


def _name_for_cache(dispatcher: Any, name: str) -> None:
    """Let kernels that take functions as arguments find their compiled code again in the next process.

    numba files such code under an identity of the function that changes from process to process.  A function of
    the package gets its name instead; code made for anyone else's function is not written to the disk.
    """
    if "<" not in name:
        dispatcher._set_uuid(name)
    save = dispatcher._cache.save_overload

    def save_if_lasting(signature: Any, compiled: Any) -> None:
        given = [t.dispatcher for t in compiled.signature.args if isinstance(t, numba.types.Dispatcher)]
        if all(each._uuid.startswith("rnnkernel.") for each in given):
            save(signature, compiled)

    dispatcher._cache.save_overload = save_if_lasting


def hot() -> None:
    """Compile the function that calls this for the sake of its loops: not inlined, with the processor's widest vectors.

    Inlined, loops share the registers with what is around them, and fetch their constants anew for each vector.
    LLVM takes 256 bits on processors of Intel's that have 512: programs that seldom use those run slower for a while
    after they did.
    """


@_extending.type_callable(hot)
def _type_of_hot(_context: Any) -> Any:
    return lambda: numba.types.none


@_extending.lower_builtin(hot)
def _code_of_hot(context: Any, builder: Any, *_: Any) -> Any:
    builder.function.attributes.add("noinline")
    set.add(builder.function.attributes, '"prefer-vector-width"="512"')  # their own `add` knows no such attribute
    return context.get_dummy_value()
