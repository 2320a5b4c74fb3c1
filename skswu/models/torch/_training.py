"""Training a copy of a skorch net, on losses that are told apart by row."""

from contextlib import contextmanager
from functools import partial

import torch
from sklearn.base import clone
from sklearn.utils import check_random_state
from skorch.dataset import Dataset, unpack_data
from torch.nn.parameter import is_lazy

from ..._utils._compat_torch import KeepsBatchStatistics, modules_of
from ._device_random import own_random_numbers
from ._network import layer_of, like, named_parameters


class TorchTraining:
    """A copy of a view's net that is trained on, by skorch's own loop.

    The optimizer, its options, the iterator and the batch size are the net's own; its
    callbacks, apart from skorch's defaults, and its train_split are not used. Batch
    normalisation keeps its running statistics, which are no parameters.

    Parameters
    ----------
    view : TorchModelView
        Only the parameters that it corrects are trained.
    rows : TorchRows
        Training rows.
    parameters : Tensor of shape (n_parameters,) or None
        Where to start; None starts from a new initialisation.
    lr : float or None, default=None
        Learning rate; None takes the net's own.
    random_state : int, RandomState instance or None, default=None
        Initialises, shuffles and drops out.
    verbose : int, default=0
        Whether skorch shows the epochs.

    Attributes
    ----------
    parameters : Tensor of shape (n_parameters,)
        Where the training stands.
    """

    def __init__(
        self, view, rows, parameters, *, lr=None, random_state=None, verbose=0
    ):
        self.view = view
        self.rows = rows
        self._seed = check_random_state(random_state).randint(2**31 - 1)
        self._states = []
        with self._own_random_numbers():
            self.net = _make_net(view.estimator, lr, verbose)
            self._materialize()
            fresh = self.parameters
            self._load(fresh if parameters is None else parameters)
        self._dataset = _NumberedRows(rows)

    @property
    def parameters(self):
        return self.view.read_parameters(self.net)

    def run(self, losses, max_epochs, l1=0.0):
        r"""Descend the sum of losses, with the net's regulariser.

        Parameters
        ----------
        losses : callable
            ``losses(margins, targets, indices)`` are the weighted losses of the rows at
            ``indices``; their sum over all rows is what is minimised, on the scale of
            :math:`L(\theta; w)`.
        max_epochs : int
            Passes over the rows.
        l1 : float, default=0.0
            Strength of an l1 penalty on what is trained, beside the mean loss.
        """
        scale = len(self.rows) / self.rows.mass
        loss = self.view.network.loss

        def of_batch(output, indices):
            targets = self.rows.targets[indices]
            mean = scale * losses(loss.margins(output), targets, indices).mean()
            return mean + l1 * self._norm() if l1 else mean

        self.net.batch_loss_ = of_batch
        self.net.after_step_ = partial(self.view.hold_others, self.net)
        with self._own_random_numbers():
            self.net.partial_fit(self._dataset, epochs=max_epochs)

    def losses(self, margins, targets):
        """Return the net's own losses of some rows."""
        return self.view.network.loss.values(margins, targets)

    def weighted(self, weight, losses):
        """Return losses times the weights of their rows, as :meth:`run` takes them."""
        weight = like(weight, self.view.parameters)

        def of_rows(margins, targets, indices):
            return weight[indices] * losses(margins, targets, indices)

        return of_rows

    def teacher(self, scores):
        r"""Return the function that measures the distance from a teacher.

        Parameters
        ----------
        scores : ndarray of shape (n_samples, n_classes)
            The teacher's, of all rows.

        Returns
        -------
        callable
            ``distance(margins, indices)`` is :math:`\mathrm{KL}(\mathrm{teacher} \|
            \mathrm{net})` of each row.
        """
        taught = like(scores, self.view.parameters).log_softmax(1)

        def distance(margins, indices):
            learnt = self.view.network.loss.scores(margins).log_softmax(1)
            wanted = taught[indices]
            return (wanted.exp() * (wanted - learnt)).sum(1)

        return distance

    def _norm(self):
        """Return the sum of the sizes of all entries that are trained."""
        tensors = named_parameters(self.net)
        return sum(tensors[name].abs().sum() for name in self.view.network.names)

    def _materialize(self):
        """Let lazy layers take the shapes that the rows have."""
        parameters = named_parameters(self.net).values()
        if any(is_lazy(parameter) for parameter in parameters):
            with torch.no_grad():
                self.rows.of_first_rows(lambda batch: self.net.infer(batch.inputs), 2)

    def _load(self, parameters):
        """Take over the view's net, with these parameters."""
        fitted = modules_of(self.view.estimator)
        for name, module in modules_of(self.net).items():
            module.load_state_dict(fitted[name].state_dict())
        self.view.write_parameters(self.net, parameters)
        for name, parameter in named_parameters(self.net).items():
            parameter.requires_grad_(name in self.view.network.names)

    @contextmanager
    def _own_random_numbers(self):
        """Draw from a stream of its own, and leave the global one alone."""
        device = torch.device(self.view.estimator.device or "cpu")
        with own_random_numbers(device, self._seed, self._states):
            yield


class _RowLossNet(KeepsBatchStatistics):
    """What a net is extended by to be trained on row losses."""

    def check_data(self, X, y):
        """Labels are no part of the data here."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        return self.batch_loss_(y_pred, y_true)

    def train_step(self, batch, **fit_params):
        step = super().train_step(batch, **fit_params)
        self.after_step_()
        return step


class _NumberedRows(torch.utils.data.Dataset):
    """Rows with their number in the place of the label."""

    def __init__(self, rows):
        source = rows.source
        is_dataset = isinstance(source, torch.utils.data.Dataset)
        self.inputs = source if is_dataset else Dataset(source, length=len(rows))
        self.n_rows = len(rows)

    def __len__(self):
        return self.n_rows

    def __getitem__(self, index):
        return unpack_data(self.inputs[index])[0], index


def train(view, rows, parameters, weight, *, max_epochs, l1=0.0, **options):
    """Return the parameters after training on under other weights.

    An l1 penalty falls linearly to zero over the epochs.
    """
    training = TorchTraining(view, rows, parameters, **options)
    losses = training.weighted(weight, lambda z, y, i: training.losses(z, y))
    if not l1:
        training.run(losses, max_epochs)
    else:
        for epoch in range(max_epochs):
            training.run(losses, 1, l1 * (1.0 - epoch / max_epochs))
    return training.parameters


def last_layers(view, k):
    """Return the names of the parameters of the last k layers.

    A layer is a module with parameters of its own, in the order of registration.
    """
    layers = {}
    for name in view.network.names:
        layers.setdefault(layer_of(name), []).append(name)
    if k > len(layers):
        raise ValueError(
            f"k must be at most the net's {len(layers)} layers with trained "
            f"parameters, {list(layers)}; got {k}."
        )
    return [name for layer in list(layers)[-k:] for name in layers[layer]]


def _make_net(net, lr, verbose):
    """Return a new, initialised net like another one."""
    extended = type(type(net).__name__, (_RowLossNet, type(net)), {})
    options = {
        name: clone(value, safe=False)
        for name, value in net.get_params(deep=False).items()
    }
    options.update(callbacks=None, train_split=None, verbose=verbose, compile=False)
    if lr is not None:
        options["lr"] = lr
    options = {
        name: value
        for name, value in options.items()
        if not name.startswith("callbacks__")
    }
    return extended(**options).initialize()
