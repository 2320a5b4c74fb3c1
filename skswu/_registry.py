"""Names that users may give in place of instances."""

from importlib import import_module


class Registry:
    """Map names to classes, some of them imported only when asked for.

    Parameters
    ----------
    kind : str
        What the registry holds, for error messages, such as ``"objective"``.
    """

    def __init__(self, kind):
        self.kind = kind
        self._entries = {}

    def register(self, name, entry):
        """Add a class, or its ``"module:attribute"`` address, under a name."""
        self._entries[name] = entry

    def names(self):
        """Return the sorted names."""
        return sorted(self._entries)

    def __contains__(self, name):
        return name in self._entries

    def __getitem__(self, name):
        if name not in self._entries:
            raise ValueError(
                f"The {self.kind!r} parameter got the unknown name {name!r}; "
                f"expected one of {self.names()} or an instance."
            )
        entry = self._entries[name]
        return load(entry) if isinstance(entry, str) else entry

    def resolve(self, value, base):
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
        if isinstance(value, type) or not isinstance(value, base):
            raise TypeError(
                f"The {self.kind!r} parameter must be one of {self.names()} or an "
                f"instance of {base.__name__}; got {value!r}."
            )
        return value


def load(address):
    """Import the object at ``"module:attribute"``."""
    module, attribute = address.split(":")
    return getattr(import_module(module), attribute)
