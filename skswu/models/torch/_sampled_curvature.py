"""An approximate inverse of a Gauss-Newton matrix, from a sample of its rows."""

import numpy as np
import torch

from ._memory import basis_bytes, is_out_of_memory

# Products with the whole matrix that the sample may take as long as to prepare.
_PRODUCTS = 1.0
# Share of the parameters in layers whose rows are outer products. Where they are not,
# rows take more memory, so that too few are left to save products.
_LEAST_SHARE = 0.9
# Rows of the small matrix that are made at a time.
_STEP = 512


def sampled_inverse(batches, network, diagonal):
    """Return the inverse of a sample of a Gauss-Newton matrix, or None.

    Parameters
    ----------
    batches : callable
        ``batches()`` yields what products are made of, batch by batch, and the rows'
        gradients by layers, see :meth:`LayerJacobian.by_rows`.
    network : Network
        Whose parameters they are.
    diagonal : Tensor of shape (n_parameters,)
        What is added to the matrix.

    Returns
    -------
    SampledCurvature or None
        The latter where rows are not known in most of the parameters, nothing is
        added, or there is no memory for it.
    """
    try:
        return _sampled_inverse(batches, network, _even(network, diagonal))
    except torch.linalg.LinAlgError:  # too steep for the precision
        return None
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def _sampled_inverse(batches, network, diagonal):
    if not diagonal.min() > 0:
        return None
    scales = _scales(network, diagonal)
    traces, forms, layers = [], set(), []
    for made, by_rows in batches():
        layers = list(by_rows.values())
        forms.add(tuple((layer, one.has_trace) for layer, one in by_rows.items()))
        if len(forms) > 1 or not are_most(layers, network):
            return None
        traces.append(_traces(layers, made.roots(), scales))
    n_columns = traces[0].shape[1]
    traces = torch.cat(traces).cpu().double().numpy()
    n_sampled = _size(layers, network, *traces.shape)
    chosen, probabilities = systematic_sample(traces.ravel(), n_sampled)
    is_steep = traces.sum() * torch.finfo(diagonal.dtype).eps > 1.0
    if is_steep or not len(chosen):
        return None
    rows, columns = np.divmod(chosen, n_columns)
    sampled, start = [], 0
    for made, by_rows in batches():
        stop = start + len(made.linear.margins)
        here = slice(*np.searchsorted(rows, [start, stop]))
        local, start = rows[here] - start, stop
        if len(local):
            roots = _roots(made, local, columns[here], probabilities[here])
            sampled.append([layer.take(*roots) for layer in by_rows.values()])
    factors = [parts[0].joined(parts) for parts in zip(*sampled, strict=True)]
    return SampledCurvature(factors, diagonal, network)


def systematic_sample(sizes, n_sampled):
    """Draw by probabilities in proportion to sizes, evenly along their order.

    Parameters
    ----------
    sizes : ndarray of shape (n_units,)
        Not negative.
    n_sampled : int
        About how many to draw; those without a size are never drawn.

    Returns
    -------
    chosen : ndarray of shape (n_chosen,)
        Positions, ascending.
    probabilities : ndarray of shape (n_chosen,)
        With which they were drawn, at most 1.
    """
    largest_first = np.argsort(-sizes)
    ordered = sizes[largest_first]
    ordered = ordered[ordered > 0]
    left_over = np.cumsum(ordered[::-1])[::-1]
    to_draw = n_sampled - np.arange(len(ordered))
    is_certain = ordered * to_draw >= left_over
    n_certain = len(ordered) if is_certain.all() else int(is_certain.argmin())
    certain = largest_first[:n_certain]
    probability = np.zeros(len(sizes))
    if n_certain < len(ordered):
        probability = sizes * (to_draw[n_certain] / left_over[n_certain])
    probability[certain] = 0.0
    along = np.floor(np.cumsum(probability) + 0.5)
    drawn = np.flatnonzero(np.diff(along, prepend=0.0))
    probability[certain] = 1.0
    chosen = np.sort(np.concatenate([certain, drawn]))
    return chosen, probability[chosen]


def _even(network, diagonal):
    """Return a diagonal with the mean of each parameter in place of its entries."""
    return network.flatten(
        [torch.full_like(piece, piece.mean()) for piece in network.split(diagonal)]
    )


def are_most(layers, network):
    """Say whether layers of which the traces are cheap hold most parameters.

    Parameters
    ----------
    layers : iterable of OuterProducts and Gradients
        The layers.
    network : Network
        The network.
    """
    sizes = [tensor.numel() for tensor in network.tensors]
    places = [place for one in layers if one.has_trace for place in one.places]
    return sum(sizes[place] for place in places) >= _LEAST_SHARE * sum(sizes)


