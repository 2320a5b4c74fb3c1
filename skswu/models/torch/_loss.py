r"""Per-sample training losses of a skorch net, as functions of its margins.

Margins are what the curvature is linearised in: the logits of a softmax or a sigmoid,
of shape (n_samples, n_outputs). Class weights stand in the sample weights, never in the
loss.
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from skorch import NeuralNet
from skorch.classifier import NeuralNetClassifier
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

from ..._utils._compat_torch import predict_nonlinearity, uncompiled
from ...linear import LogisticLoss, MultinomialLoss, SoftTargetLoss
from ._copies import copied_module, shallow_copy
from ._outputs import Outputs

_SKORCH_GET_LOSS = {NeuralNet.get_loss, NeuralNetClassifier.get_loss}


def make_sample_loss(net):
    """Return the per-sample loss that a net's criterion stands for."""
    criterion = bare_criterion(net)
    loss = _LOSSES.get(type(criterion), CriterionLoss)
    if type(net).get_loss not in _SKORCH_GET_LOSS or callable(net.predict_nonlinearity):
        loss = CriterionLoss
    return loss(net)


def bare_criterion(net):
    """Return the net's criterion, unwrapped where it is compiled."""
    return uncompiled(net.criterion_)


class SampleLoss(ABC):
    r"""A loss :math:`\ell(y, z)` of margins :math:`z`.

    Parameters
    ----------
    net : skorch net
        Initialised.

    Attributes
    ----------
    class_weight : ndarray of shape (n_classes,) or None
        Factor on the loss of the samples of each class.
    class_mass : ndarray of shape (n_classes,) or None
        What a sample of each class adds to the denominator of the criterion's mean.
    """

    #: Whether a constant in all margins of a row is nothing to it.
    ignores_constants = False
    class_weight = None
    class_mass = None

    def __init__(self, net):
        self.net = net
        self.criterion = bare_criterion(net)

    def margins(self, output):
        """Return the margins of the module's output, (n_samples, n_outputs)."""
        if not isinstance(output, torch.Tensor):
            raise TypeError(
                f"The module {type(self.net.module_).__name__} returns several "
                "outputs, and which of them the loss reads is not known. Override the "
                "net's get_loss, or let forward return one tensor."
            )
        return self._margins(output)

    def _margins(self, output):
        return output

    def check(self, output, targets, parameters):
        """Insist that the loss of a row is a function of what the module makes of it.

        Parameters
        ----------
        output : Tensor or nested tensors
            What the module makes of a few rows.
        targets : Tensor of shape (n_samples,)
            Their labels.
        parameters : list of Tensor
            The network's.
        """
        return None

    def targets(self, labels, codes, dtype):
        """Return the labels of rows as :meth:`values` takes them."""
        return torch.as_tensor(codes)

    @abstractmethod
    def values(self, margins, targets):
        """Per-sample losses, shape (n_samples,)."""

    @abstractmethod
    def gradient(self, margins, targets):
        """Derivative in the margins, shape (n_samples, n_outputs)."""

    @abstractmethod
    def curvature(self, margins, targets):
        """Return a function that multiplies rows by their Hessian in the margins."""

    @abstractmethod
    def scores(self, margins):
        """Log-probabilities up to a constant, shape (n_samples, n_classes)."""

    def of_linear_layer(self):
        """Return the same loss for a linear layer by itself, or None.

        Returns
        -------
        LinearLoss or None
            Class weights are left out, as they are here.
        """
        return None

    def mass(self, codes, weight):
        r"""Return the total weight that the criterion's reduction stands against.

        A net minimises :math:`\sum_i w_i \ell_i / m + R`, so :math:`m R` is the
        regulariser of the summed loss.
        """
        if self.criterion.reduction == "sum":
            return weight.sum() / _training_batch_size(self.net, len(weight))
        return weight @ _by_class(self.class_mass, codes)

    def weigh(self, codes, weight):
        """Return sample weights times class weights."""
        return weight * _by_class(self.class_weight, codes)


