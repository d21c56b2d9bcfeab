"""The disputed claims, each with its figure and what was found: writes disputed_claims.md from results of studies.

for study in rbm-stack counterexample rsmi rbm-flow cnn-layers learning-curves compare; do
    rgnet run simulations/$study.toml
done
python analysis/disputed_claims.py data
"""

from pathlib import Path

from _page import write

ROWS = [
    ("rbm-stack", "Is training a Boltzmann machine a renormalization group?", "C4", ""),
    ("counterexample", "Is the condition for that empty?", "C5", ""),
    ("rsmi", "Does locality supply the target?", "C6", ""),
    ("rbm-flow", "Does the flow of a Boltzmann machine run to the critical point?", "C8", ""),
    ("cnn-layers", "Do the layers of a supervised network flow like the RG?", "C8", ""),
    ("learning-curves", "Do deep networks learn a hierarchy from few samples?", "B5", ""),
    ("compare", "All of them on the same draws", "C3, C8", ""),
]
HEAD = """# The disputed claims

Each paragraph is computed from the numbers of its study; errors are one standard deviation. Written by
`python analysis/disputed_claims.py data`.
"""

if __name__ == "__main__":
    write(__doc__, Path(__file__).with_name("disputed_claims.md"), "figures", HEAD, ROWS)
