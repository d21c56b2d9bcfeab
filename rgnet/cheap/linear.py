"""Flattening linear networks: what a product of sparse matrices costs as one matrix, counted.

A linear network of several layers computes x → A_k … A_2 A_1 x; the one layer that computes the same is the matrix
A = A_k … A_1, and no other, so that flattening multiplies the synapses by

    C_s = nnz(A) / Σ_i nnz(A_i)

exactly, for these factors (a cheaper factorization may exist). The cases of Lin, Tegmark & Rolnick (2017):

*Fourier transform.* log2 n butterflies (Cooley & Tukey 1965), [[1, w], [1, −w]] for each pair of entries, 2n non-zero
weights each; the bit reversal only reorders the columns of the first. The dense matrix has n²: C_s = n/(2 log2 n).

*Rank k.* A = B C with inner dimension k: C_s = n²/(2nk) = n/(2k), below 1 for k > n/2. A factorization is defined up to
B → BG, C → G⁻¹C; taking k columns of A for B makes k columns of C those of the unit matrix, and 2nk − k² + k weights
suffice: then C_s ≥ n/(n + 1) for every k.

*Two sparse matrices* whose n² entries are each non-zero with probability p: an entry of the product is zero if each of
n pairs has a zero, (1 − p²)ⁿ, hence

    ⟨nnz(AB)⟩/⟨nnz(A) + nnz(B)⟩ = n² [1 − (1 − p²)ⁿ]/(2 n² p) = [1 − (1 − p²)ⁿ]/(2p) .

That is a ratio of expectations. The expected ratio differs from it by O(1/(n² p)); what has the expectation zero, and
exactly, is nnz(AB) − C_s [nnz(A) + nnz(B)], and that is what a test should take. At p = c/√n the formula is
√n (1 − e^{−c²})/(2c), at most 0.319 √n, for c = 1.12: the most that flattening two such layers can cost.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import qr
from scipy.sparse import block_array, block_diag, csr_array, diags_array, eye_array

from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralLayer, NeuralNetwork

Array = npt.NDArray[Any]

_MOST_ENTRIES = 1 << 24  # of the dense matrix
_ZERO = 1e-11  # entries of a product below this, relative to its largest, are rounding
BEST_DENSITY = 1.1209064227785340  # c of the costliest p = c/√n: 2c² e^{−c²} = 1 − e^{−c²}


@dataclass(frozen=True, eq=False)
class Factors:
    """A matrix as a product of sparse ones.

    Attributes
    ----------
    factors : tuple of sparse arrays
        The first is applied first.
    product : sparse array
        All of them multiplied, what is zero up to rounding left out.
    expected : float
        C_s by its formula.
    """

    factors: tuple[Any, ...]
    product: Any
    expected: float

    @property
    def synapses(self) -> tuple[int, ...]:
        """Non-zero weights of each factor; complex ones count as one each."""
        return tuple(int(item.nnz) for item in self.factors)

    @property
    def flat_synapses(self) -> int:
        """Non-zero weights of the product."""
        return int(self.product.nnz)

    @property
    def cost(self) -> float:
        """C_s as counted: what flattening multiplies the synapses by; NaN where there are none."""
        deep = sum(self.synapses)
        return self.flat_synapses / deep if deep else math.nan

    def network(self, *, flat: bool = False) -> NeuralNetwork:
        """The factors as linear layers, or the product as one; complex numbers as their real and imaginary parts.

        For complex factors inputs and outputs are all real parts, then all imaginary parts, and a weight a + ib is
        the four (or, if one of a, b is zero, two) weights [[a, −b], [b, a]].
        """
        items = [as_real(item) for item in ((self.product,) if flat else self.factors)]
        layers = []
        for item in items:
            table = item.tocoo()
            order = np.lexsort((table.col, table.row))
            layers.append(
                NeuralLayer(
                    item.shape[1], table.row[order].astype(np.int64), table.col[order].astype(np.int64),
                    table.data[order][None].astype(np.float64), np.zeros((1, item.shape[0])), None,
                )
            )  # fmt: skip
        names = [
            tuple(f"{letter}{i}" for i in range(n))
            for letter, n in zip("xy", (items[0].shape[1], items[-1].shape[0]), strict=True)
        ]
        return NeuralNetwork(tuple(layers), names[0], names[1])


def as_real(matrix: Any) -> Any:
    """[[Re, −Im], [Im, Re]] of a complex sparse matrix, without its zeros; a real one as it is."""
    if matrix.dtype.kind != "c":
        return matrix
    table = matrix.tocoo()
    real, imaginary = (
        # A contiguous copy: the real part of an array is a view of it with gaps
        _clean(csr_array((part.copy(), (table.row, table.col)), shape=matrix.shape), abs(matrix).max())
        for part in (table.data.real, table.data.imag)
    )
    return block_array([[real, -imaginary], [imaginary, real]], format="csr")


def butterflies(n: int) -> Factors:
    """The discrete Fourier transform F_jk = e^{−2πi jk/n} as log2 n sparse factors.

    Parameters
    ----------
    n : int
        A power of two from 2 to 4096.

    Raises
    ------
    CheapError
        If n is another number.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 2 or n & (n - 1) or n * n > _MOST_ENTRIES:
        raise CheapError(f"n={n!r}: radix-2 butterflies need a power of two, from 2 to {math.isqrt(_MOST_ENTRIES)}")
    levels = int(n).bit_length() - 1
    reversal = [int(f"{i:0{levels}b}"[::-1], 2) for i in range(n)]
    factors = []
    for level in range(levels):
        half = 1 << level
        twiddle = diags_array(_roots(2 * half)[:half])
        unit = eye_array(half)
        one = block_array([[unit, twiddle], [unit, -twiddle]])
        stage = csr_array(block_diag([one] * (n // (2 * half)), format="csr"))
        factors.append(stage[:, np.argsort(reversal)] if level == 0 else stage)
    return Factors(tuple(factors), multiplied(factors), n / (2 * levels))


def _roots(n: int) -> npt.NDArray[np.complex128]:
    """e^{−2πik/n}, exact where it is ±1 or ±i."""
    result = np.exp(-2j * np.pi * np.arange(n) / n)
    quarters = np.arange(n)[4 * np.arange(n) % n == 0]
    result[quarters] = np.array([1, -1j, -1, 1j])[4 * quarters // n]
    return np.asarray(result)


def low_rank(matrix: npt.ArrayLike, rank: int | None = None, *, columns: bool = False) -> Factors:
    """A matrix of low rank as two factors.

    Parameters
    ----------
    matrix : array (n, m)
    rank : int, optional
        Largest rank allowed; the numerical rank is taken where it is smaller.
    columns : bool
        Take columns of the matrix for the second factor, so that the first has a unit matrix in it: fewer weights.

    Raises
    ------
    CheapError
        If it is no matrix of finite numbers, or its rank is larger than allowed.
    """
    a = np.asarray(matrix)
    if a.ndim != 2 or a.size == 0 or a.dtype.kind not in "biufc" or not np.isfinite(a).all() or not a.any():
        raise CheapError(f"matrix of shape {a.shape}, dtype {a.dtype}: give a table of finite numbers that is not zero")
    precision = float(np.finfo(a.dtype).eps) if a.dtype.kind in "fc" else 0.0
    precision = max(precision, float(np.finfo(np.float64).eps))  # entries of float32 are of low rank to its digits
    a = a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)
    if columns:
        r, order = qr(a, mode="r", pivoting=True)
        sizes = np.abs(np.diag(r))
    else:
        u, sizes, v = np.linalg.svd(a, full_matrices=False)
    found = int(np.count_nonzero(sizes > max(a.shape) * precision * sizes[0]))
    if rank is not None and found > rank:
        raise CheapError(f"rank={rank} for a matrix of numerical rank {found}: allow that, or give a truncated matrix")
    n, m = a.shape
    if columns:
        right = np.zeros((found, m), dtype=r.dtype)
        right[:, order[:found]] = np.eye(found)
        right[:, order[found:]] = np.linalg.solve(r[:found, :found], r[:found, found:])
        left, weights = a[:, order[:found]], found * (n + m - found + 1)
    else:
        left, right, weights = u[:, :found] * sizes[:found], v[:found], found * (n + m)
    factors = [csr_array(right), csr_array(left)]
    return Factors(tuple(factors), multiplied(factors), n * m / weights)


def sparse_product(n: int, p: float, rng: np.random.Generator) -> Factors:
    """Two random n × n matrices whose entries are normal with probability p, else zero.

    Parameters
    ----------
    n : int
    p : float
        Density, above 0 and at most 1.
    rng : Generator

    Raises
    ------
    CheapError
        If a number is out of range.
    """
    expected = expected_cost(n, p)
    factors = [csr_array((rng.random((n, n)) < p) * rng.standard_normal((n, n))) for _ in range(2)]
    return Factors(tuple(factors), multiplied(factors), expected)


def expected_cost(n: int, p: float) -> float:
    """[1 − (1 − p²)ⁿ]/(2p) of two random sparse matrices."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 or n * n > _MOST_ENTRIES:
        raise CheapError(f"n={n!r}: the side of the matrices, a whole number from 1 to {math.isqrt(_MOST_ENTRIES)}")
    if not 0 < p <= 1:
        raise CheapError(f"p={p!r}: the density is a probability above 0")
    return float(-np.expm1(n * np.log1p(-p * p)) / (2 * p)) if p < 1 else 0.5


def multiplied(factors: Sequence[Any]) -> Any:
    """The product of sparse matrices, the first applied first, without what is zero up to rounding."""
    result = factors[0]
    for item in factors[1:]:
        result = item @ result
    return _clean(csr_array(result), abs(result).max() if result.nnz else 0.0)


def _clean(matrix: Any, scale: float) -> Any:
    matrix.data[np.abs(matrix.data) <= _ZERO * scale] = 0
    matrix.eliminate_zeros()
    return matrix
