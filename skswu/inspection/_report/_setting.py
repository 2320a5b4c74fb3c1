"""What a report knows beside its tables."""

from dataclasses import dataclass

from . import _wording as words
from ._verdicts import Aim


@dataclass(frozen=True)
class Setting:
    """How a report was made; the sentences take from here what no table has.

    Attributes
    ----------
    title, subtitle : str
        On top of the page.
    aim : Aim
        What the correction was for.
    is_correction : bool
        Whether the second classifier is a correction that tells about itself.
    favourable, other : str
        What the labels are called.
    n_rows : int
        Number of test rows.
    is_weighted : bool
        Whether they have sample weights.
    level, min_ratio, min_share, n_boot : float, float, float, int
        As :class:`CorrectionReport` takes them.
    base_rates : dict of str to float
        Share of favourable labels of the groups of ``aim.feature``.
    guess_correlation : float or None
        See :class:`GroupGuess`; None where it was not measured.
    n_repeated : int or None
        Test rows that equal a training row; None where that is not known.
    strata : list of str
        Strata of control features, within which the correction compared the groups;
        empty where there are none.
    warnings : list of str or None
        That the correction met; None where that is not known.
    """

    title: str
    subtitle: str
    aim: Aim
    is_correction: bool
    favourable: str
    other: str
    n_rows: int
    is_weighted: bool
    level: float
    min_ratio: float
    min_share: float
    n_boot: int
    base_rates: dict
    guess_correlation: float | None
    n_repeated: int | None
    strata: list
    warnings: list | None

    @property
    def percent(self):
        """The level of the intervals as text."""
        return words.chosen_percent(self.level)
