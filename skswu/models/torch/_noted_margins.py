"""Margins of rows at the last parameters, so that no pass is made twice for them."""

from dataclasses import dataclass, field

import torch

from ._memory import data_bytes

# A step is compared with where it starts, over and over.
_N_MODELS = 2


@dataclass(frozen=True, eq=False)
class MarginsAt:
    """Margins of all rows at some parameters.

    Attributes
    ----------
    parameters : Tensor of shape (n_parameters,)
        A copy.
    pieces : list of tuple (slice, Tensor of shape (n_rows, n_outputs))
        Margins of consecutive rows.
    """

    parameters: torch.Tensor
    pieces: list = field(default_factory=list)

    def are_at(self, parameters):
        """Say whether these are the margins at parameters."""
        return torch.equal(self.parameters, parameters)


class NotedMargins:
    """The margins of rows at the last few parameters, where they are small enough."""

    def __init__(self):
        self._known = []

    def at(self, parameters):
        """Return the MarginsAt of parameters, None where they are not known."""
        for margins in self._known:
            if margins.are_at(parameters):
                self.note(margins)
                return margins
        return None

    def note(self, margins):
        """Keep the MarginsAt of all rows, in the place of the oldest."""
        n_bytes = sum(piece.nbytes for _, piece in margins.pieces)
        if n_bytes <= data_bytes():
            others = [one for one in self._known if one is not margins]
            self._known = [margins, *others][:_N_MODELS]
