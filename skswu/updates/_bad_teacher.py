"""A student of two teachers, one of whom knows nothing."""

from ._training import NetworkUpdate, forgotten, raised


class BadTeacher(NetworkUpdate):
    r"""Learn what to keep from the original, and what to forget from a random network.

    A student that starts as a copy of the original descends

    .. math:: \sum_i w_i \left( (1 - f_i) \, \mathrm{KL}(t_i \| s_i) + f_i \,
              \mathrm{KL}(b_i \| s_i) + g_i \, \ell_i \right) + R

    with t the original network, b one of the same build with random parameters, and
    :math:`\ell` the training loss of the student. In soft form, a sample's share of the
    bad teacher is :math:`f_i = \min(\max(-\varepsilon_i, 0), 1)`. A sample that is
    weighted up learns its own label as well, :math:`g_i = \max(\varepsilon_i, 0)`: at
    the original network, where KL to it is flat, that pulls as the new weights pull.
    With :math:`\varepsilon \in \{-1, 0\}` each sample has one teacher, as in the
    source. For skorch nets.

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
        taken = forgotten(move.epsilon)
        parts = [
            (1.0 - taken, lambda z, y, i: good(z, i)),
            (taken, lambda z, y, i: bad(z, i)),
            (raised(move.epsilon), lambda z, y, i: training.losses(z, y)),
        ]
        parts = [training.weighted(rows.weight * share, loss) for share, loss in parts]
        training.run(
            lambda *batch: sum(part(*batch) for part in parts), self.max_epochs
        )
        return training.parameters, 1.0
