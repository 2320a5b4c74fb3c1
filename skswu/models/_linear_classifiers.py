"""What each of scikit-learn's linear classifiers minimises."""

from functools import partial
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
from ._ways_out import way_out


class ClassWeightedView(LinearModelView):
    """A linear view of an estimator with the ``class_weight`` parameter."""

    #: Whether a balanced class weight counts the sample weights.
    balances_sample_weight = False

    def weigh_classes(self, rows, sample_weight):
        class_weight = self._class_weight(rows, sample_weight)
        if class_weight is not None:
            rows.weigh(class_weight)

    def _class_weight(self, rows, sample_weight):
        """Return the weight of each class, shape (n_classes,), or None."""
        weighting, classes = self.estimator.class_weight, self.classes
        if weighting is None:
            return None
        if weighting != "balanced":
            return compute_class_weight(weighting, classes=classes, y=classes)
        if not (self.balances_sample_weight and _CLASS_WEIGHT_TAKES_SAMPLE_WEIGHT):
            sample_weight = None
        totals = rows.class_totals(len(classes), sample_weight)
        # A class whose rows all weigh nothing has no balance, and takes no part.
        with np.errstate(divide="ignore"):
            factors = totals.sum() / (len(classes) * totals)
        return np.where(np.isfinite(factors), factors, 0.0)


class OneVersusRestView(ClassWeightedView):
    """Weights the class of an output, not the rest, when there are several outputs."""

    def weigh_classes(self, rows, sample_weight):
        if len(self.classes) == 2:
            super().weigh_classes(rows, sample_weight)
        else:
            class_weight = self._class_weight(rows, sample_weight)
            rows.loss = type(self.loss)(output_weight=class_weight)


class LogisticRegressionView(ClassWeightedView):
    r"""LogisticRegression and LogisticRegressionCV.

    :math:`\sum_i w_i \ell_i + \tfrac1C (\rho \|\beta\|_1 + \tfrac{1 - \rho}2
    \|\beta\|^2)`, the estimator's objective over C.
    """

    balances_sample_weight = True

    def loss_function(self):
        if not getattr(self.estimator, "refit", True):
            raise TypeError(
                f"{type(self.estimator).__name__} with refit=False has the mean of the "
                "coefficients of all folds, which no training rows were fitted by. Fit "
                f"with refit=True. {way_out(self.estimator)}"
            )
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
        if getattr(self.estimator, "positive", False):
            raise TypeError(
                f"{type(self.estimator).__name__} with positive=True cannot be "
                "corrected: coefficients that may not be negative have no steps that "
                f"keep them so. Fit with positive=False. {way_out(self.estimator)}"
            )
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
        if self.estimator.multi_class != "ovr":
            raise _unsupported(
                self.estimator, f"multi_class={self.estimator.multi_class!r}"
            )
        return SquaredHingeLoss()

    def largest_share_left(self, rows):
        # Coordinate descent on the dual problem leaves any gradient of the other.
        if self.n_iter >= self.estimator.max_iter:
            return np.inf
        return super().largest_share_left(rows)

    def penalty_strengths(self, n_samples):
        strength = 1.0 / self.estimator.C
        l1 = strength * (self.estimator.penalty == "l1")
        scaling = self.estimator.intercept_scaling
        l2 = strength - l1
        return l1, l2, l1 / scaling, l2 / scaling**2


# Of fits by stochastic gradients, see docs/benchmarks_training_data.md: the last step
# over the one that overshoots for a row alone, beyond which fits leave anything; the
# share of the gradient at coefficients of zero that shorter ones leave, as a factor on
# the root of that, and at least.
_LONG_STEP = 10.0
_SGD_LEAVES_BY_STEP = 1.5
_SGD_LEAVES = 0.2
# By how many times what it is in the mean under labels at random, that gradient counts.
_BY_CHANCE = 8.0
# A fit has diverged if it loses so many times what coefficients of zero do.
_DIVERGED = 100.0
# The sum of the steps in the same units, of a column as most are and of the intercept,
# below which a fit may be anywhere on the way.
_LONG_WAY = 10.0
# Where scikit-learn stops to lower the learning rate.
_LEAST_ADAPTIVE_RATE = 1e-6


