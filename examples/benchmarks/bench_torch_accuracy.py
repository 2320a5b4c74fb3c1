"""Predicted against actual changes of a network's metrics on Adult.

Three questions, each answered by retraining in float64:

1. Last layer: 200 samples are left out one at a time, and the last layer is retrained.
2. All parameters: random groups of 5 % of the rows are left out, and the network is
   retrained from its weights. For each curvature and damping, how well do the summed
   influences rank the changes?
3. Large removals: the rows that drive the gap most are removed. How near to the
   retrained gap does each kind of step come?

Retraining is full-batch L-BFGS from the trained weights, so that nothing but the rows
differs; the change of a run that leaves nothing out is subtracted. The table of results
is in docs/benchmarks_torch.md. ``--quick`` runs a small version.
"""

import argparse
import warnings
from copy import deepcopy

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn.functional import cross_entropy

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.influence import ConjugateGradient, Influence
from skswu.inspection import influence_values
from skswu.objectives import DemographicParity
from skswu.weighting import HardWeighting

DECAY = 1e-3
TEMPERATURE = 0.5  # of the objective's probabilities


class Perceptron(nn.Sequential):
    """Two hidden layers of the same width."""

    def __init__(self, n_inputs, width=16, activation=nn.ReLU):
        super().__init__(
            nn.Linear(n_inputs, width),
            activation(),
            nn.Linear(width, width),
            activation(),
            nn.Linear(width, 2),
        )


