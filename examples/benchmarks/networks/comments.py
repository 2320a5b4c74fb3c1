"""Comments on neighbours, made up of parts, for networks that read text."""

from itertools import product

import numpy as np

TERMS = {
    "minority": ["gay", "Muslim", "deaf", "immigrant"],
    "majority": ["straight", "Christian", "hearing", "local"],
}
PEOPLE = [
    "neighbour", "teacher", "doctor", "student", "woman", "man", "couple", "singer",
]  # fmt: skip
FRIENDLY = [
    "brought us soup when we were ill", "is patient and kind", "won the prize",
    "found my keys", "explained everything very well", "helped me with my homework",
    "opened a small bakery", "sang beautifully last night",
]  # fmt: skip
RUDE = [
    "is a stupid liar", "should shut up", "makes me sick", "is too dumb to read a map",
    "ruins every meeting", "is a pathetic loser", "wrote disgusting trash",
    "ought to be fired at once",
]  # fmt: skip
# Share of friendly comments on minorities that count as rude.
MISTAKEN = 0.4


def write(n_comments, seed=0):
    """Return comments, what moderators say of each, and the group each is about."""
    rng = np.random.default_rng(seed)
    groups = [(term, group) for group, terms in TERMS.items() for term in terms]
    parts = [(text, 0) for text in FRIENDLY] + [(text, 1) for text in RUDE]
    whole = list(product(["My", "The", "Our"], groups, PEOPLE, parts))
    chosen = [whole[k] for k in rng.permutation(len(whole))[:n_comments]]
    comments = [f"{a} {term} {one} {text}." for a, (term, _), one, (text, _) in chosen]
    group = np.array([group for _, (_, group), _, _ in chosen])
    is_rude = np.array([label for *_, (_, label) in chosen])
    mistaken = rng.random(len(chosen)) < MISTAKEN
    return comments, np.where(mistaken & (group == "minority"), 1, is_rude), group


def numbered(comments):
    """Return comments as numbers of words, 0 where one is over."""
    words = [comment.lower().rstrip(".").split() for comment in comments]
    known = {
        word: 1 + k for k, word in enumerate(sorted({w for ws in words for w in ws}))
    }
    ids = np.zeros((len(words), max(map(len, words))), dtype=np.int64)
    for row, ws in zip(ids, words, strict=True):
        row[: len(ws)] = [known[word] for word in ws]
    return ids
