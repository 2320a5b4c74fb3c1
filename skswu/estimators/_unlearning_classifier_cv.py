"""The meta-estimator that chooses its strength."""

from contextlib import nullcontext
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MethodMapping
from sklearn.utils.parallel import Parallel, delayed

from .._utils._array_api import as_numpy
from .._utils._compat import Interval
from .._utils._tasks import current_task, task, within
from .._utils._warnings import warn
from ..inputs import Metadata
from ..inputs._rows_of_data import is_indexed_by_row
from ..metrics._bounded_score import LOOSE_BOUND
from ..metrics._parity_metrics import is_ratio
from ..metrics._utility import requesting_scorer
from ..models import WrappedClassifier
from ..objectives._missing_groups import MissingGroupsError, measuring
from ..selection._decision_threshold import ThresholdSearch, with_threshold
from ..selection._disparities import Disparities, Ratios
from ..selection._make_scores import make_scores
from ..selection._path_table import MeasuredPath, PathTable, make_point, make_table
from ..selection._pooled_disparity import PooledDisparity
from ..selection._rules import (
    HighestUtility,
    HighestUtilityByRatio,
    SmallestDisparity,
)
from ._base import BaseUnlearningClassifier, CorrectedModel

_DEFAULT_UTILITY_LOSS = 0.01
_SCORED = "the rows that it scores"
# What may be done about splits without a row of a group.
_COVER = (
    "Give splits that have rows of every group to fit on, such as "
    "cv=list(StratifiedKFold(5).split(X, groups)), or merge or drop the group."
)
# No metric is repaired by more than turning its sign around.
_LARGEST_STRENGTH = 2.0


