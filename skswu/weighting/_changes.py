"""Changes of the sample weights, made where they are read."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np


@dataclass(frozen=True, eq=False)
class Changes:
    r"""Changes :math:`\varepsilon_s` of the weights, of a few numbers each.

    .. math:: \varepsilon_s = \mathrm{clip}(\varepsilon_0 + \lambda_s A / c,
              \mathrm{lower}, \mathrm{upper})

    with the influences A and the sample weights c that rows know, and
    :math:`\varepsilon_0` their ``origin`` if they have one. Changes that are no such
    combination are noted beside the rows.

    Attributes
    ----------
    multipliers : ndarray of shape (n_changes, n_influences)
        The :math:`\lambda_s`; zeros for a change that is given.
    lower, upper : float
        The bounds.
    given : ndarray of int of shape (n_changes,)
        Position in what the rows know of changes that are given, or -1.
    sizes : ndarray of shape (n_changes,)
        The lengths of the changes, 0 for none at all.
    totals : ndarray of shape (n_changes,)
        Their sums; both count each row by its sample weight.
    messages : tuple of (str or None)
        What to tell where the target is out of reach, for each change.
    strengths : ndarray of shape (n_changes,) or None, default=None
        What the changes are smooth in.
    noted_as : str, default="given"
        Under which name rows know the changes that are given.
    """

    multipliers: np.ndarray
    lower: float
    upper: float
    given: np.ndarray
    sizes: np.ndarray
    totals: np.ndarray
    messages: tuple
    strengths: np.ndarray | None = None
    noted_as: str = "given"

    @property
    def n_changes(self):
        """Number of changes."""
        return len(self.multipliers)

    @property
    def are_combinations(self):
        """Whether all of them are combinations of influences, but for the bounds."""
        return bool((self.given < 0).all())

    def epsilon(self, block):
        """Return the changes of a block's rows, (n_changes, n_rows), new."""
        epsilon = self._combinations(block)
        np.clip(epsilon, self.lower, self.upper, out=epsilon)
        self._fill_given(block, epsilon)
        return epsilon

    def clipped(self, block):
        """Return what bounds took from combinations of influences."""
        unclipped = self._combinations(block)
        epsilon = np.clip(unclipped, self.lower, self.upper)
        return np.subtract(epsilon, unclipped, out=epsilon)

    def _combinations(self, block):
        epsilon = self.multipliers @ block["influence"]
        if "count" in block:
            epsilon *= block.inverse_count
        if "origin" in block:
            epsilon += block["origin"]
        return epsilon

    def _fill_given(self, block, epsilon):
        is_given = np.flatnonzero(self.given >= 0)
        if len(is_given):
            epsilon[is_given] = block[self.noted_as][self.given[is_given]]

    def take(self, which):
        """Return some of the changes, by positions."""
        strengths = self.strengths
        return replace(
            self,
            multipliers=self.multipliers[which],
            given=self.given[which],
            sizes=self.sizes[which],
            totals=self.totals[which],
            messages=tuple(self.messages[k] for k in which),
            strengths=None if strengths is None else np.asarray(strengths)[which],
        )

    def with_given(self, which, some):
        """Return changes of which some are others, which rows know.

        Parameters
        ----------
        which : ndarray of int of shape (n_some,)
            Positions of the changes.
        some : Changes
            As many, all given.
        """
        messages = list(self.messages)
        for position, message in zip(which, some.messages, strict=True):
            messages[position] = message
        parts = {
            name: getattr(self, name).copy()
            for name in ("multipliers", "given", "sizes", "totals")
        }
        for name, part in parts.items():
            part[which] = getattr(some, name)
        return replace(self, messages=tuple(messages), **parts)

    def collect(self, rows, position):
        """Return one change of all rows, shape (n_rows,).

        Parameters
        ----------
        rows : RowBlocks
            That the changes are of.
        position : int
            Which change.
        """
        # By a name of its own: what is kept of rows as their epsilon stays.
        self.take([position]).note(rows, "collected")
        epsilon = rows.collect("collected")
        rows.forget("collected")
        return epsilon

    def note(self, rows, name="epsilon"):
        """Let rows know a single change.

        Parameters
        ----------
        rows : RowBlocks
            That it is of.
        name : str, default="epsilon"
            Under which they know it.
        """
        rows.reduce(partial(note_epsilon, changes=self, name=name))

    def noted(self, rows, name):
        """Return a single change as one that rows know under a name of its own.

        Parameters
        ----------
        rows : RowBlocks
            That it is of.
        name : str
            The name.

        Returns
        -------
        Changes
        """
        rows.reduce(partial(_note_changes, changes=self, name=name))
        return noted_change(rows, name, self.multipliers.shape[1])


def note_epsilon(block, changes, name):
    """Note a single change of the weights beside the rows of a block."""
    block[name] = changes.epsilon(block)[0]
    return ()


def _note_changes(block, changes, name):
    block[name] = changes.epsilon(block)
    return ()


def noted_change(rows, name, n_influences):
    """Return a change of the weights that rows know under a name.

    Parameters
    ----------
    rows : RowBlocks
        That the change is of.
    name : str
        Of the note, (1, n_rows).
    n_influences : int
        Number of influences that rows know.

    Returns
    -------
    Changes
        A single one.
    """
    return given_changes(rows, (None,), n_influences, name)


def given_changes(rows, messages, n_influences, name="given"):
    """Return changes of the weights that rows know.

    Parameters
    ----------
    rows : RowBlocks
        That know the changes, (n_changes, n_rows).
    messages : sequence of (str or None)
        What to tell where a target is out of reach, one a change.
    n_influences : int
        Number of influences that rows know.
    name : str, default="given"
        Under which they know the changes.

    Returns
    -------
    Changes
    """
    ((squares, totals),) = rows.reduce(partial(_sums_of_note, name=name))
    n = len(messages)
    return Changes(
        multipliers=np.zeros((n, n_influences)),
        lower=-np.inf,
        upper=np.inf,
        given=np.arange(n),
        sizes=np.sqrt(squares),
        totals=totals,
        messages=tuple(messages),
        noted_as=name,
    )


def _sums_of_note(block, name):
    epsilon = block[name]
    weighted = epsilon * block.count
    return np.einsum("sn,sn->s", weighted, epsilon), weighted.sum(axis=1)


def out_of_range(weighting):
    """Return the error of changes of the weights that are no numbers."""
    return ValueError(
        f"The changes of the sample weights by {weighting!r} are not finite, or beyond "
        "the range of floats: ask for less (strength), and see whether X or "
        "sample_weight holds numbers of such a size."
    )
