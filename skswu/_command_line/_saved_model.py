"""The model that the command writes, and how its users load it."""

import joblib

from ._output_files import replacing, suffix_of
from ._terminal import listed, printable, shortened


def save_model(model, path):
    """Write a model to a .skops or .joblib file."""
    with replacing(path) as beside:
        _WRITERS[suffix_of(path)](model, beside)


def _dump_skops(model, path):
    import skops.io

    skops.io.dump(model, path)


_WRITERS = {".skops": _dump_skops, ".joblib": joblib.dump}
_LOADERS = {
    ".skops": (
        "import skops.io",
        "# Look at the names before you trust them.",
        "types = skops.io.get_untrusted_types(file={path!r})",
        "model = skops.io.load({path!r}, trusted=types)",
    ),
    ".joblib": ("import joblib", "model = joblib.load({path!r})"),
}


def describe_model(path, problem):
    """Return the lines that say what was saved, and how to load it."""
    label = f"{shortened(problem.target)} = {shortened(problem.positive)}"
    lines = [
        f"Soft-weighted model: {printable(path)}. It predicts 1 for {label}, else 0:",
        "",
        *(f"    {line}" for line in _lines_to_load(path, problem.call)),
    ]
    if problem.call.written:
        names = listed(problem.call.written)
        lines += ["", f"The table must hold numbers, not texts, in {names}."]
    return lines


def _lines_to_load(path, call):
    imported, *load = _LOADERS[suffix_of(path)]
    return [
        *sorted({imported, call.imports}, key=lambda line: line.split()[1]),
        *(line.format(path=str(path)) for line in load),
        f"table = {call.code}",
        "model.predict(table[list(model.feature_names_in_)])",
    ]
