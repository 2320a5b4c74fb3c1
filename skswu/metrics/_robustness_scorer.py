"""A scorer for accuracy under attack."""

from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.metadata_routing import UNUSED

from ..inputs import label_positions
from ..models import WrappedClassifier, check_needs, make_model_view
from ..objectives import AdversarialRobustness


class _RobustnessScorer(BaseEstimator):
    """The scorer that `make_robustness_scorer` makes; see there."""

    __metadata_request__score: ClassVar = {"estimator": UNUSED}

    def __init__(self, objective):
        self.objective = objective

    def __call__(self, estimator, X, y, *, sample_weight=None):
        """Score `estimator` under attack; the same as :meth:`score`."""
        return self.score(estimator, X, y, sample_weight=sample_weight)

    def score(self, estimator, X, y, *, sample_weight=None):
        """Return the share of the rows that are predicted right under attack.

        Parameters
        ----------
        estimator : classifier
            Fitted.
        X : array-like or DataFrame of shape (n_samples, n_columns)
            Rows to attack.
        y : array-like of shape (n_samples,)
            Their true labels.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows.

        Returns
        -------
        score : float
        """
        attack, adaptive = self._make_attack(), self.objective.adaptive
        y = column_or_1d(np.asarray(y))
        check_consistent_length(X, y, sample_weight)
        view, rows = _read(estimator, X, y)
        target, target_rows = view, rows
        if not adaptive:
            target, target_rows = _read(estimator, X, y, "original_estimator_")
        attacked = target.adversarial_rows(target_rows, target.parameters, attack)
        predicted = view.predicted(attacked, view.parameters)
        return float(np.average(predicted == rows.codes, weights=sample_weight))

    def _make_attack(self):
        attack = self.objective.make_attack()
        if self.objective.adaptive and attack.kind == "boundary":
            raise ValueError(
                "attack='boundary' turns every prediction of the model that it is made "
                "against around, so that its adaptive score only says how often the "
                "model is wrong. Use attack='pgd', or adaptive=False to score an "
                "UnlearningClassifier on inputs made against its original."
            )
        return attack

    def _accept_sample_weight(self):
        # scikit-learn asks this of every scorer in a dict while routing is off
        return True

    def __repr__(self, N_CHAR_MAX=700):
        defaults = AdversarialRobustness().get_params()
        arguments = [
            f"{name}={value!r}"
            for name, value in self.objective.get_params().items()
            if value != defaults[name]
        ]
        return f"make_robustness_scorer({', '.join(arguments)})"


def make_robustness_scorer(
    *,
    attack="pgd",
    epsilon=0.1,
    norm="l2",
    overshoot=0.3,
    n_steps=10,
    step_size=None,
    clip=None,
    adaptive=True,
    random_state=None,
):
    """Make a scorer of the accuracy on adversarial inputs.

    The score is the share of the rows that are predicted right after each was perturbed
    as :class:`skswu.objectives.AdversarialRobustness` does, in the input space of the
    last step of a Pipeline. For linear models with two classes it is exactly the share
    that no perturbation of the ball can make wrong.

    Parameters
    ----------
    attack : {"pgd", "fgsm", "boundary"}, default="pgd"
        How inputs are perturbed. `"boundary"` goes with `adaptive=False` only: against
        the model itself it succeeds always.
    epsilon : float, default=0.1
        Radius of the ball of `"fgsm"` and `"pgd"`.
    norm : {"l2", "linf"}, default="l2"
        Norm of that ball.
    overshoot : float, default=0.3
        How far `"boundary"` goes beyond the boundary, as a share of the way to it.
    n_steps : int, default=10
        Steps of `"pgd"`, and of `"boundary"` for models that are not linear.
    step_size : float, optional
        Size of a step of `"pgd"`; by default ``2.5 * epsilon / n_steps``.
    clip : tuple of (low, high), optional
        Valid range of the inputs: two numbers, or two arrays with one number a feature.
    adaptive : bool, default=True
        Whether inputs are made against the scored model. False makes them against the
        ``original_estimator_`` of an :class:`skswu.UnlearningClassifier`, which
        flatters the corrected one.
    random_state : int, RandomState instance or None, default=None
        Draws where `"pgd"` starts within the ball; None starts at the input.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y, *, sample_weight=None)``; greater is better.
        The estimator is an UnlearningClassifier, or a classifier that one can correct,
        bare or at the end of a Pipeline. It can be cloned and pickled, and has
        ``set_score_request`` for metadata routing.

    Raises
    ------
    ValueError
        For a parameter out of its range. The scorer raises it for a sparse X, labels
        that the estimator does not know, and a model without an original to attack.
    TypeError
        The scorer raises it for a classifier whose gradients are not known.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu.metrics import make_robustness_scorer
    >>> X, y = np.array([[-2.0], [-1.0], [1.0], [3.0]]), [0, 0, 1, 1]
    >>> model = LogisticRegression().fit(X, y)
    >>> make_robustness_scorer(epsilon=0.5)(model, X, y)
    1.0
    >>> make_robustness_scorer(epsilon=1.5)(model, X, y)
    0.5
    """
    objective = AdversarialRobustness(
        attack=attack,
        epsilon=epsilon,
        norm=norm,
        overshoot=overshoot,
        n_steps=n_steps,
        step_size=step_size,
        clip=clip,
        adaptive=adaptive,
        random_state=random_state,
    )
    scorer = _RobustnessScorer(objective)
    scorer._make_attack()
    return scorer


def _read(estimator, X, y, version="estimator_"):
    """Return the model view of a fitted classifier, and its view of the rows.

    Of an UnlearningClassifier, ``version`` is the attribute that is viewed.
    """
    wrapped = WrappedClassifier(estimator)
    X = wrapped.transform(X)
    if hasattr(wrapped.classifier, "original_estimator_"):
        return _read(getattr(wrapped.classifier, version), X, y)
    if version == "original_estimator_":
        raise ValueError(
            "adaptive=False needs a fitted UnlearningClassifier, whose original "
            f"classifier is attacked; got {type(wrapped.classifier).__name__}."
        )
    view = make_model_view(wrapped.classifier)
    check_needs(view, [AdversarialRobustness()])
    return view, view.evaluation_rows(X, label_positions(y, view.classes, "y"))