class SoftmaxLoss(SampleLoss):
    r"""Softmax cross-entropy: CrossEntropyLoss, label smoothing included.

    Attributes
    ----------
    soft_targets : Tensor of shape (n_classes, n_classes) or None
        The distribution that each label stands for, if not itself.
    """

    ignores_constants = True

    def __init__(self, net):
        super().__init__(net)
        self.soft_targets = None
        smoothing = getattr(self.criterion, "label_smoothing", 0.0)
        weight = self.criterion.weight
        if weight is not None:
            self.class_weight = self.class_mass = _to_numpy(weight)
        if smoothing:
            self._smooth(smoothing, len(net.classes_))

    def _smooth(self, smoothing, n_classes):
        weight = torch.ones(n_classes) if self.criterion.weight is None else None
        weight = self.criterion.weight.cpu() if weight is None else weight
        targets = torch.diag((1.0 - smoothing) * weight.double())
        targets = targets + smoothing * weight.double() / n_classes
        total = targets.sum(1)
        self.class_weight = _to_numpy(total)
        self.soft_targets = targets / total[:, None]

    def values(self, margins, targets):
        return -(self._rows_of(targets, margins) * log_softmax(margins, 1)).sum(1)

    def gradient(self, margins, targets):
        return torch.softmax(margins, 1) - self._rows_of(targets, margins)

    def curvature(self, margins, targets):
        probability = torch.softmax(margins, 1)

        def product(vectors):
            scaled = probability * vectors
            return scaled - probability * scaled.sum(1, keepdim=True)

        return product

    def scores(self, margins):
        return log_softmax(margins, 1)

    def of_linear_layer(self):
        if self.soft_targets is None:
            return MultinomialLoss()
        return SoftTargetLoss(_to_numpy(self.soft_targets))

    def _rows_of(self, targets, margins):
        """Return the target distribution of each row, shape (n_samples, n_classes)."""
        if self.soft_targets is None:
            return nn.functional.one_hot(targets, margins.shape[1]).to(margins.dtype)
        return self.soft_targets.to(margins)[targets]


class LogProbabilityLoss(SoftmaxLoss):
    r"""NLLLoss, whose modules return probabilities, of which skorch takes the log.

    The margins are those logs: the softmax undoes them, and the Gauss-Newton matrix is
    that of the logits before the module's own softmax.
    """

    def _margins(self, output):
        return torch.log(output + torch.finfo(output.dtype).eps)


class SigmoidLoss(SampleLoss):
    r"""Binary cross-entropy of one logit: BCEWithLogitsLoss."""

    def __init__(self, net):
        super().__init__(net)
        if self.criterion.weight is not None:
            raise TypeError(
                f"{type(self.criterion).__name__} with weight= rescales positions in "
                "the batch, not classes; it cannot be made per-sample. Use the "
                "pos_weight= of BCEWithLogitsLoss instead."
            )
        positive = getattr(self.criterion, "pos_weight", None)
        if positive is not None:
            self.class_weight = np.array([1.0, positive.item()])

    def _margins(self, output):
        return output.reshape(-1, 1)

    def values(self, margins, targets):
        return binary_cross_entropy_with_logits(
            margins[:, 0], targets.to(margins.dtype), reduction="none"
        )

    def gradient(self, margins, targets):
        return torch.sigmoid(margins) - targets[:, None].to(margins.dtype)

    def curvature(self, margins, targets):
        second = torch.sigmoid(margins) * torch.sigmoid(-margins)
        return lambda vectors: second * vectors

    def scores(self, margins):
        return nn.functional.logsigmoid(torch.cat([-margins, margins], 1))

    def of_linear_layer(self):
        return LogisticLoss()


class ProbabilityLoss(SigmoidLoss):
    r"""BCELoss, whose modules return a probability; the margin is its logit."""

    def _margins(self, output):
        eps = torch.finfo(output.dtype).eps
        return torch.logit(output.reshape(-1, 1), eps)


