"""Constants of the Ising model on the simple cubic lattice, exp(K Σ_<ij> s_i s_j).

Nothing is known in closed form; these are the best published values, with the error in the last digits.
"""

K_c = 0.221654626
"""Critical coupling, error 5e-9. Ferrenberg, Xu & Landau (2018), Phys. Rev. E 97, 043301 (Monte Carlo)."""

Y_T = 1.587375
"""Thermal exponent y_t = 1/ν, error 1e-5. Kos, Poland, Simmons-Duffin & Vichi (2016), JHEP 08, 036 (bootstrap)."""

Y_H = 2.481851
"""Magnetic exponent y_h = 3 − Δ_σ, error 1e-6. Kos, Poland, Simmons-Duffin & Vichi (2016) (bootstrap)."""
