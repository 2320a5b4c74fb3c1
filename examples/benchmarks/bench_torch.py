"""Influences of all Adult rows on parity and utility, side by side with pyDVL.

The same network, data, damping and stopping residual for all, one process, errors
against a dense float64 solve with the same matrix (for Gauss-Newton, against float64
conjugate gradients at twelve digits). The damping is 0.01, or what makes the Hessian
positive definite where that is more. pyDVL's CgInfluence is run twice:
with a DataLoader, as its documentation shows, and fed one batch in memory, so that only
the algebra differs. Then a whole ``unlearn`` against ten epochs of training.

pyDVL's stop test is absolute and squares its tolerances, so ``atol`` is set for each
right-hand side such that it stops at the same relative residual. Its Gauss-Newton
matrix is the sum of outer products of gradients, another matrix; so the comparison is
in the Hessian, and the Gauss-Newton matrix that skswu uses by default is added.

``bench_torch_device.py`` is for larger networks and GPUs.

Run with ``--quick`` for a smoke test on 2,000 rows.
"""

import argparse
import os
import threading
import time
import warnings
from copy import copy, deepcopy

import numpy as np
import torch
from networks.modules import Perceptron
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.influence import ConjugateGradient, Nystrom, make_inverse_curvature
from skswu.models import make_model_view

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


def load_rows(n_rows):
    X, y = load_adult(subset="train", return_X_y=True)
    X, y = X[:n_rows], y[:n_rows]
    categorical = X.select_dtypes("category").columns
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), categorical), remainder=StandardScaler()
    )
    features = encode.fit_transform(X).astype(np.float32)
    male = (X["sex"] == "Male").to_numpy()
    return features, (y == ">50K").to_numpy().astype(np.int64), male


def fit_net(X, y, width, max_epochs):
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        Perceptron,
        module__n_inputs=X.shape[1],
        module__width=width,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=max_epochs,
        train_split=None,
        verbose=0,
    )
    return net.fit(X, y)


def metric_gradients(view, rows, y, male):
    """Gradients of the gap of mean probabilities and of the mean loss, two columns."""
    contrast = np.where(male, 1.0 / male.sum(), -1.0 / (~male).sum())

    def gap(chunk):
        scores = view.scores(rows, view.parameters)[chunk]
        p = np.exp(scores[:, 1]) / np.exp(scores).sum(axis=1)
        slope = contrast[chunk] * p * (1.0 - p)
        return np.stack([-slope, slope], axis=1)[None]

    parity = view.pull_back_scores(rows, view.parameters, gap)
    weight = np.full(len(y), 1.0 / len(y))
    utility = view.loss_gradient(rows, view.parameters, weight)
    return torch.cat([parity, utility[:, None]], dim=1)


SOLVERS = {
    "cg": lambda tol: ConjugateGradient(tol=tol),
    "nystrom": lambda tol: Nystrom(tol=tol, random_state=0),
}


def influences_of_skswu(net, X, y, gradients, args, curvature, solver):
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    inverse = make_inverse_curvature(
        SOLVERS[solver](args.tol),
        view.curvature(rows, view.parameters, rows.weight, curvature),
        damping=args.damping * len(y),
    )
    directions = inverse.solve(gradients).vectors
    return view.loss_derivatives(rows, view.parameters, directions)


def influences_of_pydvl(net, X, y, gradients, args, method, loader):
    """pyDVL divides the curvature by the number of rows, skswu does not."""
    import pydvl.influence.torch as pydvl

    module = net.module_.eval()
    inputs, labels = torch.as_tensor(X), torch.as_tensor(y)
    if loader:
        data = DataLoader(TensorDataset(inputs, labels), batch_size=args.batch_size)
    else:
        data = OneBatch(inputs, labels)
    columns = []
    for gradient in gradients.T:
        if method == "cg":
            model = pydvl.CgInfluence(
                module,
                nn.functional.cross_entropy,
                regularization=args.damping,
                rtol=1e-12,
                atol=float(args.tol * gradient.norm()) ** 0.5,
                maxiter=1000,
            )
        elif method == "nystroem":
            model = pydvl.NystroemSketchInfluence(
                module,
                nn.functional.cross_entropy,
                regularization=args.damping,
                rank=args.rank,
            )
        else:
            model = pydvl.EkfacInfluence(
                module, update_diagonal=True, hessian_regularization=args.damping
            )
        model.fit(data)
        columns.append(_pydvl_solve(model, gradient))
        if method != "cg":
            columns = [_pydvl_solve(model, gradient) for gradient in gradients.T]
            break
    factors = torch.stack(columns)
    values = [
        model.influences_from_factors(factors, inputs[start:stop], labels[start:stop])
        for start, stop in _spans(len(y), args.batch_size)
    ]
    return torch.cat(values, dim=1).detach().numpy() / len(y)


