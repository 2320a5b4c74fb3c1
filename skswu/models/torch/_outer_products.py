"""Rows of a Jacobian in the parameters of linear layers, as outer products."""

from dataclasses import dataclass

import torch


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

    inputs: torch.Tensor
    slopes: list
    weight: int | None
    bias: int | None

    @property
    def places(self):
        """Where the corrected parameters of the layer are."""
        return [one for one in (self.weight, self.bias) if one is not None]

    @property
    def widths(self):
        """Numbers of inputs and outputs."""
        return self.inputs.shape[1], self.slopes[0].shape[1]

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
        squares = torch.zeros_like(self.inputs[:, 0])
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
        """
        pairs = zip(coefficients.T, self.slopes, strict=True)
        slopes = sum(factor[:, None] * slope[rows] for factor, slope in pairs)
        return RowFactors(self.inputs[rows], slopes, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class RowFactors:
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
        return RowFactors(inputs, slopes, parts[0].weight, parts[0].bias)

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
