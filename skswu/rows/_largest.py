"""Numbers of which passes over rows find the largest."""


class Largest:
    """A number of which the largest is left where blocks' numbers are added.

    Parameters
    ----------
    value : float
        The number.
    """

    def __init__(self, value):
        self.value = float(value)

    def __add__(self, other):
        return Largest(max(self.value, other.value))
