"""Recurrent neural networks of any width and their kernel limit, side by side."""

from rnnkernel.activations import Activation
from rnnkernel.chains import DataSequence, MarkovChain
from rnnkernel.initial import InitialLaw
from rnnkernel.memory import AssumptionWarning, MemoryMap

__version__ = "0.1.0"

__all__ = ["Activation", "AssumptionWarning", "DataSequence", "InitialLaw", "MarkovChain", "MemoryMap"]
