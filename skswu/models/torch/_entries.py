"""Some entries of a network's parameters."""

from .._entries_view import EntriesView
from ._training import TorchTraining, train


class TorchEntriesView(EntriesView):
    """A network of which only some entries of the parameters are corrected."""

    @property
    def network(self):
        """The private copy of the modules."""
        return self.view.network

    def read_parameters(self, net):
        """Return these entries of a net's parameters."""
        return self.view.read_parameters(net)[self.entries]

    def hold_others(self, net):
        """Put the other entries of a net's parameters back to where they stay."""
        self.write_parameters(net, self.read_parameters(net))

    def train(self, rows, parameters, weight, **options):
        """Return the entries after training on."""
        return train(self, rows, parameters, weight, **options)

    def start_training(self, rows, parameters, **options):
        """Return a training of these entries."""
        return TorchTraining(self, rows, parameters, **options)
