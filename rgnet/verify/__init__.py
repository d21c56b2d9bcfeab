"""The verification board: known numbers, each measured again here and now, with its error, and judged.

    registry    `Row`, `check`: a row is a few lines in one file of `rgnet.verify.rows`, a file for each package checked
    board       `run`: measures rows in parallel and judges them by one limit for the whole board
    showing     the board as a table, as JSON, as text
    command     `main`: what ``rgnet verify`` does

Importing it loads none of numba, xarray and matplotlib; running it loads what the rows need.
"""

from rgnet.verify.board import Board, Outcome, Progress, Skipped, run
from rgnet.verify.command import main
from rgnet.verify.registry import Check, Measured, Row, UnknownRowError, check, checks, published, select
from rgnet.verify.showing import show, summary, table, text, to_dict, to_json

__all__ = [
    "Board", "Check", "Measured", "Outcome", "Progress", "Row", "Skipped", "UnknownRowError",
    "check", "checks", "main", "published", "run", "select", "show", "summary", "table",
    "text", "to_dict", "to_json",
]  # fmt: skip
