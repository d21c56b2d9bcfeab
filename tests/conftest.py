"""What several test files share."""

import json
import os
import shutil

import numpy as np
import pytest
import xarray as xr
from hypothesis import settings

from rgnet import exact, lattice

# The examples of a property test are the same in every run, as the seeds of all other tests are;
# `pytest --hypothesis-profile=default` draws others
settings.register_profile("rgnet", derandomize=True, deadline=None)
settings.load_profile("rgnet")

# Every file is fsynced, which takes some 10 ms a file on a disk and adds nothing to what tests see: temporary files are
# kept in memory where there is plenty
if os.path.ismount("/dev/shm") and shutil.disk_usage("/dev/shm").free > 4 << 30 and os.access("/dev/shm", os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")


@pytest.fixture(scope="session")
def exact_samples():
    """A function (model, draws, chains, seed) -> Dataset of independent draws from the enumerated distribution."""

    def draw(model, draws, chains, seed):
        p = exact.distribution(model.energy, model.shape)
        picks = np.random.default_rng(seed).choice(p.size, size=(chains, draws), p=p)
        return xr.Dataset(
            {"spin": (("chain", "draw", *lattice.dims(model.ndim)), exact.states(model.shape)[picks])},
            attrs={
                "model": json.dumps(model.to_dict()),
                "boundary": json.dumps(list(model.boundary)),
                "level": 0,
                "scale": 1,
            },
        )

    return draw
