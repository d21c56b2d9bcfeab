"""The rows of the board, a file for each package checked. A new file is found by being here."""
