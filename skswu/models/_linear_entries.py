"""Some entries of a linear model's parameters."""

from ..linear._training import train
from ._entries_view import EntriesView


class LinearEntriesView(EntriesView):
    """A linear model of which only some entries of the coefficients are corrected."""

    def objective(self, rows, parameters, weight):
        """Return the training objective under weights, and its gradient."""
        whole = self.whole(parameters)
        value, gradient = self.view.objective(rows, whole, weight)
        return value, gradient[self.entries]

    def train(self, rows, parameters, weight, **options):
        """Return the entries after training on."""
        return train(self, rows, parameters, weight, **options)