def _scales(network, diagonal):
    """Return the entries of a diagonal that is the same all over a parameter."""
    return [piece.reshape(-1)[0] for piece in network.split(diagonal)]


def _traces(layers, roots, scales):
    """Return what each column of the rows' roots adds to the scaled trace."""
    products = sum(one.inner_products(scales) for one in layers if one.has_trace)
    return (roots * (products @ roots)).sum(1)


def _size(layers, network, n_rows, n_columns):
    """Return how many rows to sample, by the time that they take and the memory."""
    n_units = n_rows * n_columns
    row_size = sum(layer.row_size for layer in layers)
    product = 2.0 * n_rows * network.n_parameters
    entry = network.tensors[0]
    n_entries = basis_bytes(entry.device) // entry.element_size()
    sizes = np.arange(1.0, min(n_units, int(n_entries**0.5)) + 1.0)
    fits = sizes * (2.0 * sizes + row_size) <= n_entries
    pays = sizes**2 * (row_size / 2.0 + sizes / 6.0) <= _PRODUCTS * product
    return int(np.count_nonzero(fits & pays))


def _roots(made, rows, columns, probabilities):
    """Return rows as tensors, and the columns of their roots that are sampled."""
    margins = made.linear.margins
    rows, columns = (torch.as_tensor(k, device=margins.device) for k in (rows, columns))
    scale = torch.as_tensor(probabilities**-0.5).to(margins.dtype).to(margins.device)
    return rows, made.roots()[rows, :, columns] * scale[:, None]


class SampledCurvature:
    r"""The Gauss-Newton matrix of a sample of rows, plus a diagonal, inverted.

    The matrix of rows :math:`j_u`, one for each row of data and each column of the root
    of its loss's Hessian, is :math:`\sum_u j_u j_u^\top`. A sample S is drawn by
    probabilities :math:`\pi_u \le 1` proportional to the trace that a row adds, so that
    of those which make up the matrix none is left out. With
    :math:`J` the rows :math:`j_u / \sqrt{\pi_u}` of the sample and D the diagonal,

    .. math:: (J^\top J + D)^{-1} = D^{-1} - D^{-1} J^\top
              (I + J D^{-1} J^\top)^{-1} J D^{-1}.

    A row is, layer by layer, the outer product of the layer's input and of its slope.
    So the small matrix comes from inner products of these, and no array of rows times
    parameters exists.

    Parameters
    ----------
    layers : list of OuterProductRows and GradientRows
        Of the sample.
    diagonal : Tensor of shape (n_parameters,)
        The D, positive and the same for all entries of a parameter.
    network : Network
        Which the parameters are of.

    Raises
    ------
    torch.linalg.LinAlgError
        If the small matrix has no Cholesky factor to working precision.

    References
    ----------
    Cohen, Musco and Musco, "Input Sparsity Time Low-rank Approximation via Ridge
    Leverage Score Sampling", 2017, where the probabilities are finer.
    """

    def __init__(self, layers, diagonal, network):
        self._layers = layers
        self._diagonal = diagonal
        self._network = network
        self._factor = torch.linalg.cholesky(self._small_matrix())

    def _small_matrix(self):
        n_sampled = len(self._layers[0])
        scales = _scales(self._network, self._diagonal)
        matrix = self._diagonal.new_empty(n_sampled, n_sampled)
        # The Cholesky factor reads the lower triangle alone.
        for start in range(0, n_sampled, _STEP):
            rows = slice(start, start + _STEP)
            matrix[rows, : rows.stop] = sum(
                layer.inner_products(rows, scales) for layer in self._layers
            )
        matrix.diagonal().add_(1.0)
        return matrix

    def __call__(self, vectors):
        """Return the inverse times the columns of ``vectors``."""
        scaled = (vectors / self._diagonal[:, None]).T.contiguous()
        split = [self._network.split(one) for one in scaled]
        moved = torch.stack(
            [sum(layer.push(pieces) for layer in self._layers) for pieces in split], 1
        )
        factors = torch.cholesky_solve(moved, self._factor)
        pulled = torch.zeros_like(scaled)
        for total, factor in zip(pulled, factors.T, strict=True):
            pieces = self._network.split(total)
            for layer in self._layers:
                layer.pull(factor, pieces)
        return (scaled - pulled / self._diagonal).T
