"""Groups that are to be compared and have no row that is measured."""

from contextlib import contextmanager

# What may be done about it, where nobody knows which rows are measured.
_GIVE_ROWS = "Give evaluation rows that cover every group"


class MissingGroupsError(ValueError):
    """Groups that an objective compares have no row among those that are measured.

    Parameters
    ----------
    objective : str
        Name of its class.
    groups : str
        The groups, in words.
    rows : str or None, default=None
        Which rows are measured, in words; None is not known here.
    cure : str, default="Give evaluation rows that cover every group"
        What may be done about it, beside changing the groups.
    """

    def __init__(self, objective, groups, rows=None, cure=_GIVE_ROWS):
        super().__init__(objective, groups, rows, cure)
        self.objective, self.groups, self.rows, self.cure = self.args

    def __str__(self):
        return (
            f"{self.objective} cannot be measured: {self.reason}. {self.cure}, or "
            "merge or drop the group."
        )

    @property
    def reason(self):
        """Say which rows lack which groups."""
        rows = self.rows or "the evaluation rows"
        return f"{rows} hold no row (of positive weight) of {self.groups}"


def rows_in_words(is_held_out):
    """Return which rows are measured, and what may be done about those they lack."""
    if is_held_out:
        return "the evaluation rows", _GIVE_ROWS
    return "the training rows", "Give evaluation rows (X_val) that cover every group"


@contextmanager
def measuring(rows, cure):
    """Have a MissingGroupsError name the rows, unless one within has done so.

    Parameters
    ----------
    rows, cure : str
        See :class:`MissingGroupsError`.
    """
    try:
        yield
    except MissingGroupsError as error:
        if error.rows is not None:
            raise
        raise MissingGroupsError(error.objective, error.groups, rows, cure) from None
