"""The report of a correction, to show to others."""

from datetime import datetime, timezone
from importlib.metadata import version
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._utils._array_api import as_numpy
from ..inputs._network_inputs import check_labels_of
from ..inputs._rows_of_data import is_dataset
from ._report import _html, _markdown
from ._report import _wording as words
from ._report._cautions import cautions as find_cautions
from ._report._comparison import compare
from ._report._correction_facts import (
    TrainingRows,
    aim_of,
    checks_table,
    information,
    is_correction,
    provenance_rows,
    versions,
    warnings_met,
    weights_table,
)
from ._report._files import write_text
from ._report._fingerprints import fingerprint
from ._report._group_guess import guess_groups, probabilities
from ._report._inputs import (
    LabelNames,
    favourable_label,
    read_decisions,
    read_features,
)
from ._report._measures import SELECTION_RATE
from ._report._sections import make_document
from ._report._setting import Setting
from ._report._tables import (
    base_rates,
    changed_table,
    errors_table,
    measures_table,
    selection_table,
    unknown_table,
)
from ._report._verdicts import question_of, verdicts_table

_SMALLEST_PROBABILITY = np.finfo(np.float64).eps


class CorrectionReport:
    """What a correction did, on rows that it has not seen, as a page to show to others.

    :meth:`from_estimator` makes one. It compares the decisions of the corrected
    classifier with those of the original on the same rows: selection rates and impact
    ratios by group, other gaps and errors, whose decision changed, how it was done,
    from what, and what to beware of. Every number has an interval, and a finding is
    "yes" or "no" only where the whole interval says so.

    Parameters
    ----------
    tables : dict of str to DataFrame
        One a section: ``"verdicts"``, ``"selection"``, ``"unknown"``, ``"measures"``,
        ``"errors"``, ``"changed"``, ``"weights"``, ``"checks"`` and ``"provenance"``;
        for selection rates also ``"implicit_guess"``, where it can be measured.
    setting : object
        How the tables were made.

    Attributes
    ----------
    tables : dict of str to DataFrame
        As given. Where there are several sensitive features, a column ``"feature"``
        names the one that a row is about; the crossing of all comes last.
    verdicts : dict of str to str
        The findings of the summary: a question to ``"yes"``, ``"no"`` or
        ``"undecided"``.
    cautions : list of str
        What to know before relying on the report, made from what was met.
    title : str
        Of the page.

    See Also
    --------
    weights_summary : The weights of a correction in a few numbers.

    Notes
    -----
    Intervals are paired: a row is one of label, decision before and decision after in
    its group, so that to draw rows with replacement is to draw eight counts a group
    from a multinomial distribution; the limits are percentiles. A group gets one row
    more, spread over the eight, without which an empty count would never vary. Single
    rates have Wilson's intervals. With sample weights the rows themselves are drawn.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.datasets import load_adult
    >>> from skswu.inspection import CorrectionReport
    >>> from skswu.objectives import DemographicParity
    >>> from skswu.weighting import SoftWeighting
    >>> def load(subset):
    ...     frame = load_adult(subset=subset).frame[:3000]
    ...     X = frame[["age", "education_num", "hours_per_week"]]
    ...     return X, frame["income"], frame["sex"]
    >>> X, y, sex = load("train")
    >>> X_test, y_test, sex_test = load("test")
    >>> model = UnlearningClassifier(
    ...     LogisticRegression(max_iter=1000).fit(X, y),
    ...     objective=DemographicParity(pos_label=">50K"),
    ...     weighting=SoftWeighting(strength=0.5),
    ... ).unlearn(X, y, sensitive_features=sex)
    >>> report = CorrectionReport.from_estimator(
    ...     model, X_test, y_test, sensitive_features=sex_test, pos_label=">50K"
    ... )
    >>> report.verdicts["gap in selection rate by sex: narrower than before"]
    'yes'
    >>> report.tables["selection"][["feature", "group", "rows"]]
      feature   group  rows
    0     sex  Female   985
    1     sex    Male  2015
    >>> page = report.to_html()  # or report.to_html("report.html")
    """

    def __init__(self, tables, setting):
        self.tables = tables
        self._setting = setting

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X_test,
        y_test,
        *,
        sensitive_features,
        original=None,
        sample_weight=None,
        pos_label=None,
        min_ratio=0.8,
        min_share=0.02,
        n_boot=2000,
        level=0.95,
        random_state=0,
        training=None,
        title=None,
        label_names=None,
    ):
        """Compare a corrected classifier with the original on test rows.

        Parameters
        ----------
        estimator : classifier
            Fitted: an :class:`~skswu.UnlearningClassifier`, a search over one, or any
            classifier to compare with ``original``.
        X_test : {array-like, sparse matrix, DataFrame} of shape (n_rows, n_features)
            Rows that took no part in training and correction.
        y_test : array-like of shape (n_rows,)
            Their labels.
        sensitive_features : array-like, Series or DataFrame of shape (n_rows,) or \
                (n_rows, n_sensitive), str or None
            Their groups. Of several columns each is reported, and their crossing.
            Missing values are allowed; such rows are counted, but in no group. A
            string names a column of ``X_test``; None reads the columns that the
            estimator's constructor names.
        original : classifier, default=None
            Fitted, to compare with; None is the estimator's ``original_estimator_``.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the test rows.
        pos_label : str, int, bool or None, default=None
            The favourable label; all others together are the other one. None is that
            of the estimator's objective, or else the greater of two.
        min_ratio : float, default=0.8
            The lowest impact ratio that the summary asks for, in [0, 1].
        min_share : float, default=0.02
            Groups with a smaller share of the rows are counted, but compared with
            none, in [0, 1).
        n_boot : int, default=2000
            Number of draws for the intervals.
        level : float, default=0.95
            Level of the intervals, in (0, 1).
        random_state : int, RandomState instance or None, default=0
            Draws for the intervals.
        training : tuple of (X, y, sensitive_features), default=None
            What the correction was given, as it was. Adds the weights by label and
            group, fingerprints of the rows, and how many test rows are among them.
        title : str or None, default=None
            Title of the page; None says what was corrected.
        label_names : dict of label to str, default=None
            What labels are called on the page, such as ``{0: "denied", 1:
            "approved"}``; those that are not in it keep their own.

        Returns
        -------
        report : CorrectionReport
            The report.

        Raises
        ------
        ValueError
            For data that do not fit together, or parameters out of their range.
        """
        _check_parameters(min_ratio, min_share, n_boot, level)
        estimator = _best(estimator)
        models = (_original(estimator, original), estimator)
        y_test = as_numpy(y_test)
        check_consistent_length(X_test, y_test)
        if is_dataset(X_test):
            check_labels_of(X_test, y_test, "y_test")
        n_rows, random_state = len(y_test), check_random_state(random_state)
        columns = getattr(estimator, "sensitive_features", None)
        features = read_features(sensitive_features, X_test, columns, n_rows)
        pos_label = favourable_label(pos_label, estimator, models, y_test)
        names = LabelNames(label_names)
        decisions = read_decisions(
            models, X_test, y_test, pos_label, sample_weight, names
        )
        comparison = compare(
            decisions,
            features,
            random_state=random_state,
            level=level,
            min_ratio=min_ratio,
            min_share=min_share,
            n_boot=n_boot,
        )
        if training is not None:
            training = TrainingRows(training, estimator, columns, names)
        return _ReportMaker(
            models, X_test, y_test, comparison, pos_label, training, title
        ).make(cls)

    @property
    def title(self):
        """Title of the page."""
        return self._setting.title

    @property
    def verdicts(self):
        """The findings of the summary: a question to "yes", "no" or "undecided"."""
        rows = self.tables["verdicts"].to_dict("records")
        return {question_of(row): row["finding"] for row in rows if row["finding"]}

    @property
    def cautions(self):
        """What to know before relying on the report."""
        return find_cautions(self.tables, self._setting)

    def to_html(self, path=None):
        """Return the report as one HTML file without scripts, or write it.

        Parameters
        ----------
        path : str or path-like, default=None
            Where to write it. A write that fails leaves the old file as it was.

        Returns
        -------
        str or None
            The page; None if it was written to ``path``.
        """
        page = _html.page(self._document())
        if path is None:
            return page
        write_text(path, page)
        return None

    def to_markdown(self):
        """Return the report as Markdown.

        Returns
        -------
        str
            The text; figures are replaced by their numbers.
        """
        return _markdown.text(self._document())

    def to_dict(self):
        """Return the report as plain types, which JSON takes.

        Returns
        -------
        dict
            ``"title"``, ``"verdicts"``, ``"cautions"`` and ``"tables"``: for each the
            list of its rows as dicts; what is not a number is None.
        """
        return {
            "title": self.title,
            "verdicts": self.verdicts,
            "cautions": self.cautions,
            "tables": {name: _records(table) for name, table in self.tables.items()},
        }

    def _document(self):
        return make_document(self.tables, self._setting, self.cautions)

    def _repr_html_(self):
        return _html.fragment(self._document())

    def __repr__(self):
        found = [f"{key}: {value}" for key, value in self.verdicts.items()]
        return "\n  ".join([f"CorrectionReport: {self.title}", *found])


