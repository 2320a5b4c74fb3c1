"""What each of scikit-learn's linear classifiers minimises."""

from inspect import signature

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from ..linear._losses import (
    LogisticLoss,
    ModifiedHuberLoss,
    MultinomialLoss,
    SquaredHingeLoss,
    SquaredLoss,
)
from ._linear import LinearModelView


class ClassWeightedView(LinearModelView):
    """A linear view of an estimator with the ``class_weight`` parameter."""

    #: Whether a balanced class weight counts the sample weights.
    balances_sample_weight = False

    def weigh_classes(self, rows, sample_weight):
        class_weight = self._class_weight(rows.codes, sample_weight)
        if class_weight is not None:
            rows.weight = rows.weight * class_weight[rows.codes]

    def _class_weight(self, codes, sample_weight):
        """Return the weight of each class, shape (n_classes,), or None."""
        weighting = self.estimator.class_weight
        if weighting is None:
            return None
        options = {}
        if self.balances_sample_weight and _CLASS_WEIGHT_TAKES_SAMPLE_WEIGHT:
            options["sample_weight"] = sample_weight
        labels = self.classes[codes]
        with np.errstate(divide="ignore"):
            factors = compute_class_weight(
                weighting, classes=self.classes, y=labels, **options
            )
        # A class whose rows all weigh nothing has no balance, and takes no part.
        return np.where(np.isfinite(factors), factors, 0.0)


class OneVersusRestView(ClassWeightedView):
    """Weights the class of an output, not the rest, when there are several outputs."""

    def weigh_classes(self, rows, sample_weight):
        if len(self.classes) == 2:
            super().weigh_classes(rows, sample_weight)
        else:
            class_weight = self._class_weight(rows.codes, sample_weight)
            rows.loss = type(self.loss)(output_weight=class_weight)


class LogisticRegressionView(ClassWeightedView):
    r"""LogisticRegression and LogisticRegressionCV.

    :math:`\sum_i w_i \ell_i + \tfrac1C (\rho \|\beta\|_1 + \tfrac{1 - \rho}2
    \|\beta\|^2)`, the estimator's objective over C.
    """

    balances_sample_weight = True

    def loss_function(self):
        scheme = self._scheme()
        if len(self.classes) > 2 and scheme == "multinomial":
            return MultinomialLoss()
        if len(self.classes) == 2 and scheme == "multinomial":
            raise _unsupported(
                self.estimator, "multi_class='multinomial' and 2 classes"
            )
        if len(self.classes) > 2 and self.estimator.class_weight == "balanced":
            raise _unsupported(
                self.estimator, "one-vs-rest outputs and class_weight='balanced'"
            )
        return LogisticLoss()

    def _scheme(self):
        """How classes are combined; a choice that scikit-learn had until 1.7."""
        scheme = getattr(self.estimator, "multi_class", "deprecated")
        if scheme in ("auto", "deprecated"):
            one_vs_rest = self.estimator.solver == "liblinear" or len(self.classes) == 2
            return "ovr" if one_vs_rest else "multinomial"
        return scheme

    def penalty_strengths(self, n_samples):
        inverse, mixing = self._mixing()
        l1, l2 = inverse * mixing, inverse * (1.0 - mixing)
        if self.estimator.solver != "liblinear":
            return l1, l2, 0.0, 0.0
        scaling = self.estimator.intercept_scaling
        return l1, l2, l1 / scaling, l2 / scaling**2

    def _mixing(self):
        """Return 1 / C and the share of the l1 norm, for each output or for all."""
        estimator = self.estimator
        C = np.asarray(getattr(estimator, "C_", getattr(estimator, "C", 1.0)))
        penalty = estimator.penalty
        if penalty is None:
            return 0.0, 0.0
        if penalty in ("l1", "l2"):
            return _by_output(1.0 / C), float(penalty == "l1")
        ratio = getattr(estimator, "l1_ratio_", getattr(estimator, "l1_ratio", 0.0))
        ratio = np.where(np.equal(ratio, None), 0.0, ratio).astype(np.float64)
        return _by_output(1.0 / C), _by_output(ratio)


class RidgeClassifierView(ClassWeightedView):
    r"""RidgeClassifier and RidgeClassifierCV.

    :math:`\sum_i w_i (t_i - z_i)^2 + \alpha \|\beta\|^2`, with :math:`t = \pm 1`.
    """

    def loss_function(self):
        return SquaredLoss()

    def penalty_strengths(self, n_samples):
        alpha = getattr(self.estimator, "alpha_", None)
        alpha = self.estimator.alpha if alpha is None else alpha
        return 0.0, 2.0 * np.asarray(alpha), 0.0, 0.0


class LinearSVCView(OneVersusRestView):
    r"""LinearSVC with the squared hinge, intercept penalised as a feature."""

    balances_sample_weight = True

    def loss_function(self):
        if self.estimator.loss != "squared_hinge":
            raise _unsupported(self.estimator, f"loss={self.estimator.loss!r}")
        if self.estimator.multi_class != "ovr" and len(self.classes) > 2:
            raise _unsupported(
                self.estimator, f"multi_class={self.estimator.multi_class!r}"
            )
        return SquaredHingeLoss()

    def penalty_strengths(self, n_samples):
        strength = 1.0 / self.estimator.C
        l1 = strength * (self.estimator.penalty == "l1")
        scaling = self.estimator.intercept_scaling
        l2 = strength - l1
        return l1, l2, l1 / scaling, l2 / scaling**2


class SGDClassifierView(OneVersusRestView):
    r"""SGDClassifier: :math:`\sum_i w_i \ell_i + n \alpha R(\beta)`."""

    _losses = {
        "log_loss": LogisticLoss,
        "squared_hinge": SquaredHingeLoss,
        "modified_huber": ModifiedHuberLoss,
    }

    def loss_function(self):
        if self.estimator.loss not in self._losses:
            raise _unsupported(
                self.estimator,
                f"loss={self.estimator.loss!r} (supported: {sorted(self._losses)})",
            )
        return self._losses[self.estimator.loss]()

    def penalty_strengths(self, n_samples):
        mixing = {"l1": 1.0, "l2": 0.0, "elasticnet": self.estimator.l1_ratio}
        if self.estimator.penalty is None:
            return 0.0, 0.0, 0.0, 0.0
        strength = n_samples * self.estimator.alpha
        share = mixing[self.estimator.penalty]
        return strength * share, strength * (1.0 - share), 0.0, 0.0


_CLASS_WEIGHT_TAKES_SAMPLE_WEIGHT = (
    "sample_weight" in signature(compute_class_weight).parameters
)


def _by_output(value):
    value = np.ravel(value)
    return float(value[0]) if (value == value[0]).all() else value


def _unsupported(estimator, what):
    return TypeError(
        f"{type(estimator).__name__} with {what} has no smooth training loss of a "
        "form that can be corrected. Change that parameter, or register a view of "
        "your own with skswu.register_model_view."
    )
