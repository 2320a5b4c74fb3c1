"""Artists that follow the view of their axes, whatever is drawn on these later."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

_N_POINTS = 100


class Quadrant(Rectangle):
    """A quadrant around the origin, as far as the axes show it.

    Parameters
    ----------
    is_right, is_upper : bool
        Which one, by the numbers on the axes.
    **style : dict
        Keywords of a patch.
    """

    def __init__(self, is_right, is_upper, **style):
        super().__init__((0.0, 0.0), 0.0, 0.0, **style)
        self.is_right, self.is_upper = is_right, is_upper

    @classmethod
    def on(cls, ax, is_right, is_upper, **style):
        """Return the quadrant of axes, which is drawn once."""
        for artist in ax.get_children():
            if isinstance(artist, cls) and artist._is(is_right, is_upper):
                return artist
        # An artist that is no patch of the axes leaves their limits alone.
        quadrant = ax.add_artist(cls(is_right, is_upper, **style))
        quadrant._follow()
        return quadrant

    def _is(self, is_right, is_upper):
        return (self.is_right, self.is_upper) == (is_right, is_upper)

    def _follow(self):
        left, right = _side(self.axes.get_xbound(), self.is_right)
        bottom, top = _side(self.axes.get_ybound(), self.is_upper)
        self.set_bounds(left, bottom, right - left, top - bottom)

    def draw(self, renderer):
        self._follow()
        super().draw(renderer)


def _side(bounds, is_positive):
    """Return the part of an interval on one side of zero, which may be empty."""
    low, high = bounds
    if is_positive:
        return (max(low, 0.0), high) if high > 0 else (low, low)
    return (low, min(high, 0.0)) if low < 0 else (low, low)


class EqualityLine(Line2D):
    """Where both coordinates are equal, on axes of any scales.

    Parameters
    ----------
    **style : dict
        Keywords of a line.
    """

    def __init__(self, **style):
        super().__init__([], [], **style)

    @classmethod
    def on(cls, ax, **style):
        """Return the line of axes, which is drawn once."""
        for artist in ax.get_children():
            if isinstance(artist, cls):
                return artist
        line = ax.add_artist(cls(**style))
        line._follow()
        return line

    def _follow(self):
        (left, right), (bottom, top) = self.axes.get_xbound(), self.axes.get_ybound()
        low, high = max(left, bottom), min(right, top)
        values = np.empty(0)
        if low < high:
            scale = self.axes.xaxis.get_transform()
            ends = scale.transform(np.array([low, high]))
            values = scale.inverted().transform(np.linspace(*ends, _N_POINTS))
        self.set_data(values, values)

    def draw(self, renderer):
        self._follow()
        super().draw(renderer)
