"""Where the HTML display of an estimator finds its page of the documentation."""

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata

_PACKAGE = __name__.partition(".")[0]


class DocumentationLinkMixin:
    """Link to the page of a class, below the address that the package states.

    It is the project URL "Documentation" of the installed package; where there is none,
    there is no link.
    """

    _doc_link_module = _PACKAGE

    @property
    def _doc_link_template(self):
        address = documentation_address()
        return address and f"{address}/api/generated/{{module}}.{{name}}.html"

    def _doc_link_url_param_generator(self):
        return {"module": _PACKAGE, "name": type(self).__name__}


@cache
def documentation_address():
    """Return the address that the package states, or an empty string."""
    try:
        stated = metadata(_PACKAGE).get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    addresses = dict(one.split(", ", 1) for one in stated)
    return addresses.get("Documentation", "").rstrip("/")
