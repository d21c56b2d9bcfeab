"""The command ``rgnet`` as a user runs it."""

import subprocess
import sys


def rgnet(*arguments, cwd, before=(), timeout=300):
    """The finished process; ``before`` are words in front of the command, such as a limit on its memory."""
    command = [*before, sys.executable, "-m", "rgnet", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout)
