"""A tidy CSV file to which finished cells are added."""

import csv
from pathlib import Path

CELL = ("data", "metric", "model", "method", "split")
COLUMNS = (
    *CELL,
    "setting",
    "fit_seconds",
    "predict_seconds",
    "validation_accuracy",
    "validation_disparity",
    "validation_log_loss",
    "accuracy",
    "disparity",
    "log_loss",
    "majority",
)


class Results:
    """Rows of candidates, one block a cell, written at once when it is finished.

    Parameters
    ----------
    path : path-like
        The file; rows that are there stay, and their cells count as finished.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.finished = set()
        if self.path.exists():
            with self.path.open(newline="") as file:
                for row in csv.DictReader(file):
                    self.finished.add(tuple(row[name] for name in CELL))
        else:
            self._write([COLUMNS])

    def __contains__(self, cell):
        return tuple(map(str, cell)) in self.finished

    def add(self, cell, rows):
        """Add the rows of a finished cell."""
        self._write([(*cell, *row) for row in rows])
        self.finished.add(tuple(map(str, cell)))

    def _write(self, rows):
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerows(rows)