def _pydvl_solve(model, gradient):
    if hasattr(model, "_solve_hvp"):
        return model._solve_hvp(gradient[None])[0].detach()
    (block,) = model.block_mapper.composable_block_dict.values()
    return block.op.apply(gradient).reshape(-1).detach()


def has_pydvl():
    """Import pyDVL, so that the import is not timed."""
    try:
        import pydvl.influence.torch  # noqa: F401
    except ImportError:
        return False
    return True


class OneBatch:
    """All rows in one batch, where pyDVL iterates over a DataLoader."""

    def __init__(self, inputs, labels):
        self.batch = (inputs, labels)

    def __iter__(self):
        return iter([self.batch])

    def __len__(self):
        return 1


def _spans(n_rows, size):
    return [(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Method:
    """A way to influences, timed over several runs.

    Attributes
    ----------
    seconds : list of float
        Of each run.
    megabytes : float
        Peak memory above the start, of the first run.
    """

    def __init__(self, name, function, exact, n_runs):
        self.name = name
        self.function = function
        self.exact = exact
        self.n_runs = n_runs
        self.seconds = []

    def run(self, now):
        with PeakMemory() as peak:
            start = now()
            self.influences = self.function()
            self.seconds.append(now() - start)
        if len(self.seconds) == 1:
            self.megabytes = peak.megabytes

    def row(self):
        """Return the row of the table."""
        pairs = list(zip(self.influences, self.exact, strict=True))
        error = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs]
        correlation = min(np.corrcoef(a, b)[0, 1] for a, b in pairs)
        return (
            f"| {self.name} | {min(self.seconds):.2f} | {self.megabytes:.0f} "
            f"| {error[0]:.1e} | {error[1]:.1e} | {correlation:.4f} |"
        )


def run_in_turn(methods, now):
    """Run all methods once, then again those that are to run again.

    Taking turns, a busy spell of the machine falls on all of them, and the least of the
    times is what a quiet machine shows.
    """
    for run in range(max(method.n_runs for method in methods)):
        for method in methods:
            if run < method.n_runs:
                method.run(now)


class PeakMemory:
    """Sample the resident memory every five milliseconds, where the system tells."""

    def __enter__(self):
        self._done = threading.Event()
        self._start = self._peak = self._resident()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self.megabytes = (self._peak - self._start) / 2**20

    def _watch(self):
        while not self._done.wait(0.005):
            self._peak = max(self._peak, self._resident())

    @staticmethod
    def _resident():
        if not os.path.exists("/proc/self/statm"):
            return float("nan")
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * PAGE


def dense_hessian(net, X, y):
    """Return the Hessian of the mean loss in float64."""
    view = make_model_view(fit_like(net))
    rows = view.training_rows(X.astype(np.float64), y)
    operator = view.curvature(rows, view.parameters, rows.weight, "hessian")
    ((_, matrix),) = operator.dense_blocks()
    return matrix / len(y)


def dense_influences(net, X, y, gradients, hessian, damping):
    """Return influences by a dense solve in float64."""
    view = make_model_view(fit_like(net))
    rows = view.training_rows(X.astype(np.float64), y)
    damped = len(y) * (hessian + damping * np.eye(len(hessian)))
    directions = np.linalg.solve(damped, gradients.double().numpy())
    return view.loss_derivatives(rows, view.parameters, torch.as_tensor(directions))


def gauss_newton_influences(net, X, y, gradients, args):
    """Return influences with the Gauss-Newton matrix, to twelve digits."""
    exact = copy(args)
    exact.tol = 1e-12
    double = fit_like(net)
    return influences_of_skswu(
        double, X.astype(np.float64), y, gradients.double(), exact, "gauss_newton", "cg"
    )


def fit_like(net):
    """Return a copy of a fitted net in float64."""
    view = make_model_view(net)
    copied = view.corrected(view.parameters)
    copied.module_.double()
    copied.initialize_optimizer()
    return copied


def side_by_side(net, X, y, male, args):
    view = make_model_view(net)
    gradients = metric_gradients(view, view.evaluation_rows(X, y), y, male)
    matrix = dense_hessian(net, X, y)
    lowest = np.linalg.eigvalsh(matrix)[0]
    args.damping = max(args.damping, -1.2 * lowest)
    print(
        f"Lowest eigenvalue of the Hessian of the mean loss {lowest:.1e}; damping "
        f"{args.damping:.3f}\n",
        flush=True,
    )
    hessian = dense_influences(net, X, y, gradients, matrix, args.damping)
    gauss_newton = gauss_newton_influences(net, X, y, gradients, args)

    def ours(kind, solver):
        return lambda: influences_of_skswu(net, X, y, gradients, args, kind, solver)

    def theirs(method, loader):
        return lambda: influences_of_pydvl(net, X, y, gradients, args, method, loader)

    n_runs = args.runs
    methods = [
        Method(
            "skswu, cg, Gauss-Newton",
            ours("gauss_newton", "cg"),
            gauss_newton,
            n_runs,
        ),
        Method(
            "skswu, nystrom, Gauss-Newton",
            ours("gauss_newton", "nystrom"),
            gauss_newton,
            1,
        ),
        own := Method("skswu, cg, Hessian", ours("hessian", "cg"), hessian, n_runs),
    ]
    if has_pydvl():
        batch = Method(
            "pyDVL CgInfluence, one batch", theirs("cg", False), hessian, n_runs
        )
        loader = Method("pyDVL CgInfluence, DataLoader", theirs("cg", True), hessian, 1)
        sketch = f"pyDVL NystroemSketchInfluence, rank {args.rank}"
        methods += [
            batch,
            loader,
            Method(sketch, theirs("nystroem", False), hessian, 1),
            Method("pyDVL EkfacInfluence", theirs("ekfac", True), hessian, 1),
        ]
    run_in_turn(methods, CLOCKS[args.clock])
    print("| method | seconds | MB | error, parity | error, utility | correlation |")
    print("|---|---|---|---|---|---|")
    print("\n".join(method.row() for method in methods))
    if len(methods) == 3:
        print("\npyDVL is not installed; nothing to compare with.")
        return
    print(
        "\npyDVL's CgInfluence takes "
        f"{min(batch.seconds) / min(own.seconds):.1f} times as long with one batch, "
        f"{min(loader.seconds) / min(own.seconds):.1f} times with its DataLoader."
    )


def against_training(net, X, y, male, now, n_runs):
    """Time ten epochs and a whole correction in turn; the least of each counts."""
    epochs, unlearn = [], []
    for _ in range(n_runs):
        trained = deepcopy(net)
        start = now()
        trained.partial_fit(X, y, epochs=10)
        epochs.append(now() - start)
        start = now()
        UnlearningClassifier(net).unlearn(X, y, sensitive_features=male)
        unlearn.append(now() - start)
    print(f"\nTen epochs: {min(epochs):.2f} s; unlearn: {min(unlearn):.2f} s.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 rows, narrow net")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--damping", type=float, default=0.01)
    parser.add_argument("--tol", type=float, default=1e-4)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--rank", type=int, default=60)
    parser.add_argument("--runs", type=int, default=3, help="the best one counts")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    args = parser.parse_args()
    if args.quick:
        args.width, args.epochs, args.runs = 4, 3, 1
    torch.set_num_threads(args.threads)
    warnings.simplefilter("ignore")
    X, y, male = load_rows(2000 if args.quick else None)
    net = fit_net(X, y, args.width, args.epochs)
    n_parameters = len(make_model_view(net).parameters)
    print(
        f"{len(X)} rows, {n_parameters} parameters, relative residual {args.tol}, "
        f"{args.threads} threads, {args.clock} clock, torch {torch.__version__}\n",
        flush=True,
    )
    side_by_side(net, X, y, male, args)
    against_training(net, X, y, male, CLOCKS[args.clock], args.runs)


if __name__ == "__main__":
    main()
