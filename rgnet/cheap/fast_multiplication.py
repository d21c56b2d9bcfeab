"""Matrix products with fewer multiplications, and what flattening them costs, counted.

C = A B is bilinear in its inputs: an algorithm of R multiplications is three matrices U, V, W,

    c = W [(U a) ∘ (V b)] ,      Σ_r W_kr U_ri V_rj = T_kij ,

with a, b, c the matrices as vectors, ∘ the product entry by entry, and T the tensor of the matrix product (equations of
Brent 1970). Schoolbook: R = n³. Strassen (1969): R = 7 for n = 2, and the Kronecker powers U^⊗l, V^⊗l, W^⊗l multiply
matrices of side n = 2^l in 7^l = n^{log2 7} = n^{2.807} steps. The best exponent known: ω < 2.372 (Alman et al. 2025).

*As a network.* Every product is a gate of four neurons that hear ±(u + v), ±(u − v) (Lin, Tegmark & Rolnick 2017),
so an algorithm is 4R neurons between linear maps. These maps are what has depth: U^⊗l is one sparse matrix of
12^l non-zero weights, or l layers, one for each level of the recursion, of 12·7^{k−1}·4^{l−k}, k = 1 … l, in all
4 (7^l − 4^l).

*Flattening.* The paper gives the cost of flattening as n^{≥ 0.627}: n³ synapses of the schoolbook over the n^{2.373} of
the then best fast algorithm. Two different things are in that.
- *Neurons*: depth is not what saves multiplications. The flat network W (U a ∘ V b) has as few products as the deep.
- *Synapses*: flattened, Strassen's maps grow from O(7^l) to 3·12^l = 3 n^{3.585} weights, more than the 3 n³ of the
  schoolbook, which is flat as it stands. The cheaper of these two flat networks is the schoolbook, and flattening the
  deep one costs its ratio to the deep count, (1/4) (8/7)^l → n^{3 − 2.807} = n^{0.193}/4 (n^{3 − ω} for the best
  algorithm): below 1 up to n = 1024. With blocks of the schoolbook (``base``) it exceeds 1 from n = 32 on.
  It is no lower bound on the cost: that no flat network has fewer weights is not proved by counting these two.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import block_array, csr_array, eye_array, kron

from rgnet.cheap import activations, network
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralNetwork

Array = npt.NDArray[Any]

_MOST_LEVELS = 6  # 12^6 weights of one factor
GATE = 4  # neurons of a product
_U = ((1, 0, 0, 1), (0, 0, 1, 1), (1, 0, 0, 0), (0, 0, 0, 1), (1, 1, 0, 0), (-1, 0, 1, 0), (0, 1, 0, -1))
_V = ((1, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, -1), (-1, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 0), (0, 0, 1, 1))
_W = ((1, 0, 0, 1, -1, 0, 1), (0, 0, 1, 0, 1, 0, 0), (0, 1, 0, 1, 0, 0, 0), (1, -1, 1, 0, 0, 1, 0))


@dataclass(frozen=True, eq=False)
class Bilinear:
    """A bilinear algorithm for the product of two n × n matrices, as layers of sparse maps.

    Attributes
    ----------
    n : int
    left, right : tuple of sparse integer arrays
        From A and B to the factors of every multiplication; the first is applied first.
    out : tuple of sparse integer arrays
        From the products to C.
    order : int array (n²,)
        Entries of a matrix, row by row, in the order of the maps' vectors.
    """

    n: int
    left: tuple[Any, ...]
    right: tuple[Any, ...]
    out: tuple[Any, ...]
    order: npt.NDArray[np.int64]

    @property
    def multiplications(self) -> int:
        """R."""
        return int(self.left[-1].shape[0])

    @property
    def neurons(self) -> int:
        """Hidden neurons: four for each product, and the linear ones between the layers of the maps."""
        before = sum(item.shape[0] for maps in (self.left, self.right) for item in maps[:-1])
        return int(GATE * self.multiplications + before + sum(item.shape[0] for item in self.out[:-1]))

    @property
    def map_synapses(self) -> int:
        """Non-zero weights of all the linear maps, the gates not counted."""
        return sum(int(item.nnz) for maps in (self.left, self.right, self.out) for item in maps)

    @property
    def synapses(self) -> int:
        """Non-zero weights of the network: the four neurons of a gate hear what its factors hear."""
        gates = GATE * sum(int(maps[-1].nnz) for maps in (self.left, self.right))
        before = sum(int(item.nnz) for maps in (self.left, self.right) for item in maps[:-1])
        return int(gates + before + GATE * self.out[0].nnz + sum(int(item.nnz) for item in self.out[1:]))

    @property
    def depth(self) -> int:
        """Hidden layers."""
        return len(self.left) + len(self.out) - 1

    def __call__(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
        """The product of two matrices (n, n): exact for whole numbers that stay below 2⁶³, else as float64 rounds.

        Raises
        ------
        CheapError
            If they are of another shape, or no numbers that NumPy multiplies in this way (uint64, objects).
        """
        factors = []
        for matrix, maps in ((np.asarray(a), self.left), (np.asarray(b), self.right)):
            if matrix.shape != (self.n, self.n):
                raise CheapError(f"a matrix of shape {matrix.shape}: this algorithm multiplies {self.n} × {self.n}")
            if matrix.dtype.kind not in "biufc" or matrix.dtype == np.uint64:
                raise CheapError(f"a matrix of dtype {matrix.dtype}: give whole numbers of int64, or float64")
            vector = matrix.reshape(-1)[self.order]
            factors.append(functools.reduce(lambda x, item: item @ x, maps, vector))
        vector = functools.reduce(lambda x, item: item @ x, self.out, factors[0] * factors[1])
        result = np.empty_like(vector)
        result[self.order] = vector
        return result.reshape(self.n, self.n)

    def network(self, activation: Any = "softplus", scale: float = 2e-4) -> NeuralNetwork:
        """The network: inputs A then B, row by row; each product a gate of relative error O(scale²).

        Parameters
        ----------
        activation : str or Activation
            With σ_2 ≠ 0 at 0.
        scale : float
            λ, what the gates' inputs are multiplied by.

        Raises
        ------
        CheapError
            If σ_2 = 0 at 0, or the scale is out of range.
        """
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 1e-100 < abs(scale) < 1e100:
            raise CheapError(f"scale={scale!r}: λ is a number other than 0, such as 2e-4")
        sigma = activations.get(activation)
        second = sigma.taylor(2)[2]
        if activations.is_zero(second):
            raise CheapError(f"activation {sigma.name!r} has σ_2 = 0 at 0, where these gates sit: take softplus or exp")
        size = self.n * self.n
        place = csr_array((np.ones(size), (np.arange(size), self.order)), shape=(size, size))
        maps = [block_array([[a, None], [None, b]], format="csr") for a, b in zip(self.left, self.right, strict=True)]
        maps[0] = maps[0] @ block_array([[place, None], [None, place]], format="csr")
        eye = eye_array(self.multiplications)
        signs = ((1, 1), (-1, -1), (1, -1), (-1, 1))
        maps[-1] = block_array([[scale * s * eye, scale * t * eye] for s, t in signs]) @ maps[-1]
        weight = 1.0 / (8.0 * float(second) * scale * scale)
        after = [*self.out]
        after[0] = after[0] @ block_array([[weight * eye, weight * eye, -weight * eye, -weight * eye]])
        after[-1] = place.T @ after[-1]
        layers = [_layer(item, None) for item in maps[:-1]] + [_layer(maps[-1], sigma)]
        layers += [_layer(item, None) for item in after]
        inputs, outputs = (
            tuple(f"{name}{i}{j}" for name in letters for i in range(self.n) for j in range(self.n))
            for letters in ("ab", "c")
        )
        return NeuralNetwork(tuple(layers), inputs, outputs)


def schoolbook(n: int) -> Bilinear:
    """The n³ products of rows and columns: one layer before them and one after."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= 1 << _MOST_LEVELS:
        raise CheapError(f"n={n!r}: the side of the matrices, a whole number from 1 to {1 << _MOST_LEVELS}")
    i, j, k = (item.ravel() for item in np.indices((n, n, n)))
    r, ones, size = np.arange(n**3), np.ones(n**3, dtype=np.int64), n * n
    left = csr_array((ones, (r, n * i + j)), shape=(n**3, size))
    right = csr_array((ones, (r, n * j + k)), shape=(n**3, size))
    out = csr_array((ones, (n * i + k, r)), shape=(size, n**3))
    return Bilinear(int(n), (left,), (right,), (out,), np.arange(size))


