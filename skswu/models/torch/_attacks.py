"""Adversarial inputs of networks."""

import numpy as np
import torch

from .._attack import ascend, row_norms
from ._batches import Batches
from ._network import like
from ._rows import TorchRows

# A point on the boundary but for rounding counts as beyond it.
_BEYOND = 1.0 + 1e-4
# Halvings of the way to the boundary, down to that margin.
_N_HALVINGS = 14


def perturb(x, targets, scores, losses, attack):
    """Return adversarial versions of a batch of inputs.

    Parameters
    ----------
    x : Tensor of shape (n_samples, ...)
        Inputs, floating.
    targets : Tensor of shape (n_samples,)
        Labels as ``losses`` takes them.
    scores : callable
        ``scores(x)`` are the log-probabilities up to a constant, (n_samples,
        n_classes).
    losses : callable
        ``losses(x, targets)`` are the losses, (n_samples,).
    attack : Attack
        How.

    Returns
    -------
    Tensor of shape (n_samples, ...)
    """
    clip = _make_clip(x, attack)
    if attack.kind == "boundary":
        way = _to_boundary(x, scores, attack.n_steps)
        return clip(x + (1.0 + attack.overshoot) * way)
    return ascend(
        x,
        lambda moved: _gradient(moved, lambda leaf: losses(leaf, targets))[1],
        attack,
        clip,
        from_numpy=lambda noise: like(noise, x),
    )


def _to_boundary(x, scores, n_steps):
    """Return the ways to a near boundary of each row's predicted class.

    The scores are linearised anew at every step, as by DeepFool. A last step that went
    too far is shortened by bisection.
    """
    with torch.no_grad():
        predicted = scores(x).argmax(1)

    def is_inside(way):
        with torch.no_grad():
            return scores(x + way).argmax(1) == predicted

    way = torch.zeros_like(x)
    for _ in range(n_steps):
        inside = is_inside(_BEYOND * way)
        if not inside.any():
            break
        rows = inside.nonzero()[:, 0]
        way[rows] += _linear_step((x + way)[rows], predicted[rows], scores)
    return _shorten(_BEYOND * way, is_inside)


def _shorten(way, is_inside):
    """Return the shares of ways at which rows leave their class."""
    shape = (-1,) + (1,) * (way.ndim - 1)
    least = torch.zeros(len(way), dtype=way.dtype, device=way.device).reshape(shape)
    greatest = torch.ones_like(least)
    for _ in range(_N_HALVINGS):
        middle = 0.5 * (least + greatest)
        inside = is_inside(middle * way).reshape(shape)
        least = torch.where(inside, middle, least)
        greatest = torch.where(inside, greatest, middle)
    return greatest * way


def _linear_step(x, predicted, scores):
    """Return the step to the nearest boundary of the scores linearised at x."""
    best = torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device)
    step = torch.zeros_like(x)
    n_classes = scores(x[:1]).shape[1]
    for other in range(n_classes):
        lead, slope = _gradient(
            x, lambda leaf, k=other: _lead(scores(leaf), predicted, k)
        )
        norm = row_norms(slope).reshape(-1)
        distance = torch.where(norm > 0, lead.abs() / norm, torch.inf)
        distance = torch.where(predicted == other, torch.inf, distance)
        nearer = distance < best
        best = torch.where(nearer, distance, best)
        shape = (-1,) + (1,) * (x.ndim - 1)
        length = (lead.abs() / norm**2).reshape(shape)
        step = torch.where(nearer.reshape(shape), -length * slope, step)
    return step


def _lead(scores, predicted, other):
    """By how much the score of the predicted class is above another one's."""
    return scores.gather(1, predicted[:, None])[:, 0] - scores[:, other]


def _gradient(x, function):
    """Return the values of rows and their gradients in the rows."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        values = function(leaf)
        (slope,) = torch.autograd.grad(values.sum(), leaf)
    return values.detach(), slope


def _make_clip(x, attack):
    """Return what brings rows shaped as x into their valid range."""
    if attack.clip is None:
        return lambda rows: rows
    n_features = int(np.prod(x.shape[1:]))
    ends = []
    for end in attack.range_of(n_features):
        end = like(end, x)
        ends.append(end.reshape(x.shape[1:]) if end.ndim else end)
    return lambda rows: torch.minimum(torch.maximum(rows, ends[0]), ends[1])


def adversarial_rows(view, rows, parameters, attack):
    """Return rows of a torch view with perturbed inputs.

    Raises
    ------
    TypeError
        If the module takes anything but one array of floating numbers.
    """
    network = view.network
    network.load(parameters)

    def of_batch(batch):
        _check_inputs(batch.inputs)

        def margins(x):
            return network.margins(batch.with_inputs(x))

        def scores(x):
            scores = network.loss.scores(margins(x))
            if view.threshold is None:
                return scores
            return scores - scores.new_tensor([0.0, view.threshold])

        return perturb(
            batch.inputs,
            batch.targets,
            scores,
            lambda x, targets: network.loss.values(margins(x), targets),
            attack,
        )

    moved = torch.cat([x.cpu() for x in rows.each(of_batch)]).numpy()
    batches = Batches(network.net, moved, view.classes[rows.codes])
    batches.limit = rows.limit
    perturbed = TorchRows(batches, rows.targets, code=rows.codes, weight=rows.weight)
    perturbed.mass = rows.mass
    return perturbed


def _check_inputs(inputs):
    if not torch.is_tensor(inputs) or not inputs.is_floating_point():
        kind = inputs.dtype if torch.is_tensor(inputs) else type(inputs).__name__
        raise TypeError(
            "Adversarial inputs need a module that takes one tensor of floating "
            f"numbers; got {kind}."
        )