def _check_parameters(min_ratio, min_share, n_boot, level):
    for name, value, is_valid, expected in [
        ("min_ratio", min_ratio, lambda value: 0 <= value <= 1, "in [0, 1]"),
        ("min_share", min_share, lambda value: 0 <= value < 1, "in [0, 1)"),
        ("level", level, lambda value: 0 < value < 1, "in (0, 1)"),
    ]:
        if not isinstance(value, Real) or not is_valid(value):
            raise ValueError(f"{name} must be a number {expected}; got {value!r}.")
    if not isinstance(n_boot, Integral) or n_boot < 2:
        raise ValueError(f"n_boot must be an integer of at least 2; got {n_boot!r}.")


def _best(estimator):
    """Return the estimator that a search found, or the estimator."""
    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    return estimator


def _original(estimator, original):
    if original is not None:
        return _best(original)
    if not hasattr(estimator, "original_estimator_"):
        check_is_fitted(estimator)
        raise ValueError(
            "original must be the classifier to compare with: "
            f"{type(estimator).__name__} is no correction, which would know it."
        )
    return estimator.original_estimator_


def _records(table):
    """Return the rows of a table as dicts of plain types."""
    plain = table.astype(object).where(table.notna(), None)
    return [
        {key: getattr(value, "item", lambda v=value: v)() for key, value in row.items()}
        for row in plain.to_dict("records")
    ]


