"""The command ``rgnet`` as a user runs it."""

import os
import subprocess
import sys


def rgnet(*arguments, cwd, before=(), timeout=300, env=None):
    """The finished process; ``before`` are words in front of the command, such as a limit on its memory.

    ``env`` are further variables of its environment.
    """
    command = [*before, sys.executable, "-m", "rgnet", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}
    )
