"""The ``rgnet`` command, and ``python -m rgnet``."""

import signal


def main() -> None:
    """Run the command line; Ctrl-C while it is still being read ends the process without a traceback.

    Once a command is at work it hears Ctrl-C itself. Where Ctrl-C was to be ignored, as in a background job of a
    script, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from rgnet.cli import main as command

    command()


if __name__ == "__main__":
    main()
