"""Whether the rows given are those that a model was trained on."""

from .._utils._warnings import warn
from ..exceptions import TrainingDataWarning


def warn_of_other_rows(decrement, limit):
    """Warn that a fit is not at the optimum of the rows that are given.

    Parameters
    ----------
    decrement : float
        Newton decrement per unit of weight.
    limit : float
        The largest that a fit leaves on its own rows.
    """
    warn(
        f"The model is not fitted to these rows: Newton's method would lower the mean "
        f"training loss by {decrement:.1e}, and a fit of this kind leaves {limit:.1e} "
        "at most. A correction would first walk to the optimum of another problem. "
        "Likely causes: the sample_weight of the fit was not passed; X or y is in "
        "another order; these are other rows; or a step of the Pipeline gives fit "
        "other rows than transform does, as a TargetEncoder: then let the fit of "
        "UnlearningClassifier train the model.",
        TrainingDataWarning,
    )
