"""What rows are asked about a linear model: functions of a block that return sums.

Nothing but what is noted beside the block's own rows changes. Matrices of coefficients
are (..., n_outputs, n_columns), margins and their derivatives (..., n_outputs, n_rows).
Everything is a function of this module, so that it can be sent to where rows lie.
"""

import numpy as np

# Entries, one a row and change, that are worked on at a time.
_PORTION = 2**16


def start(block, loss, matrix, curvature, metrics=None):
    """Note slopes and curvatures of the training losses; return what they add up to.

    Parameters
    ----------
    block : Block
        Training rows.
    loss : LinearLoss
        Of the training.
    matrix : ndarray of shape (n_outputs, n_columns)
        The model.
    curvature : {"dense", "diagonal"}
        What is returned of the Hessian.
    metrics : callable or None, default=None
        ``metrics(block, z, loss, values, slope)`` returns further sums, a tuple, given
        the margins and the training losses with their slopes.

    Returns
    -------
    tuple
        The total weight, the summed losses, their gradient (n_outputs, n_columns) and
        their Hessian or its diagonal, all by weight; then the sums of metrics.
    """
    z = block.margins(matrix)
    values, slope, second = loss.derivatives(block["code"], z)
    block["loss"], block["slope"], block["second"] = values, slope, second
    weight = np.broadcast_to(block.weight, values.shape)
    if curvature == "dense":
        hessian = loss.hessian(block.design, second, weight)
    else:
        hessian = block.design.squares(loss.diagonal(second) * weight)
    gradient = block.sums(_times(slope, block.weight))
    further = () if metrics is None else metrics(block, z, loss, values, slope)
    return (weight.sum(), values @ weight, gradient, hessian, *further)


def derivatives(block, loss, matrix):
    """Note slopes and curvatures of the training losses; return nothing."""
    values, slope, second = loss.derivatives(block["code"], block.margins(matrix))
    block["loss"], block["slope"], block["second"] = values, slope, second
    return ()


def hessian_under(block, loss, changes=None):
    """Return the losses' Hessian under the fit's weights or a single change."""
    weight = np.broadcast_to(block.weight, (block.n_rows,))
    if changes is not None:
        weight = weight * (1.0 + changes.epsilon(block)[0])
    return (loss.hessian(block.design, block["second"], weight),)


def diagonal_under(block, loss, changes=None):
    """Return the diagonal of :func:`hessian_under`, (n_outputs, n_columns)."""
    second = _times(loss.diagonal(block["second"]), block.weight)
    if changes is not None:
        second = second * (1.0 + changes.epsilon(block)[0])
    return (block.design.squares(second),)


def hessian_products(block, loss, matrices, changes=None):
    """Return the products of the losses' Hessian with matrices.

    Parameters
    ----------
    block : Block
        Training rows that know their curvatures.
    loss : LinearLoss
        Of the training.
    matrices : ndarray of shape (n_vectors, n_outputs, n_columns)
        What is multiplied.
    changes : Changes or None, default=None
        As many changes of the weights as matrices, or one; None is the fit's weights.

    Returns
    -------
    tuple of ndarray of shape (n_vectors, n_outputs, n_columns)
    """
    moved = loss.curve(block["second"], block.margins(matrices))
    if changes is not None:
        moved *= 1.0 + changes.epsilon(block)[:, None]
    return (block.sums(_times(moved, block.weight)),)


def hessians_along(block, loss, used, changes):
    """Return Hessians under influences as weights, and of what bounds take of changes.

    Parameters
    ----------
    block : Block
        Training rows that know their curvatures and influences.
    loss : LinearLoss
        Of the training.
    used : ndarray of int of shape (n_used,)
        Which influences.
    changes : Changes
        Combinations of influences, clipped.

    Returns
    -------
    tuple
        The Hessians under each influence, and what is off the combination of them in
        each change, each stacked along the first axis.
    """
    second = block["second"]
    scale = block.weight * block.inverse_count
    along = [
        loss.hessian(block.design, second, influence * scale)
        for influence in block["influence"][used]
    ]
    along = np.stack(along)
    return along, _hessians_of_clipped(block, loss, changes, along.shape[1:])


def _hessians_of_clipped(block, loss, changes, shape):
    """Return Hessians under what bounds take of each change, stacked."""
    off = changes.clipped(block)
    some = np.flatnonzero(off.any(axis=0))
    design, second = block.design.take(some), block["second"][:, some]
    off = _times(off, block.weight)[:, some]
    hessians = np.zeros((len(off), *shape))
    for position in np.flatnonzero(off.any(axis=1)):
        rows = np.flatnonzero(off[position])
        if 2 * len(rows) > len(some):
            hessians[position] = loss.hessian(design, second, off[position])
        else:
            own = off[position, rows]
            hessians[position] = loss.hessian(design.take(rows), second[:, rows], own)
    return hessians


