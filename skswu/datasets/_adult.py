"""The Adult census income data."""

from importlib.resources import files

from sklearn.utils import Bunch

CATEGORICAL = (
    "workclass",
    "education",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native_country",
)
TARGET = "income"
SUBSETS = {
    "all": slice(None),
    "train": slice(None, 32_561),
    "test": slice(32_561, None),
}


def load_adult(*, return_X_y=False, as_frame=True, subset="all"):
    """Load the Adult census income data (binary classification).

    48,842 people of the 1994 census of the United States; the target says whether
    one's income exceeds 50,000 dollars a year. The data come with the package.

    =================   ==============
    Classes                          2
    Rows, all                   48,842
    Rows, train                 32,561
    Rows, test                  16,281
    Features             14, with gaps
    =================   ==============

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        If True, the data are a pandas DataFrame: numeric columns are integers,
        the others pandas categoricals in which a missing value is missing, and
        the target is a categorical Series. If False, the data are a float array in
        which a categorical column holds positions in ``categories`` and NaN where
        a value is missing, and the target is an array of strings.
    subset : {"all", "train", "test"}, default="all"
        Which rows to load: the official training set, the official test set, or
        both in that order. The categories are the same in each.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : DataFrame or ndarray of shape (n_samples, 14)
            The features, the sensitive ones (``sex``, ``race``) among them.
        target : Series or ndarray of shape (n_samples,)
            The labels, ``"<=50K"`` or ``">50K"``.
        frame : DataFrame of shape (n_samples, 15) or None
            Data and target in one; None unless ``as_frame=True``.
        feature_names : list of str
            The names of the columns of ``data``.
        target_names : list of str
            The names of the two classes.
        categories : dict of str to list of str
            The categories of each categorical column of ``data``.
        DESCR : str
            Description with columns, source and licence (CC BY 4.0).
        filename : str
            The name of the file in the package.
        data_module : str
            The package that holds the file.

    (data, target) : tuple if ``return_X_y=True``
        Features and labels as above.

    References
    ----------
    .. [1] Becker, B. and Kohavi, R. (1996). Adult [Dataset]. UCI Machine Learning
       Repository. https://doi.org/10.24432/C5XW20

    Examples
    --------
    >>> from skswu.datasets import load_adult
    >>> adult = load_adult()
    >>> adult.data.shape
    (48842, 14)
    >>> adult.data.groupby("sex", observed=True).size().to_dict()
    {'Female': 16192, 'Male': 32650}

    The official split:

    >>> X_train, y_train = load_adult(subset="train", return_X_y=True)
    >>> X_test, y_test = load_adult(subset="test", return_X_y=True)
    >>> len(X_train), len(X_test)
    (32561, 16281)
    """
    if subset not in SUBSETS:
        raise ValueError(f"subset must be one of {list(SUBSETS)}, got {subset!r}")
    folder = files(__package__)
    path = folder / "data" / "adult.csv.gz"
    frame = _read(path).iloc[SUBSETS[subset]].reset_index(drop=True)
    data, target = frame.drop(columns=TARGET), frame[TARGET]
    feature_names = list(data.columns)
    categories = {name: list(data[name].cat.categories) for name in CATEGORICAL}
    target_names = list(target.cat.categories)
    if not as_frame:
        data, target, frame = _codes(data), target.to_numpy(dtype=object), None
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        categories=categories,
        DESCR=(folder / "descr" / "adult.rst").read_text(encoding="utf-8"),
        filename=path.name,
        data_module=f"{__package__}.data",
    )


def _read(path):
    import pandas as pd

    with path.open("rb") as file:
        return pd.read_csv(
            file,
            compression="gzip",
            dtype=dict.fromkeys((*CATEGORICAL, TARGET), "category"),
            # Only an empty field is missing: no text stands for a gap here.
            keep_default_na=False,
            na_values=[""],
        )


def _codes(data):
    """Replace categories by their positions, as floats with NaN for a gap."""
    codes = {
        name: data[name].cat.codes.where(data[name].notna()) for name in CATEGORICAL
    }
    return data.assign(**codes).to_numpy(dtype=float)
