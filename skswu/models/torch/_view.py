"""The view of a skorch net."""

from copy import copy
from fnmatch import fnmatchcase
from operator import attrgetter

import numpy as np
import torch
from scipy.special import logit
from sklearn.exceptions import NotFittedError

from ..._utils._compat_torch import optimizers_of
from ..._utils._warnings import warn
from .._blocks_view import BlocksView
from ._attacks import adversarial_rows
from ._batches import Batches
from ._copies import deep_copy
from ._curvature import GaussNewtonCurvature, HessianCurvature
from ._entries import TorchEntriesView
from ._history import check_recorded_loss
from ._linearized import LinearizedNetwork
from ._network import (
    Network,
    named_parameters,
    parameter_aliases,
    to_numpy,
    weight_decay,
)
from ._row_loss import RowLoss
from ._rows import TorchRows
from ._rows_alone import check_rows_alone
from ._squared_gradients import squared_gradients
from ._supported_modules import check_modules, check_parameters
from ._training import TorchTraining, last_layers, train
from ._training_mode import training_mode_losses

# Rows on which the shape of the output is checked.
_CHECKED_ROWS = 64
# Beyond, solvers stop at a larger residual.
_MANY_PARAMETERS = 100_000


class TorchModelView(BlocksView):
    r"""skorch's NeuralNetClassifier and NeuralNetBinaryClassifier.

    The training objective is :math:`\sum_i w_i \ell_i + m \sum_j \tfrac12 \lambda_j
    \theta_j^2`: the criterion without its reduction, and the optimizer's weight decay
    :math:`\lambda` of each parameter group on the scale :math:`m` of the criterion's
    reduction, the total weight for a mean. Decoupled weight decay (AdamW) counts as
    the same penalty. Frozen parameters, and those that the optimizer does not hold,
    stay as they are.

    Everything is evaluated as for prediction: dropout off, batch normalisation with its
    running statistics.

    Parameters
    ----------
    estimator : NeuralNetClassifier or NeuralNetBinaryClassifier
        Fitted.

    Attributes
    ----------
    network : Network
        A private copy of the modules.
    weight_decay : dict of str to float
        The :math:`\lambda` of each parameter, by name.
    """

    #: Chosen by measurement, see docs/benchmarks_torch.md.
    default_damping = 1e-2
    follows_leftover_gradient = False

    def __init__(self, estimator):
        _check_fitted(estimator)
        check_modules(estimator)
        super().__init__(estimator)
        self.weight_decay = weight_decay(estimator)
        self.network = Network(estimator)
        self.network.select(self._trained_names())
        self._fix_parameters()

    def _trained_names(self):
        """Names of the parameters that the net's fit moved."""
        held = {
            id(parameter)
            for optimizer in optimizers_of(self.estimator)
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        return [
            name
            for name, parameter in named_parameters(self.estimator).items()
            if parameter.requires_grad and id(parameter) in held
        ]

    def _fix_parameters(self):
        """Take the selected parameters as what is corrected."""
        if not self.network.names:
            raise ValueError("The net has no trainable parameters to correct.")
        check_parameters(named_parameters(self.network.net), self.network.names)
        self._parameters = self.network.vector()
        self.loss = self._row_loss()
        self._penalty = self.network.per_parameter(self.weight_decay)

    def _row_loss(self):
        loss, dtype = self.network.loss, self._parameters.dtype
        targets = loss.targets(self.classes, np.arange(len(self.classes)), dtype)
        return RowLoss(loss, targets.to(self._parameters.device), self._parameters)

    @property
    def parameters(self):
        return self._parameters

    @property
    def precision(self):
        return torch.finfo(self._parameters.dtype).eps

    @property
    def default_solver_tol(self):
        """Relative residual that ``"auto"`` asks of an iterative solver.

        At 1e-3 influences are right to about 3e-3, far closer than retraining follows
        them; see docs/benchmarks_torch.md. Of many parameters a product is dear, and
        1e-2 ends as well: gap and mean loss of a net of 128,000 were .0639 and .2663
        in place of .0641 and .2659, for two fifths less time.
        """
        return 1e-3 if len(self._parameters) <= _MANY_PARAMETERS else 1e-2

    def restricted_to(self, parameters, X):
        if isinstance(parameters, str) and parameters == "all":
            return self
        if isinstance(parameters, str):
            from ._head import restrict_to_last_layer

            return restrict_to_last_layer(self, X)
        return self.with_names(self._matching_names(parameters))

    def with_names(self, names):
        """Return a view that corrects the parameters of these names alone."""
        view = copy(self)
        view.network = self.network.copy()
        view.network.select(names)
        view._fix_parameters()
        return view

    def _matching_names(self, patterns):
        names, aliases = self.network.names, parameter_aliases(self.network.net)
        chosen = set()
        for pattern in patterns:
            matched = {aliases[name] for name in aliases if fnmatchcase(name, pattern)}
            if not matched.intersection(names):
                raise ValueError(
                    f"parameters={list(patterns)!r}: {pattern!r} matches no trained "
                    f"parameter of the net; there are {names}."
                )
            chosen |= matched
        return [name for name in names if name in chosen]

    def training_rows(self, X, codes, sample_weight=None):
        rows = self.evaluation_rows(X, codes)
        self.weigh(rows, X, sample_weight)
        return rows

    def weigh(self, rows, X, sample_weight):
        """Make training rows of evaluation rows.

        Parameters
        ----------
        rows : TorchRows
            The rows.
        X : data
            Of which they were made.
        sample_weight : ndarray of shape (n_samples,) or None
            As the classifier was fitted with.
        """
        codes = rows.codes
        weight = np.ones(len(rows)) if sample_weight is None else sample_weight
        weight = weight * self._kept_by_the_fit(X, codes)
        rows.weight = self.network.loss.weigh(codes, weight)
        rows.mass = self.network.loss.mass(codes, weight)
        self._check_loss(rows)
        self.network.load(self._parameters)
        check_rows_alone(self.network, rows)

    def check_training_rows(self, rows):
        check_recorded_loss(self.estimator, self._mean_losses(rows), len(self.classes))

    def _mean_losses(self, rows):
        """Yield the mean training loss of rows, in evaluation and in training mode.

        Dropout is off in the one. Running statistics, which lag behind in a short
        training, are not used in the other, which is what the net recorded.
        """
        yield rows.mean_loss
        positions, losses = training_mode_losses(self.network, rows, self.loss)
        weight = rows.weight[positions]
        if weight.any():
            yield float(
                np.average(losses, weights=weight) * rows.weight.sum() / rows.mass
            )

    def evaluation_rows(self, X, codes):
        batches = Batches(self.network.net, X, self.classes[codes])
        rows = TorchRows(batches, self.loss.targets(codes), code=codes)
        self._check_output(rows)
        return rows

    def at(self, rows, parameters):
        # What is known may be up to constants that are nothing to the loss.
        jacobians = rows.jacobians.at(parameters)
        return rows.at(self.network, parameters, jacobians), attrgetter("z")

    def directions(self, vectors):
        return vectors.T.contiguous()

    def _by_row(self, rows, parameters, function):
        z = rows.margins.at(parameters)
        if z is None:
            with torch.no_grad():
                z = super()._by_row(rows, parameters, _margins)
            rows.margins.note(parameters, z)
        pieces = [
            function(block, z[:, block.rows]) for block in rows.bare_blocks(len(z))
        ]
        return np.concatenate(pieces, axis=-1)

    def penalty(self, rows, parameters):
        # On the processor, as not every device has double precision.
        decay = to_numpy(self._penalty) @ to_numpy(parameters) ** 2
        return 0.5 * rows.mass * float(decay)

    def penalty_gradient(self, rows, parameters):
        return rows.mass * self._penalty * parameters

    def curvature(self, rows, parameters, weight, kind="auto"):
        operator = HessianCurvature if kind == "hessian" else GaussNewtonCurvature
        penalty = rows.mass * self._penalty
        return operator(self.network, rows, parameters, weight, penalty)

    @property
    def threshold(self):
        if self._own_threshold is None:
            return super().threshold
        return float(logit(self._own_threshold))

    @property
    def cut(self):
        return super().cut if self._own_threshold is None else self.threshold

    @property
    def _own_threshold(self):
        """The probability at which a net of one output decides by itself, if it does.

        Its even odds are left to the scores.
        """
        own = getattr(self.estimator, "threshold", 0.5)
        return own if self.decision is None and own != 0.5 else None

    def adversarial_rows(self, rows, parameters, attack):
        return adversarial_rows(self, rows, parameters, attack)

    def train(self, rows, parameters, weight, **options):
        return train(self, rows, parameters, weight, **options)

    def start_training(self, rows, parameters, **options):
        return TorchTraining(self, rows, parameters, **options)

    def last_layers(self, k):
        """Return the names of the parameters of the last k layers."""
        return last_layers(self, k)

    def linearized(self, parameters):
        return LinearizedNetwork(self, parameters)

    def squared_gradients(self, rows, parameters, weights, **options):
        return squared_gradients(self, rows, parameters, weights, **options)

    def of_entries(self, entries, parameters):
        return TorchEntriesView(self, entries, parameters)

    def read_parameters(self, net):
        """Return the parameters of another net of the same build, a copy."""
        tensors = named_parameters(net)
        pieces = [tensors[name].detach() for name in self.network.names]
        return self.network.flatten(pieces)

    def hold_others(self, net):
        """Do nothing: what is not corrected takes no gradient in training."""

    @staticmethod
    def copied(estimator):
        return deep_copy(estimator)

    def write_parameters(self, estimator, parameters):
        written = named_parameters(estimator)
        with torch.no_grad():
            pieces = self.network.split(parameters)
            for name, piece in zip(self.network.names, pieces, strict=True):
                written[name].copy_(piece)

    def concatenate(self, blocks):
        return torch.cat(blocks, dim=1)

    def to_numpy(self, vectors):
        return to_numpy(vectors)

    def _kept_by_the_fit(self, X, codes):
        """Mark the rows that the net's own train_split did not hold out."""
        kept = np.ones(len(codes))
        if not self.estimator.train_split:
            return kept
        indices = self._held_out(X, codes)
        if indices is None:  # validated on data of its own
            return kept
        n_trained, n_held_out = _rows_of_the_fit(self.estimator)
        split = self.estimator.train_split
        if n_trained == len(codes):  # the held-out rows were left out by the caller
            return kept
        if isinstance(getattr(split, "cv", None), float) and split.random_state is None:
            _warn_of_split(
                "The net's train_split held out rows at random, and which is not known"
            )
        elif n_held_out in (None, len(indices)):
            kept[indices] = 0.0
        else:
            _warn_of_split(
                f"The net was trained on {n_trained} rows and its train_split held out "
                f"{n_held_out} more, but {len(codes)} rows are given"
            )
        return kept

    def _held_out(self, X, codes):
        """Return which rows the net's train_split holds out of these, or None."""
        with torch.random.fork_rng(devices=[]):
            _, held_out = self.estimator.get_split_datasets(X, self.classes[codes])
        indices = getattr(held_out, "indices", None)
        return None if indices is None else np.asarray(indices)

    def _check_output(self, rows):
        """Insist that rows have one score a class, and a loss of their own each."""

        def count(batch):
            margins = self.network.check_loss(batch)
            return self.network.loss.scores(margins).shape[1]

        n_scores = rows.of_first_rows(count, _CHECKED_ROWS)
        if n_scores != len(self.classes):
            raise ValueError(
                f"The net gives {n_scores} scores a row, but was fitted on the classes "
                f"{self.classes.tolist()}; pass all labels as its 'classes' parameter."
            )

    def _check_loss(self, rows):
        losses = self.losses(rows, self._parameters)
        rows.mean_loss = float(rows.weight @ losses / rows.mass)
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            raise ValueError(
                f"The training loss is not finite for {len(bad)} of {len(rows)} rows, "
                f"the first of them row {bad[0]}: the net diverged or the row holds "
                "missing or infinite values."
            )


def _check_fitted(net):
    net.check_is_fitted()
    if not hasattr(net, "classes_"):
        raise NotFittedError(
            f"This {type(net).__name__} knows no classes: it is initialized but not "
            "fitted yet, or was fitted without y. Call fit, or give it all labels in "
            "order, set_params(classes=[0, 1])."
        )


def _rows_of_the_fit(net):
    """Return how many rows a net was trained and validated on; None if not recorded."""
    epochs = [epoch.get("batches", []) for epoch in getattr(net, "history_", [])]
    trained, held_out = (
        max((sum(b.get(kind, 0) for b in epoch) for epoch in epochs), default=0)
        for kind in ("train_batch_size", "valid_batch_size")
    )
    return (trained, held_out) if trained else (None, None)


def _warn_of_split(what):
    warn(
        f"{what}; all rows count as trained on. Pass the rows that fit was given, with "
        "a train_split that holds out the same ones each time (a random_state, or no "
        "shuffling), or fit with train_split=None.",
        UserWarning,
    )


def _margins(block, z):
    return z
