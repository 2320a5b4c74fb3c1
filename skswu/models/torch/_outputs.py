"""What a module returns, as one matrix."""

import torch

from ..._utils._compat_torch import tree_flatten, tree_unflatten


class Outputs:
    """The tensors of a module's output side by side, and the way back.

    Attributes
    ----------
    read : list of int or None
        Positions of the tensors that count, of all in the output; None counts all with
        a row of floating numbers a sample.
    """

    def __init__(self):
        self.read = None
        self._leaves = []
        self._structure = None
        self._rebuilt = {}

    def flatten(self, output):
        """Return the tensors that count as one of shape (n_samples, n_outputs)."""
        self._leaves, self._structure = tree_flatten(output)
        if self.read is None:
            self.read = self._rows_of_numbers()
        parts = [self._leaves[at] for at in self.read]
        return torch.cat([part.reshape(len(part), -1) for part in parts], 1)

    def rebuild(self, margins):
        """Return an output that holds margins, and zeros for what does not count."""
        self._rebuilt = {
            at: piece.reshape(len(margins), *self._leaves[at].shape[1:])
            for at, piece in self._pieces(margins)
        }
        leaves = [
            self._rebuilt[at] if at in self._rebuilt else _blank(leaf, len(margins))
            for at, leaf in enumerate(self._leaves)
        ]
        return tree_unflatten(leaves, self._structure)

    def only_tensor(self):
        """Return the one tensor that counts, of what was rebuilt last."""
        if len(self._rebuilt) == 1:
            return next(iter(self._rebuilt.values()))
        raise TypeError(
            "The module returns several outputs, and which of them the probabilities "
            "are made of is not known; set the net's predict_nonlinearity to a "
            "function of them."
        )

    def where(self, slope):
        """Return the positions of the tensors in which there is a slope.

        Parameters
        ----------
        slope : Tensor of shape (n_samples, n_outputs) or None
            In the margins.
        """
        if slope is None:
            return []
        return [at for at, piece in self._pieces(slope) if bool((piece != 0).any())]

    def _pieces(self, margins):
        widths = [self._leaves[at][:1].numel() for at in self.read]
        return zip(self.read, margins.split(widths, 1), strict=True)

    def _rows_of_numbers(self):
        """Return the positions of tensors of floating numbers with a row a sample."""
        found = [
            at
            for at, leaf in enumerate(self._leaves)
            if torch.is_tensor(leaf) and leaf.is_floating_point() and leaf.dim()
        ]
        if not found:
            kinds = [type(leaf).__name__ for leaf in self._leaves]
            raise TypeError(
                f"The module returns no tensor of floating numbers, but {kinds}."
            )
        n_rows = len(self._leaves[found[0]])
        return [at for at in found if len(self._leaves[at]) == n_rows]


def _blank(leaf, n_rows):
    """Return what stands for a part of the output that does not count."""
    if not torch.is_tensor(leaf):
        return leaf
    shape = (n_rows, *leaf.shape[1:]) if leaf.dim() else ()
    return leaf.new_zeros(()).expand(shape)