class _ReportMaker:
    """Makes the tables of a report from what was read."""

    def __init__(self, models, X, y, comparison, pos_label, training, title):
        self.models = models
        self.original, self.estimator = models
        self.X = X
        self.y = y
        self.comparison = comparison
        self.pos_label = pos_label
        self.training = training
        self.title = title
        self.aim = aim_of(
            self.estimator, [groups.feature for groups in comparison.groups]
        )

    def make(self, cls):
        """Return the report."""
        tables = self._measured_tables()
        tables["weights"] = weights_table(self.estimator, self.training)
        tables["checks"] = checks_table(self.estimator, self.aim)
        n_repeated = self._n_repeated()
        rows = [*self._provenance(n_repeated)]
        tables["provenance"] = pd.DataFrame(rows, columns=["item", "value"])
        guess = self._guess()
        if guess is not None:
            tables["implicit_guess"] = guess.table
        correlation = None if guess is None else guess.correlation
        return cls(tables, self._setting(correlation, n_repeated))

    def _measured_tables(self):
        comparison = self.comparison
        tables = {
            "selection": selection_table(comparison),
            "unknown": unknown_table(comparison),
            "measures": measures_table(comparison, self._losses()),
            "errors": errors_table(comparison),
            "changed": changed_table(comparison),
        }
        return {"verdicts": verdicts_table(comparison, tables, self.aim), **tables}

    def _losses(self):
        """Return the log losses of the rows, before and after, or None."""
        losses = []
        for model in self.models:
            chance = probabilities(model, self.X, self.pos_label)
            if chance is None:
                return None
            chance = np.where(self.comparison.decisions.truth, chance, 1 - chance)
            losses.append(-np.log(np.clip(chance, _SMALLEST_PROBABILITY, 1.0)))
        return losses

    def _guess(self):
        if SELECTION_RATE not in self.aim.measures:
            return None
        return guess_groups(
            self.models,
            self.X,
            self.comparison.decisions,
            self.comparison.of(self.aim.feature),
            self.pos_label,
            self.comparison.random_state,
        )

    def _n_repeated(self):
        if self.training is None:
            return None
        return int(self.training.holds(self.X, self.y).sum())

    def _provenance(self, n_repeated):
        decisions, comparison = self.comparison.decisions, self.comparison
        yield from provenance_rows(self.estimator, self.original)
        for groups in comparison.groups:
            names = words.shortened(groups.feature.groups, 20)
            yield f"groups by {groups.feature.name}", names
        yield "favourable label", f"{decisions.favourable}; other: {decisions.other}"
        yield "test rows", words.count(len(decisions))
        if self.training is not None:
            yield "training rows given", words.count(len(self.training))
            yield "test rows that equal one of them", words.count(n_repeated)
            yield "fingerprint of the training rows", self.training.fingerprint()
            groups = [groups.feature.named() for groups in comparison.groups]
            test = fingerprint(self.X, np.asarray(self.y), *groups)
            yield "fingerprint of the test rows", test
            yield "fingerprints", "SHA-256 of rows, labels and groups, in their order"
        yield "uncertainty", self._uncertainty()
        yield "versions", versions()

    def _uncertainty(self):
        drawn = "rows" if self.comparison.decisions.weight is not None else "counts"
        return (
            f"{words.count(self.comparison.n_boot)} draws of {drawn} within groups, "
            "the same for both classifiers, percentile limits; Wilson's limits for "
            f"single rates; level {self.comparison.level:g}"
        )

    def _setting(self, correlation, n_repeated):
        comparison, aim = self.comparison, self.aim
        return Setting(
            title=self._title() if self.title is None else self.title,
            subtitle=self._subtitle(),
            aim=aim,
            is_correction=is_correction(self.estimator),
            favourable=comparison.decisions.favourable,
            other=comparison.decisions.other,
            n_rows=len(comparison.decisions),
            is_weighted=comparison.decisions.weight is not None,
            level=comparison.level,
            min_ratio=comparison.min_ratio,
            min_share=comparison.min_share,
            n_boot=comparison.n_boot,
            base_rates=base_rates(comparison, aim.feature).to_dict(),
            guess_correlation=correlation,
            n_repeated=n_repeated,
            strata=list(information(self.estimator).get("training_strata", ())),
            warnings=warnings_met(self.estimator),
        )

    def _title(self):
        if is_correction(self.estimator):
            return f"Report of a correction: {self.aim.objective} by {self.aim.feature}"
        return f"Comparison of two classifiers by {self.aim.feature}"

    def _subtitle(self):
        last = getattr(self.original, "steps", [("", self.original)])[-1][1]
        name = type(last).__name__
        today = datetime.now(timezone.utc)
        return (
            f"{name}, {words.plural(len(self.comparison.decisions), 'test row')}, "
            f"skswu {version('skswu')}, {today.day} {today:%B %Y}"
        )
