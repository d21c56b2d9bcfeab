"""Information: of samples, of tables, of what a level keeps of the cause; and statistics that keep all of it (nats).

    entropy, mutual_information, conditional_mutual_information, multi_information, kl_divergence, jensen_shannon
                        from samples, or from mergeable Counts
    differential_entropy, continuous
                        of real variables, by nearest neighbours
    tables              the same exactly, from joint tables
    classifier_bound, posterior_information, variational_bound, …
                        bounds, and estimates where densities are known
    fisher_matrix, retained_matrix, retained
                        what each level keeps, of couplings and of labels
    minimal_sufficient, distill, agglomerative, optimal, deterministic_bottleneck, gaussian_bottleneck
                        statistics that lose nothing, or little

Samples may be arrays of independent draws, chains (``chains=``), or DataArrays with ``chain`` and ``draw``.
"""

from rgnet.information import continuous, tables
from rgnet.information.bottleneck import agglomerative, deterministic_bottleneck, optimal
from rgnet.information.classifier import classifier_bound, log_score_bound
from rgnet.information.continuous.differential import differential_entropy
from rgnet.information.counts import Counts
from rgnet.information.discrete import conditional_mutual_information, entropy, multi_information
from rgnet.information.divergences import jensen_shannon, kl_divergence
from rgnet.information.fisher import fisher_matrix, retained_matrix
from rgnet.information.gaussian_bottleneck import gaussian_bottleneck
from rgnet.information.kept import retained
from rgnet.information.mutual import mutual_information
from rgnet.information.samples import InformationWarning
from rgnet.information.sufficient import (
    Sufficient,
    information_lost,
    minimal_sufficient,
    minimal_sufficient_of_posteriors,
)
from rgnet.information.theorem2 import Distillation, distill
from rgnet.information.upper import (
    gaussian_mixture_bounds,
    leave_one_out_bound,
    likelihood_information,
    posterior_information,
    variational_bound,
)

__all__ = [
    "Counts",
    "Distillation",
    "InformationWarning",
    "Sufficient",
    "agglomerative",
    "classifier_bound",
    "conditional_mutual_information",
    "continuous",
    "deterministic_bottleneck",
    "differential_entropy",
    "distill",
    "entropy",
    "fisher_matrix",
    "gaussian_bottleneck",
    "gaussian_mixture_bounds",
    "information_lost",
    "jensen_shannon",
    "kl_divergence",
    "leave_one_out_bound",
    "likelihood_information",
    "log_score_bound",
    "minimal_sufficient",
    "minimal_sufficient_of_posteriors",
    "multi_information",
    "mutual_information",
    "optimal",
    "posterior_information",
    "retained",
    "retained_matrix",
    "tables",
    "variational_bound",
]