def influences(block, directions):
    """Note the influences of rows; return nothing.

    Parameters
    ----------
    block : Block
        Training rows that know their slopes.
    directions : ndarray of shape (n_metrics, n_outputs, n_columns)
        The inverse Hessian times the gradients of the metrics.
    """
    moved = block.margins(directions)
    moved *= _times(block["slope"], block.weight)
    influence = block.room("influence", moved.shape[:1])
    moved.sum(axis=1, out=influence)
    return ()


def gradients_under(block, changes):
    """Return what changes of the weights add to the losses and to their gradient.

    Returns
    -------
    tuple of ndarray
        Shapes (n_changes,), (n_changes, n_outputs, n_columns) and, of the weights
        themselves, (n_changes,); and how many weights become negative.
    """
    slope, sums = block["slope"], []
    factors = np.empty((changes.n_changes, *slope.shape))
    for which in portions(changes.n_changes, slope.size):
        change = _times(changes.take(which).epsilon(block), block.weight)
        np.multiply(change[:, None], slope, out=factors[which[0] : which[-1] + 1])
        n_negative = np.count_nonzero(change < -np.asarray(block.weight), axis=1)
        sums.append((change @ block["loss"], change.sum(axis=1), n_negative))
    loss, weight, n_negative = map(np.concatenate, zip(*sums, strict=True))
    return loss, block.sums(factors), weight, n_negative


def portions(n, size):
    """Yield positions of models or changes of so many entries that stay in the cache.

    ``size`` are the entries of one.
    """
    n_at_once = max(_PORTION // max(size, 1), 1)
    for start in range(0, n, n_at_once):
        yield np.arange(start, min(start + n_at_once, n))


def outcomes(block, loss, matrices, changes=None, metrics=None):
    """Return what many models measure on rows.

    Parameters
    ----------
    block : Block
        The rows.
    loss : LinearLoss
        Of the training.
    matrices : ndarray of shape (n_models, n_outputs, n_columns)
        The models.
    changes : Changes or None, default=None
        Of the weights, one a model; None leaves the training objective out.
    metrics : callable or None, default=None
        ``metrics(block, z, loss, values)`` returns further sums, a tuple, given the
        margins and the training losses, if they are made; its ``is_divisible`` says
        whether it may be asked of some of the models after the others.

    Returns
    -------
    tuple
        The summed losses (n_models,) under the changed weights and their gradients
        (n_models, n_outputs, n_columns), if there are changes; then the sums of
        metrics.
    """
    z = block.margins(matrices)
    if changes is None:
        return metrics(block, z)
    whole = ()
    if metrics is not None and not metrics.is_divisible:
        whole, metrics = metrics(block, z), None
    sums = [
        _outcomes(
            block, loss, z[which[0] : which[-1] + 1], changes.take(which), metrics
        )
        for which in portions(len(z), z[0].size)
    ]
    total, *further = map(np.concatenate, zip(*sums, strict=True))
    return (total, block.sums(z), *further, *whole)


def _outcomes(block, loss, z, changes, metrics):
    """Return sums at margins, which make room for weighted slopes."""
    values, slope = loss.slopes(block["code"], z)
    weight = changes.epsilon(block)
    weight += 1.0
    weight *= block.weight
    total = np.einsum("sn,sn->s", values, weight)
    further = () if metrics is None else metrics(block, z, loss, values)
    np.multiply(slope, weight[:, None], out=z)
    return (total, *further)


def total_loss(block, loss, matrix):
    """Return the summed losses by weight."""
    values = loss.values(block["code"], block.margins(matrix))
    return (_times(values, block.weight).sum(),)


def gradient(block, loss, matrix):
    """Return the gradient of the summed losses by weight."""
    slope = loss.gradient(block["code"], block.margins(matrix))
    return (block.sums(_times(slope, block.weight)),)


def objective(block, loss, matrix):
    """Return the summed losses and their gradient under the weights of rows."""
    values, slope = loss.slopes(block["code"], block.margins(matrix))
    weight = block["weight"]
    return values @ weight, block.sums(slope * weight)


def squared_gradients(block, loss, matrix):
    """Return the sums of squared gradients of the losses, each entry by itself.

    Parameters
    ----------
    block : Block
        Training rows that know ``weights``, (n_weights, n_rows).
    loss : LinearLoss
        Of the training.
    matrix : ndarray of shape (n_outputs, n_columns)
        The model.

    Returns
    -------
    tuple of ndarray of shape (n_weights, n_outputs, n_columns)
    """
    slope = loss.slopes(block["code"], block.margins(matrix))[1]
    factors = block["weights"][:, None] * slope**2
    sums = block.design.squares(factors.reshape(-1, block.n_rows))
    return (sums.reshape(*factors.shape[:2], -1),)


def _times(values, weight):
    """Multiply by weights that may be the number 1."""
    return values if np.ndim(weight) == 0 else values * weight