def strassen(levels: int, layers: int | None = None, *, base: int = 1) -> Bilinear:
    """Strassen's algorithm for n = base·2^levels.

    Parameters
    ----------
    levels : int
        Of the recursion, 1 to 6.
    layers : int, optional
        Over how many layers each linear map is spread, 1 (flat) to one for each level and one for the blocks, if
        ``base`` is above 1, which is the default.
    base : int
        Side of the blocks that the schoolbook multiplies.

    Raises
    ------
    CheapError
        If a number is out of range.
    """
    for name, value, least in (("levels", levels, 1), ("base", base, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise CheapError(f"{name}={value!r}: a whole number of at least {least}; the side is base·2^levels")
    if levels > _MOST_LEVELS or base << levels > 1 << _MOST_LEVELS:
        raise CheapError(
            f"levels={levels}, base={base}: matrices of side base·2^levels up to {1 << _MOST_LEVELS} are built; "
            f"`synapses_of` counts for larger ones"
        )
    steps = levels + (base > 1)
    spread = steps if layers is None else layers
    if isinstance(spread, bool) or not isinstance(spread, int | np.integer) or not 1 <= spread <= steps:
        raise CheapError(f"layers={layers!r}: each map takes from 1 layer to one for each of {steps} levels")
    sizes = [steps // spread + (k < steps % spread) for k in range(spread)]
    blocks = schoolbook(base)
    last = (blocks.left[0], blocks.right[0], blocks.out[0].T) if base > 1 else ((), (), ())
    maps = []
    for table, block in zip((np.array(_U), np.array(_V), np.array(_W).T), last, strict=True):
        maps.append(_spread([csr_array(table)] * levels + [block] * (base > 1), sizes))
    # The products are put together in the opposite order
    down = tuple(csr_array(item.T) for item in reversed(maps[2]))
    return Bilinear(base << levels, maps[0], maps[1], down, _blockwise(levels, base))


def synapses_of(levels: int, base: int = 1, *, flat: bool = False) -> int:
    """What `Bilinear.map_synapses` is for ``strassen(levels, base=base)``, one layer a level, or flat, of any size."""
    if flat:
        return int(3 * 12**levels * base**3)
    blocks = base**3 if base > 1 else 0  # blocks of one entry need no layer of their own
    return int(3 * (4 * (7**levels - 4**levels) * base**2 + 7**levels * blocks))


def _spread(tables: list[Any], sizes: list[int]) -> tuple[Any, ...]:
    """⊗ tables as one factor for each group of them: 1 (rows so far) ⊗ group ⊗ 1 (columns to come)."""
    result, done = [], 0
    for size in sizes:
        group = functools.reduce(lambda a, b: kron(a, b, format="csr"), tables[done : done + size])
        before = math.prod(item.shape[0] for item in tables[:done])
        after = math.prod(item.shape[1] for item in tables[done + size :])
        outer = kron(eye_array(before, dtype=np.int64), group, format="csr")
        result.append(csr_array(kron(outer, eye_array(after, dtype=np.int64), format="csr")))
        done += size
    return tuple(result)


def _blockwise(levels: int, base: int) -> npt.NDArray[np.int64]:
    """Numbers of a matrix's entries, block by block: the upper left quarter first, and so within it."""
    side = base << levels
    numbers = np.arange(side * side).reshape((*(2,) * levels, base) * 2)
    axes = [axis for level in range(levels + 1) for axis in (level, levels + 1 + level)]
    return np.ascontiguousarray(numbers.transpose(axes).reshape(-1))


def _layer(matrix: Any, activation: Any) -> network.NeuralLayer:
    table = csr_array(matrix)
    table.sum_duplicates()
    table.eliminate_zeros()
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    return network.NeuralLayer(
        table.shape[1], rows, table.indices.astype(np.int64), table.data[None].astype(np.float64),
        np.zeros((1, table.shape[0])), activation,
    )  # fmt: skip


def brent_violation(algorithm: Bilinear) -> int:
    """Number of Brent's equations, of n⁶, that the algorithm violates: zero if it is one."""
    n, size = algorithm.n, algorithm.n**2
    if n > 8:
        raise CheapError(f"n={n}: {n}^6 equations are too many to check; multiply matrices of whole numbers instead")
    u, v, w = (
        functools.reduce(lambda x, item: item @ x, maps).toarray().astype(np.int64)
        for maps in (algorithm.left, algorithm.right, algorithm.out)
    )
    found = np.einsum("kr,ri,rj->kij", w, u, v, optimize=True)
    wanted = np.zeros((size, size, size), dtype=np.int64)
    i, j, k = (item.ravel() for item in np.indices((n, n, n)))
    wanted[n * i + k, n * i + j, n * j + k] = 1
    o = algorithm.order
    return int(np.count_nonzero(found - wanted[np.ix_(o, o, o)]))


def exponent(counts: dict[int, float]) -> float:
    """Slope of log counts by log n between the two largest n."""
    (n1, c1), (n2, c2) = sorted(counts.items())[-2:]
    return math.log(c2 / c1) / math.log(n2 / n1)
