r"""Approximate leave-one-out margins of a linear model.

Without row i the minimiser of the training objective is close to :math:`\theta +
H_{-i}^{-1} J_i^\top w_i \nabla \ell_i`, one Newton step from the minimiser of all rows,
with :math:`J_i` the derivative of the row's margins in the parameters and :math:`H_{-i}
= H - w_i J_i^\top \nabla^2 \ell_i J_i`. By the Woodbury identity the row's own margins
move there by

.. math:: Q_i (I - w_i \nabla^2 \ell_i Q_i)^{-1} w_i \nabla \ell_i, \qquad
          Q_i = J_i H^{-1} J_i^\top,

and those of a single output by :math:`w_i h_i \ell'_i / (1 - w_i h_i \ell''_i)` with
:math:`h_i = x_i H^{-1} x_i`.

References
----------
Pregibon, "Logistic Regression Diagnostics", 1981 (the step).
Rad and Maleki, "A Scalable Estimate of the Out-of-Sample Prediction Error via
Approximate Leave-One-Out Cross-Validation", 2020.
"""

import numpy as np

from ..rows._design import PRODUCT_ENTRIES, mirrored

# Of the curvature along a row's own direction, the share that is the row's own is
# taken to be this at most: without the others, one step leads anywhere.
MOST_OWN = 0.99


def note_left_out(block, loss, roots):
    """Note as ``offset`` by how much rows' margins move where they are left out.

    Parameters
    ----------
    block : Block
        Training rows that know their slopes and curvatures.
    loss : LinearLoss
        Of the training.
    roots : list of ndarray of shape (n_rows, n_outputs, n_columns)
        Factors of the inverse Hessian, see :meth:`LinearModel.spread_roots`.

    Returns
    -------
    tuple of int
        How many rows carry more than the share ``MOST_OWN`` of a curvature.
    """
    inner = inner_products(block, loss, roots)
    offset, is_held = loss.left_out(
        block["slope"], block["second"], block.weight, inner, MOST_OWN
    )
    block["offset"] = offset
    return (np.count_nonzero(is_held),)


def inner_products(block, loss, roots):
    """Return the products of rows with themselves in the metric of factors.

    Parameters
    ----------
    block : Block
        Rows.
    loss : LinearLoss
        Says which outputs belong together.
    roots : list of ndarray of shape (n_rows, n_outputs, n_columns)
        The factors R, of each Hessian block.

    Returns
    -------
    ndarray of shape (n_outputs, n_rows) or (n_outputs, n_outputs, n_rows)
        The latter where outputs belong together.
    """
    if not loss.separable:
        return joint_products(block, roots[0])
    return np.concatenate([joint_products(block, root)[0] for root in roots])


def joint_products(block, root):
    r"""Return :math:`J_i R^\top R J_i^\top` of rows, (n_outputs, n_outputs, n_rows).

    Parameters
    ----------
    block : Block
        Rows.
    root : ndarray of shape (n_rows, n_outputs, n_columns)
        The factor R as matrices of coefficients.
    """
    n_outputs = root.shape[1]
    if n_outputs == 1:
        return block.design.squared_lengths(root[:, 0])[None, None]
    inner = np.zeros((n_outputs, n_outputs, block.n_rows))
    size = max(PRODUCT_ENTRIES // (n_outputs * max(block.n_rows, 1)), 1)
    for start in range(0, len(root), size):
        moved = block.margins(root[start : start + size])
        for a in range(n_outputs):
            for b in range(a + 1):
                inner[a, b] += np.einsum("qn,qn->n", moved[:, a], moved[:, b])
    for a in range(n_outputs):
        inner[:a, a] = inner[a, :a]
    return inner


def gradient_gram(block):
    r"""Return the Gram of the gradients of rows' weighted losses.

    Parameters
    ----------
    block : Block
        Training rows that know their slopes, and as ``share`` what each counts.

    Returns
    -------
    tuple of ndarray of shape (n_outputs, n_columns, n_outputs, n_columns)
    """
    slope = block["slope"]
    # In this order, weights of any unit have no square beyond the range of floats.
    weight = block.weight * (block.weight * block["share"])
    n_outputs, n_columns = len(slope), block.design.n_columns
    gram = np.empty((n_outputs, n_columns, n_outputs, n_columns))
    for a in range(n_outputs):
        for b in range(a + 1):
            part = mirrored(block.design.gram(slope[a] * slope[b] * weight))
            gram[a, :, b] = gram[b, :, a] = part
    return (gram,)
