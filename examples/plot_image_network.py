"""
An image network, and how digits are written
============================================

Handwritten digits of bold and of thin strokes were labelled by somebody who often
misread the thin ones. A convolutional network with batch normalisation and dropout
learns that, too. Which correction brings it back to the truth: of its last layer, or of
the last convolution as well; by removing images, or by soft weights? And which makes it
sturdier?
"""

# %%
# Images, groups and labels
# -------------------------
# The images are scikit-learn's handwritten digits, 8 by 8 pixels, and real. Whether a
# stroke is thin can be seen: there is less ink than in half of the images. The question
# is whether the digit is at least five. Two in five of the thin ones that are were
# recorded as if they were not; this part is made up. Test labels are true, and in truth
# either group has as many large digits as the other.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn

from skswu import UnlearningClassifier
from skswu.exceptions import LinearizationWarning, UtilityLossWarning
from skswu.metrics import make_robustness_scorer
from skswu.objectives import AdversarialRobustness, DemographicParity
from skswu.weighting import HardWeighting, SoftWeighting

# How far single steps fall from their targets is a part of what is shown.
warnings.simplefilter("ignore", LinearizationWarning)
warnings.simplefilter("ignore", UtilityLossWarning)

images, digit = load_digits(return_X_y=True)
images = (images / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
ink = images.sum(axis=(1, 2, 3))
stroke = np.where(ink < np.median(ink), "thin", "bold")
is_large = (digit >= 5).astype(np.int64)

train, test = train_test_split(
    np.arange(len(digit)),
    train_size=896,
    stratify=[f"{one} {way}" for one, way in zip(digit, stroke, strict=True)],
    random_state=0,
)
misread = np.random.default_rng(0).random(len(digit)) < 0.4
recorded = np.where(misread & (stroke == "thin"), 0, is_large)


class Network(nn.Sequential):
    """Two convolutions, with batch normalisation and dropout."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(64, 2),
        )


net = NeuralNetClassifier(
    Network,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    optimizer__weight_decay=1e-3,
    lr=0.01,
    batch_size=64,
    max_epochs=15,
    train_split=None,
    verbose=0,
).fit(images[train], recorded[train])

# %%
# Fairness
# --------
# The measures are on test images, against their true labels: how much more often a bold
# digit is taken for a large one than a thin digit, the accuracy, and the log loss.


def measure(classifier):
    probability = classifier.predict_proba(images[test])[:, 1]
    predicted = probability > 0.5
    rates = [predicted[stroke[test] == one].mean() for one in ("bold", "thin")]
    return {
        "gap": rates[0] - rates[1],
        "accuracy": (predicted == is_large[test]).mean(),
        "log loss": log_loss(is_large[test], probability),
    }


def correct(weighting, objective, parameters):
    model = UnlearningClassifier(net, objective=objective, weighting=weighting)
    model.set_params(influence__parameters=parameters)
    return model.unlearn(
        images[train], recorded[train], sensitive_features=stroke[train]
    )


parity = DemographicParity(pos_label=1)


def path(objective, parameters, measure, soft, hard):
    """Return what corrections of some parameters measure, a row a weighting."""
    weightings = {("soft", one): SoftWeighting(strength=one) for one in soft}
    weightings |= {("hard", one): HardWeighting(fraction=one) for one in hard}
    rows = {("none", 0.0): measure(net)}
    for key, weighting in weightings.items():
        rows[key] = measure(correct(weighting, objective, parameters))
    return pd.DataFrame(rows).T.rename_axis(index=["weights", "asked"])


# The last convolution, its normalisation, and the linear layer.
block = ["4.*", "5.*", "10.*"]
asked = {"soft": (0.5, 1.0, 1.5), "hard": (0.03, 0.06, 0.12)}
paths = {
    "last layer": path(parity, "last_layer", measure, **asked),
    "last convolution, too": path(parity, block, measure, **asked),
}
pd.concat(paths, axis=1).round(3)

# %%
# In the last layer, which is a linear model, soft weights close the gap and come nearer
# to true labels that they never saw; removal of as much of the gap leaves more errors.
# With the last convolution the single step is longer than its linearisation holds: less
# of the gap goes, and at a strength of 1.5 nothing is gained any more.

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
for ax, (name, table) in zip(axes, paths.items(), strict=True):
    for weights in ("soft", "hard"):
        rows = pd.concat([table.loc["none"], table.loc[weights]])
        ax.plot(rows["gap"], rows["log loss"], "o-", label=weights)
    ax.plot(*table.loc["none", ["gap", "log loss"]].iloc[0], "k*", ms=11)
    ax.set(title=name, xlabel="Gap in selection rates")
axes[0].set_ylabel("Log loss against true labels")
axes[0].legend(frameon=False)
plt.show()

# %%
# Robustness
# ----------
# Now each pixel is moved by up to a twentieth of the range from white to black, to
# where the loss is largest. The linear layer is corrected for the loss under attack on
# the recorded labels. The first column is the accuracy on test images, with true
# labels, that are attacked against the model that is measured.

clean = log_loss(recorded[train], net.predict_proba(images[train])[:, 1])
attack = {"attack": "fgsm", "norm": "linf", "epsilon": 0.05}
robustness = AdversarialRobustness(**attack, target=clean)
robust_accuracy = make_robustness_scorer(**attack)


def measure_robustness(classifier):
    accuracy = robust_accuracy(classifier, images[test], is_large[test])
    return {"accuracy under attack": accuracy, **measure(classifier)}


asked = {"soft": (0.1, 0.2, 0.4), "hard": (0.01, 0.03, 0.06)}
path(robustness, ["10.*"], measure_robustness, **asked).round(3)

# %%
# Here removal is ahead. The images that were misread have the largest losses under
# attack, and without the first of them all measures get better. Soft weights keep a
# part of each, gain little when little is asked for, and do harm when more is.
