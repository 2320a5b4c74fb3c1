r"""What a correction owes to each evaluation row's own pull on its direction.

The corrected parameters depend on evaluation row k through the gradients of the
metrics. With the multipliers :math:`\lambda_j` of the weights :math:`\varepsilon_i =
\sum_j \lambda_j g_i \cdot H^{-1} \nabla M_j / c_i` (but for those at a bound), the
gradients :math:`g_i` of the weighted losses and the sample weights :math:`c_i`, the
margins of row k would be

.. math:: z_k + P_k \sum_j \lambda_j \frac{\partial M_j}{\partial z_k}, \qquad
          P_k = J_k H^{-1} F H^{-1} J_k^\top, \quad
          F = \sum_i g_i g_i^\top / c_i ,

had the metrics been linearised without it: to first order, with multipliers held, and F
summed over the rows that are not at a bound. Training rows are left out of the training
under the changed weights as well, see :mod:`skswu.linear._leave_one_out`.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class CorrectedFit:
    """A corrected linear model, as the fit under the changed weights that it is.

    Attributes
    ----------
    objective : TrainingObjective
        At the corrected parameters, under the changed weights.
    blocks : BlockEvaluation
        What it is measured by.
    is_training : bool
        Whether the evaluation rows are the training rows, left out of the fit.
    """

    objective: Any
    blocks: Any
    is_training: bool

    def estimate(self, is_free):
        """Return the metrics (n_metrics + 1,) without each row's own pull, or None."""
