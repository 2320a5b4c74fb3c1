"""What parts need of a model view."""


def check_needs(view, parts, restriction=""):
    """Insist that a model view has the methods that parts need, and name both.

    Parameters
    ----------
    view : ModelView
        The model.
    parts : list of BaseUpdate or BaseObjective
        With the attribute ``needs``.
    restriction : str, default=""
        What the view was restricted by, in words.

    Raises
    ------
    TypeError
        If a method is missing.
    """
    for part in parts:
        for method, offered_by in part.needs.items():
            if not hasattr(view, method):
                raise TypeError(
                    f"{type(part).__name__} needs a model with the method {method!r}, "
                    f"which {type(view).__name__}, the view of "
                    f"{type(view.estimator).__name__}{restriction}, does not have; "
                    f"{offered_by} have it."
                )
