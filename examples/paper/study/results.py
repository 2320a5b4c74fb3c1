"""The tidy table of results: a row a model, written as soon as it is measured."""

import csv

#: What tells the models of the table apart.
KEY = ("data", "model", "objective", "update", "weighting", "dose", "seed")
_PARTS = ("evaluation", "test")
_MEASURES = (
    "accuracy",
    "log_loss",
    "surrogate",
    "metric",
    "parity_difference",
    "opportunity_difference",
    "static_robust_accuracy",
    "adaptive_robust_accuracy",
)
COLUMNS = (
    *KEY,
    *(f"{part}_{measure}" for part in _PARTS for measure in _MEASURES),
    "asked",
    "reached",
    "step_length",
    "seconds",
    "warnings",
)


class Results:
    """A CSV file that knows which models it holds.

    Parameters
    ----------
    path : Path
        Made if it does not exist. A last row that was not written to its end is
        dropped.
    """

    def __init__(self, path):
        path.touch()
        content = path.read_text(encoding="utf-8")
        content = content[: content.rfind("\n") + 1]
        path.write_text(content, encoding="utf-8")
        self._done = {_key(row) for row in csv.DictReader(content.splitlines())}
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, COLUMNS)
        if not content:
            self._writer.writeheader()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()

    def __contains__(self, row):
        return _key(row) in self._done

    def append(self, row):
        """Write a row to the disk."""
        self._writer.writerow({name: _short(value) for name, value in row.items()})
        self._file.flush()
        self._done.add(_key(row))


def _key(row):
    return tuple(str(_short(row[name])) for name in KEY)


def _short(value):
    return f"{value:.6g}" if isinstance(value, float) else value
