"""Versions of what a result was made with."""

import platform
import sys

_PACKAGES = {
    "skswu": "skswu",
    "scikit-learn": "sklearn",
    "fairlearn": "fairlearn",
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "torch": "torch",
    "skorch": "skorch",
}


def versions():
    """Return the versions of Python and of the packages that are in use.

    Returns
    -------
    dict of str to str
        By the name of the distribution; without those that were not imported.
    """
    found = {"python": platform.python_version()}
    for distribution, module in _PACKAGES.items():
        version = getattr(sys.modules.get(module), "__version__", None)
        if version is not None:
            found[distribution] = str(version)
    return found
