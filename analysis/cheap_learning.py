"""The paper, claim by claim, with what the code measured: writes docs/cheap_learning.md from results of studies.

for study in exact-classifier product-gate polynomials bit-products what-physics-saves maximum-entropy flattening \
        flattening-linear product-sufficient product-necessary product-depth dictionary; do
    rgnet run simulations/$study.toml
done
python analysis/cheap_learning.py data
"""

from pathlib import Path

from _page import write

HEAD = """# Cheap learning, measured

A walk through Lin, Tegmark & Rolnick, *Why does deep and cheap learning work so well?* (J. Stat. Phys. 168, 1223,
2017): every construction of the paper built by `rgnet.cheap`, counted, and run at finite precision; every assumption
put to data. In each section the claim comes first, in italics; then how it is tested, and what was found, which is
computed from the numbers of the study named; errors are one standard deviation, information is in nats. Written by
`python analysis/cheap_learning.py data`.

Three things the paper does not say, and this page does. **Precision**: "fixed size, whatever the accuracy" holds for
exact real numbers; with b bits the error has a floor, and the number of bits is part of the cost. **Learnability**:
that a network exists does not mean that training finds it. **Whether data are simple**: that physical Hamiltonians
have few parameters was argued; here they are fitted, and coarse-grained.

```python
import rgnet as rg

found = rg.cheap.compile("x*y*z + 2*x**3", tolerance=1e-6)  # a network of product gates, nothing trained
print(found.report)  # neurons, synapses, depth, weights, error promised and achieved
found([0.5, -0.2, 0.9])  # its value; found.network.mp(points, digits=50) in any precision
rg.cheap.product(8, depth=1, dtype="mp")  # one hidden layer of 2^8 neurons; depth=None: the tree
rg.cheap.certificate([[1, 1], [1, -1]], [0, 0], 2, activation="softplus")  # can these neurons multiply at all?
```

From the shell: `rgnet cheap "x*y*z + 2*x**3" --tolerance 1e-6` prints and draws the network, and
`rgnet dictionary simulations/dictionary.toml` prints the paper's Table I with numbers.
"""

ROWS = [
    (
        "exact-classifier", "A Hamiltonian is a classifier", "A1",
        "The classifier of two lattice ensembles is written down from their Hamiltonians, one softmax on top, and then "
        "compiled to neurons, one for each product of spins. A network that was trained stands beside it.",
    ),
    (
        "product-gate", "Four neurons multiply two numbers", "A2",
        "With plain Taylor coefficients σ(b + a) = Σ σ_k a^k, the four neurons σ(±(u + v)), σ(±(u − v)) give uv up "
        "to a relative error of order λ² when inputs are scaled by λ. Outputs are scaled by λ⁻², and rounding with "
        "them: the floor is predicted from the Taylor coefficients and the number of bits, and measured.",
    ),
    (
        "polynomials", "Polynomials are networks of fixed size", "A3",
        "Random polynomials are compiled: few multiplications by a heuristic, a gate for each, copies where a value is "
        "needed later, the scale of every gate from the share of the error it may make.",
    ),
    (
        "bit-products", "One neuron multiplies any number of bits", "A4",
        "A logistic neuron of steepness β is a product of bits up to e^(−β/2); functions of bits need one neuron for "
        "each monomial.",
    ),
    (
        "what-physics-saves", "What physics saves, and whether data have it", "A5",
        "Counts first, by formula and by enumerating orbits. Then data: Hamiltonians of growing degree and range are "
        "fitted by pseudo-likelihood to spins, to their block spins, and to the bit planes of photographs, and judged "
        "on chains that the fit has not seen.",
    ),
    (
        "maximum-entropy", "Quadratic Hamiltonians and Gaussian fields", "A6",
        "The same fits for real fields, whose conditional distributions are normalised by quadrature.",
    ),
    (
        "flattening", "Flattening by training", "D1",
        "Networks of one, two and three hidden layers are trained to multiply n numbers, with restarts; the smallest "
        "width that reaches the tolerance stands beside the constructions.",
    ),
    (
        "flattening-linear", "Flattening linear networks", "D2",
        "Synapses are counted on real factorizations: the Fourier matrix as butterflies, matrices of low rank, "
        "products of sparse random ones, fast matrix multiplication.",
    ),
    (
        "product-sufficient", "2ⁿ neurons multiply n numbers", "D3",
        "The network of the paper's Appendix A is built, its Taylor coefficients summed exactly, and run at the "
        "precision that the prediction asks for.",
    ),
    (
        "product-necessary", "… and fewer do not, in the theorem's setting", "D4",
        "For given weights and biases of the hidden layer, whether any output weights make it a product is a linear "
        "system. It is solved exactly, and the certificate says which condition fails.",
    ),
    (
        "product-depth", "Depth makes products cheap", "D5",
        "Binary trees, and the family with k hidden layers between tree and single layer, built and counted.",
    ),
    (
        "dictionary", "The dictionary", "table E",
        "Every pair of the paper's Table I as a number on the same data, beside its exact value where there is one.",
    ),
]  # fmt: skip

TAIL = """## Where the paper and the measurements part

- **"Any accuracy" is paid in digits.** Four neurons multiply, a tree of them multiplies n numbers, and 2ⁿ in one
  layer do too, as claimed. But each scales by a power of λ, and the arithmetic sets a floor: mild for the tree,
  ruinous for one layer. Depth saves precision as well as neurons, which the paper does not count. The floor depends
  on where the activation is expanded, and the paper's point 0 is seldom the best.
- **2ⁿ is the bound of one setting**: one common bias, no bias at the output, Taylor coefficients matched at the
  origin. Biases of their own, or a bias at the output, already break it, exactly and by example; what is left is
  2ⁿ⁻¹, still exponential. Bits have no such bound: one neuron multiplies any number of them.
- **Training is another matter.** Trained networks of one layer need a number of neurons that grows exponentially,
  near 2ⁿ⁻¹, at an error that the theorem does not speak of; deeper ones need fewer, but most restarts fail. That a
  network exists does not mean that it is found.
- **Data are simple until they are coarse-grained.** Samples of a lattice model need its own few couplings and no
  more. Their block spins need more on every level, as the paper concedes, though nearest neighbours keep nearly all
  of the gain. Bit planes of photographs show no end of the parameters that help.
- **Flat linear networks cost what is claimed**, counted; Strassen's algorithm saves synapses by depth, no
  multiplications, and only for matrices larger than most. The n^0.627 of the paper is no lower bound.
- **"Nearly lossless" depends on what is asked.** Block spins keep nearly all about the field h and half about the
  coupling K; information is kept along relevant directions of the flow and lost along irrelevant ones, but K is only
  marginally relevant in this sense (2 y_t = d).
"""

if __name__ == "__main__":
    page = Path(__file__).parents[1] / "docs" / "cheap_learning.md"
    write(__doc__, page, "images/cheap", HEAD, ROWS, TAIL)
