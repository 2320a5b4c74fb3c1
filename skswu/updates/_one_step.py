"""Correction by a single influence step."""

from ._influence import InfluenceUpdate


class OneStep(InfluenceUpdate):
    """Move the parameters by one influence step, however far it falls from the target.

    It is :class:`InfluenceUpdate` with ``max_iter=1``: metrics are linearised once, and
    all strengths of a search share the passes over the rows. A strength that misses its
    target is made up for by the next, which is why searches take it by default. A
    single correction of a large gap is better off with several steps.

    Parameters
    ----------
    step : {"newton", "textbook"}, default="newton"
        ``"textbook"`` takes the curvature under the original weights, as in the paper,
        and leaves alone what the fit left over of the gradient.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.datasets import load_adult
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X, y = data[["education_num", "hours_per_week"]], data["income"] == ">50K"
    >>> fitted = LogisticRegression().fit(X, y)
    >>> for update in ("one_step", "influence"):
    ...     corrected = UnlearningClassifier(fitted, update=update)
    ...     corrected.unlearn(X, y, sensitive_features=data["sex"]).n_iter_
    """

    _parameter_constraints = {"step": InfluenceUpdate._parameter_constraints["step"]}

    def __init__(self, *, step="newton"):
        super().__init__(max_iter=1, step=step)
