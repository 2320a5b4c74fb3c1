"""The meta-estimator."""

from copy import copy, deepcopy
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state, column_or_1d, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from .._utils._compat import (
    HasMethods,
    Interval,
    check_feature_names,
    check_sample_weight,
    count_rows,
)
from .._utils._saved_version import SavedVersionMixin
from ..correction._correction import Corrector
from ..correction._problem import make_problem
from ..correction._replacement import replace_model
from ..inputs import LabeledData
from ..inputs._sample_weight import sample_weight_options
from ..inputs._sensitive_features import read_sensitive_features
from ..models import WrappedClassifier
from ..objectives import OBJECTIVES, BaseObjective
from ..updates import UPDATES, BaseUpdate
from ..weighting import WEIGHTINGS, BaseWeighting

_PARTS = {"objective": OBJECTIVES, "weighting": WEIGHTINGS, "update": UPDATES}


def _fitted_has(method):
    """Check that the corrected classifier, or the one to correct, has a method."""

    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


class UnlearningClassifier(
    SavedVersionMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
    r"""Correct a fitted classifier by soft-weighted unlearning.

    The influence of every training sample on a metric of the predictions and on their
    utility is computed, the smallest change :math:`\varepsilon` of the sample weights
    that repairs the metric without giving up utility is solved for, and the
    classifier's parameters move to where the weights :math:`w_i (1 + \varepsilon_i)`
    put them. The corrected classifier is of the same class and needs no sensitive
    features to predict.

    Parameters
    ----------
    estimator : classifier or Pipeline
        What to correct, or a Pipeline that ends in it. :meth:`fit` fits a clone, or
        keeps a :class:`~sklearn.frozen.FrozenEstimator` as it is; :meth:`unlearn`
        takes it fitted. It is never modified.
    objective : str, BaseObjective or list of them, default="demographic_parity"
        What to repair: ``"demographic_parity"``, ``"equal_opportunity"``,
        ``"equalized_odds"``, ``"target_utility"``, an instance, or several.
    weighting : str or BaseWeighting, default="soft"
        ``"soft"``, ``"hard"`` or an instance.
    update : str or BaseUpdate, default="influence"
        ``"influence"`` or an instance.
    validation_fraction : float or None, default=0.2
        Share of the rows that :meth:`fit` holds out, stratified by label and group,
        to measure the objective on. None measures on the training rows, as does a
        FrozenEstimator, whose training rows are taken to be those given.
    sensitive_features : str, int, list of them or None, default=None
        Columns of X, by name or position, to read the groups from when a call passes
        none. They stay in X.
    random_state : int, RandomState instance or None, default=None
        Draws the held-out rows.
    verbose : int, default=0
        1 prints the time of each step and, where tqdm is installed, shows the progress
        of iterative solvers.

    Attributes
    ----------
    estimator_ : classifier or Pipeline
        The corrected copy.
    original_estimator_ : classifier or Pipeline
        The one that was corrected.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X has string names for all.
    epsilon_ : ndarray of shape (n_train,)
        Relative change of each training sample's weight; -1 is removal.
    sample_weight_ : ndarray of shape (n_train,)
        The fit's sample weights times ``1 + epsilon_``: what a refit of the estimator
        under the new weights takes. The estimator's own ``class_weight`` comes on
        top, held at what it was in the fit.
    influence_ : ndarray of shape (n_metrics, n_train)
        Predicted change of each metric if a sample is removed.
    utility_influence_ : ndarray of shape (n_train,)
        The same for the mean loss on the evaluation rows.
    objective_names_ : list of str of length n_metrics
        What the metrics are.
    objective_before_, objective_predicted_, objective_after_ : ndarray of shape \
            (n_metrics,)
        The signed gaps on the evaluation rows: of the original, as the influences
        predict them under ``epsilon_``, and of the corrected classifier.
    utility_before_, utility_after_ : float
        Mean loss on the evaluation rows.
    stationarity_ : float
        :math:`\|\nabla L(\theta; w(1 + \varepsilon))\| / \|\sum_i \varepsilon_i w_i
        \nabla \ell_i\|` at the corrected parameters: 0 is an exact refit under the
        new weights, 1 no correction. Above 1, the fit was far from its optimum.
    step_length_ : float
        Share of the last full step that was taken, see
        :class:`~skswu.updates.InfluenceUpdate`.
    n_iter_ : int
        Number of steps.
    train_indices_ : ndarray of shape (n_train,)
        Rows of X that the attributes above speak of, after :meth:`fit`.
    validation_indices_ : ndarray or None
        Rows of X that :meth:`fit` held out.
    timings_ : dict of str to float
        Seconds spent on each step.
    solver_residuals_ : dict of str to float
        The largest relative residual that the iterative solver of each step reached;
        empty where the curvature was factorised.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.datasets import load_adult
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X, y = data[["age", "education_num", "hours_per_week"]], data["income"]
    >>> classifier = LogisticRegression(max_iter=1000).fit(X, y)
    >>> model = UnlearningClassifier(classifier).unlearn(
    ...     X, y, sensitive_features=data["sex"]
    ... )
    >>> bool(abs(model.objective_after_[0]) < 0.4 * abs(model.objective_before_[0]))
    True
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"])],
        "objective": [str, BaseObjective, list],
        "weighting": [str, BaseWeighting],
        "update": [str, BaseUpdate],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "sensitive_features": "no_validation",
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator,
        *,
        objective="demographic_parity",
        weighting="soft",
        update="influence",
        validation_fraction=0.2,
        sensitive_features=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.objective = objective
        self.weighting = weighting
        self.update = update
        self.validation_fraction = validation_fraction
        self.sensitive_features = sensitive_features
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, *, sensitive_features=None, sample_weight=None):
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
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, passed to the estimator's ``fit``.

        Returns
        -------
        self : UnlearningClassifier
            Corrected.
        """
        return self._replace_state(
            "_fit", X, y, sensitive_features=sensitive_features, weight=sample_weight
        )

    def unlearn(
        self,
        X,
        y,
        *,
        sensitive_features=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sensitive_features_val=None,
    ):
        """Correct a fitted estimator, given the data that it was trained on.

        A second call starts from the original estimator again.

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
        sample_weight : array-like of shape (n_samples,), default=None
            The weights that the estimator was fitted with.
        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), \
                default=None
            Evaluation rows to measure the objective and the utility on; None measures
            on the training rows.
        y_val : array-like of shape (n_val,), default=None
            Their labels; required with ``X_val``.
        sensitive_features_val : array-like of shape (n_val,) or (n_val, \
                n_sensitive), default=None
            Their groups.

        Returns
        -------
        self : UnlearningClassifier
            Corrected.
        """
        return self._replace_state(
            "_unlearn",
            X,
            y,
            sensitive_features=sensitive_features,
            weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sensitive_features_val=sensitive_features_val,
        )

    def _replace_state(self, method, *args, **kwargs):
        """Run a method on a copy and take over its state, so that it is all or none."""
        scratch = copy(self)
        getattr(scratch, method)(*args, **kwargs)
        self.__dict__ = vars(scratch)
        return self

    def _fit(self, X, y, *, sensitive_features, weight):
        parts = self._resolve_parts()
        estimator, rows, indices = self._fit_estimator(
            X, y, parts, sensitive_features, weight
        )
        self._correct(estimator, *rows, parts)
        self.train_indices_, self.validation_indices_ = indices
        self._fitted_from = self.estimator

    def _fit_estimator(self, X, y, parts, sensitive_features, weight):
        """Return a fitted clone, its training and held-out rows, and their indices."""
        X, y = self._check_X_y(X, y)
        groups = self._read_groups(X, sensitive_features, parts)
        weight = self._check_weight(weight, X)
        train, validation = self._split(y, groups)
        data = LabeledData(X, y, groups, weight)
        training = data.take(train)
        held_out = None if validation is None else data.take(validation)
        estimator = clone(self.estimator)
        options = self._fit_options(estimator, training.weight)
        estimator.fit(training.X, training.y, **options)
        return estimator, (training, held_out), (train, validation)

    def _unlearn(self, X, y, **given):
        parts = self._resolve_parts()
        estimator = self._original()
        data = self._read_training_data(X, y, parts, **given)
        self._correct(estimator, *data, parts)
        self.train_indices_ = np.arange(count_rows(X))
        self.validation_indices_ = None
        self._fitted_from = None

    def _read_training_data(
        self,
        X,
        y,
        parts,
        *,
        sensitive_features,
        weight,
        X_val,
        y_val,
        sensitive_features_val,
    ):
        """Return the checked training data and the evaluation data or None."""
        X, y = self._check_X_y(X, y)
        weight = self._check_weight(weight, X)
        if X_val is None:
            _check_alone(y_val=y_val, sensitive_features_val=sensitive_features_val)
            groups = self._read_groups(X, sensitive_features, parts)
            return LabeledData(X, y, groups, weight), None
        if y_val is None:
            raise ValueError("y_val must be given with X_val; got None.")
        X_val, y_val = self._check_X_y(X_val, y_val, reset=False)
        groups, groups_val = self._read_both_groups(
            X, sensitive_features, X_val, sensitive_features_val, parts
        )
        return LabeledData(X, y, groups, weight), LabeledData(X_val, y_val, groups_val)

    def _correct(self, estimator, training, held_out, parts):
        """Correct a fitted estimator and store what comes of it."""
        wrapped = WrappedClassifier(estimator)
        classifier, correction, names = self._find_correction(
            wrapped, training, held_out, parts
        )
        self.estimator_ = wrapped.with_classifier(classifier)
        self.original_estimator_ = estimator
        self.classes_ = classifier.classes_
        self._store(correction, names, training.weight)

    def _find_correction(self, wrapped, training, held_out, parts):
        """Return the corrected classifier, the Correction and the metrics' names."""
        correct = replace_model if parts[-1].replaces_model else _move_parameters
        return correct(wrapped, training, held_out, *parts, self.verbose)

    def _store(self, correction, names, weight):
        self.epsilon_ = correction.epsilon
        self.sample_weight_ = 1.0 + correction.epsilon
        if weight is not None:
            self.sample_weight_ *= weight
        self.influence_ = correction.influence
        self.utility_influence_ = correction.utility_influence
        self.objective_names_ = names
        self.objective_before_ = correction.before
        self.objective_predicted_ = correction.predicted
        self.objective_after_ = correction.after
        self.utility_before_ = correction.utility_before
        self.utility_after_ = correction.utility_after
        self.stationarity_ = correction.stationarity
        self.step_length_ = correction.step_length
        self.n_iter_ = correction.n_iter
        self.timings_ = correction.timings
        self.solver_residuals_ = correction.solver_residuals

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

    def _delegate(self, method, X):
        check_is_fitted(self, "estimator_")
        check_feature_names(self, X, reset=False)
        return getattr(self.estimator_, method)(X)

    def set_params(self, **params):
        """Set parameters, also of parts that were given by name.

        Parameters
        ----------
        **params : dict
            Names and values. ``weighting__strength=0.5`` and the like resolve a part
            given by name to its default instance first.

        Returns
        -------
        self : UnlearningClassifier
            With the new parameters.
        """
        for key in list(params):
            part, nested, _ = key.partition("__")
            if nested and part in _PARTS:
                value = params.get(part, getattr(self, part))
                if isinstance(value, str):
                    params[part] = _PARTS[part][value]()
        return super().set_params(**params)

    def get_metadata_routing(self):
        """Return what metadata this estimator takes and passes on.

        Returns
        -------
        MetadataRouter
            Takes ``sensitive_features`` and ``sample_weight``, and passes the latter
            on to the estimator's ``fit``.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=type(self).__name__)
        router.add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = deepcopy(inner.input_tags)
        tags.classifier_tags.multi_class = inner.classifier_tags.multi_class and all(
            objective.is_multiclass for objective in self._resolve_objectives()
        )
        return tags

    def _resolve_parts(self):
        """Return the objectives, the weighting and the update, their values checked."""
        self._validate_params()
        objectives = self._resolve_objectives()
        weighting = WEIGHTINGS.resolve(self.weighting)
        update = UPDATES.resolve(self.update)
        weighting.check_params()
        update.check_params()
        return objectives, weighting, update

    def _resolve_objectives(self):
        given = self.objective if isinstance(self.objective, list) else [self.objective]
        if not given:
            raise ValueError("The 'objective' parameter got an empty list.")
        return [OBJECTIVES.resolve(value) for value in given]

    def _original(self):
        """Return the fitted estimator that a correction starts from."""
        if getattr(self, "_fitted_from", None) is self.estimator:
            return self.original_estimator_
        check_is_fitted(self.estimator)
        return deepcopy(self.estimator)

    def _check_X_y(self, X, y, reset=True):
        """Check what the wrapped estimator does not: lengths and labels."""
        if issparse(X):
            X = X.tocsr()  # the only format whose rows can be picked fast
        elif not hasattr(X, "shape"):
            X = np.asarray(X)
        X, y = validate_data(self, X, y, reset=reset, skip_check_array=True)
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        check_classification_targets(y)
        return X, y

    def _check_weight(self, weight, X):
        if weight is None:
            return None
        return check_sample_weight(
            weight, X, dtype=np.float64, ensure_non_negative=True
        )

    def _read_groups(self, X, given, parts, name="sensitive_features"):
        """Read the groups of the rows, and insist on them where they are needed."""
        groups = read_sensitive_features(
            given, X, self.sensitive_features, count_rows(X), name
        )
        needing = [part for part in parts[0] if part.needs_sensitive_features]
        if groups is None and needing:
            raise ValueError(
                f"{type(needing[0]).__name__} needs {name}: pass them to the call, or "
                "name a column of X by the constructor's sensitive_features."
            )
        return groups

    def _read_both_groups(self, X, given, X_val, given_val, parts):
        """Read the groups of the evaluation rows, in the training rows' coding."""
        groups_val = self._read_groups(
            X_val, given_val, parts, "sensitive_features_val"
        )
        if given is None and self.sensitive_features is None:
            return None, groups_val
        groups = self._read_groups(X, given, parts)
        return groups, groups_val and groups_val.aligned_to(groups)

    def _split(self, y, groups):
        """Return the rows to train on, and those to hold out or None."""
        n_samples = len(y)
        frozen = isinstance(self.estimator, FrozenEstimator)
        if self.validation_fraction is None or frozen:
            return np.arange(n_samples), None
        _, cells = np.unique(y, return_inverse=True)
        if groups is not None:
            cells = cells * len(groups.names) + groups.codes
        held_out = _stratified_mask(
            cells, self.validation_fraction, check_random_state(self.random_state)
        )
        if not held_out.any():
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of n_samples = "
                f"{n_samples} leaves no row to measure the objective on; give more "
                "rows, a larger fraction, or None to measure on the training rows."
            )
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def _fit_options(self, estimator, weight):
        """Return the keywords that bring the sample weights into an estimator's fit."""
        if weight is None:
            return {}
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", sample_weight=weight)
            return routed.estimator.fit
        return sample_weight_options(estimator, weight)


def _move_parameters(wrapped, training, held_out, *parts):
    """Return the corrected classifier, the Correction and the metrics' names."""
    objectives, weighting, update, verbose = parts
    problem = make_problem(wrapped, training, held_out, objectives, update)
    correction = Corrector(problem, weighting, update, verbose).correct()
    classifier = problem.view.corrected(correction.parameters)
    return classifier, correction, problem.evaluation.names


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


def _check_alone(**options):
    """Insist that options of the evaluation rows come with X_val."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"{name} was given without X_val.")
