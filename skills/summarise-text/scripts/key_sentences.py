"""Picks the sentences of a text that say most: those whose words are frequent in it and are not everywhere."""

import collections
import math
import os
import re

MOST_BYTES = 8 * 1024 * 1024
MOST_SENTENCES = 20_000
SHORTEST_WORDS, LONGEST_WORDS = 5, 60
COMMON = frozenset(
    "a about after all also an and any are as at be because been before but by can could did do does for from had has have he her "
    "his how i if in into is it its just like may more most must my no not now of on one only or other our out over said she "
    "should so some such than that the their them then there these they this to up was we were what when which who will with would "
    "you your aber als am an auch auf aus bei bis das dass dem den der des die doch du durch ein eine einem einen einer er es für "
    "hat haben ich im in ist ja kann man mit nach nicht noch nur oder sich sie sind so über um und uns von vor war was wenn wie "
    "wir wird zu zum zur".split()
)


def words_of(text):
    return [word for word in re.findall(r"\w+", text.lower()) if len(word) > 2 and word not in COMMON and not word.isdecimal()]


def sentences_of(text):
    """Each sentence with its line; code, tables and headings are none."""
    fence, paragraph, start = False, [], 1
    for number, line in enumerate([*text.splitlines(), ""], 1):
        stripped = line.strip()
        if stripped.startswith(("```", "~~~")):
            fence = not fence
        ends = not stripped or fence or stripped.startswith(("#", "|", "```", "~~~", "---"))
        begins = re.match(r"^([-*+]|\d+[.)])\s+", stripped)
        if (ends or begins) and paragraph:
            yield from cut(paragraph, start)
            paragraph = []
        if not ends:
            start = start if paragraph else number
            paragraph.append((number, stripped[begins.end():] if begins else stripped))


def cut(paragraph, start):
    whole = " ".join(line for _, line in paragraph)
    ends = list(ends_of_lines(paragraph))
    at = 0
    for sentence in re.split(r"(?<=[.!?…。！？])\s+(?=[\"'“„(\[]?[^\Wa-z_])", whole):
        at = whole.find(sentence, at)
        yield next((number for end, number in ends if at < end), start), sentence.strip()
        at += len(sentence)


def ends_of_lines(paragraph):
    """Where each line ends in the joined paragraph, and its number."""
    end = 0
    for number, line in paragraph:
        end += len(line) + 1
        yield end, number


def run(text=None, path=None, sentences=7, about=""):
    """The sentences that say most."""
    if (text is None) == (path is None):
        raise SystemExit("either `text` or `path` is expected")
    if path is not None:
        if os.path.getsize(path) > MOST_BYTES:
            raise SystemExit(f"{path}: larger than {MOST_BYTES} bytes")
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            text = file.read()
    found = list(sentences_of(text))[:MOST_SENTENCES]
    bags = [words_of(sentence) for _, sentence in found]
    frequency = collections.Counter(word for bag in bags for word in bag)
    within = collections.Counter(word for bag in bags for word in set(bag))
    wanted = set(words_of(about))
    weight = {word: math.log(1 + count) * math.log(1 + len(bags) / within[word]) for word, count in frequency.items()}

    def score(number):
        bag, length = bags[number], len(found[number][1].split())
        if not bag or not SHORTEST_WORDS <= length <= LONGEST_WORDS:
            return 0.0
        # Said early is said on purpose; a long sentence has many words without saying more.
        place = 1.25 if number < max(1, len(found) // 20) else 1.0
        asked = 1.0 + 2.0 * len(wanted & set(bag)) / len(wanted) if wanted else 1.0
        return place * asked * sum(weight[word] for word in set(bag)) / math.sqrt(len(bag) + 4)

    scores = {number: score(number) for number in range(len(found))}
    picked, said = [], []
    for number in sorted(scores, key=lambda number: (-scores[number], number)):
        bag = set(bags[number])
        # What was said already is not said again.
        if scores[number] > 0 and all(len(bag & other) <= 0.6 * len(bag | other) for other in said):
            picked.append(number)
            said.append(bag)
        if len(picked) >= int(sentences):
            break
    top = sorted(weight, key=lambda word: (-frequency[word] * weight[word], word))[:10]
    return {
        "of": len(found),
        "keywords": top,
        "sentences": [
            {"line": found[number][0], "score": round(scores[number], 2), "text": found[number][1][:1000]} for number in sorted(picked)
        ],
    }
