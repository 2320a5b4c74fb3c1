"""Disparity and utility of predicted labels, from counts of rows that lie elsewhere."""

import numpy as np

from ._thresholded_scores import find_disparities, largest_counted, surrogate_distance


class CountedScores:
    """Scores of predicted labels, of which the weight of rows by kind is known.

    Its ``predicted`` are counts of shape (n_kinds, n_classes).

    Parameters
    ----------
    problem : RemoteProblem
        Counts the rows.
    objectives : list of BaseObjective
        What was repaired.
    disparity, utility : str or callable
        See :class:`ThresholdedScores`; what counts do not tell is refused.
    """

    def __init__(self, problem, objectives, disparity, utility):
        if utility != "accuracy":
            raise ValueError(
                "The utility of a dask collection is counted, and utility='accuracy' "
                f"the one that counts tell; got utility={utility!r}."
            )
        self.classifier = problem.view.estimator
        self.classes = self.classifier.classes_
        self.counted, others = find_disparities(objectives, disparity, self.classes)
        if others:
            raise ValueError(
                "The disparity of a dask collection is counted, which "
                f"disparity={others[0][0]!r} is not. Give one that compares rates of "
                "groups."
            )
        if self.counted and problem.evaluation.groups is None:
            raise ValueError(f"disparity={disparity!r} needs sensitive_features.")
        self._problem = problem

    def check_tunable(self):
        """Refuse to tune the decision threshold."""
        raise ValueError(
            "tune_threshold=True ranks the scores of all evaluation rows, which needs "
            "them in memory; got a dask collection. Tune it on a sample."
        )

    def predict(self, classifier):
        """Return the counts of the original classifier."""
        return self._problem.count_predicted(self._problem.view.parameters[None])[0]

    def disparity(self, candidate, predicted):
        """Return the largest disparity of a candidate; 0 is parity."""
        if self.counted:
            return float(largest_counted(self.counted, self._of_groups(predicted)))
        gaps, start = [], 0
        for one in self._problem.evaluation.metrics:
            values = candidate.state.values[start : start + len(one.names)]
            gaps.append(surrogate_distance(one, values).max())
            start += len(one.names)
        return float(max(gaps))

    def _of_groups(self, predicted):
        """Return counts (1, n_groups, n_classes, n_classes)."""
        evaluation, n = self._problem.evaluation, len(self.classes)
        counts = np.zeros((1, len(evaluation.groups.names), n, n))
        np.add.at(counts[0], (evaluation.groups.codes, evaluation.codes), predicted)
        return counts

    def utility(self, candidate, predicted):
        """Return the accuracy."""
        codes = self._problem.evaluation.codes
        return float(predicted[np.arange(len(codes)), codes].sum() / predicted.sum())
