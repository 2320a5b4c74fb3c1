"""Another update, on the parameters that the down-weighted samples pull at most."""

from numbers import Real

import numpy as np

from .._utils._compat import Interval
from ._base import BaseUpdate
from ._fine_tune import FineTune
from ._training import forgotten

# Machine epsilons by which equal pulls may differ.
_ROUNDING = 64


class SaliencyUnlearning(BaseUpdate):
    r"""Move only the parameters that are salient for what is forgotten: SalUn.

    The saliency of a parameter is its entry of :math:`|\sum_i w_i f_i \nabla \ell_i|`,
    with :math:`f_i = \min(\max(-\varepsilon_i, 0), 1)` the share that is taken of each
    sample. The ``share`` of the parameters with the largest ones is moved by another
    update, as if the model had no others; these stay as they are to the last digit. The
    source forgets by training on random labels, with :math:`\varepsilon \in \{-1, 0\}`.
    Here any update of this package forgets, and takes the soft weights that it takes by
    itself: the mask does not depend on how much is asked for.

    Parameters
    ----------
    update : BaseUpdate or None, default=None
        What moves the salient parameters; None is :class:`FineTune` with its defaults.
        If it makes several steps, each has a mask of its own.
    share : float, default=0.5
        How many of the parameters are moved, in (0, 1]. Half of them, as in the source,
        are those above the median.

    References
    ----------
    Fan, Liu, Zhang, Wong, Wei and Liu, "SalUn: Empowering Machine Unlearning via
    Gradient-based Weight Saliency in Both Image Classification and Generation", ICLR
    2024.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.datasets import load_adult
    >>> from skswu.updates import InfluenceUpdate, SaliencyUnlearning
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X = data[["age", "education_num", "hours_per_week"]] / [40.0, 10.0, 40.0]
    >>> y = data["income"] == ">50K"
    >>> classifier = LogisticRegression().fit(X, y)
    >>> model = UnlearningClassifier(
    ...     classifier, update=SaliencyUnlearning(InfluenceUpdate(), share=0.5)
    ... ).set_params(weighting__strength=0.2)
    >>> model = model.unlearn(X, y, sensitive_features=data["sex"])
    >>> model.estimator_.coef_ == classifier.coef_
    array([[False,  True, False]])
    """

    _parameter_constraints = {
        "update": [BaseUpdate, None],
        "share": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, update=None, *, share=0.5):
        self.update = update
        self.share = share

    @property
    def needs(self):
        """Methods that a model view must have, with what offers them."""
        masks = {"of_entries": "linear models and skorch's nets"}
        return {**masks, **self._moving.needs}

    @property
    def max_iter(self):
        """Largest number of steps."""
        return self._moving.most_steps()

    @property
    def tol(self):
        """Stationarity at which further steps are not worth it."""
        return self._moving.tol

    @property
    def _moving(self):
        return FineTune() if self.update is None else self.update

    def check_params(self):
        super().check_params()
        self._moving.check_params()

    def keeps_leftover(self, influence, view):
        return self._moving.keeps_leftover(influence, view)

    def restrict(self, influence, view, X):
        return self._moving.restrict(influence, view, X)

    def move(self, move):
        salient = self._salient(move)
        if not salient.any():  # nothing is to be forgotten, or nothing pulls at it
            return move.parameters, 0.0
        among = move.of_entries(salient)
        parameters, length = self._moving.move(among)
        return among.view.whole(parameters), length

    def _salient(self, move):
        """Return which parameters are moved, shape (n_parameters,)."""
        taken = move.rows.weight * forgotten(move.epsilon)
        pull = abs(move.view.loss_gradient(move.rows, move.parameters, taken))
        sizes = np.sort(move.view.to_numpy(pull))
        n_moved = int(np.ceil(self.share * len(sizes)))
        # The two outputs of a softmax are pulled alike, but for rounding.
        least = (1.0 - _ROUNDING * move.view.precision) * sizes[-n_moved]
        return (pull >= float(least)) & (pull > 0)
