"""Displays, tags and names of parameters."""

import importlib.metadata
import re
from pathlib import Path

import pytest
from sklearn.base import is_classifier
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr, get_tags

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu._utils import _documentation_link
from skswu.objectives import DemographicParity

DOCS = Path(__file__).parents[2] / "docs"
BOTH = [UnlearningClassifier, UnlearningClassifierCV]

WRONG = {
    "objective": {"objective": "demografic_parity"},
    "no objective": {"objective": []},
    "weighting": {"weighting": 3},
    "utility": {"utility": "f7"},
}


class Duck:
    """Fits and predicts, and is of no class of scikit-learn's."""

    def __repr__(self):
        return "Duck()"

    def get_params(self, deep=True):
        return {}

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X


@pytest.mark.contract
@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), LinearRegression(), Duck(), "lr", None, LogisticRegression],
    ids=repr,
)
@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("cls", BOTH)
def test_displays_and_tags_never_raise(cls, case, estimator):
    model = cls(estimator)
    for name, value in WRONG[case].items():
        setattr(model, name, value)
    assert is_classifier(model)
    assert get_tags(model).estimator_type == "classifier"
    assert cls.__name__ in repr(model)
    assert cls.__name__ in estimator_html_repr(model)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LinearRegression(), "needs a classifier; LinearRegression is a regressor"),
        (make_pipeline(LinearRegression()), "LinearRegression is a regressor"),
        (KMeans(), "KMeans is a clusterer"),
    ],
)
def test_what_is_no_classifier_is_refused_by_name(cls, estimator, message):
    for method in ("fit", "unlearn"):
        with pytest.raises(TypeError, match=message):
            getattr(cls(estimator), method)([[0.0], [1.0]], [0, 1])


def page_of(cls):
    """Return where Sphinx puts the page of a class, below its own address."""
    for source in (DOCS / "api").glob("*.rst"):
        text = source.read_text(encoding="utf-8")
        if re.search(rf"^   {cls.__name__}$", text, re.M):
            (folder,) = set(re.findall(r":toctree: (\w+)", text))
            page = source.parent / folder / f"skswu.{cls.__name__}.html"
            return page.relative_to(DOCS).as_posix()
    raise AssertionError(f"{cls.__name__} has no page")


def test_the_display_links_to_the_page_of_the_class(monkeypatch):
    class Stated:
        def get_all(self, name):
            return ["Source, https://a.example/s", "Documentation, https://d.example/"]

    monkeypatch.setattr(_documentation_link, "metadata", lambda name: Stated())
    _documentation_link.documentation_address.cache_clear()
    try:
        for cls in BOTH:
            address = f"https://d.example/{page_of(cls)}"
            assert cls(LogisticRegression())._get_doc_link() == address
            assert address in estimator_html_repr(cls(LogisticRegression()))
    finally:
        _documentation_link.documentation_address.cache_clear()


def test_there_is_no_link_where_no_address_is_stated(monkeypatch):
    def nowhere(name):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(_documentation_link, "metadata", nowhere)
    _documentation_link.documentation_address.cache_clear()
    assert UnlearningClassifier(LogisticRegression())._get_doc_link() == ""
    _documentation_link.documentation_address.cache_clear()


@pytest.mark.parametrize("cls", BOTH)
def test_a_parameter_of_a_list_of_parts_says_what_to_do(cls):
    model = cls(LogisticRegression(), objective=[DemographicParity()])
    with pytest.raises(ValueError, match=r"objective\[0\].set_params\(pos_label=...\)"):
        model.set_params(objective__pos_label=1)


@pytest.mark.parametrize("cls", BOTH)
def test_parameter_validation_can_be_skipped(cls, monkeypatch):
    import sklearn

    def refuse(self):
        raise AssertionError("parameters were checked")

    monkeypatch.setattr(cls, "_validate_params", refuse)
    with sklearn.config_context(skip_parameter_validation=True):
        cls(LogisticRegression())._resolve_parts()
    with pytest.raises(AssertionError):
        cls(LogisticRegression())._resolve_parts()