class CriterionLoss(SampleLoss):
    r"""Any criterion that returns one loss a sample when its reduction is "none".

    The loss is what the net's own ``get_loss`` makes of a criterion with
    ``reduction="none"``; derivatives are automatic. The module may return several
    tensors, in a tuple, a dict or an object that torch knows as a container; the
    margins are those that the loss reads, side by side. The Gauss-Newton matrix is
    positive semi-definite where the loss is convex in them.
    """

    def __init__(self, net):
        super().__init__(net)
        if getattr(self.criterion, "reduction", None) not in ("mean", "sum"):
            raise TypeError(
                f"The criterion {type(self.criterion).__name__} cannot be made "
                "per-sample. Supported are CrossEntropyLoss, NLLLoss, "
                "BCEWithLogitsLoss, BCELoss, and any criterion with the attribute "
                "reduction='mean' or 'sum' that returns one loss a sample once it is "
                "set to 'none' (overriding the net's get_loss is fine)."
            )
        self._net = shallow_copy(net)
        criterion = copied_module(self.criterion)
        criterion.reduction = "none"
        vars(self._net)["criterion_"] = criterion.eval()
        self._nonlinearity = predict_nonlinearity(net)
        self._outputs = Outputs()
        weight = getattr(criterion, "weight", None)
        if (
            isinstance(criterion, nn.CrossEntropyLoss | nn.NLLLoss)
            and weight is not None
        ):
            self.class_mass = _to_numpy(weight)

    def margins(self, output):
        return self._outputs.flatten(output)

    def check(self, output, targets, parameters):
        self._outputs.read = None
        margins = self._outputs.flatten(output).detach().clone().requires_grad_()
        with torch.enable_grad():
            losses = self.values(margins, targets)
            slope, *others = torch.autograd.grad(
                losses.sum(), [margins, *parameters], allow_unused=True
            )
        if any(gradient is not None for gradient in others):
            raise TypeError(
                f"The get_loss of {type(self.net).__name__} adds a function of the "
                "parameters, such as a penalty, to the losses of the rows: it would "
                "count as the loss of each of them. Put it into the optimizer "
                "(weight_decay), or leave it out."
            )
        read = self._outputs.where(slope)
        if not torch.is_tensor(output):
            read = sorted({*read, *self._read_by_scores(output, margins)})
        self._outputs.read = read or self._outputs.read
        self._check_rows_apart(self._outputs.flatten(output), losses.detach(), targets)

    def _read_by_scores(self, output, margins):
        """Return the positions of the tensors that probabilities are made of."""
        if not (isinstance(output, tuple) or callable(self.net.predict_nonlinearity)):
            return []
        with torch.enable_grad():
            some = self.scores(margins)[:, :1].sum()
            return self._outputs.where(*torch.autograd.grad(some, [margins]))

    def _check_rows_apart(self, margins, losses, targets):
        """Insist that a row's loss does not depend on the rows beside it."""
        half = len(margins) // 2
        if not half:
            return
        apart = self.values(margins[:half], targets[:half]).detach()
        scale = float(losses.abs().max())
        if not torch.allclose(
            apart, losses[:half], rtol=1e-3, atol=1e-4 * scale, equal_nan=True
        ):
            raise TypeError(
                f"The loss that the get_loss of {type(self.net).__name__} makes of a "
                "row depends on the other rows of its batch; expected one loss a "
                "sample, each of its own row."
            )

    def targets(self, labels, codes, dtype):
        labels = torch.as_tensor(labels)
        # A single output is compared with labels of its own dtype.
        return labels.to(dtype) if self._is_binary() else labels

    def _is_binary(self):
        return not isinstance(self.net, NeuralNetClassifier)

    def values(self, margins, targets):
        output = self._outputs.rebuild(margins)
        losses = self._net.get_loss(output, targets, training=True)
        if losses.shape[:1] != margins.shape[:1]:
            raise TypeError(
                f"The criterion {type(self.criterion).__name__} with reduction='none' "
                f"returned a loss of shape {tuple(losses.shape)} for "
                f"{len(margins)} samples; expected one loss a sample."
            )
        return losses.reshape(len(margins), -1).mean(1)

    def gradient(self, margins, targets):
        return self._differentiate(margins, targets)[1].detach()

    def curvature(self, margins, targets):
        leaf, slope = self._differentiate(margins, targets)

        def product(vectors):
            if not slope.requires_grad:
                return torch.zeros_like(vectors)
            (second,) = torch.autograd.grad(
                slope, leaf, vectors, retain_graph=True, materialize_grads=True
            )
            return second

        return product

    def _differentiate(self, margins, targets):
        with torch.enable_grad():
            leaf = margins.detach().requires_grad_()
            loss = self.values(leaf, targets).sum()
            (slope,) = torch.autograd.grad(loss, leaf, create_graph=True)
        return leaf, slope

    def scores(self, margins):
        output = self._outputs.rebuild(margins)
        probabilities = self._nonlinearity(self._predicted(output))
        if probabilities.min() < 0:
            raise ValueError(
                "The net's predict_proba gives negative numbers, not probabilities; "
                "set its parameter predict_nonlinearity, for instance to a softmax."
            )
        return probabilities.clamp_min(torch.finfo(margins.dtype).tiny).log()

    def _predicted(self, output):
        """Return what the net's probabilities are made of."""
        if isinstance(output, tuple):  # as skorch does
            return output[0]
        if torch.is_tensor(output) or callable(self.net.predict_nonlinearity):
            return output
        return self._outputs.only_tensor()


_LOSSES = {
    nn.CrossEntropyLoss: SoftmaxLoss,
    nn.NLLLoss: LogProbabilityLoss,
    nn.BCEWithLogitsLoss: SigmoidLoss,
    nn.BCELoss: ProbabilityLoss,
}


def _by_class(per_class, codes):
    return np.ones(len(codes)) if per_class is None else per_class[codes]


def _to_numpy(weight):
    return weight.detach().cpu().double().numpy()


def _training_batch_size(net, n_samples):
    size = net.get_params_for("iterator_train").get("batch_size", net.batch_size)
    return n_samples if size == -1 else min(size, n_samples)
