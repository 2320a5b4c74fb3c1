"""What the meta-estimators share: all but how a correction is found."""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._utils._array_api import as_like, check_takes, is_foreign, takes_arrays
from .._utils._compat import HasMethods, Interval, StrOptions, check_same_namespace
from .._utils._content_hash import content_hash
from .._utils._documentation_link import DocumentationLinkMixin
from .._utils._saved_version import SavedVersionMixin
from .._utils._tasks import (
    CallbackSupportMixin,
    fit_of,
    root_task,
    task,
)
from ..correction import Corrector, make_setting
from ..inputs import DataReader, LabeledData, Metadata
from ..inputs._collections import (
    CollectionReader,
    accuracy,
    in_memory_state,
    is_collection,
    lazily,
)
from ..inputs._metadata import check_fit_params, check_given_once
from ..inputs._sample_weight import (
    leaves_out_by_weight,
    sample_weight_options,
    weigh_rows_out,
    weights_by_routing,
)
from ..models import WrappedClassifier
from ..models._pipeline_fit import fit_recorded, rows_as_fitted
from ..models._wrapped_classifier import (
    check_fitted,
    check_is_classifier,
    check_no_samplers,
    tags_or_none,
)
from ..objectives._missing_groups import measuring, rows_in_words
from ..rows import BroughtRows
from ._correction_info import make_correction_info, noting_warnings
from ._evaluation_rows import AUTO_FRACTION, leaves_out, may_leave_out
from ._parts import (
    REGISTRIES,
    Parts,
    needing_groups,
    part_constraints,
    register_parts,
    registered_parts,
    resolve_objectives,
)


@dataclass(frozen=True)
class FittedModel:
    """A fitted estimator with the rows that it was trained on and is measured on.

    Attributes
    ----------
    estimator : classifier or Pipeline
        Fitted.
    training : LabeledData
        What it was trained on.
    held_out : LabeledData or None
        Evaluation rows; None measures on the training rows.
    given : LabeledData or None
        All rows that were passed to ``fit``; None where nothing was fitted.
    train_indices, validation_indices : ndarray or None
        Where the rows are among those given; None is all and none of them.
    """

    estimator: Any
    training: LabeledData
    held_out: LabeledData | None
    given: LabeledData | None = None
    train_indices: Any = None
    validation_indices: Any = None

    @property
    def measured(self):
        """The rows that the objective is measured on."""
        return self.training if self.held_out is None else self.held_out

    @property
    def measured_on(self):
        """Which rows these are, in words, if they are not the training rows."""
        if self.validation_indices is None:
            return "evaluation rows that were given"
        return "held-out rows"

    def seen_by(self, wrapped):
        """Return the bare classifier with the rows as it sees them."""
        return replace(
            self,
            estimator=wrapped.classifier,
            training=self.training.seen_by(wrapped),
            held_out=self.held_out and self.held_out.seen_by(wrapped),
        )


@dataclass(frozen=True)
class CorrectedModel:
    """A corrected estimator and how it came about.

    Attributes
    ----------
    estimator : classifier or Pipeline
        The corrected copy.
    correction : Correction
        How it came about.
    strength : float or None
        That was chosen; None is the weighting's own.
    """

    estimator: Any
    correction: Any
    strength: float | None = None


# What divides the rows, where the groups that were read have it.
_GROUPINGS = {
    "sensitive_features": lambda groups: groups,
    "control_features": lambda groups: groups.strata,
}


def _fitted_has(method):
    """Check that the corrected classifier, or the one to correct, has a method."""

    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


