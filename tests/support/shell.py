"""The command ``rgnet`` as a user runs it."""

import os
import signal
import subprocess
import sys
from contextlib import chdir

from typer.testing import CliRunner


def rgnet(*arguments, cwd, before=(), timeout=300, env=None):
    """The finished process; ``before`` are words in front of the command, such as a limit on its memory.

    ``env`` are further variables of its environment.
    """
    command = [*before, sys.executable, "-m", "rgnet", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}
    )


def within(*arguments, cwd):
    """The command in this process, which spares the start of another: exit_code, stdout, stderr."""
    from rgnet.cli import app

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        with chdir(cwd):
            return CliRunner().invoke(app, [str(argument) for argument in arguments])
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
