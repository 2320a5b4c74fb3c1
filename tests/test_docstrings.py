"""Every public object is documented in numpydoc's format."""

import inspect
import pkgutil
from dataclasses import fields, is_dataclass
from importlib import import_module

import pytest
from numpydoc.docscrape import ClassDoc, get_doc_object
from numpydoc.validate import validate
from sklearn.base import BaseEstimator

import skswu

# What is an error in the docstring of a class, function or method; see the numpydoc
# manual for the codes. Left out: sections that not every object needs (extended
# summary, See Also, Notes) and rules of wording that would forbid good sentences.
ERRORS = {
    "GL05",  # tabs
    "GL06",  # unknown section
    "GL07",  # sections in the wrong order
    "GL08",  # no docstring
    "GL10",  # directives without a blank line
    "SS01",  # no summary
    "SS02",  # summary without a capital letter
    "SS03",  # summary without a full stop
    "SS04",  # summary with leading spaces
    "SS06",  # summary of more than one line
    "PR02",  # documented parameter that does not exist
    "PR03",  # parameters in the wrong order
    "PR04",  # parameter without a type
    "PR07",  # parameter without a description
    "PR10",  # no space before the colon
    "YD01",  # no Yields section
    "SA04",  # See Also without a description
}
PARAMETER_MISSING = "PR01"
EXAMPLE_MISSING = "EX01"

# What is built here is for those who extend the package; the developer guide has the
# worked examples.
EXTENSION_MODULES = {
    f"skswu.{name}"
    for name in ("correction", "influence", "inputs", "linear", "models", "rows")
}


def public_modules():
    names = [
        module.name
        for module in pkgutil.walk_packages(skswu.__path__, "skswu.")
        if not any(part.startswith("_") for part in module.name.split("."))
    ]
    return [import_module(name) for name in ["skswu", *names]]


def public_objects():
    """Address of every class and function that a public module exports."""
    return sorted(
        f"{module.__name__}.{name}"
        for module in public_modules()
        for name in getattr(module, "__all__", [])
        if inspect.isclass(getattr(module, name))
        or inspect.isfunction(getattr(module, name))
    )


def load(address):
    module, name = address.rsplit(".", 1)
    return getattr(import_module(module), name)


def needs_example(address):
    """Whether users construct or call the object."""
    if address.rpartition(".")[0] in EXTENSION_MODULES:
        return False
    found = load(address)
    if not inspect.isclass(found):
        return True
    is_part = issubclass(found, BaseEstimator) and not inspect.isabstract(found)
    return is_part or hasattr(found, "plot")


def undocumented_fields(cls):
    """Fields of a dataclass in neither its parameters nor its attributes."""
    doc = ClassDoc(cls)
    entries = [*doc["Parameters"], *doc["Attributes"]]
    documented = {name for entry in entries for name in entry.name.split(", ")}
    public = [field.name for field in fields(cls) if not field.name.startswith("_")]
    return [name for name in public if name not in documented]


def is_protocol(cls):
    """Whether a class only says what others offer; typing gives it a constructor."""
    return getattr(cls, "_is_protocol", False)


def own_methods(cls):
    """Public methods that a class of ours documents or ought to."""
    return [
        name
        for name, member in inspect.getmembers(cls, inspect.isroutine)
        if not name.startswith("_")
        and getattr(member, "__module__", "").startswith("skswu")
        # An override does what the base class says, unless it says something itself.
        and (member.__doc__ or not inspect.getdoc(member))
    ]


def found_errors(address, codes):
    errors = validate(address)["errors"]
    return [f"{code}: {text}" for code, text in errors if code in codes]


def test_there_is_something_to_check():
    assert "skswu.datasets.load_adult" in public_objects()
    assert needs_example("skswu.UnlearningClassifier")
    assert "fit" in own_methods(skswu.UnlearningClassifier)


def test_errors_are_found():
    def function(argument):
        """lower case"""

    errors = validate(get_doc_object(function))["errors"]
    assert {code for code, _ in errors} >= {"SS02", "SS03", "PR01", "EX01"}


@pytest.mark.parametrize("module", public_modules(), ids=lambda module: module.__name__)
def test_module_has_a_summary_and_an_existing_all(module):
    assert module.__doc__.strip().splitlines()[0].endswith(".")
    for name in module.__all__:
        assert hasattr(module, name), name


@pytest.mark.parametrize("address", public_objects())
def test_object_is_documented(address):
    codes, found = set(ERRORS), load(address)
    if is_dataclass(found):
        assert undocumented_fields(found) == []
    elif (
        not inspect.isclass(found)
        or ("__init__" in vars(found) and not is_protocol(found))
        or address.rpartition(".")[0] == "skswu"
    ):
        codes.add(PARAMETER_MISSING)
    if needs_example(address):
        codes.add(EXAMPLE_MISSING)
    assert found_errors(address, codes) == []


@pytest.mark.parametrize(
    "address",
    [address for address in public_objects() if inspect.isclass(load(address))],
)
def test_methods_are_documented(address):
    codes = set(ERRORS)
    if address.rpartition(".")[0] == "skswu":
        codes.add(PARAMETER_MISSING)
    methods = [f"{address}.{name}" for name in own_methods(load(address))]
    errors = {method: found_errors(method, codes) for method in methods}
    assert {method: found for method, found in errors.items() if found} == {}