class SGDClassifierView(OneVersusRestView):
    r"""SGDClassifier: :math:`\sum_i w_i \ell_i + n \alpha R(\beta)`."""

    _losses = {
        "log_loss": LogisticLoss,
        "squared_hinge": SquaredHingeLoss,
        "modified_huber": ModifiedHuberLoss,
    }
    #: The largest second derivative of each.
    _curvatures = {"log_loss": 0.25, "squared_hinge": 2.0, "modified_huber": 2.0}

    def loss_function(self):
        if self.estimator.loss not in self._losses:
            raise _unsupported(
                self.estimator,
                f"loss={self.estimator.loss!r} (supported: {sorted(self._losses)})",
            )
        return self._losses[self.estimator.loss]()

    def leaves(self, rows, gradient):
        share = self.largest_share_left(rows)
        if np.isinf(share):
            return True
        start = np.linalg.norm(self.gradient_at(rows, 0.0 * self.parameters))
        # Labels that depend on nothing have hardly a gradient at zero to be a share of.
        ((squares,),) = rows.blocks.reduce(partial(_squares, power=2))
        slope = self.loss.first_of_margin(np.zeros(1))[0]
        by_chance = abs(slope) * np.sqrt(squares.sum() * self._whole_shape[0])
        return np.linalg.norm(gradient) <= share * max(start, _BY_CHANCE * by_chance)

    def largest_share_left(self, rows):
        estimator = self.estimator
        # Cut short; or what the first, long steps did is felt, by an average of all or
        # by slopes that have no bound.
        if self.n_iter >= estimator.max_iter or estimator.average:
            return np.inf
        if estimator.loss == "squared_hinge":
            return np.inf
        ((squares,),) = rows.blocks.reduce(_squares)
        curvature = self._curvatures[estimator.loss] * np.ravel(squares) / len(rows)
        # Steps that are long for the rows jump about the optimum, or leave it for good.
        length = _last_step_size(estimator) * curvature.sum()
        usual = min(np.median(curvature), curvature[-1])
        if not length <= _LONG_STEP or _sum_of_steps(estimator) * usual < _LONG_WAY:
            return np.inf
        own, zero = (self._total_loss(rows, r * self.parameters) for r in (1.0, 0.0))
        if not own <= _DIVERGED * zero:
            return np.inf
        return max(_SGD_LEAVES, _SGD_LEAVES_BY_STEP * min(length, 1.0) ** 0.5)

    def _total_loss(self, rows, parameters):
        call = partial(_loss, loss=rows.loss, matrix=self._matrix_at(rows, parameters))
        ((total,),) = rows.blocks.reduce(call)
        return total

    def penalty_strengths(self, n_samples):
        mixing = {"l1": 1.0, "l2": 0.0, "elasticnet": self.estimator.l1_ratio}
        if self.estimator.penalty is None:
            return 0.0, 0.0, 0.0, 0.0
        strength = n_samples * self.estimator.alpha
        share = mixing[self.estimator.penalty]
        return strength * share, strength * (1.0 - share), 0.0, 0.0


def _squares(block, power=1):
    """Return the sums of the squares of each column by a power of the weight."""
    weight = np.broadcast_to(block.weight**power, (1, block.n_rows))
    return (block.design.squares(weight),)


def _loss(block, loss, matrix):
    """Return the summed losses under the weights of rows."""
    values = loss.values(block["code"], block.margins(matrix))
    return (np.sum(values * block.weight),)


def _last_step_size(estimator):
    """Return the learning rate that a fit by stochastic gradients ended with."""
    if estimator.learning_rate == "adaptive":
        return _LEAST_ADAPTIVE_RATE
    if estimator.learning_rate == "optimal":
        return 1.0 / (estimator.alpha * max(estimator.t_, 1.0))
    return estimator.eta0 if estimator.learning_rate == "constant" else np.inf


def _sum_of_steps(estimator):
    """Return the sum of the learning rates of a fit by stochastic gradients, about."""
    if estimator.learning_rate == "optimal":
        # Bottou's rate starts where a step is as large as the coefficients may become.
        first = estimator.alpha**-0.75
        return np.log1p(estimator.t_ / first) / estimator.alpha
    if estimator.learning_rate == "adaptive":
        # It is lowered once so many passes gain little.
        n_passes = min(estimator.n_iter_no_change / estimator.n_iter_, 1.0)
        return estimator.eta0 * estimator.t_ * n_passes
    return estimator.eta0 * estimator.t_


_CLASS_WEIGHT_TAKES_SAMPLE_WEIGHT = (
    "sample_weight" in signature(compute_class_weight).parameters
)


def _by_output(value):
    value = np.ravel(value)
    return float(value[0]) if (value == value[0]).all() else value


def _unsupported(estimator, what):
    return TypeError(
        f"{type(estimator).__name__} with {what} has no smooth training loss of a "
        f"form that can be corrected. Change that parameter; {way_out(estimator)} Or "
        "register a view of your own with skswu.register_model_view."
    )
