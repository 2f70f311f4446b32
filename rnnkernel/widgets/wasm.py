"""Jitted kernels as one small WebAssembly module, compiled ahead of time with nothing but numba and llvmlite.

    python -P rnnkernel/widgets/wasm.py

writes ``kernels.json`` anew.  It runs as a script, in a process of its own, because numba must neither optimise the
kernels nor take their fast-math flags: without them arithmetic has one meaning, and a page shows the same bits as any
other machine.

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

KERNELS = Path(__file__).with_name("kernels.json")

_TRIPLE = "wasm32-unknown-unknown"
_FEATURES = "+simd128,+bulk-memory,+nontrapping-fptoint,+sign-ext"
_PROVIDED = {  # by wasm.js: memory, a stack, and numba's allocation of arrays, products of 128 bits
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


def compiled(exports: dict[str, tuple[Any, tuple[Any, ...]]]) -> tuple[bytes, dict[str, Any]]:
    """Compile {name: (kernel, types of its arguments)} to a module and what JavaScript must know of each argument."""
    import llvmlite.binding as llvm

    llvm.set_option("", "-force-ordered-reductions")  # two units at a time; sums keep their order, and so their bits
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(_TRIPLE).create_target_machine(cpu="mvp", features=_FEATURES, opt=3)
    whole, arguments = llvm.parse_assembly(""), {}
    for name, (kernel, types) in exports.items():
        module, arguments[name] = _lowered(name, kernel, types)
        whole.link_in(module)
    whole.triple, whole.data_layout = _TRIPLE, str(machine.target_data)
    whole.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    for _ in range(2):  # the second round cleans up after the inlining of the first
        builder = llvm.create_pass_builder(machine, tuning)
        builder.getModulePassManager().run(whole, builder)
    functions = [each.name for each in whole.functions if not each.is_declaration]
    return _linked(machine.emit_object(whole), functions, list(exports)), arguments


def _lowered(name: str, kernel: Any, types: tuple[Any, ...]) -> tuple[Any, dict[str, Any]]:
    """Return the LLVM module of a kernel, in which the function called `name` is all that can be seen."""
    import llvmlite.binding as llvm
    import numba

    kernel = numba.njit(error_model="numpy")(kernel.py_func)
    kernel.compile(types)
    ((types, result),) = kernel.overloads.items()
    module = llvm.parse_assembly(re.sub(r"^target .*$", "", kernel.inspect_llvm(types), flags=re.MULTILINE))
    for symbol in [*module.functions, *module.global_variables]:
        if symbol.name == result.fndesc.llvm_func_name:
            symbol.name, symbol.linkage = name, "external"
        elif not symbol.is_declaration or symbol.name.startswith("_ZN08NumbaEnv"):
            symbol.linkage = "internal"
    return module, {"takes": [_described(each) for each in types], "gives": str(result.signature.return_type)}


def _described(kind: Any) -> str:
    """Return "array", and what of; a scalar type; or "function", which numba resolves and JavaScript leaves out."""
    from numba import types

    if isinstance(kind, types.Dispatcher):
        return "function"
    return f"array {kind.dtype}" if isinstance(kind, types.Array) else str(kind)


def _linked(code: bytes, functions: list[str], exports: list[str]) -> bytes:
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
    entries = [_leb(len(name)) + name.encode() + b"\0" + _leb(first + functions.index(name)) for name in exports]
    sections[_EXPORTS] = _leb(len(exports)) + b"".join(entries)
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
    """Return the text of `KERNELS`; in a process in which neither numba nor this package were imported before."""
    os.environ["NUMBA_OPT"] = "0"
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NUMBA_CACHE_DIR"] = cache
        import llvmlite
        import numba as compiler

        numba: Any = compiler  # whose `njit` is replaced below
        warnings.simplefilter("ignore", numba.NumbaWarning)  # what is not optimised cannot be cached
        njit = numba.njit
        numba.njit = lambda f=None, **options: njit(f, **{key: options[key] for key in options if key != "fastmath"})
        from rnnkernel.widgets.kernels import EXPORTS

        code, arguments = compiled(EXPORTS)
    python = ".".join(platform.python_version_tuple()[:2])
    made_with = f"Python {python}, numba {numba.__version__}, llvmlite {llvmlite.__version__}"
    packed = {"made_with": made_with, "kernels": arguments, "wasm": base64.b64encode(code).decode()}
    return json.dumps(packed, indent=1) + "\n"


if __name__ == "__main__":
    KERNELS.write_text(packed())
