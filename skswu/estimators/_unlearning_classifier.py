"""The meta-estimator."""

from ..models import WrappedClassifier
from ._base import BaseUnlearningClassifier, CorrectedModel


class UnlearningClassifier(BaseUnlearningClassifier):
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
        takes it fitted. It is never modified. A decision threshold around it, as by
        :class:`~sklearn.model_selection.FixedThresholdClassifier`, is kept, and gaps
        are measured at it.
    objective : str, BaseObjective or list of them, default="demographic_parity"
        What to repair: ``"demographic_parity"``, ``"equal_opportunity"``,
        ``"equalized_odds"``, ``"false_positive_rate_parity"``,
        ``"error_rate_parity"``, ``"loss_parity"``, ``"calibration_in_the_large"``,
        ``"minimum_group_rate"``, ``"bounded_group_loss"``,
        ``"adversarial_robustness"``, ``"target_utility"``, an instance, or several.
    weighting : str or BaseWeighting, default="soft"
        ``"soft"``, ``"hard"`` or an instance.
    influence : str or Influence, default="auto"
        How the influence of samples is computed: damping, how to solve with the
        curvature, which parameters of a network are corrected.
    update : str or ModelUpdate, default="influence"
        How the model moves to the new weights. ``"influence"`` goes in as many steps as
        it takes for linear models under soft weighting, and in one for others;
        ``"one_step"`` in one for all; ``"refit"`` fits the model anew. Or another name,
        or an instance.
    validation_fraction : float, "auto" or None, default="auto"
        Which rows the objective and the utility are measured on. ``"auto"`` trains a
        linear model on all rows that :meth:`fit` is given and measures each of them by
        its score without itself: approximate leave-one-out, one Newton step from the
        fit. Of networks, of models that are fitted anew, and of those too wide to
        factorise their curvature, it holds a fifth of the rows out; to know that, the
        latter are fitted twice. A float is the share of the rows to hold out,
        stratified by label and group. None measures on the training rows as they are.
        Where nothing is held out, as by :meth:`unlearn` without ``X_val`` and of a
        FrozenEstimator, whose training rows are taken to be those given, all but None
        measure by approximate leave-one-out what can be, and else on training rows.
        Metrics that are no function of the scores, as adversarial losses, are measured
        on training rows as they are.
    sensitive_features : str, int, list of them or None, default=None
        Columns of X, by name or position, to read the groups from when a call passes
        none. They stay in X.
    control_features : str, int, list of them or None, default=None
        Columns of X to read the control features from when a call passes none. The
        objective compares groups within each of their strata alone, such as applicants
        for the same job. A stratum with rows of one group only is left out, which is
        told.
    missing_groups : {"error", "own"}, default="error"
        Whether rows whose group is missing are refused, or are a group of their own,
        ``"(missing)"``.
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
        Number of columns of X; only where ``estimator_`` knows it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns; only where ``estimator_`` knows them. Which rows
        :meth:`predict` takes is up to it alone.
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
    objective_before_ : ndarray of shape (n_metrics,)
        The signed gaps of the original classifier on the evaluation rows.
    objective_target_ : ndarray of shape (n_metrics,)
        The gaps that were asked for; zero of hard weighting, which aims at none.
    objective_predicted_ : ndarray of shape (n_metrics,)
        The same as the last linearisation before them predicts them under
        ``epsilon_``.
    objective_after_ : ndarray of shape (n_metrics,)
        The same of the corrected classifier.
    objective_estimate_ : ndarray of shape (n_metrics,) or None
        What the gaps of the corrected classifier would be on other rows: the training
        rows measured by approximate leave-one-out and, besides, without what each of
        them pulled the correction by. For reporting and choosing; the correction aims
        at ``objective_after_``. NaN for metrics that are no function of the scores.
        None where it is not known: for networks, for models that are fitted anew or
        too wide, for updates and weightings that end elsewhere than at the least change
        and its model, and on evaluation rows that were given, held out or are bare
        training rows. On held-out rows ``objective_after_`` is out of sample for the
        fit, but not for the correction, whose direction they chose.
    objective_se_ : ndarray of shape (n_metrics,)
        Standard errors of the estimate, or else of ``objective_after_``: by differences
        of independent means of rows. NaN where a metric has none.
    utility_before_ : float
        Mean loss of the original classifier on the evaluation rows.
    utility_after_ : float
        The same of the corrected classifier.
    stationarity_ : float
        :math:`\|\nabla L(\theta; w(1 + \varepsilon))\| / \|\sum_i \varepsilon_i w_i
        \nabla \ell_i\|` at the corrected parameters: 0 is an exact refit under the
        new weights, 1 no correction. Above 1, the fit was far from its optimum. 0
        where no weight changed.
    step_length_ : float
        Share of the last full step that was taken, see
        :class:`~skswu.updates.InfluenceUpdate`.
    n_iter_ : int
        Number of steps.
    optimality_ : float
        With several steps of a linear model, how far ``epsilon_`` is from the least
        change that meets the targets: the distance to what the optimality conditions
        say, relative to its size. NaN where it was not measured.
    reachable_strength_ : float
        The strength that is reached: the one asked for, or the largest found within the
        bounds of the weights and the ``utility_tolerance``. Of a single step, as the
        influences predict it. NaN for a weighting without a strength.
    training_decrement_ : float
        How far the original classifier is from the optimum of its training rows: the
        Newton decrement :math:`\tfrac12 g^\top H^{-1} g / \sum_i w_i`, what a Newton
        step would lower the mean training loss by. A large one says that the rows are
        not those of the fit, see :class:`~skswu.exceptions.TrainingDataWarning`. NaN
        for networks and for models that are fitted anew.
    train_indices_ : ndarray of shape (n_train,)
        Rows of X that the attributes above speak of, after :meth:`fit`.
    validation_indices_ : ndarray or None
        Rows of X that :meth:`fit` held out.
    timings_ : dict of str to float
        Seconds spent on each step.
    solver_residuals_ : dict of str to float
        The largest relative residual that the iterative solver of each step reached;
        empty where the curvature was factorised.
    correction_info_ : dict
        A record of the correction in plain types, for an archive or
        :class:`~skswu.inspection.CorrectionReport`: ``"date"`` (UTC), ``"versions"``;
        ``"objectives"``, ``"weighting"``, ``"influence"`` and ``"update"``, the parts
        as text with all their parameters; ``"pos_labels"``, the label that each
        objective looks at, or None; ``"objective_weight"``, how much the training
        objective counted in what is least; ``"measured_on"``, which rows the metrics
        were measured on; ``"n_training_rows"``, ``"n_evaluation_rows"``,
        ``"training_groups"`` and ``"evaluation_groups"`` with their numbers of rows,
        ``"training_strata"`` likewise where there are control features;
        ``"metrics"``, for each where it was before, was asked to go (None where
        nothing is aimed at), was predicted to go and went; and ``"warnings"`` met.

    See Also
    --------
    UnlearningClassifierCV : Chooses by how much to correct.
    skswu.metrics.make_fairness_scorer : Scores predicted labels for searches.
    skswu.inspection.CorrectionReport : Tells what a correction changed.

    Notes
    -----
    Parameters of parts that were given by name are set through them, which makes
    their default instances first: ``objective__pos_label``,
    ``objective__temperature``, ``weighting__strength``,
    ``weighting__utility_tolerance``, ``influence__damping``, ``influence__solver``,
    ``update__max_iter``, ``estimator__C``. Searches set them by the same names;
    :meth:`get_params` lists those of parts that are instances already.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.datasets import load_adult
    >>> from skswu.weighting import SoftWeighting
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X = data[["age", "education_num", "hours_per_week"]]
    >>> y = data["income"] == ">50K"
    >>> classifier = LogisticRegression(max_iter=1000).fit(X, y)
    >>> model = UnlearningClassifier(classifier, weighting=SoftWeighting(strength=0.5))
    >>> model = model.unlearn(X, y, sensitive_features=data["sex"])
    >>> print((model.objective_after_ / model.objective_before_).round(2))
    [0.5]
    """

    def _find_correction(self, fitted, parts):
        wrapped = WrappedClassifier(fitted.estimator)
        (candidate,) = self._pose(wrapped, fitted, parts).correct()
        correction = candidate.finish()
        candidate.warn()
        return CorrectedModel(
            wrapped.with_classifier(correction.classifier), correction
        )
