"""Recurrent neural networks of any width and their kernel limit, side by side."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rnnkernel._checks import AssumptionWarning
from rnnkernel.activations import Activation
from rnnkernel.averages import mean_with_error
from rnnkernel.chains import DataSequence, MarkovChain
from rnnkernel.convergence import ConvergenceStudy, Rate, convergence_study, fit_rate
from rnnkernel.flow import gradient_flow
from rnnkernel.fluctuations import Fluctuations
from rnnkernel.initial import InitialLaw
from rnnkernel.kernel import TangentKernel, empirical_kernel
from rnnkernel.limit import KernelLimit
from rnnkernel.mean_field import MeanField
from rnnkernel.memory import MemoryMap
from rnnkernel.network import RNN
from rnnkernel.poisson import PoissonSolution
from rnnkernel.saving import load, save
from rnnkernel.sequences import Autoregression, GaussianAutoregression, NoisyRotation, RandomRecursion, even_process
from rnnkernel.stationary import StationaryLaw
from rnnkernel.symbol_limit import SymbolLimit
from rnnkernel.symbols import SymbolRNN, train_symbols
from rnnkernel.training import DivergenceError, TrainingRecord, TrainingRun, train

__version__ = "0.1.0"

__all__ = [
    "RNN",
    "Activation",
    "AssumptionWarning",
    "Autoregression",
    "Check",
    "ConvergenceStudy",
    "DataSequence",
    "DivergenceError",
    "Fluctuations",
    "GaussianAutoregression",
    "InitialLaw",
    "KernelLimit",
    "MarkovChain",
    "MeanField",
    "MemoryMap",
    "NoisyRotation",
    "PoissonSolution",
    "RandomRecursion",
    "Rate",
    "StationaryLaw",
    "SymbolLimit",
    "SymbolRNN",
    "TangentKernel",
    "TrainingRecord",
    "TrainingRun",
    "check",
    "convergence_study",
    "empirical_kernel",
    "even_process",
    "explore",
    "figures",
    "fit_rate",
    "gradient_flow",
    "hand_in",
    "load",
    "mean_with_error",
    "save",
    "train",
    "train_symbols",
    "widgets",
]

if TYPE_CHECKING:
    from rnnkernel import figures, widgets
    from rnnkernel.exercises import Check, check
    from rnnkernel.handing_in import hand_in
    from rnnkernel.widgets.explore import explore
else:  # what the book adds loads on first use; figures and widgets need the packages of the extra `book`
    _HOMES = {
        "Check": "exercises",
        "check": "exercises",
        "explore": "widgets.explore",
        "figures": "figures",
        "hand_in": "handing_in",
        "widgets": "widgets",
    }

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        missing = [each for each in ("matplotlib", "ipywidgets", "anywidget") if find_spec(each) is None]
        if missing and _HOMES[name] not in ("exercises", "handing_in"):
            raise ImportError(f"rnnkernel.{name} needs {', '.join(missing)}: pip install 'rnnkernel[book]'")
        home = import_module(f"rnnkernel.{_HOMES[name]}")
        globals()[name] = home if _HOMES[name] == name else getattr(home, name)
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})