class AdultProblem:
    """Training and evaluation rows in float64, and a network trained on the former."""

    def __init__(self, args):
        X, y = load_adult(subset="train", return_X_y=True)
        X, y = X[: args.rows], (y == ">50K").to_numpy().astype(np.int64)[: args.rows]
        categorical = X.select_dtypes("category").columns
        encode = make_column_transformer(
            (OneHotEncoder(sparse_output=False), categorical),
            remainder=StandardScaler(),
        )
        features = encode.fit_transform(X)
        held_out = np.arange(len(X)) % 5 == 0
        male = (X["sex"] == "Male").to_numpy()
        self.X, self.y, self.male = features[~held_out], y[~held_out], male[~held_out]
        self.X_val, self.y_val = features[held_out], y[held_out]
        self.male_val = male[held_out]
        self.inputs, self.labels = torch.as_tensor(self.X), torch.as_tensor(self.y)
        self.net = self._fit(args)

    def _fit(self, args):
        torch.manual_seed(args.seed)
        net = NeuralNetClassifier(
            Perceptron,
            module__n_inputs=self.X.shape[1],
            module__activation={"relu": nn.ReLU, "tanh": nn.Tanh}[args.activation],
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            optimizer__weight_decay=DECAY,
            lr=1e-3,
            max_epochs=args.epochs,
            train_split=None,
            verbose=0,
        ).fit(self.X, self.y)
        self.retrain(net.module_, np.ones(len(self.y)), args.converge)
        return net

    def retrain(self, module, weight, n_steps, parameters=None):
        """Minimise the training objective under weights, in place."""
        parameters = list(module.parameters() if parameters is None else parameters)
        weight = torch.as_tensor(weight)
        kept = weight > 0
        inputs, labels, weight = self.inputs[kept], self.labels[kept], weight[kept]
        optimizer = torch.optim.LBFGS(
            parameters,
            max_iter=n_steps,
            history_size=20,
            tolerance_grad=1e-10,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def closure():
            optimizer.zero_grad()
            losses = cross_entropy(module(inputs), labels, reduction="none")
            decay = sum((p**2).sum() for p in parameters)
            loss = weight @ losses / len(self.y) + 0.5 * DECAY * decay
            loss.backward()
            return loss

        optimizer.step(closure)
        return module

    def retrained_metrics(self, weight, n_steps):
        return self.metrics(self.retrain(deepcopy(self.net.module_), weight, n_steps))

    def metrics(self, module):
        """Return the gap and the mean loss on the evaluation rows."""
        with torch.no_grad():
            logits = module.eval()(torch.as_tensor(self.X_val))
            p = torch.softmax(logits / TEMPERATURE, 1)[:, 1].numpy()
            loss = cross_entropy(logits, torch.as_tensor(self.y_val)).item()
        gap = p[self.male_val].mean() - p[~self.male_val].mean()
        return np.array([gap, loss])

    def arguments(self):
        return {
            "sensitive_features": self.male,
            "X_val": self.X_val,
            "y_val": self.y_val,
            "sensitive_features_val": self.male_val,
        }

    def influences(self, **options):
        """Return predicted changes of gap and loss by removal, (n_train, 2)."""
        solver = ConjugateGradient(tol=1e-5)
        influence = Influence(solver=solver, **options)
        values = influence_values(
            self.net,
            self.X,
            self.y,
            objective=DemographicParity(temperature=TEMPERATURE),
            influence=influence,
            **self.arguments(),
        )
        return values.to_numpy()


def last_layer(problem, args):
    """Leave samples out one at a time and retrain the last layer."""
    *layers, head = problem.net.module_
    features = nn.Sequential(*layers)(problem.inputs).detach()
    features_val = nn.Sequential(*layers)(torch.as_tensor(problem.X_val)).detach()
    ones = torch.ones(len(problem.y), dtype=torch.float64)
    start = newton(head, features, problem.labels, ones)
    write(head, start)

    def metrics(vector):
        module = nn.Linear(head.in_features, 2)
        write(module, vector)
        logits = module(features_val).detach()
        p = torch.softmax(logits / TEMPERATURE, 1)[:, 1].numpy()
        gap = p[problem.male_val].mean() - p[~problem.male_val].mean()
        return [gap, cross_entropy(logits, torch.as_tensor(problem.y_val)).item()]

    predicted = problem.influences(parameters="last_layer", damping=0.0)
    chosen = np.random.default_rng(args.seed).choice(
        len(problem.y), args.samples, replace=False
    )
    actual = []
    for sample in chosen:
        weight = ones.clone()
        weight[sample] = 0.0
        actual.append(metrics(newton(head, features, problem.labels, weight)))
    actual = np.array(actual) - metrics(start)
    print(f"\n## Last layer, {args.samples} samples left out one at a time\n")
    print("| metric | Pearson | slope of actual on predicted |\n|---|---|---|")
    for j, name in enumerate(["demographic parity", "utility"]):
        x, y = predicted[chosen, j], actual[:, j]
        print(f"| {name} | {pearsonr(x, y)[0]:.5f} | {x @ y / (x @ x):.4f} |")


def newton(head, features, labels, weight, n_steps=8):
    """Return the exact minimiser of the last layer's objective, by Newton steps."""
    n_rows, width = len(labels), head.in_features
    design = torch.cat([features, torch.ones(n_rows, 1, dtype=features.dtype)], 1)
    vector = torch.cat([head.weight, head.bias[:, None]], 1).detach().reshape(-1)
    target = nn.functional.one_hot(labels, 2).double()
    for _ in range(n_steps):
        p = torch.softmax(design @ vector.reshape(2, width + 1).T, 1)
        residual = weight[:, None] * (p - target)
        gradient = (residual.T @ design).reshape(-1) / n_rows + DECAY * vector
        second = (weight * p[:, 0] * p[:, 1])[:, None] * design
        block = design.T @ second / n_rows
        hessian = torch.kron(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), block)
        hessian += DECAY * torch.eye(len(vector))
        step = torch.linalg.solve(hessian, gradient)
        vector = vector - step
        if step.abs().max() < 1e-12:
            break
    return vector


def write(head, vector):
    matrix = vector.reshape(2, head.in_features + 1)
    with torch.no_grad():
        head.weight.copy_(matrix[:, :-1])
        head.bias.copy_(matrix[:, -1])


