"""Correcting larger networks on a GPU: time, memory, and share of its throughput.

A perceptron of 1.2 million parameters on 1,000,000 synthetic rows, a residual network
of the size of ResNet-18 (11 million parameters) on 50,000 synthetic images of 32 by 32,
and the last block and the head of MiniLM (1.8 million parameters) on 3,000 comments.
For each: an epoch of training, one product with the Gauss-Newton matrix, and a whole
``unlearn``, also in epochs. Floating point operations are those that torch counts in a
product; the share is of what a product of two large matrices reaches on the same
device, in the same precision. Everything is float32, and TensorFloat-32 stays off
unless asked for. Last, a net with dropout is fine-tuned twice from one seed, and how
far the two differ is told.

MiniLM needs ``pip install "skswu[examples]"`` and is left out, in words, without.

Run on a GPU with ``--device cuda``, and with ``--quick`` for a smoke test on a few
rows and narrow networks, on any device.
"""

import argparse
import time
import warnings

import numpy as np
import torch
from bench_torch import PeakMemory
from networks import comments
from networks.modules import MiniLM, Perceptron, tokenize
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from skswu import UnlearningClassifier
from skswu.influence import Influence
from skswu.models import make_model_view
from skswu.updates import FineTune


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, n_inputs, n_outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(n_inputs, n_outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(n_outputs)
        self.second = nn.Conv2d(n_outputs, n_outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(n_outputs)
        self.shortcut = nn.Identity()
        if stride > 1 or n_inputs != n_outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(n_inputs, n_outputs, 1, stride, bias=False),
                nn.BatchNorm2d(n_outputs),
            )

    def forward(self, x):
        moved = torch.relu(self.first_norm(self.first(x)))
        moved = self.second_norm(self.second(moved))
        return torch.relu(moved + self.shortcut(x))


class ResidualNetwork(nn.Sequential):
    """ResNet-18 for small images: four stages of two blocks."""

    def __init__(self, width=64):
        layers = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)]
        n_inputs = width
        for stage in range(4):
            for block in range(2):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(Residual(n_inputs, width * 2**stage, stride))
                n_inputs = width * 2**stage
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_inputs, 2)]
        super().__init__(*layers)


def tabular(rng, n_rows):
    X = rng.standard_normal((n_rows, 128), dtype=np.float32)
    return X, *label(X, rng)


def images(rng, n_rows):
    X = rng.standard_normal((n_rows, 3, 32, 32), dtype=np.float32)
    return X, *label(X, rng)


def tokens(rng, n_rows):
    texts, labels, groups = comments.write(n_rows)
    return tokenize(texts), groups, labels


# Name: module, data, training batch, options and rows, the same of a quick run.
NETWORKS = {
    "perceptron": (
        Perceptron,
        tabular,
        4096,
        ({"n_inputs": 128, "width": 1024}, 1_000_000),
        ({"n_inputs": 128, "width": 16}, 512),
    ),
    "residual network": (
        ResidualNetwork,
        images,
        256,
        ({"width": 64}, 50_000),
        ({"width": 2}, 64),
    ),
    "MiniLM, last block": (
        MiniLM,
        tokens,
        64,
        ({"adapters": False}, 3000),
        ({"adapters": False}, 48),
    ),
}
_BLOCK = ["bert.encoder.layer.5.*", "head.*"]


def label(X, rng):
    """Give the rows a sensitive group that moves the inputs, and a label on both."""
    group = rng.random(len(X)) < 0.5
    first = X.reshape(len(X), -1)[:, :8]
    first += 0.5 * group[:, None]
    margin = first.sum(axis=1) - 2.0 + rng.standard_normal(len(X))
    return group, (margin > 0).astype(np.int64)


def fit_net(module, options, batch_size, X, y, device, max_epochs=2):
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        module,
        **{f"module__{name}": value for name, value in options.items()},
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=1e-4,
        lr=1e-3,
        batch_size=batch_size,
        max_epochs=max_epochs,
        train_split=None,
        device=device,
        verbose=0,
    )
    return net.fit(X, y)