class BaseUnlearningClassifier(
    CallbackSupportMixin,
    DocumentationLinkMixin,
    SavedVersionMixin,
    ClassifierMixin,
    MetaEstimatorMixin,
    BaseEstimator,
    ABC,
):
    """Correct a fitted classifier; subclasses say how the correction is found.

    Input is checked, the classifier fitted or copied, and what :meth:`_find_correction`
    returns is stored, all or none of it. Parameters and attributes are those of
    :class:`~skswu.UnlearningClassifier`.
    """

    _parameter_constraints = {
        # One that stacks others predicts only once it is fitted.
        "estimator": [HasMethods(["fit"])],
        **part_constraints(),
        "validation_fraction": [
            Interval(Real, 0, 1, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "sensitive_features": "no_validation",
        "control_features": "no_validation",
        "missing_groups": [StrOptions({"error", "own"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator,
        *,
        objective="demographic_parity",
        weighting="soft",
        influence="auto",
        update="influence",
        validation_fraction="auto",
        sensitive_features=None,
        control_features=None,
        missing_groups="error",
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.objective = objective
        self.weighting = weighting
        self.influence = influence
        self.update = update
        self.validation_fraction = validation_fraction
        self.sensitive_features = sensitive_features
        self.control_features = control_features
        self.missing_groups = missing_groups
        self.random_state = random_state
        self.verbose = verbose

    @property
    def _n_tasks(self):
        """How many tasks a fit has: that of the estimator, and the correction."""
        return 2

    @abstractmethod
    def _find_correction(self, fitted, parts):
        """Correct a fitted estimator, and set the attributes that only a subclass has.

        Parameters
        ----------
        fitted : FittedModel
            The estimator and its rows. It is not to be modified.
        parts : Parts
            What the parameters name or are.

        Returns
        -------
        CorrectedModel
            What is stored.
        """

    def __copy__(self):
        """Return another estimator with the same attributes, none of them copied."""
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __getstate__(self):
        state, found = in_memory_state(super().__getstate__()), registered_parts(self)
        # The original is stored once where it is a mere copy of the estimator.
        then = state.get("_copied_state")
        if then is not None and then == _fitted_state(self.estimator):
            state["original_estimator_"] = None
        parts = {"_registered_parts": found} if found else {}
        return {**state, **self._without_earlier_fit(), **parts}

    def _without_earlier_fit(self):
        """Return the estimator's part of the state, if ``fit`` fitted a clone of it.

        What it had learnt before has no part in the correction, and is not stored.
        """
        estimator = self.estimator
        if getattr(self, "_fitted_from", None) is not estimator:
            return {}
        if self._state_then is None or self._state_then != _fitted_state(estimator):
            return {}
        bare = clone(estimator)
        if _fitted_state(bare) is not None:  # it stays fitted, as it was told to
            return {}
        return {"estimator": bare, "_fitted_from": bare, "_state_then": None}

    def __setstate__(self, state):
        state = dict(state)
        register_parts(state.pop("_registered_parts", {}))
        super().__setstate__(state)
        if state.get("original_estimator_", self) is None:
            self.original_estimator_ = WrappedClassifier(self.estimator).copied()
            self._copied_state = _fitted_state(self.estimator)

    @noting_warnings
    def fit(
        self,
        X,
        y,
        *,
        sensitive_features=None,
        control_features=None,
        sample_weight=None,
        **fit_params,
    ):
        """Fit a clone of the estimator, then correct it.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Training data, as the estimator takes it.
        y : array-like of shape (n_samples,)
            Labels.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, \
                n_sensitive), default=None
            Groups of the rows, in columns that are crossed; None reads the columns
            that the constructor names.
        control_features : array-like of shape (n_samples,) or (n_samples, \
                n_control), default=None
            Strata of the rows, within which alone the groups are compared; None reads
            the columns that the constructor names, if any.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, passed to the estimator's ``fit``.
        **fit_params : dict
            Passed on by metadata routing where it is enabled, and else to the
            estimator's ``fit``: what has one entry a row follows the rows that are
            trained on.

        Returns
        -------
        self : object
            Corrected.
        """
        scratch = copy(self)
        scratch._fit(
            X,
            y,
            fit_params,
            sensitive_features=sensitive_features,
            control_features=control_features,
            sample_weight=sample_weight,
        )
        return self._become(scratch)

    @noting_warnings
    def unlearn(
        self,
        X,
        y,
        *,
        sensitive_features=None,
        control_features=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sensitive_features_val=None,
        sample_weight_val=None,
        control_features_val=None,
    ):
        """Correct a fitted estimator, given the data that it was trained on.

        A second call starts from the original estimator again, and one after
        :meth:`fit` from what that fitted; unless the estimator was fitted by itself
        since then, which is corrected in its place.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The training data of the estimator.
        y : array-like of shape (n_samples,)
            Their labels.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, \
                n_sensitive), default=None
            Groups of the rows, in columns that are crossed; None reads the columns
            that the constructor names.
        control_features : array-like of shape (n_samples,) or (n_samples, \
                n_control), default=None
            Strata of the rows, within which alone the groups are compared; None reads
            the columns that the constructor names, if any.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights that the estimator was fitted with.
        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), \
                default=None
            Evaluation rows to measure the objective and the utility on; None measures
            on the training rows, see ``validation_fraction``.
        y_val : array-like of shape (n_val,), default=None
            Their labels; required with ``X_val``.
        sensitive_features_val : array-like of shape (n_val,) or (n_val, \
                n_sensitive), default=None
            Their groups.
        sample_weight_val : array-like of shape (n_val,), default=None
            What each of them counts where the objective and the utility are measured.
        control_features_val : array-like of shape (n_val,) or (n_val, n_control), \
                default=None
            Their strata.

        Returns
        -------
        self : object
            Corrected.
        """
        scratch = copy(self)
        scratch._unlearn(
            X,
            y,
            sensitive_features=sensitive_features,
            control_features=control_features,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sensitive_features_val=sensitive_features_val,
            sample_weight_val=sample_weight_val,
            control_features_val=control_features_val,
        )
        return self._become(scratch)

    def _become(self, scratch):
        """Take over the state of a copy, all of it at once or, interrupted, none."""
        self.__dict__ = vars(scratch)
        return self

    def _fit(self, X, y, fit_params, **given):
        with root_task(self, X, y, n_subtasks=self._n_tasks):
            self._fit_within(X, y, fit_params, **given)

    def _fit_within(self, X, y, fit_params, **given):
        parts = self._resolve_parts()
        self._check_fits_on(X)
        data = self._make_reader(parts, X).read(X, y, **given)
        passed = [name for name in _GROUPINGS if given[name] is not None]
        metadata = self._read_metadata(data, fit_params, passed)
        data = replace(data, metadata=metadata)
        self._correct(self._fit_estimator(data, parts), parts)
        self._took_fit_params = bool(fit_params)
        self._fitted_from = self.estimator
        self._state_then = _fitted_state(self.estimator)
        self._copied_state = None

    def _unlearn(self, X, y, **given):
        parts = self._resolve_parts()
        estimator, fitted = self._original(), getattr(self, "original_estimator_", None)
        training, held_out = self._make_reader(parts, X).read_both(X, y, **given)
        self._correct(FittedModel(estimator, training, held_out), parts)
        self._fitted_from = None
        is_copy = estimator is not fitted
        self._copied_state = _fitted_state(self.estimator) if is_copy else None

    def _resolve_parts(self):
        """Return the Parts; all parameters are checked before anything is computed."""
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        check_is_classifier(self.estimator, type(self).__name__)
        check_no_samplers(self.estimator)
        return Parts.of(self)

    def _check_fits_on(self, X):
        if is_collection(X):
            raise TypeError(
                f"fit takes rows in memory; got a dask {type(X).__name__}, on which a "
                f"{type(self.estimator).__name__} cannot be fitted. Fit the estimator "
                "elsewhere, on a sample for instance, and call unlearn with the "
                "collection: it corrects on all rows."
            )

    def _make_reader(self, parts, X):
        check_takes(self.estimator, X)
        needed_by = needing_groups(parts.objectives)
        kind = CollectionReader if is_collection(X) else DataReader
        return kind(
            self.sensitive_features,
            needed_by,
            self.missing_groups,
            self.control_features,
        )

    def _original(self):
        """Return the fitted estimator that a correction starts from."""
        if getattr(self, "_fitted_from", None) is self.estimator:
            state = _fitted_state(self.estimator)
            if state is None or state == self._state_then:
                return self.original_estimator_
        check_fitted(self.estimator)
        return WrappedClassifier(self.estimator).copied()

    def _fit_estimator(self, data, parts):
        """Return the FittedModel of a clone of the estimator on some of the rows."""
        if self.validation_fraction != "auto":
            return self._fit_on_part(data, self.validation_fraction)
        if not may_leave_out(self.estimator, parts.update):
            return self._fit_on_part(data, AUTO_FRACTION)
        fitted = self._fit_on_part(data, None)
        if leaves_out(fitted.estimator, parts.influence):
            return fitted
        # Callbacks know of one fit.
        return self._fit_on_part(data, AUTO_FRACTION, nullcontext)

    def _fit_on_part(self, data, fraction, fit_task=fit_of):
        """Return the FittedModel on all rows but a fraction that is held out."""
        train, validation = self._split(data, fraction)
        training, held_out = data, None
        if validation is not None:
            training, held_out = data.take(train), data.take(validation)
        estimator = clone(self.estimator)
        with fit_task(estimator), weights_by_routing(estimator):
            seen, options = self._fit_rows(estimator, training)
        weight = _weight_of_fit(estimator, training, options)
        training = replace(training, as_fitted=seen, weight=weight)
        return FittedModel(estimator, training, held_out, data, train, validation)

    def _fit_rows(self, estimator, training):
        """Fit an estimator to rows; return what :func:`fit_recorded` does."""
        options = training.metadata.fit
        if isinstance(training.X, BroughtRows):
            if leaves_out_by_weight(estimator):
                given = replace(training, weight=options.get("sample_weight"))
                X, y, weight = weigh_rows_out(given)
                estimator.fit(X, y, sample_weight=weight)
                return None, options
            training = training.in_memory(f"The fit of a {type(estimator).__name__}")
        return fit_recorded(estimator, training.X, training.y, options)

    def _as_fitted(self, training):
        """Return training rows as the original classifier saw them, if known."""
        # What else that fit was given is not kept, so that it cannot be repeated.
        if self._fitted_from is None or self._took_fit_params:
            return training
        fitted = self.original_estimator_
        options = self._read_metadata(training, {}).fit
        seen = rows_as_fitted(fitted, training.X, training.y, options)
        return replace(training, as_fitted=seen)

    def _split(self, data, fraction):
        """Return the rows to train on and those to hold out; None is all and none."""
        if fraction is None or isinstance(self.estimator, FrozenEstimator):
            return None, None
        _, cells = np.unique(data.y, return_inverse=True)
        if data.groups is not None:
            cells = cells * len(data.groups.names) + data.groups.codes
            strata = data.groups.strata
            if strata is not None:
                cells = cells * len(strata.names) + strata.codes
        held_out = _stratified_mask(
            cells, fraction, check_random_state(self.random_state)
        )
        if not held_out.any():
            raise ValueError(
                f"validation_fraction={fraction} of n_samples = "
                f"{len(cells)} leaves no row to measure the objective on; give more "
                "rows, a larger fraction, or None to measure on the training rows."
            )
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def _read_metadata(self, data, fit_params, passed=()):
        """Return the Metadata of a ``fit``, as far as a subclass has a use for it.

        Parameters
        ----------
        data : LabeledData
            All rows.
        fit_params : dict
            What else was passed.
        passed : sequence of str, default=()
            Which of the sensitive and control features were passed, which are routed
            as any metadata.
        """
        if not get_config()["enable_metadata_routing"]:
            check_fit_params(self, self.estimator, fit_params)
            options = sample_weight_options(self.estimator, data.weight)
            check_given_once(fit_params, options)
            return Metadata({**fit_params, **options})
        return Metadata(self._routed(data, fit_params, passed).estimator.fit)

    def _routed(self, data, fit_params, passed):
        """Return by metadata routing what a ``fit`` passes on."""
        given = {**fit_params, "sample_weight": data.weight}
        for name in passed:
            given[name] = _GROUPINGS[name](data.groups).by_row()
        return process_routing(self, "fit", **given)

    def _pose(self, wrapped, fitted, parts):
        """Return the Corrector of a fitted estimator.

        Parameters
        ----------
        wrapped : WrappedClassifier
            The estimator, taken apart.
        fitted : FittedModel
            The estimator and its rows.
        parts : Parts
            What the parameters name or are.
        """
        setting = make_setting(
            fitted.training,
            wrapped,
            fitted.held_out,
            parts.objectives,
            parts.influence,
            leaves_out=self.validation_fraction is not None,
        )
        problem = parts.update.pose(setting)
        return Corrector(problem, parts.weighting, parts.update, self.verbose)

    def _measured_rows(self, fitted):
        """Return in words which rows are measured, and how others could be."""
        if fitted.validation_indices is not None:
            fraction = self.validation_fraction
            return (
                f"the rows that validation_fraction={fraction!r} holds out",
                "Hold out a larger fraction, or take None to measure on the training "
                "rows",
            )
        if fitted.given is not None:
            return "the training rows", "Give rows that cover every group"
        return rows_in_words(is_held_out=fitted.held_out is not None)

    def _correct(self, fitted, parts):
        """Correct a fitted estimator and store what comes of it."""
        _check_knows_classes(fitted.estimator)
        # What leaves the range of floats is told by our own warnings and errors.
        errors = np.errstate(over="ignore", invalid="ignore")
        measured = measuring(*self._measured_rows(fitted))
        with errors, measured, task("correction", n_subtasks=None):
            found = self._find_correction(fitted, parts)
        self.estimator_ = found.estimator
        self.original_estimator_ = fitted.estimator
        self.classes_ = found.estimator.classes_
        self._store_columns(found.estimator)
        self.train_indices_ = fitted.train_indices
        if fitted.train_indices is None:
            positions = fitted.training.positions(found.correction.epsilon)
            self.train_indices_ = positions
        self.validation_indices_ = fitted.validation_indices
        self.sample_weight_ = fitted.training.reweighted(found.correction.epsilon)
        self._store(found.correction)
        weighting = parts.weighting.at(found.strength)
        self.correction_info_ = make_correction_info(
            fitted, parts, weighting, found.correction
        )
        self._move_beside(fitted.training.X)

    def _move_beside(self, X):
        """Bring arrays that were learned to the library and the device of X."""
        if is_foreign(X):
            for name, value in vars(self).items():
                if isinstance(value, np.ndarray) and name != "classes_":
                    setattr(self, name, as_like(value, X))

    def _store_columns(self, estimator):
        """Take over what the corrected estimator knows of the columns of X."""
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))

    def _store(self, correction):
        self.epsilon_ = correction.epsilon
        self.influence_ = correction.influence
        self.utility_influence_ = correction.utility_influence
        self.objective_names_ = correction.names
        self.objective_before_ = correction.before
        self.objective_predicted_ = correction.predicted
        self.objective_after_ = correction.after
        self.objective_estimate_ = correction.estimate
        self.objective_se_ = correction.standard_errors
        self.utility_before_ = correction.utility_before
        self.utility_after_ = correction.utility_after
        self.stationarity_ = correction.stationarity
        self.step_length_ = correction.step_length
        self.n_iter_ = correction.n_iter
        self.objective_target_ = correction.target
        self.optimality_ = correction.optimality
        self.reachable_strength_ = correction.reachable_strength
        self.training_decrement_ = correction.training_decrement
        self.timings_ = correction.timings
        self.solver_residuals_ = correction.solver_residuals

    @available_if(_fitted_has("predict"))
    def predict(self, X):
        """Predict labels with the corrected classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            The labels.
        """
        return self._delegate("predict", X)

    @available_if(_fitted_has("predict_proba"))
    def predict_proba(self, X):
        """Predict probabilities with the corrected classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The probabilities.
        """
        return self._delegate("predict_proba", X)

    @available_if(_fitted_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict log-probabilities with the corrected classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The log-probabilities.
        """
        return self._delegate("predict_log_proba", X)

    @available_if(_fitted_has("decision_function"))
    def decision_function(self, X):
        """Return the margins of the corrected classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            The margins.
        """
        return self._delegate("decision_function", X)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy of the corrected classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows to predict.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Their weights.

        Returns
        -------
        float
            Of dask collections, which are computed, as well.
        """
        if is_collection(X):
            check_is_fitted(self, "estimator_")
            return accuracy(self.estimator_.predict, X, y, sample_weight)
        return super().score(X, y, sample_weight)

    def _delegate(self, method, X):
        check_is_fitted(self, "estimator_")
        if is_collection(X):
            return self._delegate_lazily(method, X)
        check_same_namespace(X, self, attribute="objective_after_", method=method)
        return getattr(self.estimator_, method)(X)

    def _delegate_lazily(self, method, X):
        """Return what a method returns of a dask collection, as a dask array."""
        n_classes = len(self.classes_)
        shape, dtype = (n_classes,), np.dtype(np.float64)
        if method == "predict":
            shape, dtype = (), self.classes_.dtype
        elif method == "decision_function" and n_classes == 2:
            shape = ()
        return lazily(getattr(self.estimator_, method), X, shape, dtype)

    def set_params(self, **params):
        """Set parameters, also of parts that were given by name.

        Parameters
        ----------
        **params : dict
            Names and values. ``weighting__strength=0.5`` and the like resolve a part
            given by name to its default instance first.

        Returns
        -------
        self : object
            With the new parameters.
        """
        for key in list(params):
            part, nested, _ = key.partition("__")
            if nested and part in REGISTRIES:
                value = params.get(part, getattr(self, part))
                _check_not_listed(key, part, value)
                if isinstance(value, str):
                    params[part] = REGISTRIES[part].resolve(value)
        return super().set_params(**params)

    def get_metadata_routing(self):
        """Return what metadata this estimator takes and passes on.

        Returns
        -------
        MetadataRouter
            Takes ``sensitive_features``, ``control_features`` and ``sample_weight``,
            and passes on to the
            estimator's ``fit`` what that requests.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self)
        router.add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Displays ask for tags, too: what is wrong is told by fit.
        inner = tags_or_none(self.estimator)
        if inner is not None:
            tags.input_tags = deepcopy(inner.input_tags)
            tags.array_api_support = takes_arrays(self.estimator)
        of_classifier = inner and inner.classifier_tags
        is_multiclass = of_classifier is None or of_classifier.multi_class
        objectives = _objectives_or_none(self.objective)
        tags.classifier_tags.multi_class = is_multiclass and all(
            objective.is_multiclass for objective in objectives
        )
        return tags


def _check_knows_classes(estimator):
    """Insist that a fitted estimator knows its labels, or say how it may."""
    if hasattr(estimator, "classes_"):
        return
    bare = WrappedClassifier(estimator).bare
    cure = ""
    if getattr(bare, "classes", bare) is None:
        cure = (
            " It learns them from the y of its fit or, fitted without, from its "
            "parameter 'classes', all labels in order: set_params(classes=[0, 1])."
        )
    raise TypeError(
        f"{type(bare).__name__} has no classes_ once it is fitted, as every "
        f"classifier of scikit-learn has.{cure}"
    )


def _check_not_listed(key, part, value):
    """Refuse a parameter of a list of parts, which may not mean the same to all."""
    if isinstance(value, list):
        name = key.partition("__")[2]
        raise ValueError(
            f"{key} cannot be set: {part} is a list of {len(value)} parts. Set the "
            f"parameter of one by {part}[0].set_params({name}=...), or pass a new list."
        )


def _objectives_or_none(given):
    """Return the objectives that a parameter names or is, none if it does not."""
    try:
        return resolve_objectives(given)
    except (TypeError, ValueError):
        return []


def _weight_of_fit(estimator, training, options):
    """Return the sample weights that a classifier was trained with, or None.

    They are those that came to its ``fit``: metadata routing may withhold them or bring
    them under another name. A frozen one was trained before, as the call says.
    """
    if isinstance(estimator, FrozenEstimator):
        return training.weight
    weight = options.get("sample_weight")
    return None if weight is None else np.asarray(weight, dtype=np.float64)


def _fitted_state(estimator):
    """Return what changes when a fitted estimator is fitted anew; None if unfitted."""
    try:
        check_fitted(estimator)
    except NotFittedError:
        return None
    return content_hash(estimator)


def _stratified_mask(cells, fraction, random_state):
    """Mark a fraction of the rows, spread evenly over the cells.

    Rows are put in order of their cells, at random within, and taken at equal
    distances. A cell of one row is left unmarked.
    """
    counts = np.bincount(cells)
    candidates = np.flatnonzero(counts[cells] > 1)
    order = random_state.permutation(len(candidates))
    order = candidates[order[np.argsort(cells[candidates][order], kind="stable")]]
    steps = np.floor(np.arange(len(order) + 1) * fraction + 0.5)
    mask = np.zeros(len(cells), dtype=bool)
    mask[order[np.diff(steps) > 0]] = True
    return mask
