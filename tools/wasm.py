"""Jitted kernels as small WebAssembly modules, compiled ahead of time with nothing but numba and llvmlite.

    python -P tools/wasm.py

writes ``rnnkernel/widgets/kernels.json`` anew: of each kernel its module, and what it takes and gives, by name.
It runs as a script, in a process of its own, because numba must neither optimise the kernels nor take their fast-math
flags: without them arithmetic has one meaning, and a page shows the same bits as any other machine.

numba types and lowers each kernel.  Its LLVM code, in which no size or layout of this machine is baked in yet, is aimed
at wasm32, optimised there and emitted as an object file.  An object file without unresolved calls is a module but for
its list of exports, which is added here in place of a linker.
"""

import base64
import json
import os
import platform
import re
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKED = Path(__file__).parents[1] / "rnnkernel" / "widgets" / "kernels.json"

_TRIPLE = "wasm32-unknown-unknown"
_FEATURES = "+simd128,+bulk-memory,+nontrapping-fptoint,+sign-ext"
_PROVIDED = {  # by worker.js: memory, a stack, and numba's allocation of arrays, products of 128 bits
    "__linear_memory",
    "__stack_pointer",
    "__multi3",
    "NRT_MemInfo_call_dtor",
    "NRT_MemInfo_alloc_aligned",
    "NRT_Allocate",
    "NRT_Free",
}
_SECTIONS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11)  # the order of sections in a module; others are for a linker
_IMPORTS, _FUNCTIONS, _EXPORTS = 2, 3, 7
_EXPORTED = "kernel"  # the one name


def compiled(kernel: Any) -> dict[str, Any]:
    """Compile a kernel to a module that exports it; return it with what JavaScript must know of its signature."""
    import llvmlite.binding as llvm
    import numba

    from rnnkernel.widgets.kernels import takes

    taken = takes(kernel)
    kernel = numba.njit(error_model="numpy")(kernel.py_func)
    kernel.compile(tuple(taken.values()))
    ((types, result),) = kernel.overloads.items()
    module = llvm.parse_assembly(re.sub(r"^target .*$", "", kernel.inspect_llvm(types), flags=re.MULTILINE))
    for symbol in [*module.functions, *module.global_variables]:
        if symbol.name == result.fndesc.llvm_func_name:
            symbol.name, symbol.linkage = _EXPORTED, "external"
        elif not symbol.is_declaration or symbol.name.startswith("_ZN08NumbaEnv"):
            symbol.linkage = "internal"
    given = result.signature.return_type
    return {
        "takes": dict(zip(taken, map(_described, types), strict=True)),
        "gives": dict(zip(given.fields, map(_described, given.types), strict=True)),
        "wasm": base64.b64encode(_linked(*_object(module))).decode(),
    }


def _object(module: Any) -> tuple[bytes, list[str]]:
    """Optimise a module for wasm32; return its object file and the functions in it, in order."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(_TRIPLE).create_target_machine(cpu="mvp", features=_FEATURES, opt=3)
    module.triple, module.data_layout = _TRIPLE, str(machine.target_data)
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    for _ in range(2):  # the second round cleans up after the inlining of the first
        builder = llvm.create_pass_builder(machine, tuning)
        builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module), [each.name for each in module.functions if not each.is_declaration]


def _described(kind: Any) -> str:
    """Return a scalar type, with the number of axes for an array; or "function", which numba has resolved."""
    from numba import types

    if isinstance(kind, types.Dispatcher):
        return "function"
    if isinstance(kind, types.Array) and kind.layout != "C":
        raise TypeError(f"a kernel takes and gives contiguous arrays, not {kind}")
    return f"{kind.dtype} {kind.ndim}" if isinstance(kind, types.Array) else str(kind)


def _linked(code: bytes, functions: list[str]) -> bytes:
    """Turn an object file whose functions are given in order into a module."""
    sections, at = {}, 8
    while at < len(code):
        kind, (size, start) = code[at], _number(code, at + 1)
        at = start + size
        sections[kind] = code[start:at]
    imports = dict(_imports(sections[_IMPORTS]))
    if unknown := set(imports) - _PROVIDED:
        raise NotImplementedError(f"kernels call what WebAssembly does not have: {', '.join(sorted(unknown))}")
    first = sum(kind == 0 for kind in imports.values())  # imported functions are numbered first
    if _number(sections[_FUNCTIONS], 0)[0] != len(functions):
        raise AssertionError("the object file holds other functions than the module it was made from")
    place = first + functions.index(_EXPORTED)
    sections[_EXPORTS] = b"\1" + _leb(len(_EXPORTED)) + _EXPORTED.encode() + b"\0" + _leb(place)
    kept = [kind for kind in _SECTIONS if kind in sections]
    return code[:8] + b"".join(bytes([kind]) + _leb(len(sections[kind])) + sections[kind] for kind in kept)


def _imports(section: bytes) -> Iterator[tuple[str, int]]:
    """Yield name and kind (0 function, 1 table, 2 memory, 3 global) of what a module imports."""
    count, at = _number(section, 0)
    for _ in range(count):
        for _ in range(2):  # the name of a module, and the name there
            size, start = _number(section, at)
            at = start + size
        name, kind = section[start:at].decode(), section[at]
        at += 1
        if kind == 3:
            at += 2
        else:
            if kind:
                at += kind == 1
                bounds, at = _number(section, at)
                at = _number(section, at)[1] if bounds & 1 else at
            at = _number(section, at)[1]
        yield name, kind


def _leb(n: int) -> bytes:
    """Return a number in LEB128, seven bits to a byte."""
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + _leb(n >> 7)


def _number(code: bytes, at: int) -> tuple[int, int]:
    """Read a number in LEB128; return it and the place after it."""
    n = shift = 0
    while True:
        n |= (code[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if code[at - 1] < 128:
            return n, at


def packed() -> str:
    """Return the text of `PACKED`; in a process in which neither numba nor this package were imported before."""
    os.environ["NUMBA_OPT"] = "0"
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NUMBA_CACHE_DIR"] = cache
        import llvmlite
        import llvmlite.binding as llvm
        import numba as compiler

        numba: Any = compiler  # whose `njit` is replaced below
        warnings.simplefilter("ignore", numba.NumbaWarning)  # what is not optimised cannot be cached
        njit = numba.njit
        numba.njit = lambda f=None, **options: njit(f, **{key: options[key] for key in options if key != "fastmath"})
        from rnnkernel.widgets.kernels import KERNELS

        llvm.set_option(
            "", "-force-ordered-reductions"
        )  # two units at a time; sums keep their order, and so their bits
        kernels = {name: compiled(kernel) for name, kernel in KERNELS.items()}
    python = ".".join(platform.python_version_tuple()[:2])
    made_with = f"Python {python}, numba {numba.__version__}, llvmlite {llvmlite.__version__}"
    return json.dumps({"made_with": made_with, "kernels": kernels}, indent=1) + "\n"


if __name__ == "__main__":
    PACKED.write_text(packed())
