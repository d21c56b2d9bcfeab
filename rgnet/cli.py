"""The command line: ``rgnet run``, ``compare``, ``dictionary``, ``cheap``, ``status``, ``verify`` and more.

Exit status: 0 done; 1 the computation failed, a repeated point differs, or a row of the
board fails; 2 bad input; 130 and 143 stopped by
Ctrl-C and by SIGTERM.
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
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
    """SIGTERM, or a closed terminal, as an exception: workers are stopped, scratch files removed on the way out."""


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


Data = Annotated[Path, typer.Option(help="Folder of results; a study's are in DATA/NAME/.")]
StudyFile = Annotated[Path, typer.Argument(help="A study (TOML).", show_default=False)]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Number of processes; one for each core by default.", show_default=False)
]
ExecutorName = Annotated[
    str, typer.Option("--executor", help="processes, dask://HOST:PORT, or mpi (under mpiexec).", metavar="NAME")
]
Shard = Annotated[
    str | None,
    typer.Option(metavar="i/n", help="Only the i-th of n shares of the points (a job array).", show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Compute complete points anew.")]
Every = Annotated[float, typer.Option("--checkpoint-every", min=0, help="Seconds between checkpoints of a point.")]


@app.command()
def run(
    file: Annotated[
        Path, typer.Argument(help="A study (TOML), or the HDF5 file of one point to compute again.", show_default=False)
    ],
    data: Data = Path("data"),
    workers: Workers = None,
    executor: ExecutorName = "processes",
    shard: Shard = None,
    force: Force = False,
    checkpoint_every: Every = 60.0,
) -> None:
    """Run a study: sample, coarse-grain, train, measure, draw, report.

    Complete points are skipped, and points that were cut short go on from their last checkpoint: to restart is to run
    again. Several runs may share a folder: each takes points that no other has in hand.

    Given the HDF5 file of a point, compute that point again from the study stored in it, into NAME.again.h5 beside it,
    and say whether the data agree bit for bit.
    """
    with _reported():
        if file.suffix.lower() in (".h5", ".hdf5", ".nc"):
            given = (force, workers, data, executor, shard, checkpoint_every)
            if given != (False, None, Path("data"), "processes", None, 60.0):
                _end("error: the options belong to a study; a point is computed again beside itself", 2)
            _repeat(file)
        else:
            _study(file, data, workers, executor, _share(shard), force, checkpoint_every)


def _asks_for(experiment: str, module: str) -> Callable[..., None]:
    """A command that runs a study which has the experiment, and prints of it alone; see `rgnet.study.asking`."""

    def command(
        file: StudyFile,
        data: Data = Path("data"),
        workers: Workers = None,
        executor: ExecutorName = "processes",
        shard: Shard = None,
        force: Force = False,
        checkpoint_every: Every = 60.0,
    ) -> None:
        with _reported():
            importlib.import_module(f"rgnet.study.{module}").check(file)
            _study(file, data, workers, executor, _share(shard), force, checkpoint_every, experiment)

    return command


_LIKE_RUN = (
    'Takes a study with [[experiments]] of the experiment "{}", such as simulations/{}.toml, and the options of '
    "`rgnet run`, which it is, but for what it prints."
)
app.command(
    "compare",
    help="Run a comparison of networks beside the RG: one table of all levels, and the heat map of every pair.\n\n"
    + _LIKE_RUN.format("comparison", "compare-small"),
)(_asks_for("comparison", "comparing"))
app.command(
    "dictionary",
    help="Run the dictionary of physics and machine learning: every pair of table I of Lin, Tegmark & Rolnick, by "
    "numbers.\n\n" + _LIKE_RUN.format("dictionary", "dictionary"),
)(_asks_for("dictionary", "dictionary"))


@app.command(context_settings={"ignore_unknown_options": True})  # "-x*y" is an expression
def cheap(
    expression: Annotated[
        str,
        typer.Argument(
            help='A polynomial, such as "x*y*z + 2*x**3"; several are separated by ";".', show_default=False
        ),
    ],
    tolerance: Annotated[float, typer.Option(help="Largest error allowed on the box.")] = 1e-6,
    activation: Annotated[
        str, typer.Option(help='A name such as tanh, or a formula in one variable such as "x*exp(-x**2)".')
    ] = "softplus",
    dtype: Annotated[str, typer.Option(help="The arithmetic: float32, float64, or mp with --digits.")] = "float64",
    digits: Annotated[int | None, typer.Option(help="Decimal digits of --dtype mp.", show_default=False)] = None,
    box: Annotated[str, typer.Option(help='Where the error is bounded: "-1,1", or "x=-1,1; y=0,2".')] = "-1,1",
    order: Annotated[
        int | None, typer.Option(help="Power of λ that gates have to be exact to; more neurons.", show_default=False)
    ] = None,
    to: Annotated[Path, typer.Option(help="The picture of the network.")] = Path("network.png"),
) -> None:
    """Compile a polynomial into a network of product gates: print what it costs and what it is worth, and draw it.

    Nothing is trained (Lin, Tegmark & Rolnick 2017): four neurons multiply two numbers.
    """
    with _reported("nothing was written"):
        from rgnet.cheap import command

        def draw(made: Any) -> Any:
            from rgnet.plot import neural_network

            return neural_network.draw(made)

        print(
            command.run(
                expression, tolerance=tolerance, activation=activation, dtype=dtype, digits=digits, box=box,
                order=order, to=to, draw=draw,
            )
        )  # fmt: skip


@app.command()
def status(
    file: StudyFile,
    data: Data = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs: every point, as JSON.")] = False,
) -> None:
    """How far a study is: points done, running, failed, left, and about how long it still takes."""
    with _reported():
        from rgnet import study as studies
        from rgnet.tables import status_json, status_text

        found = studies.status(file, data=data)
        print(status_json(found) if as_json else status_text(found))


@app.command()
def merge(file: StudyFile, data: Data = Path("data")) -> None:
    """Merge the points that are complete, such as those of all shards, into result.h5; draw and report."""
    with _reported():
        from rich.console import Console

        from rgnet import study as studies

        result, missing = studies.merge_complete(file, data=data)
        if missing:
            names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
            print(f"{len(missing)} points are missing and left out: {names} (`rgnet run` computes them)")
        _show(Console(), result)


@app.command()
def report(
    file: Annotated[Path, typer.Argument(help="A result.h5, or the study (TOML) it came from.", show_default=False)],
    to: Annotated[
        Path | None, typer.Option(help="The HTML file; report.html beside the result by default.", show_default=False)
    ] = None,
    data: Data = Path("data"),
) -> None:
    """Write the report of a result: one HTML file with figures, tables and configurations, which opens offline."""
    with _reported():
        from rgnet import report as reports
        from rgnet import study as studies

        if file.suffix.lower() == ".toml":
            file = data / studies.load(file).name / "result.h5"
        print(reports.write(file, to))


@app.command()
def verify(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this row, or rows such as flow or 'exact/*'; may be given again."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="The long rows as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the board as JSON.")] = False,
    workers: Workers = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Other random numbers than usual.", show_default=False)
    ] = None,
) -> None:
    """Measure what is known exactly or was published, and print the board: exit 1 if a row fails."""
    with _reported("nothing is kept of a board that is not complete"):
        from rgnet.verify import board, main

        raise typer.Exit(main(only, full, as_json, workers, board.SEED if seed is None else seed))


@app.command()
def info(
    file: Annotated[Path, typer.Argument(help="An HDF5 file that rgnet wrote.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the same as JSON.")] = False,
) -> None:
    """What a file holds and where it comes from: study, seed, versions, kernel, digests of what it was made from."""
    with _reported():
        import json

        from rgnet import info as infos

        print(json.dumps(infos.as_dict(file), indent=2, ensure_ascii=False) if as_json else infos.describe(file))


def _share(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        _end(f"error: --shard {text}: give i/n with i from 1 to n, such as 3/8 (a job array from 1 to 8)", 2)
    return int(parts[0]), int(parts[1])


def _study(
    file: Path,
    data: Path,
    workers: int | None,
    executor: str,
    shard: tuple[int, int] | None,
    force: bool,
    every: float,
    only: str | None = None,
) -> None:
    from rich.console import Console

    from rgnet import study as studies
    from rgnet.progress import ProgressDisplay

    if executor != "processes" and workers is not None:
        _end(f"error: --workers is the number of processes here; {executor} has workers of its own", 2)
    with nullcontext(None) if executor == "processes" else studies.opened(executor) as chosen:
        if chosen is None and executor != "processes":
            return  # an MPI process that has served
        console = Console()
        with ProgressDisplay(console) as display:
            result = studies.run(
                file, data=data, executor=chosen, workers=workers, shard=shard, force=force, checkpoint_every=every,
                observer=display,
            )  # fmt: skip
    if not display.state.finished:
        total, name = display.state.total, (result if result.is_dir() else result.parent).name
        part = f"shard {shard[0]}/{shard[1]} of " if shard else ""
        print(f"{total} of {total} points of {part}{name} are complete: nothing to compute (--force computes anew).")
    if result.is_dir():
        print(f"Points of other shards are missing: `rgnet status {file}` tells, `rgnet merge {file}` merges them.")
        return
    _show(console, result, only)


def _show(console: Any, result: Path, only: str | None = None) -> None:
    """Tables and words first, which need nothing written, then the figures and the report.

    ``only`` is the experiment that was asked about; all of them, unless given.
    """
    from rgnet import plot
    from rgnet import report as reports
    from rgnet.tables import comparisons, dictionaries, paragraphs, tables

    made = [
        *(tables(result) if only is None else ()),
        *(comparisons(result, console.width) if only in (None, "comparison") else ()),
        *(dictionaries(result) if only in (None, "dictionary") else ()),
    ]
    for table in made:
        console.print(table)
    for name, paragraph in paragraphs(result).items():
        if only in (None, name):
            console.print(f"\n{name}: {paragraph}", markup=False, highlight=False)
    console.print("Errors are statistical: truncation and finite size, where there are any, are not in them.")
    console.print(
        f"\nPoints    {result.parent}{os.sep}*.h5     rgnet.open(path)", markup=False, highlight=False, soft_wrap=True
    )
    console.print(f"Tables    {result}", markup=False, highlight=False, soft_wrap=True)
    figures = plot.up_to_date(result, result.parent / "figures")
    if figures:
        names = ", ".join(path.stem for path in figures)
        heat = [str(path) for path in figures if path.stem == plot.EXPERIMENT + "comparison"]
        for path in heat:
            console.print(f"Heat map  {path}", markup=False, highlight=False, soft_wrap=True)
        console.print(
            f"Figures   {figures[0].parent}{os.sep}*.png: {names}", markup=False, highlight=False, soft_wrap=True
        )
    console.print(f"Report    {reports.up_to_date(result)}", markup=False, highlight=False, soft_wrap=True)


def _repeat(file: Path) -> None:
    from rich.console import Console

    from rgnet import study as studies
    from rgnet.progress import ProgressDisplay

    studies.stored_point(file)  # before anything is said or computed
    typer.echo(f"Computing {file} again from the study stored in it …")
    with ProgressDisplay(Console()) as display:
        outcome = studies.repeat(file, observer=display)
    if outcome.differing:
        typer.echo(f"{outcome.again}: the data DIFFER from {file} in: {', '.join(outcome.differing)}")
        raise typer.Exit(1)
    typer.echo(f"{outcome.again}: the data agree bit for bit with {file} ({outcome.seconds:.1f} s).")


@contextmanager
def _reported(kept: str = "complete points are kept, run again to go on") -> Iterator[None]:
    """Turn what can go wrong into one message and an exit status; a bug keeps its traceback."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see rgnet.__main__
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup is obeyed
        signal.signal(signal.SIGHUP, _terminate)
    try:
        yield
    except KeyboardInterrupt:
        _end(f"stopped; {kept}", 130)
    except _Terminated:
        _end(f"terminated; {kept}", 143)
    except (ValueError, RuntimeError) as error:
        if not type(error).__module__.startswith("rgnet."):
            raise  # a bug
        # StudyError and FileError are about the user's input, PointsFailedError is about the computation
        _end(f"error: {error}", 2 if isinstance(error, ValueError) else 1)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        _end(f"error: {error}", 2)
    except BrokenPipeError:  # whoever read the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from None
    except OSError as error:
        _end(f"error: {error if error.filename or not error.strerror else error.strerror}", 1)


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
