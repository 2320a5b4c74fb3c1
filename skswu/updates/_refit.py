"""Refit of the estimator itself under the new weights."""

from numbers import Integral, Real

from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from .._utils._compat import HasMethods, Interval
from ..inputs._sample_weight import (
    sample_weight_options,
    takes_sample_weight,
    weights_by_routing,
)
from ..models import has_model_view
from ._base import ModelUpdate
from ._stand_in import fit_stand_in


class Refit(ModelUpdate):
    r"""Fit a clone of the estimator under the sample weights :math:`w(1+\varepsilon)`.

    It corrects any classifier whose ``fit`` takes sample weights, such as random
    forests and gradient boosting; in a Pipeline the transformers stay as they are.
    A classifier that has no influences of its own borrows those of a stand-in, a linear
    model or a net that is fitted to the same rows. The metrics and the utility before
    and after are those of the real model. As the stand-in's influences are not quite
    the real model's, a refit may end beside the target. Then the stand-in is fitted
    anew, under the new weights, and the weights are solved for again from the real
    model's values, until the target is met or ``max_refits`` are done; the refit that
    ended nearest to it is kept. A repair of most of the metric may take extreme
    weights, and the utility suffers: ask for less where that happens.

    Hard weights, :math:`\varepsilon \in \{-1, 0\}`, make it the retraining without the
    removed samples, the standard that all other methods are held against.
    ``stationarity_`` is NaN for a model without parameters to measure it in.

    Parameters
    ----------
    influence_estimator : classifier, Pipeline or None, default=None
        Whose influences stand in; fitted to what the classifier sees, or kept as it is
        if a :class:`~sklearn.frozen.FrozenEstimator`. None takes the classifier itself
        where it has influences, and else a logistic regression, on the leaves of a tree
        ensemble that has ``apply`` and on the same inputs otherwise.
    max_refits : int, default=6
        Largest number of refits. Weights that aim at no target, as hard ones, take one.
    tol : float, default=0.05
        How far from the target the metric may end, as a share of the original's.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783
    (retraining under weights).

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from skswu import UnlearningClassifier
    >>> from skswu.datasets import load_adult
    >>> from skswu.updates import Refit
    >>> from skswu.weighting import SoftWeighting
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X = data[["age", "education_num", "hours_per_week", "capital_gain"]]
    >>> y = data["income"] == ">50K"
    >>> boosting = HistGradientBoostingClassifier(max_iter=20).fit(X, y)
    >>> model = UnlearningClassifier(
    ...     boosting, weighting=SoftWeighting(strength=0.5), update=Refit()
    ... ).unlearn(X, y, sensitive_features=data["sex"])
    >>> removed = 1 - model.objective_after_[0] / model.objective_before_[0]
    >>> bool(0.45 <= removed <= 0.55)
    True
    """

    _parameter_constraints = {
        "influence_estimator": [HasMethods(["fit"]), None],
        "max_refits": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, influence_estimator=None, *, max_refits=6, tol=0.05):
        self.influence_estimator = influence_estimator
        self.max_refits = max_refits
        self.tol = tol

    @property
    def max_iter(self):
        """Largest number of steps, of a refit each."""
        return self.max_refits

    def pose(self, setting):
        return setting.refitted(self)

    def check_classifier(self, classifier):
        """Raise a TypeError unless the classifier takes sample weights."""
        if not takes_sample_weight(classifier):
            raise TypeError(
                f"Refit needs a classifier whose fit takes sample_weight; "
                f"{type(classifier).__name__}.fit does not{_unless_requested()}."
            )

    def influence_model(self, classifier, X, y, sample_weight):
        """Return the fitted classifier whose influences are taken."""
        given = self.influence_estimator
        if given is None and has_model_view(classifier):
            return classifier
        if isinstance(given, FrozenEstimator):
            return given
        if given is None:
            return fit_stand_in(classifier, X, y, sample_weight)
        # The weights go to the last step, whatever it requests.
        with config_context(enable_metadata_routing=False):
            model = clone(given)
            return model.fit(X, y, **sample_weight_options(model, sample_weight))

    @property
    def follows_weights(self):
        """Whether the model whose influences are taken is that of the weights given."""
        given = self.influence_estimator
        return given is None or takes_sample_weight(given)

    def retrain(self, classifier, X, y, sample_weight):
        """Return a classifier like the given one, fitted under other weights."""
        if (sample_weight < 0).any():
            raise ValueError(
                f"Refit needs weights of at least 0; got {sample_weight.min():.2g}. "
                "Use a weighting with lower >= -1."
            )
        if not sample_weight.any():
            raise ValueError(
                "Refit needs samples to fit to, and the weighting removes all "
                f"{len(sample_weight)} of them. Ask it for less (fraction, n_samples)."
            )
        with weights_by_routing(classifier):
            return clone(classifier).fit(X, y, sample_weight=sample_weight)


def _unless_requested():
    """Return in words what metadata routing asks for, where it is on."""
    if not get_config()["enable_metadata_routing"]:
        return ""
    return ", as none of its estimators requests it by set_fit_request"
