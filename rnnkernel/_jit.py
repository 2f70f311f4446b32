"""The one door to numba: compiled once for each state of the package, for every process after that.

numba's own cache looks at the file of a function but not at the functions it calls, so an edit in one
file could leave stale machine code in another.  Here the cache folder is named after a hash of the
whole package: an edit anywhere starts a new folder.
"""

import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numba.extending

_config: Any = numba.config
_extending: Any = numba.extending
_PACKAGE = Path(__file__).parent
_WORK = 10_000_000  # evaluations of σ in less than a tenth of a second


def package_hash() -> str:
    """Return a short hash of every Python file of the package."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(str(path.relative_to(_PACKAGE)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _candidates() -> Iterator[Path]:
    """Yield NUMBA_CACHE_DIR, the source tree if the package runs from one, and the user's folder for such things.

    An installed package keeps nothing beside itself: whoever uninstalls it finds all of it gone.
    """
    if _config.CACHE_DIR:
        yield Path(_config.CACHE_DIR)
    if not {"site-packages", "dist-packages"} & set(_PACKAGE.parts):
        yield _PACKAGE / "__pycache__"
    try:
        home = Path.home()
    except RuntimeError:  # there is no home
        return
    if sys.platform == "darwin":
        yield home / "Library" / "Caches" / "rnnkernel"
    elif sys.platform == "win32":
        yield Path(os.environ.get("LOCALAPPDATA", home)) / "rnnkernel" / "cache"
    else:
        yield Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "rnnkernel"


def _cache_folder() -> str | None:
    """Return the first folder that can be written to, or None, with a warning."""
    trouble = "there is no home folder"
    for place in _candidates():
        folder = place / f"numba-{package_hash()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"rnnkernel")
            return str(folder)
        except OSError as error:
            trouble = str(error)
    _warn_once(trouble)
    return None


@cache
def _warn_once(trouble: str) -> None:
    """Say that compiled code is not kept, once for each reason."""
    warnings.warn(
        f"compiled code cannot be kept, so each process compiles it anew ({trouble}); NUMBA_CACHE_DIR can name a "
        "folder for it",
        RuntimeWarning,
        stacklevel=2,
    )


@contextmanager
def _caching_in(folder: str) -> Iterator[None]:
    before = _config.CACHE_DIR
    _config.CACHE_DIR = folder
    try:
        yield
    finally:
        _config.CACHE_DIR = before


_FOLDER = None if _config.DISABLE_JIT else _cache_folder()


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile with ``numba.njit``, division by zero as in NumPy, cached for this state of the package.

    Use it bare or with options of ``numba.njit``, for example ``@jit(fastmath={"reassoc", "contract"})``.
    """
    if function is None:
        return lambda inner: jit(inner, **options)
    dispatcher = numba.njit(error_model="numpy", **options)(function)
    if _FOLDER is not None:
        with _caching_in(_FOLDER):
            dispatcher.enable_caching()
        _make_safe(dispatcher._cache)
        _name_for_cache(dispatcher, f"{function.__module__}.{function.__qualname__}")
    return dispatcher


def _make_safe(cache: Any) -> None:
    """Let no file of the cache, and no want of room for one, stop a computation.

    numba numbers the files of a function's versions, and two processes may give one number to two of them.  Here the
    name of a file tells its content: what two processes write to it is the same.
    """
    load, file = cache.load_overload, cache._cache_file

    def load_if_whole(signature: Any, context: Any) -> Any:
        try:
            return load(signature, context)
        except Exception as error:  # whatever reading half a file leads to
            _warn_once(f"{type(error).__name__} in {file._index_path}")
            with suppress(OSError):
                cache.flush()
            return None

    def save(key: Any, data: Any) -> None:
        name = file._data_name(int(hashlib.sha256(repr(key).encode()).hexdigest()[:12], 16))
        file._save_data(name, data)
        file._save_index({**file._load_index(), key: name})

    cache.load_overload, file.save = load_if_whole, save


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
            try:
                save(signature, compiled)
            except OSError as error:
                _warn_once(str(error))

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


def spans(n: int, cost: int, lag: int = 1) -> Iterator[slice]:
    """Cut a recursion over n values in the same way: each part begins with the `lag` values that it follows from."""
    return (slice(part.start, part.stop + lag) for part in slices(max(n - lag, 0), cost))


def slices(n: int, cost: int) -> Iterator[slice]:
    """Cut n steps of a compiled loop into parts of about a tenth of a second: Ctrl-C is heard between them."""
    size = max(1, _WORK // max(cost, 1))
    return (slice(first, min(first + size, n)) for first in range(0, n, size))
