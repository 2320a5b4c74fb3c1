"""Gaps between groups in the mean predicted probability."""

import numpy as np

from ._group_gap_objective import GroupGapObjective


class DemographicParity(GroupGapObjective):
    r"""Equal mean probability of the positive label in every group.

    With two groups there is one gap, :math:`M = \bar p_2 - \bar p_1`, second group in
    sorted order minus first. With more there is one a group, :math:`M_g = \bar p_g -
    \bar p`, against the mean of all rows. :math:`p_i = \mathrm{softmax}(s_i / \tau)` at
    the positive label, with :math:`s_i` the model's log-probabilities and :math:`\tau`
    the temperature; as :math:`\tau \to 0` the gap becomes fairlearn's demographic
    parity difference of the predicted labels.

    Parameters
    ----------
    temperature : float, default=0.25
        The :math:`\tau > 0`. 1 compares the probabilities themselves; lower values
        follow the thresholded predictions more closely, at the cost of a linearisation
        that holds over shorter steps and rests on the rows near the threshold. At the
        default, thresholded gaps came closest to the asked share over two data sets
        and three objectives, see ``docs/benchmarks_temperature.md``.
    pos_label : str, int, bool or None, default=None
        The label whose rate is compared; None is the greater of two classes.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783,
    section 3 (the surrogate of demographic parity).

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.objectives import DemographicParity
    >>> X, y = make_classification(n_samples=400, n_features=4, random_state=0)
    >>> group = ["b" if value > 0 else "a" for value in X[:, 0]]
    >>> model = UnlearningClassifier(
    ...     LogisticRegression().fit(X, y), objective=DemographicParity(temperature=1.0)
    ... )
    >>> model.unlearn(X, y, sensitive_features=group).objective_names_
    ['demographic_parity[1]: b - a']
    """

    name = "demographic_parity"
    disparity = "demographic_parity_difference"

    def compared_labels(self, is_positive):
        return {"": np.ones_like(is_positive)}


class EqualOpportunity(GroupGapObjective):
    r"""Equal mean probability of the positive label among its true holders.

    The gaps of :class:`DemographicParity` over the rows whose label is positive: as
    the temperature falls, differences of true positive rates.

    Parameters
    ----------
    temperature : float, default=0.25
        See :class:`DemographicParity`.
    pos_label : str, int, bool or None, default=None
        The label whose rate is compared; None is the greater of two classes.

    References
    ----------
    Hardt, Price and Srebro, "Equality of Opportunity in Supervised Learning", 2016.

    Examples
    --------
    >>> from skswu.objectives import EqualOpportunity
    >>> EqualOpportunity(pos_label=">50K")
    EqualOpportunity(pos_label='>50K')
    """

    name = "equal_opportunity"
    disparity = "equal_opportunity_difference"

    def compared_labels(self, is_positive):
        return {"the positive class": is_positive}


class FalsePositiveRateParity(GroupGapObjective):
    r"""Equal mean probability of the positive label among those who do not hold it.

    The gaps of :class:`DemographicParity` over the rows whose label is another one: as
    the temperature falls, differences of false positive rates.

    Parameters
    ----------
    temperature : float, default=0.25
        See :class:`DemographicParity`.
    pos_label : str, int, bool or None, default=None
        The label whose rate is compared; None is the greater of two classes.

    References
    ----------
    Corbett-Davies, Pierson, Feller, Goel and Huq, "Algorithmic Decision Making and the
    Cost of Fairness", 2017 (predictive equality).

    Examples
    --------
    >>> from skswu.objectives import FalsePositiveRateParity
    >>> FalsePositiveRateParity(pos_label="reoffends")
    FalsePositiveRateParity(pos_label='reoffends')
    """

    name = "false_positive_rate_parity"
    disparity = "false_positive_rate_parity_difference"

    def compared_labels(self, is_positive):
        return {"the other classes": ~is_positive}


class EqualizedOdds(GroupGapObjective):
    r"""Equal mean probability of the positive label given either true label.

    The gaps of :class:`DemographicParity`, once over the rows without the positive
    label and once over those with it: as the temperature falls, differences of false
    and of true positive rates.

    Parameters
    ----------
    temperature : float, default=0.25
        See :class:`DemographicParity`.
    pos_label : str, int, bool or None, default=None
        The label whose rate is compared; None is the greater of two classes.

    References
    ----------
    Hardt, Price and Srebro, "Equality of Opportunity in Supervised Learning", 2016.

    Examples
    --------
    >>> from skswu.objectives import EqualizedOdds
    >>> EqualizedOdds(temperature=1.0)
    EqualizedOdds(temperature=1.0)
    """

    name = "equalized_odds"
    disparity = "equalized_odds_difference"

    def compared_labels(self, is_positive):
        return {"the other classes": ~is_positive, "the positive class": is_positive}
