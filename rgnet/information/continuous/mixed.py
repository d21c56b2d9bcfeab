"""Mutual information where one variable is discrete, or where variables are partly discrete.

**Ross (2014), eq. 1–2**: c discrete with N_c draws of each label, y continuous. For draw i let r_i be the distance to
its k-th neighbour among the draws of its own label, and m_i the number of other draws of any label within r_i
(that neighbour included); then

    Î = ψ(N) + ψ(k) − ⟨ψ(N_c) + ψ(m)⟩ .

A label with N_c ≤ k draws uses N_c − 1 neighbours; one with a single draw has none, which is an error. Where values of
y repeat, k becomes the number k̃_i of other draws of the label within r_i, and where r_i = 0 both k̃_i and m_i count draw
i itself too, as Gao et al. do: for a discrete y this is the plug-in value with ψ for ln.

**Gao, Kannan, Oh & Viswanath (2017), algorithm 1**: any mixture of discrete and continuous, in both variables. With
ρ_i the distance to the k-th neighbour in the joint space, and n_x, n_y the other draws nearer than ρ_i,

    Î = ⟨ψ(k̃) + ψ(N) − ψ(n_x + 1) − ψ(n_y + 1)⟩ ,

where k̃ = k; but where ρ_i = 0, k̃, n_x + 1 and n_y + 1 are the numbers of draws that coincide with draw i, itself
included, in both variables, in x and in y. (The paper writes ln for all ψ but the first, which is the same for large
counts; with ψ, continuous variables give KSG 1 and a label beside a continuous one gives Ross' value.) Where values
repeat, several draws may be at the distance ρ_i, and fewer than k − 1 nearer: here k̃ is then one more than are nearer
in both variables, counted as n_x and n_y are. (With k itself, independent Gaussian values rounded to a tenth of their
spread read 0.49 at N = 1000 and k = 3, to a hundredth 0.06; with k̃ they read 0.07 and 0.006, and 0.004 to a tenth with
k = 10. What is left is not in the interval.)
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.estimate import Estimate
from rgnet.information.continuous import _checks, _errors, gaussian, knn
from rgnet.information.samples import as_labels, as_points, check_unit, over_chains, paired

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROUNDED = (
    "draws that coincide are counted as symbols. If the values are rounded, a bias is possible that the interval does "
    "not hold: give the unrounded ones (no noise is added)"
)


def discrete_continuous(
    labels: Any, y: Any, *, k: int = 3, chains: int | None = None, unit: str = "nats", scores: bool = False
) -> Estimate:
    """Mutual information of a discrete and a continuous variable (Ross 2014).

    Parameters
    ----------
    labels : array (n,), (n, ...), or DataArray with a dimension ``draw``
        The discrete variable; each row is one symbol.
    y : array (n,), (n, d), or DataArray with a dimension ``draw``
        The continuous one. Distances are taken as the columns are: bring them to like scales first.
    k : int
        Neighbours among the draws of one label.
    chains : int, optional
        That the n rows are so many chains of consecutive correlated draws.
    unit : "nats" or "bits"
    scores : bool
        Bring several columns of y to their normal scores first, so that their scales do not matter.

    Returns
    -------
    Estimate
        Can be negative. Its interval holds the scatter, not the bias in many dimensions (from about 5).

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, there is one label only, a label has a single draw, a column of y
        is constant, or k ≥ n.

    Warns
    -----
    InformationWarning
        If more than 1 % of a column's values repeat earlier ones, spreads of y's columns differ by more than 100, or
        the draws are too few for an error (16 k), which is then NaN.
    """
    check_unit(unit)
    (labels, y), layout = paired(labels, y, chains=chains)
    y = _checks.points(y, "y")
    scores = scores and y.shape[1] > 1
    if scores:
        y = gaussian.normal_scores(y)
    _checks.warn_of_scales(y)

    def local(a: Any, b: Any) -> Floats:
        rows = _checks.points(b, "y")
        return ross_local_values(_symbols(a), rows, _checks.neighbourhood(k, len(rows)))

    def estimator(a: Any, b: Any) -> Estimate:
        rows, symbols = _checks.points(b, "y"), _symbols(a)
        tied = _checks.warn_of_ties(ROUNDED, y=rows)
        values = local(a, rows)
        # Rare labels may be missing from a subset or single in it: they are then left out of it
        stderr, half = _errors.subsampled(lambda c, z: _ross_of_part(c, z, k), [symbols, rows], 4 * k)
        value = float(values.mean())
        method = f"Ross 2014 (k={k}, maximum norm{', normal scores' if scores else ''})"
        if tied:
            method += ", draws that coincide counted as in Gao et al. 2017 because values repeat"
        return Estimate(value, stderr, (value - half, value + half), method=method, n=len(rows), unit="nats")

    return over_chains(estimator, [labels, y], layout, local).to(unit)


def mixture(x: Any, y: Any, *, k: int = 3, chains: int | None = None, unit: str = "nats") -> Estimate:
    """Mutual information of variables that may be continuous, discrete or partly either (Gao et al. 2017).

    Symbols must be numbers; those of a discrete variable should be further apart than the scale of the other
    variable's noise. Where one variable is wholly discrete `discrete_continuous` does not depend on that.

    Parameters
    ----------
    x, y : array (n,), (n, d), or DataArray with a dimension ``draw``
    k : int
        Neighbours: more than 3, say 10, where values are rounded coarsely.
    chains : int, optional
        That the n rows are so many chains of consecutive correlated draws.
    unit : "nats" or "bits"

    Returns
    -------
    Estimate
        Can be negative. Its interval holds the scatter, not the bias: in many dimensions, or for discrete variables
        with about as many symbols as draws.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, a column is constant, or k ≥ n.

    Warns
    -----
    InformationWarning
        If spreads of columns differ by more than 100, or the draws are too few for an error (16 k), which is then NaN.
    """
    check_unit(unit)
    (x, y), layout = paired(x, y, chains=chains)
    _checks.warn_of_scales(np.concatenate([_checks.points(x, "x"), _checks.points(y, "y")], axis=1))

    def local(a: Any, b: Any) -> Floats:
        rows = _checks.points(a, "x"), _checks.points(b, "y")
        return gao_local_values(*rows, _checks.neighbourhood(k, len(rows[0])))

    def estimator(a: Any, b: Any) -> Estimate:
        value = float(local(a, b).mean())
        arrays = [as_points(a), as_points(b)]
        stderr, half = _errors.subsampled(lambda c, d: float(gao_local_values(c, d, k).mean()), arrays, 4 * k)
        method = f"Gao et al. 2017 (k={k}, maximum norm)"
        return Estimate(value, stderr, (value - half, value + half), method=method, n=len(a), unit="nats")

    return over_chains(estimator, [x, y], layout, local).to(unit)


def _symbols(labels: npt.NDArray[Any]) -> Ints:
    symbols, count = as_labels(labels)
    if count < 2:
        raise ValueError("the labels have one value only: their information about anything is 0; nothing to estimate")
    single = np.flatnonzero(np.bincount(symbols) == 1)
    if single.size:
        example = np.asarray(labels)[np.flatnonzero(symbols == single[0])[0]]
        raise ValueError(
            f"{single.size} of {count} labels occur once ({example} is one) and have no neighbour of their own: "
            "leave those draws out, merge labels, or use mixture() if the labels are really numbers"
        )
    return symbols


def _ross_of_part(symbols: Ints, y: Floats, k: int) -> float:
    frequent = (np.bincount(symbols) > 1)[symbols]
    labels, _ = as_labels(symbols[frequent])
    return float(ross_local_values(labels, y[frequent], k).mean())


def ross_local_values(symbols: Ints, y: Floats, k: int = 3) -> Floats:
    """Local values (n,) of Ross' estimator from labels 0 … m − 1, each at least twice, and points (n, d), nats."""
    from scipy.special import digamma

    n = len(y)
    radii, local = np.empty(n), np.full(n, float(digamma(n)))
    tied = _checks.repeated(y) > 0
    order = np.argsort(symbols, kind="stable")
    for members in np.split(order, np.cumsum(np.bincount(symbols))[:-1]):
        near = min(k, len(members) - 1)
        own = y[members]
        r = np.ascontiguousarray(knn.neighbours(own, near)[0][:, -1])
        alike = knn.counts(own, r, closed=True) + (r == 0) if tied else near
        radii[members] = r
        local[members] += digamma(alike) - digamma(len(members))
    return np.asarray(local - digamma(knn.counts(y, radii, closed=True) + (radii == 0)))


def gao_local_values(x: Floats, y: Floats, k: int = 3) -> Floats:
    """Local values (n,) of the estimator of Gao et al. from points (n, d_x) and (n, d_y), nats."""
    from scipy.special import digamma

    n = len(x)
    joint = np.concatenate([x, y], axis=1)
    radii = np.ascontiguousarray(knn.neighbours(joint, k)[0][:, -1])
    bounds = np.where(radii == 0, np.nextafter(0.0, 1.0), radii)
    tied = _checks.repeated(x) > 0 or _checks.repeated(y) > 0
    alike = knn.counts(joint, bounds) + 1 if tied else np.full(n, k)
    within = knn.counts(x, bounds), knn.counts(y, bounds)
    return np.asarray(digamma(alike) + digamma(n) - digamma(within[0] + 1) - digamma(within[1] + 1))
