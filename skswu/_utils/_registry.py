"""Names that users may give in place of instances."""

_PACKAGE = __name__.partition(".")[0]


class Registry:
    """Map names to classes.

    Parameters
    ----------
    kind : str
        What the registry holds, for error messages, such as ``"objective"``.
    base : type
        What its classes are subclasses of.
    """

    def __init__(self, kind, base):
        self.kind = kind
        self.base = base
        self._entries = {}

    def register(self, name, entry):
        """Add a class under a name.

        Raises
        ------
        TypeError
            If it is not a subclass of ``base``.
        """
        if not (isinstance(entry, type) and issubclass(entry, self.base)):
            raise TypeError(
                f"{self.kind} must subclass {self.base.__name__}; got {entry!r}."
            )
        self._entries[name] = entry

    def names(self):
        """Return the sorted names."""
        return sorted(self._entries)

    def added(self, value):
        """Return the classes that were added from outside this package, by name.

        Parameters
        ----------
        value : object
            What a parameter holds: of its names, alone or in a list, the classes are
            returned. Whatever else it is, there are none.
        """
        given = value if isinstance(value, list) else [value]
        names = [name for name in given if isinstance(name, str)]
        return {
            name: self._entries[name]
            for name in names
            if name in self._entries and not _is_inside(self._entries[name])
        }

    def __getitem__(self, name):
        if name not in self._entries:
            raise ValueError(
                f"The {self.kind!r} parameter got the unknown name {name!r}; "
                f"expected one of {self.names()} or an instance."
            )
        return self._entries[name]

    def resolve(self, value):
        """Return ``value`` itself if an instance of ``base``, else a default one.

        Raises
        ------
        ValueError
            If ``value`` is a name that is not registered.
        TypeError
            If ``value`` is neither a name nor an instance of ``base``.
        """
        if isinstance(value, str):
            return self[value]()
        if isinstance(value, type) or not isinstance(value, self.base):
            raise TypeError(
                f"The {self.kind!r} parameter must be one of {self.names()} or an "
                f"instance of {self.base.__name__}; got {value!r}."
            )
        return value


def _is_inside(entry):
    """Say whether a class comes with this package."""
    return entry.__module__.partition(".")[0] == _PACKAGE
