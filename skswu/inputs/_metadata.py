"""What a call passes on to other objects."""

from dataclasses import dataclass, field

from .._utils._compat import check_method_params


@dataclass(frozen=True)
class Metadata:
    """Keywords of a call, by the method that takes them.

    Attributes
    ----------
    fit : dict
        For the estimator's ``fit``.
    score : dict or None
        For the scorer of the utility; None is the weights of the rows, if any.
    split : dict
        For the ``split`` of a cross-validation generator.
    """

    fit: dict = field(default_factory=dict)
    score: dict | None = None
    split: dict = field(default_factory=dict)

    def take(self, indices, y):
        """Return those of the rows at ``indices``, where there is one a row."""
        score = self.score
        return Metadata(
            check_method_params(y, self.fit, indices),
            None if score is None else check_method_params(y, score, indices),
            check_method_params(y, self.split, indices),
        )