def all_parameters(problem, args):
    """Leave random groups out and retrain from the trained weights."""
    rng = np.random.default_rng(args.seed)
    size = len(problem.y) // 20
    groups = [
        rng.choice(len(problem.y), size, replace=False) for _ in range(args.groups)
    ]
    control = problem.retrained_metrics(np.ones(len(problem.y)), args.steps)
    before = problem.metrics(problem.net.module_)
    actual = []
    for group in groups:
        weight = np.ones(len(problem.y))
        weight[group] = 0.0
        actual.append(problem.retrained_metrics(weight, args.steps) - control)
    actual = np.array(actual)
    print(f"\n## All parameters, {args.groups} random groups of 5 %\n")
    print(
        f"Gap and loss before: {before[0]:.4f}, {before[1]:.4f}; drift of retraining "
        "without removal: "
        f"{control[0] - before[0]:+.1e}, {control[1] - before[1]:+.1e}; "
        f"spread of the changes: {actual.std(0)[0]:.1e}, {actual.std(0)[1]:.1e}.\n"
    )
    print(
        "| curvature | damping | Spearman, parity | slope | Spearman, utility | slope |"
    )
    print("|---|---|---|---|---|---|")
    for curvature in ("gauss_newton", "hessian"):
        for damping in args.dampings:
            values = problem.influences(curvature=curvature, damping=damping)
            predicted = np.array([values[group].sum(axis=0) for group in groups])
            row = [curvature, f"{damping:g}"]
            for j in range(2):
                x, y = predicted[:, j], actual[:, j]
                row += [f"{spearmanr(x, y)[0]:.2f}", f"{x @ y / (x @ x):.2f}"]
            print("| " + " | ".join(row) + " |", flush=True)


STEPS = {
    "textbook": {"update__step": "textbook"},
    "Newton": {},
    "Newton, Hessian": {"influence__curvature": "hessian"},
}


class Removal(HardWeighting):
    """Remove the rows given, whatever their influence."""

    def __init__(self, *, rows=None):
        super().__init__()
        self.rows = rows

    def weigh(self, linearized):
        weights = super().weigh(linearized)
        weights.epsilon[:] = 0.0
        weights.epsilon[self.rows] = -1.0
        return weights


def large_removals(problem, args):
    """Remove what drives the gap most; compare each step with retraining."""
    before = problem.metrics(problem.net.module_)[0]
    print("\n## Removing the rows that drive the gap most\n")
    print(f"Change of the gap, which is {before:.4f} before.\n")
    names = [f"{name}, {d:g}" for d in args.step_dampings for name in STEPS]
    print("| rows removed | retrained | " + " | ".join(names) + " | two Newton, 0.01 |")
    print("|---" * (len(names) + 3) + "|")
    helps = np.argsort(problem.influences()[:, 0] * np.sign(before), kind="stable")
    for fraction in args.fractions:
        removed = helps[: int(fraction * len(helps))]
        weight = np.ones(len(problem.y))
        weight[removed] = 0.0
        row = [problem.retrained_metrics(weight, args.steps)[0]]
        options = [
            {"influence__damping": d, **step}
            for d in args.step_dampings
            for step in STEPS.values()
        ]
        twice = {"influence__damping": 0.01, "update__max_iter": 2}
        for step in [*options, twice]:
            model = correct(problem, removed, step)
            row.append(problem.metrics(model.estimator_.module_)[0])
        cells = [f"{len(removed)}"] + [f"{x - before:+.4f}" for x in row]
        print("| " + " | ".join(cells) + " |", flush=True)


def correct(problem, removed, options):
    model = UnlearningClassifier(
        problem.net,
        objective=DemographicParity(temperature=TEMPERATURE),
        weighting=Removal(rows=removed),
    ).set_params(**options)
    return model.unlearn(problem.X, problem.y, **problem.arguments())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 rows, few refits")
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--converge", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--groups", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--activation", choices=["relu", "tanh"], default="relu")
    parser.add_argument("--only", choices=["last", "all", "large"], default=None)
    args = parser.parse_args()
    args.dampings = [1e-4, 1e-3, 1e-2, 1e-1]
    args.step_dampings, args.fractions = [1e-3, 1e-2], [0.001, 0.01, 0.03, 0.1]
    if args.quick:
        args.rows, args.epochs, args.converge, args.steps = 2000, 5, 50, 20
        args.samples, args.groups = 5, 4
        args.dampings, args.step_dampings, args.fractions = [1e-2], [1e-2], [0.03]
    torch.set_default_dtype(torch.float64)
    warnings.simplefilter("ignore")
    problem = AdultProblem(args)
    print(f"{len(problem.y)} training rows, {args.activation}, seed {args.seed}")
    for name, study in [
        ("all", all_parameters),
        ("large", large_removals),
        ("last", last_layer),  # moves the last layer to its optimum
    ]:
        if args.only in (None, name):
            study(problem, args)


if __name__ == "__main__":
    main()
