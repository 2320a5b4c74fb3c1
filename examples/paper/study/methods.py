"""The objectives, the updates, and how much each weighting is asked for."""

from sklearn.base import clone

from skswu.objectives import (
    AdversarialRobustness,
    DemographicParity,
    EqualOpportunity,
    LossParity,
)
from skswu.updates import (
    BadTeacher,
    CatastrophicForgetting,
    ExactLastLayers,
    FineTune,
    FisherForgetting,
    GradientAscent,
    InfluenceUpdate,
    NTKUpdate,
    OneStep,
    Refit,
    SaliencyUnlearning,
    Scrub,
    SelectiveSynapticDampening,
    SparseFineTune,
)
from skswu.weighting import HardWeighting, SoftWeighting

from .models import N_EPOCHS

#: By name, what makes the objective, given the original model's loss on clean rows.
OBJECTIVES = {
    "demographic parity": lambda loss: DemographicParity(),
    "equal opportunity": lambda loss: EqualOpportunity(),
    "equal opportunity, by loss": lambda loss: LossParity(label=1),
    "robustness, static": lambda loss: AdversarialRobustness(
        attack="boundary", adaptive=False, target=loss
    ),
}

#: By model and name. Retraining a network is training all of its layers from scratch.
UPDATES = {
    "logistic regression": {
        "influence": OneStep(),
        "gradient ascent": GradientAscent(max_epochs=10),
        "fine-tune": FineTune(max_epochs=10),
        "Fisher": FisherForgetting(),
        "NTK": NTKUpdate(),
        "retraining": Refit(max_refits=1),
        "sparse fine-tune": SparseFineTune(max_epochs=10),
        "SalUn": SaliencyUnlearning(FineTune(max_epochs=10)),
        "SSD": SelectiveSynapticDampening(),
        "influence, several steps": InfluenceUpdate(),
    },
    "network": {
        "influence": InfluenceUpdate(),
        "gradient ascent": GradientAscent(max_epochs=1),
        "fine-tune": FineTune(max_epochs=4),
        "Fisher": FisherForgetting(),
        "NTK": NTKUpdate(max_steps=2),
        "retraining": ExactLastLayers(3, max_epochs=N_EPOCHS),
        "CF-k": CatastrophicForgetting(1, max_epochs=4),
        "EU-k": ExactLastLayers(1, max_epochs=N_EPOCHS),
        "Scrub": Scrub(max_epochs=4, ascent_epochs=2, lr=1e-3),
        "BadTeacher": BadTeacher(max_epochs=4),
        "sparse fine-tune": SparseFineTune(max_epochs=4),
        "SalUn": SaliencyUnlearning(FineTune(max_epochs=4)),
        "SSD": SelectiveSynapticDampening(),
    },
}

#: By name, how each weighting is made from its dose.
WEIGHTINGS = {
    "hard": lambda dose: HardWeighting(fraction=dose),
    "soft": lambda dose: SoftWeighting(strength=dose),
}
DOSES = {
    "hard": (0.01, 0.03, 0.06, 0.1, 0.2),
    "soft": (0.25, 0.5, 0.75, 1.0, 1.5),
}
QUICK_DOSES = {"hard": (0.03, 0.1), "soft": (0.5, 1.0)}
#: How many times as much is asked of updates that go only a part of the way.
_DOSE_FACTORS = {
    "Scrub": {"hard": 2, "soft": 2},
    "BadTeacher": {"hard": 2, "soft": 2},
}


def doses(update, weighting, quick):
    """Return the doses of a weighting to try with an update."""
    factor = _DOSE_FACTORS.get(update, {}).get(weighting, 1)
    tried = QUICK_DOSES if quick else DOSES
    return [round(factor * dose, 3) for dose in tried[weighting]]


def make_update(model, name, seed):
    """Return an update, its random numbers drawn by the seed."""
    update = clone(UPDATES[model][name])
    drawn = [one for one in update.get_params() if one.endswith("random_state")]
    return update.set_params(**dict.fromkeys(drawn, seed))
