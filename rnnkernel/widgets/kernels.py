"""What the explorables compute: one kernel for each, native code in a notebook and WebAssembly in the page.

A kernel takes by name the values of its explorable's sliders, their places in their lists (``which_`` and the name of
the slider), and its explorable's data.  It gives a named tuple.  Both stand in its signature; `tools/wasm.py` writes
the types and names into ``kernels.json``, beside the module.

The loops are those of the package: training, the network's output, the memory map.
"""

from rnnkernel.widgets.of_chains import coupling, poisson, telescope
from rnnkernel.widgets.of_memory import fixed_point, long_run
from rnnkernel.widgets.of_training import modes, train, widths
from rnnkernel.widgets.signatures import run, takes

__all__ = ["KERNELS", "run", "takes"]

_ALL = coupling, fixed_point, long_run, modes, poisson, telescope, train, widths
KERNELS = {kernel.__name__: kernel for kernel in _ALL}