class Measured:
    """The seconds and the peak memory of what runs within."""

    def __init__(self, device):
        self.device = torch.device(device)
        self._peak = PeakMemory()

    def __enter__(self):
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
        self._peak.__enter__()
        self._start = self._now()
        return self

    def __exit__(self, *error):
        self.seconds = self._now() - self._start
        self._peak.__exit__(*error)
        self.megabytes = self._peak.megabytes
        if self.device.type == "cuda":
            self.megabytes = torch.cuda.max_memory_allocated(self.device) / 2**20

    def _now(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def matrix_throughput(device, size):
    """Return the floating point operations a second of a product of two matrices."""
    a, b = torch.rand(2, size, size, device=device)
    seconds = []
    for _ in range(5):
        with Measured(device) as run:
            for _ in range(4):
                a @ b
        seconds.append(run.seconds / 4)
    return 2 * size**3 / min(seconds)


def time_product(net, X, y, device):
    """Return the measured run of a product for one vector, and its operations."""
    view = make_model_view(net)
    if isinstance(net.module_, MiniLM):
        view = view.restricted_to(_BLOCK, X)
    rows = view.training_rows(X, y)
    operator = view.curvature(rows, view.parameters, rows.weight)
    vector = torch.ones_like(view.parameters)[:, None]
    with FlopCounterMode(display=False) as counter:
        operator.product(vector)  # which warms up as well
    with Measured(device) as run:
        operator.product(vector)
    return run, counter.get_total_flops(), len(vector)


def bench(name, args, throughput):
    module, draw, batch_size, *sizes = NETWORKS[name]
    options, n_rows = sizes[args.quick]
    X, group, y = draw(np.random.default_rng(0), args.rows or n_rows)
    net = fit_net(module, options, batch_size, X, y, args.device)
    product, operations, n_parameters = time_product(net, X, y, args.device)
    parameters = _BLOCK if module is MiniLM else "all"
    model = UnlearningClassifier(net, influence=Influence(parameters=parameters))
    with Measured(args.device) as unlearn:
        model.unlearn(X, y, sensitive_features=group)
    with Measured(args.device) as epoch:
        net.partial_fit(X, y, epochs=1)
    share = operations / product.seconds / throughput
    before, after = model.objective_before_[0], model.objective_after_[0]
    print(
        f"| {name} | {n_parameters:,} | {len(y):,} | {epoch.seconds:.2f} "
        f"| {unlearn.seconds:.2f} | {unlearn.seconds / epoch.seconds:.1f} "
        f"| {unlearn.megabytes:.0f} | {product.seconds:.3f} "
        f"| {product.megabytes:.0f} | {share:.0%} | {before:.3f} -> {after:.3f} |",
        flush=True,
    )


class Dropout(nn.Sequential):
    """A small net that draws random numbers in training."""

    def __init__(self):
        super().__init__(nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.5))
        self.append(nn.Linear(64, 2))


def fine_tuned_twice(device):
    """Return by how much two fine-tunings from one seed differ in probability."""
    X, group, y = tabular(np.random.default_rng(0), 2048)
    net = fit_net(Dropout, {}, 128, X, y, device)
    found = []
    for _ in range(2):
        model = UnlearningClassifier(net, update=FineTune(max_epochs=2, random_state=0))
        model.unlearn(X, y, sensitive_features=group)
        found.append(model.predict_proba(X))
        torch.rand(3, device=device)  # another draw from the global stream
    return np.abs(found[0] - found[1]).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, narrow nets")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--network", choices=[*NETWORKS, "all"], default="all")
    parser.add_argument("--rows", type=int, help="in place of the network's own number")
    parser.add_argument("--tf32", action="store_true", help="allow TensorFloat-32")
    args = parser.parse_args()
    torch.set_float32_matmul_precision("high" if args.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = args.tf32
    warnings.simplefilter("ignore")
    device = torch.device(args.device)
    cuda = device.type == "cuda"
    hardware = torch.cuda.get_device_name(device) if cuda else "processor"
    throughput = matrix_throughput(device, 8192 if cuda else 1024)
    print(
        f"{hardware}, torch {torch.__version__}, "
        f"{'TensorFloat-32' if args.tf32 else 'float32'}; a product of two matrices "
        f"reaches {throughput / 1e12:.2f} TFLOP/s\n"
    )
    print(
        "| network | parameters | rows | epoch, s | unlearn, s | epochs | MB "
        "| product, s | MB | share of throughput | gap |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in NETWORKS if args.network == "all" else [args.network]:
        try:
            bench(name, args, throughput)
        except ImportError as error:
            print(f"{name} is left out: {error}", flush=True)
    print(
        "\nA net with dropout, fine-tuned twice from one seed: probabilities differ by "
        f"{fine_tuned_twice(args.device):.1e} at most."
    )


if __name__ == "__main__":
    main()
