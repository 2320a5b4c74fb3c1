"""Predicted labels of rows that lie elsewhere, counted by their kinds."""

from dataclasses import dataclass

import numpy as np

from ._thresholded_scores import CellCounts, Outcome, ScoredRows, ThresholdedScores


@dataclass(frozen=True)
class ScoredKinds(ScoredRows):
    """Kinds of rows that predictions are scored on.

    Attributes
    ----------
    squared : ndarray of shape (n_kinds,)
        Sums of the squared weights of the rows.
    """

    squared: np.ndarray = None

    @property
    def squares(self):
        return self.squared


class KindScores(ThresholdedScores):
    """Scores of predicted labels, of which the weight of rows by kind is known.

    What is ``predicted`` are counts here, of shape (n_kinds, n_classes).

    Parameters
    ----------
    problem : RemoteProblem
        Counts the rows.
    disparities : Disparities
        What is measured; counts must tell all of it.
    utility : str
        ``"accuracy"``.
    """

    def __init__(self, problem, disparities, utility):
        self._problem = problem
        self.classes, self.disparities = problem.view.classes, disparities
        self.utility_name = utility
        evaluation = problem.evaluation
        self._check_is_counted(evaluation.groups)
        kinds = evaluation.rows.kinds
        self.rows = ScoredKinds(
            kinds.codes, evaluation.groups, kinds.weight, squared=kinds.squares
        )
        self.cells = None
        if disparities.counted:
            self.cells = CellCounts(self.rows, len(self.classes))
        self.before = None

    def measure_original(self, original):
        """Measure what was not corrected.

        Parameters
        ----------
        original : Candidate
            The original.
        """
        parameters = self._problem.view.parameters[None]
        counted = self._problem.count_predicted(parameters)[0]
        self.before = self.outcome(original, counted)

    def _check_is_counted(self, groups):
        disparities = self.disparities
        if self.utility_name != "accuracy":
            raise ValueError(
                "The utility of a dask collection is counted, and utility='accuracy' "
                f"the one that counts tell; got utility={self.utility_name!r}."
            )
        if disparities.scored:
            raise ValueError(
                "The disparity of a dask collection is counted, which "
                f"disparity={disparities.disparity!r} is not. Give one that compares "
                "rates of groups."
            )
        if disparities.counted and groups is None:
            raise ValueError(
                f"disparity={disparities.disparity!r} needs sensitive_features."
            )

    def check_tunable(self):
        raise ValueError(
            "tune_threshold=True ranks the scores of all evaluation rows, which needs "
            "them in memory; got a dask collection. Tune it on a sample."
        )

    def outcome(self, candidate, predicted):
        n, codes = len(self.classes), self.rows.codes
        found = {}
        if self.disparities.counted:
            counts = np.zeros((np.prod(self.cells.shape), n))
            np.add.at(counts, self.cells.cells, predicted)
            found["counts"] = counts.reshape(*self.cells.shape, n)
        if self.disparities.surrogates:
            found |= self._largest_gap(candidate)
        hits = predicted[np.arange(len(codes)), codes].sum()
        accuracy = float(hits / predicted.sum())
        return Outcome(accuracy, self.accuracy_error(accuracy), **found)

    def _gaps(self, candidate):
        # The rows that are scored are those that the correction measured.
        return candidate.state.values[:-1], candidate.standard_errors

    def _one_sided(self, candidate):
        return candidate.one_sided
