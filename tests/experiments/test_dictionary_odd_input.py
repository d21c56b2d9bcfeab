"""The dictionary at couplings where little can be told."""

import math

import numpy as np
import pytest
import xarray as xr

from rgnet.exact import enumerate as full
from rgnet.experiments._dictionary_ensembles import _slope
from rgnet.experiments._dictionary_rows import Row, verdict
from rgnet.experiments.dictionary import _of_directions
from rgnet.models import Ising


def test_slopes_of_weak_couplings_may_be_negative_or_large():
    H = np.asarray(Ising((3, 3), K=0.004).energy(full.states((3, 3))))
    for b in (-30.0, 1.0, 45.0):
        p = np.exp(-b * H)
        assert _slope(float(p @ H / p.sum()), H) == pytest.approx(b, rel=1e-6)
    with pytest.raises(ValueError, match="one energy"):
        _slope(float(H.min()), H)


def test_a_share_that_was_not_found_is_not_partly_kept():
    assert verdict(Row(7, "", math.nan, math.nan, "share"), 3.0) == "not found"


@pytest.mark.parametrize(
    ("error", "words"), [(0.01, "The flow alone tells features from noise"), (0.3, "does not say whether")]
)
def test_the_verdict_on_directions_heeds_their_errors(error, words):
    def sector(size, kept):
        one = ("direction", "level")
        return xr.Dataset(
            {
                "eigenvalue": ("direction", [size]),
                "eigenvalue_stderr": ("direction", [0.01]),
                "kept": (one, [[1.0, kept]]),
                "kept_stderr": (one, [[0.0, error]]),
            }
        )

    groups = {"directions/even": sector(1.9, 0.7), "directions/odd": sector(0.2, 0.1)}
    assert words in _of_directions(groups)
