"""Coarse-graining maps, one family a file: renormalization-group steps, network layers and channels in one.

A layer is a frozen dataclass, ``layer(x, rng=None, *, ndim=None) -> y``; the last ``ndim`` axes are space.
"""

from rgnet.layers.average import BlockAverage
from rgnet.layers.decimation import Decimation
from rgnet.layers.filter import Filter
from rgnet.layers.kadanoff import Kadanoff
from rgnet.layers.layer import Layer
from rgnet.layers.majority import Majority
from rgnet.layers.network import Network

LAYERS = {"majority": Majority, "decimation": Decimation, "kadanoff": Kadanoff, "average": BlockAverage}

__all__ = ["LAYERS", "BlockAverage", "Decimation", "Filter", "Kadanoff", "Layer", "Majority", "Network"]
