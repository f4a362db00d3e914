"""Rows for tests of near duplicates, and what plain Python says of them."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict

from magicoder_core import Instruction

WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")


def row(problem, solution="", number=0):
    return Instruction(problem=problem, solution=solution, language="python", method="m", parent=f"{number}")


def edited(text, share, rnd):
    """The text with so many of its words changed, dropped or doubled."""
    words = text.split(" ")
    for place in range(len(words)):
        if rnd.random() < share:
            words[place] = rnd.choice(["other", "", f"{words[place]} {words[place]}"])
    return " ".join(words)


def corpus(count, seed=1, length=(1, 160)):
    """Texts of all lengths with a template in each other one; half of them are copies of others, more or less edited."""
    rnd = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(3000)]
    texts = []
    for _ in range(count):
        if texts and rnd.random() < 0.5:
            texts.append(edited(rnd.choice(texts), rnd.choice([0, 0.01, 0.03, 0.06, 0.1]), rnd))
        else:
            own = rnd.choices(vocabulary, k=rnd.randint(*length))
            opening = ["write", "a", "function", "in", "python", "that", "takes", "a", "list", "and", "returns"]
            texts.append(" ".join(opening * rnd.randint(0, 1) + own))
    return texts


def shingles(text, width=5):
    """The set of shingles as the filter describes it."""
    words = WORD.findall(text.lower().encode("utf-8", "surrogatepass"))
    if not words:
        return {("".join(text.split()),)}
    return {tuple(words[place : place + width]) for place in range(max(1, len(words) - width + 1))}


def near_pairs(texts, threshold=0.7, width=5):
    """For each text all earlier ones that are near, with their Jaccard index: by an inverted index, so exactly."""
    sets, holders, found = [], defaultdict(list), []
    for text in texts:
        own = shingles(text, width)
        shared = Counter(other for shingle in own for other in holders[shingle])
        indices = {other: count / (len(own) + len(sets[other]) - count) for other, count in shared.items()}
        found.append({other: index for other, index in indices.items() if index >= threshold})
        for shingle in own:
            holders[shingle].append(len(sets))
        sets.append(own)
    return found
