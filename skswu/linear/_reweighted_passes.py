"""What rows are asked about a linear model away from its fit, under other weights.

Changes of the weights are noted beside the rows under a name. The parts of the training
gradient that rows make are called *pulls* here: the pull of row i is
:math:`w_i \\nabla \\ell_i`, known by its slope in the margins, ``slope_here``.
"""

from functools import partial

import numpy as np

from ._losses import outer_products, pair_blocks

# By which margins are moved for second derivatives.
_MOVE = 1e-2


def curve(block, loss, matrix, name):
    """Return the training losses, their gradient and Hessian under changed weights.

    Parameters
    ----------
    block : Block
        Training rows.
    loss : LinearLoss
        Of the training.
    matrix : ndarray of shape (n_outputs, n_columns)
        The model.
    name : str
        Under which the change of the weights is noted.

    Returns
    -------
    tuple
        The summed losses, their gradient (n_outputs, n_columns), their Hessian, and the
        total weight.
    """
    values, slope, second = loss.derivatives(block["code"], block.margins(matrix))
    weight = block.weight * (1.0 + block[name])
    hessian = loss.hessian(block.design, second, weight)
    return values @ weight, block.sums(slope * weight), hessian, weight.sum()


def measure(block, loss, matrix, name, metrics=None):
    """Return the training losses under changed weights and under the fit's own.

    Parameters
    ----------
    block, loss, matrix, name
        See :func:`curve`.
    metrics : callable or None, default=None
        ``metrics(block, z, loss, values)`` returns further sums, of one model or more.

    Returns
    -------
    tuple
        The summed losses and their gradient under the changed weights, the summed
        losses under the fit's; then the sums of metrics.
    """
    z = block.margins(matrix[None])
    values, slope = loss.slopes(block["code"], z)
    weight = block.weight * (1.0 + block[name])
    further = () if metrics is None else metrics(block, z, loss, values)
    losses, own = values[0], np.broadcast_to(block.weight, weight.shape)
    return (losses @ weight, block.sums(slope[0] * weight), losses @ own, *further)


def linearize(block, loss, matrix, metrics=None):
    """Note losses and slopes; return the gradient under the fit's own weights.

    Parameters
    ----------
    block, loss, matrix
        See :func:`curve`.
    metrics : callable or None, default=None
        ``metrics(block, z, loss, values, slope)`` returns further sums.

    Returns
    -------
    tuple
        The gradient (n_outputs, n_columns) of the summed losses; then the sums of
        metrics.
    """
    z = block.margins(matrix)
    values, slope = loss.slopes(block["code"], z)
    block["loss_here"], block["slope_here"] = values, slope
    gradient = block.sums(slope * block.weight)
    further = () if metrics is None else metrics(block, z, loss, values, slope)
    return (gradient, *further)


def pulls(block):
    """Return the sum of the outer products of pulls, by count."""
    weight = block.weight**2 * block.inverse_count
    return (_outer_products(block, np.broadcast_to(weight, block.n_rows)),)


def bends(block, loss, matrix, along, gain, pull=None):
    r"""Return the curvature in the parameters of what rows add to the Lagrangian.

    .. math:: c \, w \, \ell(z) + \lambda^\top M(z) - w (1 + \varepsilon) \,
              \nabla \ell(z) \cdot J u

    Second derivatives in the margins are differences of slopes.

    Parameters
    ----------
    block : Block
        Training rows that know their ``epsilon``.
    loss : LinearLoss
        Of the training.
    matrix : ndarray of shape (n_outputs, n_columns)
        The model.
    along : ndarray of shape (n_outputs, n_columns)
        The u.
    gain : float
        c.
    pull : callable or None, default=None
        ``pull(block, z)`` returns the slope of :math:`\lambda^\top M` in the margins.

    Returns
    -------
    tuple of ndarray of shape (n_outputs, n_columns, n_outputs, n_columns)
    """
    z, moved = block.margins(np.stack([matrix, along]))
    weight = block.weight * (1.0 + block["epsilon"])

    def slope(z):
        _, first, second = loss.derivatives(block["code"], z)
        own = gain * block.weight * first - weight * loss.curve(second, moved)
        return own if pull is None else own + pull(block, z)

    return (_second_sums(block, slope, z),)


def bends_of_metrics(block, matrix, pull):
    """Return the curvature in the parameters of metrics by multipliers.

    Parameters
    ----------
    block : Block
        Evaluation rows.
    matrix, pull
        See :func:`bends`.

    Returns
    -------
    tuple of ndarray of shape (n_outputs, n_columns, n_outputs, n_columns)
    """
    return (_second_sums(block, partial(pull, block), block.margins(matrix)),)


def _second_sums(block, slope, z):
    """Return the Hessian in the coefficients of a function of the margins."""
    second = np.empty((len(z), *z.shape))
    for one in range(len(z)):
        ahead, behind = z.copy(), z.copy()
        ahead[one] += _MOVE
        behind[one] -= _MOVE
        second[one] = (slope(ahead) - slope(behind)) / (2.0 * _MOVE)
    k, j = np.tril_indices(len(z))
    return pair_blocks(block.design, 0.5 * (second[k, j] + second[j, k]), len(z))


def influences(block, directions, name):
    """Note the products of pulls with directions (n_vectors, n_outputs, n_columns)."""
    block[name] = _along(block, directions)
    return ()


