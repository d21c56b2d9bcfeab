"""The ``rgnet`` command, and ``python -m rgnet``."""

import signal


def main() -> None:
    """Run the command line; Ctrl-C while it is still being imported ends the process without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from rgnet.cli import main as command

    signal.signal(signal.SIGINT, signal.default_int_handler)
    command()


if __name__ == "__main__":
    main()
