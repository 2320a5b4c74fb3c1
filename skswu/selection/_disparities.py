"""Which disparities of predicted labels a path of corrections is measured by."""

from .._utils._warnings import kept_warnings
from ..metrics import make_fairness_scorer
from ..metrics._parity_metrics import counted_disparity, find_parity_metric


class Disparities:
    """The disparities that a path is measured by; the largest one counts.

    Parameters
    ----------
    objectives : list of BaseObjective
        What is repaired; their own metrics of predicted labels are what
        ``disparity="auto"`` stands for.
    disparity : str or callable
        ``"auto"`` or what :func:`skswu.metrics.make_fairness_scorer` takes.
    classes : ndarray of shape (n_classes,)
        The labels.

    Attributes
    ----------
    counted : list of RateDisparity
        Those that counts of rows tell.
    scored : list of ScoredDisparity
        Those that a scorer knows.
    pos_label : label or None
        The favourable label, where an objective names one.
    surrogates : list of BaseObjective
        Objectives whose gaps stand in where there are neither.
    """

    def __init__(self, objectives, disparity, classes):
        self.disparity = disparity
        self.classes = classes
        labels = [getattr(objective, "pos_label", None) for objective in objectives]
        self.pos_label = next((one for one in labels if one is not None), None)
        if disparity == "auto":
            metrics = [objective.disparity for objective in objectives]
            counted = [self._counterpart(objective) for objective in objectives]
        else:
            metrics, labels = [disparity], labels[:1]
            counted = [counted_disparity(disparity, labels[0], classes)]
        self.counted = [one for one in counted if one is not None]
        self.scored = [
            ScoredDisparity(metric, label)
            for metric, label, one in zip(metrics, labels, counted, strict=True)
            if one is None and metric is not None
        ]
        self.surrogates = [] if self.needs_groups else list(objectives)

    def _counterpart(self, objective):
        return objective.thresholded(self.classes)

    @property
    def needs_groups(self):
        """Whether groups of rows are compared."""
        return bool(self.counted or self.scored)

    @property
    def needs_probabilities(self):
        """Whether probabilities are compared, beside predicted labels."""
        return any(one.metric.needs_probabilities for one in self.scored)

    def check_has_standard_errors(self, confidence):
        """Insist that counts tell all of them, and so how sure they are."""
        if self.scored:
            raise ValueError(
                f"confidence={confidence} needs a disparity with a standard error, as "
                "rates of predicted labels have it; there is none for disparity="
                f"{self.disparity!r}. Leave confidence out, or take the disparity of "
                "an objective that compares rates."
            )


class Ratios(Disparities):
    """Ratios of two groups' rates, as 1 less the ratio.

    Parameters
    ----------
    objectives, disparity, classes
        See :class:`Disparities`; ``disparity`` is ``"auto"`` or a ratio.

    Raises
    ------
    ValueError
        If there is an objective that has no ratio, or ``disparity`` is none.
    """

    def __init__(self, objectives, disparity, classes):
        super().__init__(objectives, disparity, classes)
        n_ratios = len(self.counted) + sum(one.is_ratio for one in self.scored)
        if disparity != "auto":
            is_known = find_parity_metric(disparity).greater_is_better
        else:
            is_known = n_ratios == len(objectives)
        if not is_known:
            raise ValueError(
                "min_ratio bounds the ratio of two groups' rates: the objective must "
                "compare rates between groups, or disparity be a ratio, such as "
                f"'demographic_parity_ratio'; got objective={objectives!r} and "
                f"disparity={disparity!r}."
            )

    def _counterpart(self, objective):
        return objective.thresholded_ratio(self.classes)


class ScoredDisparity:
    """A disparity by a metric that a scorer knows.

    Parameters
    ----------
    metric : str or callable
        As :func:`skswu.metrics.make_fairness_scorer` takes it.
    pos_label : label or None
        The favourable label.
    """

    def __init__(self, metric, pos_label):
        self.scorer = make_fairness_scorer(metric, pos_label=pos_label)
        self.metric = find_parity_metric(self.scorer.metric)

    @property
    def is_ratio(self):
        """Whether it is a ratio."""
        return self.metric.greater_is_better

    def of(self, predictions, y, groups, weight):
        """Return the disparity of predictions.

        Parameters
        ----------
        predictions : classifier
            Whose predictions are known, whatever the rows.
        y : ndarray of shape (n_samples,)
            True labels.
        groups : ndarray of str of shape (n_samples,)
            Names of the rows' groups.
        weight : ndarray of shape (n_samples,) or None
            Sample weights.
        """
        weights = {} if weight is None else {"sample_weight": weight}
        with kept_warnings():  # the table tells of what is NaN, once for all
            score = self.scorer.score(
                predictions, y[:, None], y, sensitive_features=groups, **weights
            )
        return 1.0 - score if self.is_ratio else -score
