"""Names that users may give in place of instances."""


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