def combine(block, direction, centre, lower, upper):
    r"""Note and measure the change of the weights that pulls make along a direction.

    .. math:: \varepsilon'_i = \mathrm{clip}(\mathrm{centre}\,\varepsilon_i
              + w_i \nabla \ell_i \cdot d / c_i,\ \mathrm{lower},\ \mathrm{upper})

    Parameters
    ----------
    block : Block
        Training rows that know their ``epsilon``.
    direction : ndarray of shape (n_outputs, n_columns)
        The d.
    centre : float
        How much of the change at hand the new one is drawn to.
    lower, upper : float
        Bounds.

    Returns
    -------
    tuple
        The change of the summed losses and of their gradient by it, its squared
        distance from what it is drawn to, its own squared size, and how many rows are
        at a bound, which they note as ``is_bound``.
    """
    epsilon = block["epsilon"]
    drawn = centre * epsilon
    free = _along(block, direction[None])[0] * block.inverse_count + drawn
    proposal = np.clip(free, lower, upper)
    block["proposal"] = proposal
    block["is_bound"] = proposal != free
    added = (proposal - epsilon) * block.weight
    return (
        added @ block["loss_here"],
        block.sums(block["slope_here"] * added),
        _square(block, proposal - drawn),
        _square(block, proposal),
        int(np.count_nonzero(block["is_bound"])),
    )


def bound_pulls(block):
    """Return the sum of the outer products of pulls of rows at a bound, by count."""
    some = np.flatnonzero(block["is_bound"])
    weight = np.broadcast_to(block.weight**2 * block.inverse_count, block.n_rows)
    return (_outer_products(block, weight, some),)


def mix(block, share, other):
    """Note under a name the change a share of the way from ``epsilon`` to another's."""
    block["trial"] = block["epsilon"] + share * (block[other] - block["epsilon"])
    return ()


def keep_proposal(block):
    """Note the change that was proposed as ``kept_proposal`` as well."""
    block["kept_proposal"] = block["proposal"].copy()
    return ()


def toward_proposal(block):
    """Return the product of the change with the step to what is kept, and its square.

    Returns
    -------
    tuple of float
        By count.
    """
    epsilon = block["epsilon"]
    step = block["kept_proposal"] - epsilon
    return float((epsilon * block.count) @ step), _square(block, step)


def size_of_trial(block):
    """Return the squared size of the change that is tried."""
    return (_square(block, block["trial"]),)


def normal_equations(block, lower, upper, gain):
    r"""Return what multipliers of influences come closest to the change of the weights.

    Parameters
    ----------
    block : Block
        Training rows that know their ``epsilon`` and ``influence_here``, the last of
        which is on the objective.
    lower, upper : float
        Bounds; rows at one of them say nothing of the multipliers.
    gain : float
        Multiplier of the last influence, which is given.

    Returns
    -------
    tuple
        Gram of the other influences and their products with the change, by count.
    """
    epsilon = block["epsilon"]
    inside = (epsilon > lower) & (epsilon < upper)
    *influence, of_objective = block["influence_here"][:, inside]
    influence = np.stack(influence) if influence else np.empty((0, inside.sum()))
    inverse = np.broadcast_to(block.inverse_count, len(epsilon))[inside]
    left = epsilon[inside] - gain * of_objective * inverse
    return (influence * inverse) @ influence.T, influence @ left


def residual(block, multipliers, lower, upper):
    """Return how far the change of the weights is from what multipliers say.

    Returns
    -------
    tuple
        The squared distance, and the squared size of the change.
    """
    said = multipliers @ block["influence_here"] * block.inverse_count
    epsilon = block["epsilon"]
    return (
        _square(block, epsilon - np.clip(said, lower, upper)),
        _square(block, epsilon),
    )


def inside_change(block, lower, upper):
    """Return the gradient's change by the step of rows that it left inside bounds.

    The step goes from ``epsilon`` to ``trial``. It is noted as ``step``, 0 for rows at
    a bound.

    Returns
    -------
    tuple
        The change of the gradient, and the squared size of the step.
    """
    trial = block["trial"]
    step = trial - block["epsilon"]
    step[(trial <= lower) | (trial >= upper)] = 0.0
    block["step"] = step
    return (
        block.sums(block["slope_here"] * (step * block.weight)),
        _square(block, step),
    )


def along_step(block):
    """Return the products of influences with the step that is noted."""
    return (block["influence_here"] @ block["step"],)


def accept(block):
    """Take the change that was tried."""
    block["epsilon"] = block["trial"].copy()
    return ()


def begin(block):
    """Note that no weight is changed; return the sum of the sample weights."""
    block["epsilon"] = np.zeros(block.n_rows)
    return (float(np.broadcast_to(block.count, block.n_rows).sum()),)


def keep(block, name):
    """Note the change at hand under another name, (1, n_rows)."""
    block[name] = block["epsilon"][None]
    return ()


def recall(block, name):
    """Take up a change that was kept."""
    block["epsilon"] = block[name][0]
    return ()


def asked_gradient(block, loss, matrix, name):
    """Return what a change of the weights adds to the gradient of the losses."""
    slope = loss.gradient(block["code"], block.margins(matrix))
    return (block.sums(slope * (block.weight * block[name])),)


def _along(block, directions):
    """Return the products of pulls with directions, (n_directions, n_rows)."""
    moved = np.einsum("kn,mkn->mn", block["slope_here"], block.margins(directions))
    moved *= block.weight
    return moved


def _outer_products(block, weight, some=None):
    design, slope = block.design, block["slope_here"]
    if some is not None:
        if not len(some):
            return np.zeros((len(slope), design.n_columns) * 2)
        design, slope, weight = design.take(some), slope[:, some], weight[some]
    return outer_products(design, slope, weight)


def _square(block, values):
    return float((values * block.count) @ values)
