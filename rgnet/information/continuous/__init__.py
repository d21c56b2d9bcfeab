"""Information of continuous and partly continuous variables from samples: nearest neighbours, Gaussian, combined."""

from rgnet.information.continuous.combined import mutual_information
from rgnet.information.continuous.differential import differential_entropy
from rgnet.information.continuous.mixed import discrete_continuous, mixture

__all__ = ["differential_entropy", "discrete_continuous", "mixture", "mutual_information"]
