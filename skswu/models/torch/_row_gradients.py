"""Gradients of single rows in the parameters of layers that are linear in them."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.func import functional_call, grad, vmap

from ..._utils._compat_torch import tree_flatten, tree_unflatten


@dataclass(frozen=True, eq=False)
class OuterProducts:
    r"""The Jacobian of a batch's margins in the parameters of a linear layer.

    That of a row's k-th margin is :math:`s_{ik} x_i^\top` in the weight and
    :math:`s_{ik}` in the bias.

    Attributes
    ----------
    inputs : Tensor of shape (n_samples, n_inputs)
        The :math:`x_i` that the layer is given.
    slopes : list of Tensor of shape (n_samples, n_outputs)
        The derivatives of the margins, one a column, in what it makes of them.
    weight, bias : int or None
        Where its parameters are among those corrected.
    """

    #: Whether inner products of a row's columns take no gradients.
    has_trace = True

    inputs: torch.Tensor
    slopes: list
    weight: int | None
    bias: int | None

    @property
    def places(self):
        """Where the corrected parameters of the layer are."""
        return [one for one in (self.weight, self.bias) if one is not None]

    @property
    def row_size(self):
        """Numbers that are kept of a sampled row."""
        return self.inputs.shape[1] + self.slopes[0].shape[1]

    def inner_products(self, scales):
        """Return those of a row's columns, over the scales of the parameters.

        Parameters
        ----------
        scales : list of Tensor
            One a parameter.

        Returns
        -------
        Tensor of shape (n_samples, n_columns, n_columns)
        """
        squares = torch.zeros_like(self.slopes[0][:, 0])
        if self.weight is not None:
            squares += (self.inputs * self.inputs).sum(1) / scales[self.weight]
        if self.bias is not None:
            squares += 1.0 / scales[self.bias]
        rows = [
            torch.stack([(slope * other).sum(1) for other in self.slopes], 1)
            for slope in self.slopes
        ]
        return squares[:, None, None] * torch.stack(rows, 1)

    def take(self, rows, coefficients):
        """Return combinations of the columns of some rows.

        Parameters
        ----------
        rows : Tensor of shape (n_taken,)
            Positions.
        coefficients : Tensor of shape (n_taken, n_columns)
            Of their columns.

        Returns
        -------
        OuterProductRows
        """
        slopes = combined(self.slopes, rows, coefficients)
        return OuterProductRows(self.inputs[rows], slopes, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Gradients:
    """The same of any other layer, whose gradients are formed row by row.

    Attributes
    ----------
    layer : Module
        The layer.
    values : dict of str to Tensor
        Its parameters, at any values.
    positions : dict of str to int
        Where those of them are that are corrected.
    given : nested tensors
        What it is given.
    slopes : list of Tensor of shape (n_samples, n_outputs)
        The derivatives of the margins, one a column, in what it makes of that.
    n_given : int
        Length of what it makes.
    """

    #: Whether inner products of a row's columns take no gradients.
    has_trace = False

    layer: Any
    values: dict
    positions: dict
    given: Any
    slopes: list
    n_given: int

    @property
    def places(self):
        """Where the corrected parameters of the layer are."""
        return list(self.positions.values())

    @property
    def row_size(self):
        """Numbers that are kept of a sampled row."""
        return sum(self.values[name].numel() for name in self.positions)

    def take(self, rows, coefficients):
        """Return combinations of the columns of some rows, as GradientRows."""
        leaves, structure = tree_flatten(self.given)
        n_rows = len(self.slopes[0])
        dimensions = [None] * len(leaves)
        for k, leaf in enumerate(leaves):
            if torch.is_tensor(leaf) and leaf.ndim and self._is_of_rows(leaf, n_rows):
                shape = n_rows, len(leaf) // n_rows, *leaf.shape[1:]
                leaves[k], dimensions[k] = leaf.reshape(shape)[rows], 0
        held = {name: self.values[name] for name in self.positions}

        def moved(held, leaves, slope):
            args, options = tree_unflatten(leaves, structure)
            output = functional_call(self.layer, {**self.values, **held}, args, options)
            return (output.reshape(-1) * slope).sum()

        slopes = combined(self.slopes, rows, coefficients)
        found = vmap(grad(moved), (None, dimensions, 0))(held, leaves, slopes)
        pieces = {
            self.positions[name]: found[name].detach().reshape(len(rows), -1)
            for name in held
        }
        return GradientRows(pieces)

    def _is_of_rows(self, leaf, n_rows):
        return len(leaf) == self.n_given and self.n_given % n_rows == 0


def combined(slopes, rows, coefficients):
    """Return combinations of the slopes of some rows."""
    pairs = zip(coefficients.T, slopes, strict=True)
    return sum(factor[:, None] * slope[rows] for factor, slope in pairs)


@dataclass(frozen=True, eq=False)
class OuterProductRows:
    """Rows, each the outer product of a layer's slope and its input.

    Attributes
    ----------
    inputs : Tensor of shape (n_rows, n_inputs)
        What the layer is given.
    slopes : Tensor of shape (n_rows, n_outputs)
        The derivative in what it makes of that.
    weight, bias : int or None
        Where its parameters are among those corrected.
    """

    inputs: torch.Tensor
    slopes: torch.Tensor
    weight: int | None
    bias: int | None

    @staticmethod
    def joined(parts):
        """Return the rows of several, in the same layer."""
        inputs = torch.cat([part.inputs for part in parts])
        slopes = torch.cat([part.slopes for part in parts])
        return OuterProductRows(inputs, slopes, parts[0].weight, parts[0].bias)

    def __len__(self):
        return len(self.inputs)

    def inner_products(self, rows, scales):
        """Return those of some rows with all rows up to the last of them.

        Parameters
        ----------
        rows : slice
            Which.
        scales : list of Tensor
            One a parameter, by which the products are divided.
        """
        up_to = slice(None, rows.stop)
        products = self.slopes[rows] @ self.slopes[up_to].T
        shift = 0.0 if self.bias is None else 1.0 / scales[self.bias]
        if self.weight is None:
            return shift * products
        factor = self.inputs[rows] @ self.inputs[up_to].T
        return products.mul_(factor.div_(scales[self.weight]).add_(shift))

    def push(self, pieces):
        """Return the rows times a parameter vector, given in its pieces."""
        moved = 0.0 if self.bias is None else pieces[self.bias]
        if self.weight is not None:
            moved = moved + self.inputs @ pieces[self.weight].T
        return (moved * self.slopes).sum(1)

    def pull(self, factors, pieces):
        """Add the rows, times a factor each, to the pieces of a parameter vector."""
        slopes = factors[:, None] * self.slopes
        if self.weight is not None:
            pieces[self.weight].addmm_(slopes.T, self.inputs)
        if self.bias is not None:
            pieces[self.bias].add_(slopes.sum(0))


@dataclass(frozen=True, eq=False)
class GradientRows:
    """Rows as they are.

    Attributes
    ----------
    pieces : dict of int to Tensor of shape (n_rows, n_entries)
        In the parameters, by where they are.
    """

    pieces: dict

    @staticmethod
    def joined(parts):
        """Return the rows of several, in the same layer."""
        return GradientRows(
            {
                place: torch.cat([part.pieces[place] for part in parts])
                for place in parts[0].pieces
            }
        )

    def __len__(self):
        return len(next(iter(self.pieces.values())))

    def inner_products(self, rows, scales):
        """Return those of some rows with all rows up to the last of them."""
        return sum(
            (piece[rows] / scales[place]) @ piece[: rows.stop].T
            for place, piece in self.pieces.items()
        )

    def push(self, pieces):
        """Return the rows times a parameter vector, given in its pieces."""
        return sum(
            piece @ pieces[place].reshape(-1) for place, piece in self.pieces.items()
        )

    def pull(self, factors, pieces):
        """Add the rows, times a factor each, to the pieces of a parameter vector."""
        for place, piece in self.pieces.items():
            pieces[place].view(-1).add_(piece.T @ factors)
