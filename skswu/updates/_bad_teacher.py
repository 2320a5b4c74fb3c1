"""A student of two teachers, one of whom knows nothing."""

from ._training import NetworkUpdate, forgotten, retained


class BadTeacher(NetworkUpdate):
    r"""Learn what to keep from the original, and what to forget from a random network.

    A student that starts as a copy of the original descends

    .. math:: \sum_i w_i \left( r_i \, \mathrm{KL}(t_i \| s_i) + f_i \, \mathrm{KL}(b_i
              \| s_i) \right) + R

    with t the original network and b one of the same build with random parameters. In
    soft form, a sample's share of each teacher is :math:`f_i = \min(\max(
    -\varepsilon_i, 0), 1)` and :math:`r_i = \max(1 + \varepsilon_i, 0)`; with
    :math:`\varepsilon \in \{-1, 0\}` each sample has one teacher, as in the source.
    A sample that is weighted up learns what the original already gives, so that only
    what is weighted down has an effect: soft weights move it little. For skorch nets.

    Parameters
    ----------
    lr : float or None, default=None
        Learning rate; None is the net's own.
    max_epochs : int, default=10
        Passes over the training rows.
    random_state : int, RandomState instance or None, default=None
        Draws the bad teacher, and shuffles and drops out where the net does.
    verbose : int, default=0
        1 shows the epochs.

    References
    ----------
    Chundawat, Tarun, Mandal and Kankanhalli, "Can Bad Teaching Induce Forgetting?
    Unlearning in Deep Networks Using an Incompetent Teacher", 2023.

    Examples
    --------
    >>> from skswu.updates import BadTeacher
    >>> BadTeacher(max_epochs=2, random_state=0)
    BadTeacher(max_epochs=2, random_state=0)
    """

    def move(self, move):
        view, rows, options = move.view, move.rows, self._options()
        random = view.start_training(rows, None, **options).parameters
        training = view.start_training(rows, move.parameters, **options)
        good = training.teacher(view.scores(rows, move.parameters))
        bad = training.teacher(view.scores(rows, random))
        keep = training.weighted(
            rows.weight * retained(move.epsilon), lambda z, y, i: good(z, i)
        )
        forget = training.weighted(
            rows.weight * forgotten(move.epsilon), lambda z, y, i: bad(z, i)
        )
        training.run(lambda z, y, i: keep(z, y, i) + forget(z, y, i), self.max_epochs)
        return training.parameters, 1.0
