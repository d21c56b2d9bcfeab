"""The command line: ``rgnet run STUDY.toml`` and ``rgnet run POINT.h5``.

Exit status: 0 done; 1 the computation failed, or a repeated point differs; 2 bad input; 130 and 143 stopped by
Ctrl-C and by SIGTERM.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

import rgnet

app = typer.Typer(
    name="rgnet",
    help="Renormalization group and neural networks, measured on the same data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class _Terminated(BaseException):
    """SIGTERM, as an exception so that workers are stopped and scratch files removed on the way out."""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"rgnet {rgnet.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="A study (TOML), or the HDF5 file of one point to compute again.")],
    data: Annotated[Path, typer.Option(help="Folder of results; a study goes to DATA/NAME/.")] = Path("data"),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes; one for each core by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Compute complete points anew.")] = False,
) -> None:
    """Run a study: sample, coarse-grain, measure, and draw. Complete points are skipped, so to restart is to run again.

    Given the HDF5 file of a point, compute that point again from the study stored in it, into NAME.again.h5 beside it,
    and say whether the data agree bit for bit.
    """
    with _reported():
        if file.suffix.lower() in (".h5", ".hdf5", ".nc"):
            if force or workers is not None or data != Path("data"):
                _end(
                    "error: --force, --workers and --data belong to a study; a point is computed again beside itself", 2
                )
            _repeat(file)
        else:
            _study(file, data, workers, force)


def _study(file: Path, data: Path, workers: int | None, force: bool) -> None:
    from rich.console import Console

    from rgnet import study as studies
    from rgnet.progress import ProgressDisplay

    console = Console()
    study = studies.load(file)
    total = len(studies.points(study))
    computed = 0

    with ProgressDisplay(console, total) as display:

        def observe(state: studies.State) -> None:
            nonlocal computed
            computed = len(state.finished)
            display(state)

        result = studies.run(study, data=data, workers=workers, force=force, observer=observe)
    if not computed:
        console.print(
            f"{total} of {total} points of {study.name} are complete: nothing to compute (--force computes anew).",
            highlight=False,
            soft_wrap=True,
        )
    _show(console, result)


def _show(console: Any, result: Path) -> None:
    """Tables first, which need nothing written, then the figures."""
    from rgnet import plot
    from rgnet.tables import tables

    for table in tables(result):
        console.print(table)
    console.print("Errors are statistical: truncation (few operators) and finite size are not in them.", soft_wrap=True)
    console.print(f"\nPoints    {result.parent}{os.sep}*.h5     rgnet.open(path)", highlight=False, soft_wrap=True)
    console.print(f"Tables    {result}", highlight=False, soft_wrap=True)
    figures = plot.up_to_date(result, result.parent / "figures")
    if figures:
        names = ", ".join(path.stem for path in figures)
        console.print(f"Figures   {figures[0].parent}{os.sep}*.png: {names}", highlight=False, soft_wrap=True)


def _repeat(file: Path) -> None:
    from rich.console import Console

    from rgnet import study as studies
    from rgnet.progress import ProgressDisplay

    studies.stored_point(file)  # before anything is said or computed
    typer.echo(f"Computing {file} again from the study stored in it …")
    with ProgressDisplay(Console(), 1) as display:
        outcome = studies.repeat(file, observer=display)
    if outcome.differing:
        typer.echo(f"{outcome.again}: the data DIFFER from {file} in: {', '.join(outcome.differing)}")
        raise typer.Exit(1)
    typer.echo(f"{outcome.again}: the data agree bit for bit with {file} ({outcome.seconds:.1f} s).")


@contextmanager
def _reported() -> Iterator[None]:
    """Turn what can go wrong into one message and an exit status; a bug keeps its traceback."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt:
        _end("stopped; complete points are kept, run again to go on", 130)
    except _Terminated:
        _end("terminated; complete points are kept, run again to go on", 143)
    except (ValueError, RuntimeError) as error:
        if not type(error).__module__.startswith("rgnet."):
            raise  # a bug
        # StudyError and FileError are about the user's input, PointsFailedError is about the computation
        _end(f"error: {error}", 2 if isinstance(error, ValueError) else 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        _end(f"error: {error}", 2)
    except OSError as error:
        _end(f"error: {error}", 1)


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise _Terminated


def _end(message: str, status: int) -> NoReturn:
    print(f"rgnet: {message}", file=sys.stderr)
    raise typer.Exit(status)


def main() -> None:
    """Entry point of the ``rgnet`` command."""
    app()


if __name__ == "__main__":
    main()
