"""Jacobians of batches at the last parameters, for whatever else is asked there."""

import torch


class KeptJacobians:
    """What products at some parameters had kept of the batches of rows.

    Other products, gradients and derivatives of losses at the same parameters need no
    pass over those batches.
    """

    def __init__(self):
        self._parameters = None
        self._known = {}

    def at(self, parameters):
        """Return LayerJacobians by the ends of their batches, those that are known."""
        if self._parameters is None or not torch.equal(self._parameters, parameters):
            return {}
        return self._known

    def start(self, parameters):
        """Let go of those at other parameters."""
        self._known = self.at(parameters)
        self._parameters = parameters.detach().clone()

    def note(self, jacobians):
        """Know the LayerJacobians of some batches at the parameters last started at."""
        self._known = jacobians

    def clear(self):
        """Let go of all."""
        self._parameters, self._known = None, {}
