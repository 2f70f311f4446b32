"""Recurrent neural networks of any width and their kernel limit, side by side."""

from rnnkernel import figures, widgets
from rnnkernel._checks import AssumptionWarning
from rnnkernel.activations import Activation
from rnnkernel.averages import mean_with_error
from rnnkernel.chains import DataSequence, MarkovChain
from rnnkernel.convergence import ConvergenceStudy, Rate, convergence_study, fit_rate
from rnnkernel.exercises import Check, check
from rnnkernel.flow import gradient_flow
from rnnkernel.fluctuations import Fluctuations
from rnnkernel.initial import InitialLaw
from rnnkernel.kernel import TangentKernel, empirical_kernel
from rnnkernel.limit import KernelLimit
from rnnkernel.memory import MemoryMap
from rnnkernel.network import RNN
from rnnkernel.poisson import PoissonSolution
from rnnkernel.sequences import Autoregression, NoisyRotation, RandomRecursion, even_process
from rnnkernel.stationary import StationaryLaw
from rnnkernel.training import DivergenceError, TrainingRecord, TrainingRun, train
from rnnkernel.widgets.explore import explore

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
    "InitialLaw",
    "KernelLimit",
    "MarkovChain",
    "MemoryMap",
    "NoisyRotation",
    "PoissonSolution",
    "RandomRecursion",
    "Rate",
    "StationaryLaw",
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
    "mean_with_error",
    "train",
    "widgets",
]
