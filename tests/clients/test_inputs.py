"""Inputs of every kind that people pass, or in words why not."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.inputs import count_rows, rows_at
from skswu.metrics import make_fairness_scorer
from skswu.objectives import DemographicParity

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning"),
]

BOTH = [
    UnlearningClassifier(LogisticRegression(), random_state=0),
    UnlearningClassifierCV(LogisticRegression(), strengths=[0.0, 1.0], random_state=0),
]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 3))
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] + rng.logistic(size=200) > 0.5).astype(int)
    return X, y, np.where(group == 1, "m", "f")


@pytest.fixture
def frame(data):
    return pd.DataFrame(data[0], columns=list("abc"))


class Texts(list):
    """A list that must not become an array."""

    def __array__(self, *args, **kwargs):
        raise AssertionError("the rows became an array")


def texts(X, group):
    words = [
        f"w{int(value > 0)} {name}" for value, name in zip(X[:, 1], group, strict=True)
    ]
    return Texts(words)


ROWS = {
    "texts": (CountVectorizer(), texts),
    "ragged lists": (
        CountVectorizer(analyzer=list),
        lambda X, g: Texts(
            [one] + ["w"] * (i % 3) for i, one in enumerate(texts(X, g))
        ),
    ),
    "dicts": (
        DictVectorizer(),
        lambda X, g: Texts({"v": v, "g": s} for v, s in zip(X[:, 1], g, strict=True)),
    ),
}


@pytest.mark.contract
@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("model", BOTH, ids=lambda model: type(model).__name__)
def test_rows_reach_the_pipeline_as_they_are(data, model, kind):
    X, y, group = data
    transformer, make = ROWS[kind]
    transformer = sklearn.clone(transformer)
    if hasattr(transformer, "set_output"):
        transformer.set_output(transform="default")
    pipeline = make_pipeline(transformer, LogisticRegression())
    rows = make(X, group)
    model = sklearn.clone(model).set_params(
        estimator=pipeline, validation_fraction=None
    )
    model.fit(rows, y, sensitive_features=group)
    assert_array_equal(model.predict(rows), model.estimator_.predict(rows))
    assert not hasattr(model, "n_features_in_")
    model.unlearn(
        rows,
        y,
        sensitive_features=group,
        X_val=rows,
        y_val=y,
        sensitive_features_val=group,
    )


def test_dicts_and_data_sets_are_counted_and_picked():
    parts = {"left": np.arange(6).reshape(3, 2), "right": [[1], [1, 2], [3]]}
    assert count_rows(parts) == 3
    picked = rows_at(parts, np.array([2, 0]))
    assert_array_equal(picked["left"], [[4, 5], [0, 1]])
    assert picked["right"] == [[3], [1]]
    with pytest.raises(ValueError, match=r"different numbers of rows: .*'b': 2"):
        count_rows({"a": [1, 2, 3], "b": [1, 2]})


def test_data_sets_are_read_row_by_row():
    torch = pytest.importorskip("torch")

    class Squares(torch.utils.data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return index**2, 0

    assert count_rows(Squares()) == 5
    picked = rows_at(Squares(), np.array([3, 1]))
    assert [picked[i][0] for i in range(len(picked))] == [9, 1]


@pytest.mark.parametrize("name", ["X", "X_val"])
def test_lazy_frames_are_refused_in_words(data, frame, name):
    _, y, group = data
    model = UnlearningClassifier(LogisticRegression().fit(frame, y))
    lazy = pl.from_pandas(frame).lazy()
    rows = {"X": frame, "X_val": frame, name: lazy}
    with pytest.raises(ValueError, match=rf"{name} is a LazyFrame.*{name}.collect\(\)"):
        model.unlearn(
            rows["X"],
            y,
            sensitive_features=group,
            X_val=rows["X_val"],
            y_val=y,
            sensitive_features_val=group,
        )


def unusual(columns):
    def make(group, other):
        return pd.DataFrame(np.column_stack([group, other]), columns=columns)

    return make


GROUPS = {
    "unnamed": unusual(None),
    "repeated": unusual(["s", "s"]),
    "levels": unusual(pd.MultiIndex.from_tuples([("a", "s"), ("a", "t")])),
    "periods": unusual(pd.period_range("2020", periods=2, freq="M")),
    "dict": lambda group, other: {"sex": group, "other": list(other)},
    "list": lambda group, other: [group, pd.Series(other)],
    "tuple of lists": lambda group, other: (list(group), list(other)),
    "polars": lambda group, other: pl.DataFrame({"sex": group, "other": other}),
}


@pytest.mark.parametrize("form", GROUPS)
def test_columns_of_groups_are_read_by_position(data, form):
    X, y, group = data
    other = np.arange(200) % 2
    fitted = LogisticRegression().fit(X, y)
    expected = UnlearningClassifier(fitted).unlearn(
        X, y, sensitive_features=np.column_stack([group, other])
    )
    given = GROUPS[form](group, other)
    model = UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=given)
    assert model.objective_names_ == expected.objective_names_
    assert_allclose(model.epsilon_, expected.epsilon_)
    scorer = make_fairness_scorer("demographic_parity_difference")
    table = np.column_stack([group, other])
    assert scorer(fitted, X, y, sensitive_features=given) == scorer(
        fitted, X, y, sensitive_features=table
    )


@pytest.mark.parametrize("given", ["sex", 3, -1, ["sex"], [3], ("sex",)])
def test_unlearn_takes_names_and_positions_of_columns(data, frame, given):
    _, y, group = data
    frame = frame.assign(sex=(group == "m") * 1)
    fitted = LogisticRegression().fit(frame, y)
    model = UnlearningClassifier(fitted).unlearn(frame, y, sensitive_features=given)
    assert model.objective_names_ == ["demographic_parity[1]: 1 - 0"]


def test_a_repeated_name_of_X_is_told_by_position(data, frame):
    _, y, group = data
    frame = frame.assign(sex=group, other=group)
    frame.columns = ["a", "b", "c", "sex", "sex"]
    model = UnlearningClassifier(LogisticRegression(), sensitive_features="sex")
    with pytest.raises(ValueError, match=r"names 2 columns of X.*among 3, 4"):
        model.fit(frame, y)


@pytest.mark.parametrize(
    "form",
    [
        lambda codes: codes.astype(">i2"),
        lambda codes: codes.astype(">f8"),
        lambda codes: pd.Series(codes.astype(">i4")),
    ],
)
def test_numbers_may_be_big_endian(data, form):
    X, y, group = data
    codes = (group == "m").astype(int)
    fitted = LogisticRegression().fit(X, y)
    expected = UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=codes)
    model = UnlearningClassifier(fitted).unlearn(
        X.astype(">f8"),
        y.astype(">i4"),
        sensitive_features=form(codes),
        sample_weight=np.ones(200, dtype=">f4"),
    )
    assert_allclose(model.epsilon_, expected.epsilon_, rtol=1e-6)
    scorer = make_fairness_scorer("demographic_parity_difference")
    scorer(fitted, X, y.astype(">i4"), sensitive_features=form(codes))


MISSING = {
    "masked": lambda group: np.ma.array((group == "m") * 1, mask=np.arange(200) < 9),
    "masked texts": lambda group: np.ma.array(group, mask=np.arange(200) < 9),
    "pandas": lambda group: pd.Series(group).where(np.arange(200) >= 9),
    "polars": lambda group: pl.Series([None] * 9 + group[9:].tolist()),
}


@pytest.mark.parametrize("form", MISSING)
def test_missing_groups_are_refused_or_kept_as_a_group(data, form):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    given = MISSING[form](group)
    with pytest.raises(ValueError, match=r"9 missing values.*missing_groups='own'"):
        UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=given)
    model = UnlearningClassifier(fitted, missing_groups="own")
    model.unlearn(X, y, sensitive_features=given)
    assert model.objective_names_[-1].endswith("(missing) - overall")
    assert len(model.objective_names_) == 3
    scorer = make_fairness_scorer("demographic_parity_difference", missing_groups="own")
    rates = [
        fitted.predict(X[rows]).mean()
        for rows in (
            slice(9),
            np.arange(200)[9:][group[9:] == "m"],
            np.arange(200)[9:][group[9:] == "f"],
        )
    ]
    score = scorer(fitted, X, y, sensitive_features=given)
    assert_allclose(score, min(rates) - max(rates))
    assert "missing_groups='own'" in repr(scorer)


def test_a_column_of_many_values_is_told_in_a_line(data):
    X, y, _ = data
    X, y = np.vstack([X, X]), np.append(y, y)
    model = UnlearningClassifier(LogisticRegression().fit(X, y))
    model.set_params(weighting__strength=0.1)
    with pytest.warns(UserWarning, match=r"has 150 groups.*smallest has 2 rows.*Cut"):
        model.unlearn(X, y, sensitive_features=np.arange(400) % 150)
    model.set_params(objective="equal_opportunity")
    with (
        pytest.warns(UserWarning, match="150 groups"),
        pytest.raises(ValueError, match=r"and .* more\. Give evaluation") as error,
    ):
        model.unlearn(X, np.arange(400) % 2, sensitive_features=np.arange(400) % 150)
    assert len(str(error.value)) < 700


NO_LABELS = {
    "objects": (
        lambda y: y.astype(str).astype(object),
        "strings, .* numbers: its",
    ),
    "strings": (lambda y: y.astype(str), r"holds strings, \['0', '1'\]"),
    "category": (lambda y: pd.Series(y.astype(str), dtype="category"), "holds strings"),
    "pandas strings": (lambda y: pd.Series(y.astype(str), dtype="string"), "strings"),
    "arrow": (lambda y: pd.Series(y.astype(str), dtype="string[pyarrow]"), "strings"),
    "numbers in objects": (lambda y: y.astype(object), "objects of the kind int"),
    "masked": (lambda y: np.ma.array(y, mask=np.arange(200) < 3), "3 missing labels"),
    "None": (lambda y: [None, *y[1:].tolist()], "1 missing labels"),
}


@pytest.mark.contract
@pytest.mark.parametrize("kind", NO_LABELS)
def test_labels_of_another_kind_are_told_in_words(data, kind):
    X, y, group = data
    make, message = NO_LABELS[kind]
    model = UnlearningClassifier(LogisticRegression().fit(X, y))
    with pytest.raises(ValueError, match=rf"^(Unknown label type: )?y .*{message}"):
        model.unlearn(X, make(y), sensitive_features=group)
    with pytest.raises(ValueError, match=rf"^(Unknown label type: )?y_val .*{message}"):
        model.unlearn(
            X,
            y,
            sensitive_features=group,
            X_val=X,
            y_val=make(y),
            sensitive_features_val=group,
        )


def test_labels_of_the_same_kind_are_taken_in_any_form(data):
    X, y, group = data
    torch = pytest.importorskip("torch")
    text = np.array(["no", "yes"])[y]
    forms = {
        "int": [torch.tensor(y), pl.Series(y), y.astype(float), y.astype(bool)],
        "str": [
            text.astype(object),
            pd.Series(text, dtype="category"),
            pd.Series(text, dtype="string[pyarrow]"),
            pl.Series(text),
            text.tolist(),
        ],
    }
    for kind, labels in (("int", y), ("str", text)):
        fitted = LogisticRegression().fit(X, labels)
        model = UnlearningClassifier(
            fitted, objective=DemographicParity(pos_label=max(labels))
        )
        expected = model.unlearn(X, labels, sensitive_features=group).epsilon_
        for form in forms[kind]:
            model.unlearn(X, form, sensitive_features=group)
            assert_array_equal(model.epsilon_, expected)


@pytest.mark.contract
@pytest.mark.parametrize("model", BOTH, ids=lambda model: type(model).__name__)
def test_rows_need_no_more_columns_than_the_estimator(data, frame, model):
    _, y, group = data
    prepare = make_column_transformer((StandardScaler(), ["a", "b"]))
    pipeline = make_pipeline(prepare, LogisticRegression())
    model = sklearn.clone(model)
    model.set_params(estimator=pipeline, sensitive_features="sex")
    model.fit(frame.assign(sex=group), y)
    expected = model.predict_proba(frame.assign(sex=group))
    for rows in (frame, frame[["b", "a"]], frame.assign(more=1.0)[["more", "b", "a"]]):
        assert_array_equal(model.predict_proba(rows), expected)
        assert model.score(rows, y) == model.estimator_.score(rows, y)
        model.predict(rows)
        model.decision_function(rows)
    model.unlearn(
        frame.assign(sex=group),
        y,
        X_val=frame[["b", "a"]],
        y_val=y,
        sensitive_features_val=group,
    )


def test_what_the_estimator_refuses_is_refused(data, frame):
    _, y, group = data
    model = UnlearningClassifier(LogisticRegression().fit(frame, y))
    model.unlearn(frame, y, sensitive_features=group)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["b", "a", "c"]])
    with pytest.raises(ValueError, match="feature names should match"):
        model.unlearn(
            frame,
            y,
            sensitive_features=group,
            X_val=frame[["b", "a", "c"]],
            y_val=y,
            sensitive_features_val=group,
        )


@pytest.mark.parametrize(
    "utility", ["f1", "recall", "precision", "jaccard", "average_precision"]
)
def test_utilities_by_name_take_string_labels(data, utility):
    X, y, group = data
    text = np.array(["no", "yes"])[y]
    by_number = LogisticRegression().fit(X, y)
    by_text = LogisticRegression().fit(X, text)
    options = {"utility": utility, "max_disparity": 1.0}
    metric = "demographic_parity_difference"
    for pos_label in (None, "yes"):
        scorer = make_fairness_scorer(metric, pos_label=pos_label, **options)
        number = make_fairness_scorer(metric, **options)
        assert scorer(by_text, X, text, sensitive_features=group) == number(
            by_number, X, y, sensitive_features=group
        )
    scorer = make_fairness_scorer(metric, pos_label="no", **options)
    reverse = LogisticRegression().fit(X, 1 - y)
    assert_allclose(
        scorer(by_text, X, text, sensitive_features=group),
        number(reverse, X, 1 - y, sensitive_features=group),
    )


@pytest.mark.parametrize("utility", ["f1", "f1_macro", "roc_auc", "neg_brier_score"])
def test_a_path_takes_utilities_of_string_labels(data, utility):
    X, y, group = data
    paths = []
    for labels in (y, np.array(["no", "yes"])[y]):
        model = UnlearningClassifierCV(
            LogisticRegression(),
            objective=DemographicParity(pos_label=max(labels)),
            strengths=[0.0, 0.5],
            utility=utility,
            random_state=0,
        )
        paths.append(model.fit(X, labels, sensitive_features=group).path_["utility"])
    assert_allclose(paths[0], paths[1])
