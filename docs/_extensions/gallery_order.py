"""The order of the gallery: what one reads first comes first."""

_FIRST = [
    "plot_quick_start_adult.py",
    "plot_the_idea.py",
    "plot_before_and_after.py",
    "plot_correction_report.py",
    "plot_comparing_with_fairlearn.py",
    "plot_hard_against_soft.py",
    "plot_over_unlearning.py",
    "plot_auditing_the_weights.py",
    "plot_grid_search_routing.py",
]


class GalleryOrder:
    """Sorts examples: those of a list in its order, then the others by name.

    Parameters
    ----------
    folder : str
        Where the examples are.
    """

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        """Return what an example is sorted by."""
        position = _FIRST.index(name) if name in _FIRST else len(_FIRST)
        return position, name
