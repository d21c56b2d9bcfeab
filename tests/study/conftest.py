"""What several test files of studies need."""

import time

import pytest


@pytest.fixture
def until():
    """A function that waits for a condition, and fails the test if it never comes true."""

    def wait(condition, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.02)
        pytest.fail("it never came to that")

    return wait
