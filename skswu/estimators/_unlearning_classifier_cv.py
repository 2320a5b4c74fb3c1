"""The meta-estimator that chooses its strength."""

from numbers import Integral, Real

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed

from .._utils._compat import Interval
from ..models import WrappedClassifier
from ..selection._decision_threshold import ThresholdSearch, with_threshold
from ..selection._make_scores import make_scores
from ..selection._path_table import (
    HighestUtility,
    PathRows,
    SmallestDisparity,
    choose,
    make_table,
    warn_of_bound,
)
from ._base import BaseUnlearningClassifier, CorrectedModel

_DEFAULT_UTILITY_LOSS = 0.01


class UnlearningClassifierCV(BaseUnlearningClassifier):
    r"""Correct a fitted classifier, and choose by how much.

    The classifier is fitted once and corrected at each of several strengths, the share
    of the metric that is removed. Of these the one is kept with

    - the highest utility of those whose disparity is at most ``max_disparity``, or
    - the smallest disparity of those whose utility is at most ``max_utility_loss``
      below the original classifier's,

    both measured on rows that the classifier was not trained on and on the predicted
    labels, as users meet them. Influences and the curvature of the training objective
    are computed once for all strengths.

    Parameters
    ----------
    estimator : classifier or Pipeline
        See :class:`UnlearningClassifier`.
    strengths : int or array-like of float, default=50
        Strengths to try. An integer is their number, evenly spaced from 0, the original
        classifier, to 1; one alone is 1. Of equally good ones the first is chosen.
    max_disparity : float or None, default=None
        Choose the highest utility with at most this disparity.
    max_utility_loss : float or None, default=None
        Choose the smallest disparity with at most this loss of utility. If neither
        bound is given, it is 0.01; only one can be.
    disparity : str or callable, default="auto"
        A parity metric by name or as a function, as
        :func:`~skswu.metrics.make_fairness_scorer` takes it. A ratio r counts as 1 -
        r. ``"auto"`` is the objective's own metric of predicted labels, such as
        ``"demographic_parity_difference"``, the largest one of several objectives; an
        objective without one counts by its largest absolute gap.
    utility : str or callable, default="accuracy"
        A scorer of scikit-learn or its name; greater is better.
    cv : int, cross-validation generator, iterable or None, default=None
        How :meth:`fit` splits the rows to measure disparity and utility on. None
        measures them on the rows that the objective is measured on, see
        ``validation_fraction``. Otherwise, on each of the splits all of :meth:`fit` is
        done on the one part and measured on the other; the bound must hold on each,
        what is as good as possible is the mean, and the fit on all rows takes the
        strength so chosen. :meth:`unlearn` fits nothing and measures on its evaluation
        rows whatever ``cv`` is.
    tune_threshold : bool, default=False
        Whether to tune the decision threshold as well, by the same rule on the rows
        that the objective is measured on: at each strength, and at the chosen one
        if ``cv`` chooses. Needs two classes, ``utility="accuracy"``, and objectives
        that compare groups or ``disparity`` as a difference or ratio of one by name.
        Predictions never need the groups.
    objective : str, BaseObjective or list of them, default="demographic_parity"
        See :class:`UnlearningClassifier`.
    weighting : str or BaseWeighting, default="soft"
        With the parameter ``strength``, which is set.
    influence : str or Influence, default="auto"
        See :class:`UnlearningClassifier`.
    update : str or ModelUpdate, default="influence"
        See :class:`UnlearningClassifier`.
    validation_fraction : float or None, default=0.2
        Share of the rows that :meth:`fit` holds out to measure on, see
        :class:`UnlearningClassifier`. None measures on the training rows, and a choice
        on them is too hopeful.
    sensitive_features : str, int, list of them or None, default=None
        Columns of X that hold the groups, see :class:`UnlearningClassifier`.
    n_jobs : int or None, default=None
        Number of splits of ``cv`` that are worked on at a time.
    random_state : int, RandomState instance or None, default=None
        Draws the held-out rows.
    verbose : int, default=0
        1 prints the time of each step.

    Attributes
    ----------
    strength_ : float
        The chosen strength.
    best_index_ : int
        Its row in ``path_``.
    path_ : DataFrame of shape (n_strengths, n_columns)
        A row a strength: ``"strength"``, ``"disparity"``, ``"utility"`` and
        ``"utility_loss"`` of the predicted labels, ``"feasible"`` (whether the bound
        holds), the surrogate gaps by the names in ``objective_names_``, ``"loss"``
        (the mean loss on the evaluation rows), ``"stationarity"``, ``"step_length"``
        and ``"effective_sample_size"``; ``"threshold"`` if it is tuned. With ``cv``
        they are means over the splits.
    threshold_ : float or None
        The tuned decision threshold; None is the classifier's own.

    See Also
    --------
    UnlearningClassifier : Corrects at a given strength; all its attributes are here.
    skswu.inspection.TradeoffDisplay : Draws utility against disparity.

    Notes
    -----
    With ``cv`` the same strength is chosen, and the same model comes out, as by
    :class:`~sklearn.model_selection.GridSearchCV` over ``weighting__strength`` with the
    scorer :func:`~skswu.metrics.make_fairness_scorer` of the same disparity, utility
    and ``max_disparity``. Warnings of the path are raised for the chosen strength only.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifierCV
    >>> from skswu.datasets import load_adult
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X = data[["age", "education_num", "hours_per_week"]]
    >>> y = data["income"] == ">50K"
    >>> model = UnlearningClassifierCV(
    ...     LogisticRegression(max_iter=1000), max_disparity=0.05, random_state=0
    ... ).fit(X, y, sensitive_features=data["sex"])
    >>> bool(model.path_["disparity"][model.best_index_] <= 0.05)
    True
    """

    _parameter_constraints = {
        **BaseUnlearningClassifier._parameter_constraints,
        "strengths": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "max_disparity": [Interval(Real, 0, None, closed="left"), None],
        "max_utility_loss": [Interval(Real, 0, None, closed="left"), None],
        "disparity": [str, callable],
        "utility": [str, callable],
        "cv": ["cv_object"],
        "tune_threshold": ["boolean"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        strengths=50,
        max_disparity=None,
        max_utility_loss=None,
        disparity="auto",
        utility="accuracy",
        cv=None,
        tune_threshold=False,
        objective="demographic_parity",
        weighting="soft",
        influence="auto",
        update="influence",
        validation_fraction=0.2,
        sensitive_features=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            estimator,
            objective=objective,
            weighting=weighting,
            influence=influence,
            update=update,
            validation_fraction=validation_fraction,
            sensitive_features=sensitive_features,
            random_state=random_state,
            verbose=verbose,
        )
        self.strengths = strengths
        self.max_disparity = max_disparity
        self.max_utility_loss = max_utility_loss
        self.disparity = disparity
        self.utility = utility
        self.cv = cv
        self.tune_threshold = tune_threshold
        self.n_jobs = n_jobs

    def __getstate__(self):
        state = super().__getstate__()
        if "path_" in state:
            # Columns can be stored without trust in anything, a DataFrame cannot.
            columns = state["path_"].items()
            state["path_"] = {name: column.to_numpy() for name, column in columns}
        return state

    def __setstate__(self, state):
        if "path_" in state:
            state = {**state, "path_": make_table(state["path_"])}
        super().__setstate__(state)

    def _resolve_parts(self):
        parts = super()._resolve_parts()
        if "strength" not in parts.weighting.get_params():
            raise ValueError(
                f"The 'weighting' parameter of {type(self).__name__} must have a "
                f"strength to choose; got {parts.weighting!r}."
            )
        if self.max_disparity is not None and self.max_utility_loss is not None:
            raise ValueError(
                "Only one of max_disparity and max_utility_loss can be given; got "
                f"max_disparity={self.max_disparity!r} and "
                f"max_utility_loss={self.max_utility_loss!r}."
            )
        self._read_strengths()
        return parts

    @property
    def _rule(self):
        if self.max_disparity is not None:
            return HighestUtility(self.max_disparity)
        loss = self.max_utility_loss
        return SmallestDisparity(_DEFAULT_UTILITY_LOSS if loss is None else loss)

    def _read_strengths(self):
        if isinstance(self.strengths, Integral):
            # One strength is the whole correction, not none of it.
            first = 1.0 if self.strengths == 1 else 0.0
            return np.linspace(first, 1.0, self.strengths).tolist()
        strengths = np.asarray(self.strengths, dtype=np.float64)
        fine = (strengths >= 0) & (strengths < np.inf)
        if strengths.ndim != 1 or not len(strengths) or not fine.all():
            raise ValueError(
                "The 'strengths' parameter must be a number of them or a non-empty "
                f"list of numbers of at least 0; got {self.strengths!r}."
            )
        return strengths.tolist()

    def _find_correction(self, fitted, parts):
        strengths, chosen = self._read_strengths(), None
        if self.cv is not None and fitted.given is not None:
            chosen = path, best = self._cross_validate(fitted.given, parts)
            strengths = [float(path["strength"][best])]
        candidate, table = self._best_along(strengths, fitted, parts)
        path, best = choose([table], self._rule)
        self.strength_ = candidate.strength
        self.threshold_ = table[best].get("threshold")
        self.path_, self.best_index_ = chosen or (path, best)
        correction = candidate.finish()
        candidate.warn()
        warn_of_bound(self.path_, self.best_index_, self._rule)
        corrected = self._with_threshold(fitted, candidate.classifier)
        return CorrectedModel(corrected, correction, candidate.strength)

    def _with_threshold(self, fitted, classifier):
        """Return the estimator with a corrected classifier and the tuned threshold."""
        wrapped, measured = WrappedClassifier(fitted.estimator), fitted.measured
        corrected = wrapped.with_classifier(classifier)
        if self.threshold_ is None:
            return corrected
        return with_threshold(corrected, self.threshold_, measured.X, measured.y)

    def _cross_validate(self, data, parts):
        """Return the path, and the row that is best on parts not fitted on."""
        splits = check_cv(self.cv, data.y, classifier=True).split(data.X, data.y)
        tables = Parallel(n_jobs=self.n_jobs)(
            delayed(self._measure_split)(data, parts, train, test)
            for train, test in splits
        )
        return choose(tables, self._rule)

    def _measure_split(self, data, parts, train, test):
        """Return the table of the path of a fit on some rows, measured on others."""
        fitted = self._fit_estimator(data.take(train))
        path = self._walk(self._read_strengths(), fitted, parts, data.take(test))
        return [row for _, row in path]

    def _best_along(self, strengths, fitted, parts):
        """Return the candidate with the best score, and the table of all."""
        table, best = [], None
        for candidate, row in self._walk(strengths, fitted, parts):
            if best is None or row["score"] > max(one["score"] for one in table):
                best = candidate
            table.append(row)
        return best, table

    def _walk(self, strengths, fitted, parts, scored=None):
        """Yield the candidates of the path with their rows of the table.

        ``scored`` are the rows to score them on if not those of the objective.
        """
        wrapped = WrappedClassifier(fitted.estimator)
        seen = fitted.seen_by(wrapped)
        measured = seen.measured if scored is None else scored.seen_by(wrapped)
        corrector = self._pose(WrappedClassifier(wrapped.classifier), seen, parts)
        scores = make_scores(
            measured,
            wrapped.classifier,
            corrector.problem,
            parts.objectives,
            self.disparity,
            self.utility,
        )
        tune = self.tune_threshold and scored is None
        rows = PathRows(scores, self._rule, ThresholdSearch(scores) if tune else None)
        candidates = corrector.correct(strengths)
        predicted = [None] * len(candidates)
        if scored is None:
            predicted = corrector.predicted(candidates)
        for candidate, known in zip(candidates, predicted, strict=True):
            yield candidate, rows.row(candidate, known)