class UnlearningClassifierCV(BaseUnlearningClassifier):
    r"""Correct a fitted classifier, and choose by how much.

    The classifier is fitted once and corrected at each of several strengths, the share
    of the metric that is removed. Of these the one is kept with

    - the highest utility of those whose disparity is at most ``max_disparity``, or
    - the highest utility of those whose rates have a ratio of at least ``min_ratio``,
      0.8 for the rule of four fifths, or
    - the smallest disparity of those whose utility is at most ``max_utility_loss``
      below the original classifier's,

    all measured on rows that the classifier was not trained on and on the predicted
    labels, as users meet them. Influences and the curvature of the training objective
    are computed once for all strengths.

    Parameters
    ----------
    estimator : classifier or Pipeline
        See :class:`UnlearningClassifier`.
    strengths : int or array-like of float, default=51
        Strengths to try. An integer is their number, evenly spaced from 0, the original
        classifier, to 2, as the target is often missed at 1; one is 1.0. Of equally
        good ones that is chosen whose objective is met best, by the mean absolute
        value of its own metrics.
    max_disparity : float or None, default=None
        Choose the highest utility with at most this disparity.
    max_utility_loss : float or None, default=None
        Choose the smallest disparity with at most this loss of utility. If no bound is
        given, it is 0.01; only one can be.
    min_ratio : float or None, default=None
        Choose the highest utility with at least this ratio of the lowest group's rate
        to the highest's: of the objective's own rates of predicted labels, or of the
        ratio that ``disparity`` names.
    confidence : float or None, default=None
        How sure it is to be that the disparity keeps its bound on other rows: what is
        bounded is the upper end of a one-sided confidence interval, such as that of
        0.95. It needs ``max_disparity`` or ``min_ratio``, and a disparity of rates of
        predicted labels. None bounds the estimate itself.
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
        done on the one part, and predicts the other. The disparity is that of the
        predictions of all splits together, the utility the mean of the splits, and the
        fit on all rows takes the strength so chosen. :meth:`unlearn` fits nothing and
        measures on its evaluation rows whatever ``cv`` is.
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
    update : str or ModelUpdate, default="one_step"
        See :class:`UnlearningClassifier`. Of one step all strengths share the passes
        over the rows; ``"influence"`` takes as many steps as it takes for each, the
        best correction at each strength, in 30 to 80 times the time.
    validation_fraction : float, "auto" or None, default="auto"
        Which rows are measured, see :class:`UnlearningClassifier`: predicted labels
        and thresholds are those of the same rows, by approximate leave-one-out where
        the objective is. A choice on bare training rows, as by None, is too hopeful.
    sensitive_features : str, int, list of them or None, default=None
        Columns of X that hold the groups, see :class:`UnlearningClassifier`.
    control_features : str, int, list of them or None, default=None
        Columns of X that hold the strata within which alone the groups are compared,
        see :class:`UnlearningClassifier`. The disparity is the largest of the strata.
    missing_groups : {"error", "own"}, default="error"
        Whether missing values among the groups are refused or are a group, see
        :class:`UnlearningClassifier`.
    n_jobs : int or None, default=None
        Number of splits of ``cv`` that are worked on at a time.
    random_state : int, RandomState instance or None, default=None
        Draws the held-out rows.
    verbose : int, default=0
        1 prints the time of each step.

    Attributes
    ----------
    estimator_ : classifier or Pipeline
        The corrected copy, with the tuned threshold if any.
    original_estimator_ : classifier or Pipeline
        The one that was corrected.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        Number of columns of X; only where ``estimator_`` knows it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns; only where ``estimator_`` knows them.
    epsilon_ : ndarray of shape (n_train,)
        Relative change of each training sample's weight.
    sample_weight_ : ndarray of shape (n_train,)
        The fit's sample weights times ``1 + epsilon_``.
    influence_ : ndarray of shape (n_metrics, n_train)
        Predicted change of each metric if a sample is removed.
    utility_influence_ : ndarray of shape (n_train,)
        The same for the mean loss on the evaluation rows.
    objective_names_ : list of str of length n_metrics
        What the metrics are.
    objective_before_ : ndarray of shape (n_metrics,)
        The signed gaps of the original classifier on the evaluation rows.
    objective_target_ : ndarray of shape (n_metrics,)
        The gaps that were asked for; zero of hard weighting, which aims at none.
    objective_predicted_ : ndarray of shape (n_metrics,)
        The same as the last linearisation before them predicts them under
        ``epsilon_``.
    objective_after_ : ndarray of shape (n_metrics,)
        The same of the corrected classifier.
    objective_estimate_ : ndarray of shape (n_metrics,) or None
        What the gaps of the corrected classifier would be on other rows: the training
        rows measured by approximate leave-one-out and, besides, without what each of
        them pulled the correction by. For reporting and choosing; the correction aims
        at ``objective_after_``. NaN for metrics that are no function of the scores.
        None where it is not known: for networks, for models that are fitted anew or
        too wide, for updates and weightings that end elsewhere than at the least change
        and its model, and on evaluation rows that were given, held out or are bare
        training rows. On held-out rows ``objective_after_`` is out of sample for the
        fit, but not for the correction, whose direction they chose.
    objective_se_ : ndarray of shape (n_metrics,)
        Standard errors of the estimate, or else of ``objective_after_``: by differences
        of independent means of rows. NaN where a metric has none.
    utility_before_ : float
        Mean loss of the original classifier on the evaluation rows.
    utility_after_ : float
        The same of the corrected classifier.
    stationarity_ : float
        How far the corrected parameters are from a refit under the new weights, see
        :class:`UnlearningClassifier`.
    step_length_ : float
        Share of the last full step that was taken.
    n_iter_ : int
        Number of steps.
    optimality_ : float
        With several steps of a linear model, how far ``epsilon_`` is from the least
        change that meets the targets: the distance to what the optimality conditions
        say, relative to its size. NaN where it was not measured.
    reachable_strength_ : float
        The strength that is reached: the one asked for, or the largest found within the
        bounds of the weights and the ``utility_tolerance``. Of a single step, as the
        influences predict it. NaN for a weighting without a strength.
    training_decrement_ : float
        How far the original classifier is from the optimum of its training rows, see
        :class:`UnlearningClassifier`.
    train_indices_ : ndarray of shape (n_train,)
        Rows of X that the attributes above speak of, after :meth:`fit`.
    validation_indices_ : ndarray or None
        Rows of X that :meth:`fit` held out.
    timings_ : dict of str to float
        Seconds spent on each step.
    solver_residuals_ : dict of str to float
        The largest relative residual that the iterative solver of each step reached.
    correction_info_ : dict
        What the correction records of itself, see :class:`UnlearningClassifier`.
    strength_ : float
        The chosen strength.
    best_index_ : int
        Its row in ``path_``.
    path_ : DataFrame of shape (n_strengths, n_columns)
        A row a strength: ``"strength"``, ``"disparity"``, ``"utility"`` and
        ``"utility_loss"`` of the predicted labels, ``"disparity_se"`` and
        ``"utility_se"``, their standard errors, ``"feasible"`` (whether the bound
        holds), the surrogate gaps by the names in ``objective_names_`` and their
        standard errors by the names with ``"_se"`` added, ``"loss"`` (the mean loss on
        the evaluation rows), ``"stationarity"``, ``"step_length"`` and
        ``"effective_sample_size"``; ``"threshold"`` if it is tuned (NaN is the
        classifier's own); with ``min_ratio``, ``"ratio"`` and ``"lowest_group"``, the
        group that sets it. What is not known is NaN. With ``cv``, all but the disparity
        are means over the splits.
    threshold_ : float or None
        The tuned decision threshold; None is the classifier's own.

    See Also
    --------
    UnlearningClassifier : Corrects at a given strength.
    skswu.metrics.make_fairness_scorer : Scores predicted labels for searches.
    skswu.inspection.TradeoffDisplay : Draws utility against disparity.

    Notes
    -----
    Parameters of parts that were given by name are set through them, as
    ``objective__pos_label``, ``weighting__utility_tolerance`` or ``estimator__C``; see
    :class:`UnlearningClassifier`.

    An estimate that is just at its bound breaks it on other rows every other time, and
    the best one of many strengths within a bound is often just at it. Without ``cv`` it
    is more often, as the rows that are measured chose the correction's direction. Where
    the bound is to be kept, ask for less, or set ``cv`` and ``confidence``: on a few
    hundred rows that may leave no strength to choose. As it is the best of many,
    ``confidence`` is higher than what comes of it; see
    ``docs/benchmarks_evaluation_rows.md``.

    Standard errors of differences between groups are those of Agresti and Caffo, whose
    intervals lie around differences of rates to which a success and a failure are
    added; weighted rows count as the number of equal ones that tell as much. The
    extremes of several groups differ more than they would on many rows, so that a
    bound is kept the more.

    Where the disparity, its standard error or the utility is NaN, as where a group has
    no row, the strength is not chosen, which is told; if none is left, that is an
    error. Groups that are few in each split are compared once all splits are together.
    A split that is fitted on rows without a group that the objective compares is left
    out, which is told; it is an error where the others do not score all groups.
    A search by :class:`~sklearn.model_selection.GridSearchCV` with the scorer
    :func:`~skswu.metrics.make_fairness_scorer` looks at each split by itself, and may
    choose otherwise. Warnings of the path are raised for the chosen strength only.

    References
    ----------
    Agresti and Caffo, "Simple and Effective Confidence Intervals for Proportions and
    Differences of Proportions Result from Adding Two Successes and Two Failures", 2000.

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
        "min_ratio": [Interval(Real, 0, 1, closed="right"), None],
        "confidence": [Interval(Real, 0.5, 1, closed="left"), None],
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
        strengths=51,
        max_disparity=None,
        max_utility_loss=None,
        min_ratio=None,
        confidence=None,
        disparity="auto",
        utility="accuracy",
        cv=None,
        tune_threshold=False,
        objective="demographic_parity",
        weighting="soft",
        influence="auto",
        update="one_step",
        validation_fraction="auto",
        sensitive_features=None,
        control_features=None,
        missing_groups="error",
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
            control_features=control_features,
            missing_groups=missing_groups,
            random_state=random_state,
            verbose=verbose,
        )
        self.strengths = strengths
        self.max_disparity = max_disparity
        self.max_utility_loss = max_utility_loss
        self.min_ratio = min_ratio
        self.confidence = confidence
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
            state["path_"] = {name: _stored(column) for name, column in columns}
        return state

    def __setstate__(self, state):
        if "path_" in state:
            state = {**state, "path_": make_table(state["path_"])}
        super().__setstate__(state)

    def _read_metadata(self, data, fit_params, passed=()):
        if get_config()["enable_metadata_routing"]:
            routed = self._routed(data, fit_params, passed)
            return Metadata(
                routed.estimator.fit, routed.scorer.score, routed.splitter.split
            )
        split = {}
        if self.cv is not None and "groups" in fit_params:
            split = {"groups": fit_params["groups"]}
            fit_params = {k: v for k, v in fit_params.items() if k != "groups"}
        fit = super()._read_metadata(data, fit_params).fit
        return Metadata(fit, split=split)

    def get_metadata_routing(self):
        """Return what metadata this estimator takes and passes on.

        Returns
        -------
        MetadataRouter
            That of :class:`UnlearningClassifier`, which passes on to the ``split`` of
            ``cv`` and to the scorer ``utility`` as well. A scorer given by name
            requests the sample weights.
        """
        router = super().get_metadata_routing()
        router.add(splitter=self.cv, method_mapping=_from_fit("split"))
        scorer = requesting_scorer(self.utility)
        return router.add(scorer=scorer, method_mapping=_from_fit("score"))

    def _resolve_parts(self):
        parts = super()._resolve_parts()
        if "strength" not in parts.weighting.get_params():
            raise ValueError(
                f"The 'weighting' parameter of {type(self).__name__} must have a "
                f"strength to choose; got {parts.weighting!r}."
            )
        self._check_bounds()
        self._read_strengths()
        return parts

    def _check_bounds(self):
        names = ("max_disparity", "max_utility_loss", "min_ratio")
        given = {name: getattr(self, name) for name in names}
        given = {name: bound for name, bound in given.items() if bound is not None}
        listed = ", ".join(f"{name}={bound!r}" for name, bound in given.items())
        if len(given) > 1:
            raise ValueError(
                f"Only one of {', '.join(names)} can be given; got {listed}."
            )
        if self.confidence is not None and not given.keys() & {names[0], names[2]}:
            raise ValueError(
                "confidence says how sure a bound on the disparity is to be: it needs "
                f"max_disparity or min_ratio; got {listed or 'neither'}."
            )
        bound = self.max_disparity
        if bound is not None and bound >= LOOSE_BOUND and is_ratio(self.disparity):
            warn(
                f"max_disparity={bound} bounds 1 less the ratio, and so allows a ratio "
                f"of {max(1.0 - bound, 0.0):.3g}. To ask for a ratio of at least "
                f"{min(bound, 1.0)}, give min_ratio={min(bound, 1.0)} in its place."
            )

    @property
    def _rule(self):
        if self.min_ratio is not None:
            return HighestUtilityByRatio.of(self.min_ratio, self.confidence)
        if self.max_disparity is not None:
            return HighestUtility(self.max_disparity, self.confidence)
        loss = self.max_utility_loss
        return SmallestDisparity(_DEFAULT_UTILITY_LOSS if loss is None else loss)

    def _read_strengths(self):
        if isinstance(self.strengths, Integral):
            if self.strengths == 1:
                return [1.0]
            return np.linspace(0.0, _LARGEST_STRENGTH, self.strengths).tolist()
        strengths = _floats(self.strengths)
        fine = (strengths >= 0) & (strengths < np.inf)
        if strengths.ndim != 1 or not len(strengths) or not fine.all():
            raise ValueError(
                "The 'strengths' parameter must be a number of them or a non-empty "
                f"list of numbers of at least 0; got {self.strengths!r}."
            )
        return strengths.tolist()

    def _find_correction(self, fitted, parts):
        if self.cv is not None and fitted.given is not None:
            table = self._cross_validate(fitted.given, parts)
            strength = float(table.path["strength"][table.best])
            walk, position = self._walk([strength], fitted, parts), 0
        else:
            strengths = self._read_strengths()
            walk = self._walk(strengths, fitted, parts)
            table = PathTable(strengths, [walk.measured], walk.pooled, self._rule)
            position = table.best
        candidate = walk.candidates[position]
        self.strength_ = candidate.strength
        self.threshold_ = walk.threshold(position)
        self.path_, self.best_index_ = table.path, table.best
        correction = candidate.finish()
        candidate.warn()
        table.warn_of_bound()
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
        """Return the PathTable of predictions on parts that were not fitted on."""
        splits = self._read_splits(data)
        times = np.bincount(np.concatenate([test for _, test in splits]))
        with task("cross-validation", len(splits), in_order=False):
            at_hand = current_task()
            measured = Parallel(n_jobs=self.n_jobs)(
                delayed(self._measure_split)(
                    data, parts, train, test, times[test], position, at_hand
                )
                for position, (train, test) in enumerate(splits)
            )
        self._check_classes([one.classes for one in measured], np.unique(data.y))
        return self._pool(measured, self._disparities(parts, measured[0].classes))

    def _pool(self, measured, disparities):
        """Return the PathTable of splits, without those that tell nothing."""
        paths = [one.path for one in measured if one.path is not None]
        left_out = "; ".join(
            f"split {position}, as {one.left_out}"
            for position, one in enumerate(measured)
            if one.path is None
        )
        if not paths:
            raise ValueError(f"No split of cv can be measured: {left_out}. {_COVER}")
        pooled = PooledDisparity(
            disparities, [path.rows for path in paths], [path.before for path in paths]
        )
        if left_out and pooled.missing:
            raise ValueError(
                f"The splits of cv leave nothing to compare {pooled.missing} by: left "
                f"out are {left_out}. {_COVER}"
            )
        if left_out:
            warn(f"Left out of the splits of cv: {left_out}. {_COVER}")
        return PathTable(self._read_strengths(), paths, pooled, self._rule)

    def _read_splits(self, data):
        """Return the positions of the rows that each split fits on and scores."""
        splitter = check_cv(self.cv, data.y, classifier=True)
        X = data.X if is_indexed_by_row(data.X) else np.arange(len(data.y))
        splits = [
            tuple(_positions(rows, len(data.y)) for rows in parts)
            for parts in splitter.split(X, data.y, **data.metadata.split)
        ]
        if not splits:
            raise ValueError(
                f"The 'cv' parameter must give one split of the rows or more; {self.cv}"
                " gives none."
            )
        for position, parts in enumerate(splits):
            if not all(map(len, parts)):
                raise ValueError(
                    "The 'cv' parameter must give splits with rows to fit on and rows "
                    f"to score; split {position} has {len(parts[0])} and "
                    f"{len(parts[1])}."
                )
        return splits

    def _measure_split(self, data, parts, train, test, times, position, at_hand):
        """Return the MeasuredSplit of a fit on some rows, scored on others."""
        with within(at_hand), task("split", n_subtasks=None, position=position):
            fitted = self._fit_estimator(data.take(train), parts)
            classes, scored = fitted.estimator.classes_, (data.take(test), times)
            try:
                with measuring(*self._measured_rows(fitted)):
                    walk = self._walk(self._read_strengths(), fitted, parts, scored)
            except MissingGroupsError as error:
                return MeasuredSplit(classes, None, error.reason)
        return MeasuredSplit(classes, walk.measured)

    def _check_classes(self, classes, labels):
        """Insist that each split was fitted on all labels."""
        for split, known in enumerate(classes):
            missing = np.setdiff1d(labels, known).tolist()
            if missing:
                raise ValueError(
                    f"The rows that split {split} of cv is fitted on hold no row with "
                    f"the labels {missing}; take fewer splits, or stratified ones."
                )

    def _disparities(self, parts, classes):
        """Return what the path is measured by."""
        kind = Disparities if self.min_ratio is None else Ratios
        disparities = kind(parts.objectives, self.disparity, classes)
        if self.confidence is not None:
            disparities.check_has_standard_errors(self.confidence)
        return disparities

    def _walk(self, strengths, fitted, parts, scored=None):
        """Return the corrections of a fitted estimator, measured.

        ``scored`` are the rows to score them on and how many splits score each, if not
        those of the objective.
        """
        wrapped = WrappedClassifier(fitted.estimator)
        seen = fitted.seen_by(wrapped)
        data, times = seen.measured, None
        if scored is not None:
            data, times = scored[0].seen_by(wrapped), scored[1]
        disparities = self._disparities(parts, as_numpy(wrapped.classifier.classes_))
        corrector = self._pose(WrappedClassifier(wrapped.classifier), seen, parts)
        given = disparities, self.utility, times
        scoring = nullcontext() if scored is None else measuring(_SCORED, _COVER)
        with scoring:
            scores = make_scores(data, wrapped.classifier, corrector.problem, *given)
        candidates = corrector.correct(strengths)
        original, measured = corrector.original(), candidates
        corrector.note_standard_errors([original, *candidates])
        predicted, pooled = [None] * len(candidates), None
        if scored is None:
            predicted = corrector.predicted(candidates)
            original = original.as_measured()
            measured = [candidate.as_measured() for candidate in candidates]
        scores.measure_original(original)
        if scored is None:
            pooled = PooledDisparity(disparities, [scores.rows], [scores.before])
        search = None
        if self.tune_threshold and scored is None:
            search = ThresholdSearch(scores, pooled, self._rule)
        points = [
            self._point(candidate, known, scores, search)
            for candidate, known in zip(measured, predicted, strict=True)
        ]
        measured = MeasuredPath(scores.rows, scores.before, points)
        return Walk(candidates, measured, pooled)

    def _point(self, candidate, predicted, scores, search):
        """Return the PathPoint of a correction."""
        if predicted is None:
            predicted = scores.predict(candidate.classifier)
        outcome, tuned = scores.outcome(candidate, predicted), {}
        if search is not None:
            threshold, outcome = search.best(candidate.classifier, outcome)
            tuned = {"threshold": threshold}
        return make_point(candidate, outcome, tuned)


@dataclass(frozen=True)
class MeasuredSplit:
    """What a split of ``cv`` tells.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that it was fitted on.
    path : MeasuredPath or None
        What the corrections do on the rows that it scores; None where a group has no
        row to measure.
    left_out : str
        Why it is None.
    """

    classes: Any
    path: Any
    left_out: str = ""


@dataclass(frozen=True)
class Walk:
    """The corrections of one fitted estimator.

    Attributes
    ----------
    candidates : list of Candidate
        One a strength.
    measured : MeasuredPath
        What they do on the rows that are scored.
    pooled : PooledDisparity or None
        Measures the disparity on these rows alone; None where others are to be added.
    """

    candidates: list
    measured: MeasuredPath
    pooled: PooledDisparity | None

    def threshold(self, position):
        """Return the tuned threshold of one of them; None is the classifier's own."""
        threshold = self.measured.points[position].columns.get("threshold", np.nan)
        return None if np.isnan(threshold) else threshold


def _floats(values):
    """Return an array of floats, one of NaN if some are no numbers."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([np.nan])


def _positions(rows, n_rows):
    """Return positions of rows, which may be given as a mask."""
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (n_rows,):
        return np.flatnonzero(rows)
    is_one = rows.ndim == 1 and (rows.dtype.kind in "iu" or not len(rows))
    if not is_one or ((rows < 0) | (rows >= n_rows)).any():
        raise ValueError(
            "The 'cv' parameter must give the rows of a split by their positions, "
            f"from 0 to {n_rows - 1}, or by a mask of {n_rows} rows; got {rows!r}."
        )
    return rows


def _stored(column):
    """Return a column as an array that is read without trust in anything."""
    values = column.to_numpy()
    return values.astype(str) if values.dtype == object else values


def _from_fit(callee):
    return MethodMapping().add(caller="fit", callee=callee)
