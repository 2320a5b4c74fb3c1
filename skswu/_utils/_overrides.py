"""Which of two methods a subclass defined last."""


def overrides(part, hooks, over):
    """Say whether a subclass redefined a hook that a method stands in for.

    A method that does the work of a hook many times at once is right only as long as
    nobody redefined the hook below it. A class that redefines both knows what it does.

    Parameters
    ----------
    part : object
        Of the class that is asked about.
    hooks : sequence of str
        Names of methods.
    over : str
        Name of the method that stands in for them.

    Returns
    -------
    bool
        Whether one of the hooks is defined by a class that comes before the one that
        defines ``over``.
    """
    for cls in type(part).__mro__:
        if over in vars(cls):
            return False
        if any(hook in vars(cls) for hook in hooks):
            return True
    return False
