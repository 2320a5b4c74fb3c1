"""Both meta-estimators pass the tests that scikit-learn has for its own.

They are those of the installed version, imported.
"""

import inspect
from functools import partial

import pytest
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils._testing import check_docstring_parameters
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
)
from sklearn.utils.fixes import parse_version

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.updates import Refit

metaestimators = pytest.importorskip("sklearn.tests.test_metaestimators")
routing = pytest.importorskip("sklearn.tests.test_metaestimators_metadata_routing")
docstring_parameters = pytest.importorskip("sklearn.tests.test_docstring_parameters")
docstrings = pytest.importorskip("sklearn.tests.test_docstrings")

pytestmark = pytest.mark.filterwarnings("ignore")

BOTH = [UnlearningClassifier, UnlearningClassifierCV]
# Needs no groups, which these tests have none of.
OPTIONS = {"objective": "target_utility", "validation_fraction": None}


class LeavesAlone:
    """Stores the fitted estimator as it is: what is delegated is the point."""

    def _correct(self, fitted, parts):
        self.estimator_ = fitted.estimator
        self.correction_info_ = {}


class LeftAlone(LeavesAlone, UnlearningClassifier):
    """Delegates."""


class LeftAloneCV(LeavesAlone, UnlearningClassifierCV):
    """Delegates."""


class Unchanged(Refit):
    """Refits nothing, so that only ``fit`` is recorded."""

    def check_classifier(self, classifier):
        """Take those that take no weights, too."""

    def influence_model(self, classifier, X, y, sample_weight):
        return LogisticRegression().fit(X, y, sample_weight=sample_weight)

    def retrain(self, classifier, X, y, sample_weight):
        return classifier


@pytest.mark.parametrize("cls", [LeftAlone, LeftAloneCV])
def test_methods_are_delegated(cls, monkeypatch):
    data = metaestimators.DelegatorData(
        cls.__name__,
        lambda estimator: cls(estimator, **OPTIONS),
        skip_methods=["transform", "inverse_transform", "score"],
    )
    monkeypatch.setattr(metaestimators, "DELEGATING_METAESTIMATORS", [data])
    metaestimators.test_metaestimator_delegation()


@pytest.mark.parametrize("cls", BOTH)
def test_data_validation_is_delegated(cls):
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    metaestimators.test_meta_estimators_delegate_data_validation(
        cls(pipeline, **OPTIONS)
    )


ROUTED = [
    {
        "metaestimator": UnlearningClassifier,
        "estimator_name": "estimator",
        "estimator": "classifier",
        "init_args": {**OPTIONS, "update": Unchanged(max_refits=1)},
        "X": routing.X,
        "y": routing.y_binary,
        "estimator_routing_methods": ["fit"],
        "preserves_metadata": True,
    },
    {
        "metaestimator": UnlearningClassifierCV,
        "estimator_name": "estimator",
        "estimator": "classifier",
        "init_args": {**OPTIONS, "update": Unchanged(max_refits=1), "strengths": [0.5]},
        "X": routing.X,
        "y": routing.y_binary,
        "estimator_routing_methods": ["fit"],
        "preserves_metadata": "subset",
        "scorer_name": "utility",
        "scorer_routing_methods": ["fit"],
        "cv_name": "cv",
        "cv_routing_methods": ["fit"],
    },
]


@pytest.mark.parametrize(
    "test",
    [
        routing.test_default_request,
        routing.test_error_on_missing_requests_for_sub_estimator,
        routing.test_setting_request_on_sub_estimator_removes_error,
        routing.test_non_consuming_estimator_works,
        routing.test_metadata_is_routed_correctly_to_scorer,
        routing.test_metadata_is_routed_correctly_to_splitter,
    ],
    ids=lambda test: test.__name__,
)
@pytest.mark.parametrize("info", ROUTED, ids=["one strength", "many"])
def test_metadata_is_routed(info, test, monkeypatch):
    if test is routing.test_metadata_is_routed_correctly_to_scorer and parse_version(
        sklearn.__version__
    ) < parse_version("1.7"):
        pytest.skip("its classifier knows two classes and is given three")
    # What records metadata looks up who called, for which no source is to be read.
    monkeypatch.setattr(inspect, "stack", partial(inspect.stack, 0))
    test(info)


@pytest.mark.parametrize("cls", BOTH)
def test_fitted_attributes_are_documented(cls, monkeypatch):
    estimator = cls(LogisticRegression(), **OPTIONS)
    construct = "_construct_instances"
    monkeypatch.setattr(docstring_parameters, construct, lambda cls: iter([estimator]))
    docstring_parameters.test_fit_docstring_attributes(cls.__name__, cls)


@pytest.mark.parametrize("cls", BOTH)
def test_parameters_are_documented(cls):
    names = [name for name in dir(cls) if not name.startswith("_")]
    methods = [getattr(cls, name) for name in names if callable(getattr(cls, name))]
    wrong = [one for method in methods for one in check_docstring_parameters(method)]
    assert wrong + check_docstring_parameters(cls.__init__, cls.__doc__) == []


@pytest.mark.parametrize("method", [None, "fit", "unlearn", "predict", "set_params"])
@pytest.mark.parametrize("cls", BOTH)
def test_docstrings_are_valid(cls, method, request):
    docstrings.test_docstring(cls, method, request)


@pytest.mark.parametrize("cls", BOTH)
def test_wrong_parameters_are_named(cls):
    estimator = cls(LogisticRegression(), **OPTIONS)
    check_param_validation(cls.__name__, estimator)


@pytest.mark.parametrize("cls", BOTH)
def test_columns_are_checked_by_the_estimator(cls):
    estimator = cls(LogisticRegression(), **OPTIONS)
    check_dataframe_column_names_consistency(cls.__name__, estimator)
