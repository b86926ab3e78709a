"""Counts what a text is made of."""

import collections
import pathlib
import re

MOST_BYTES = 32 * 1024 * 1024
WORDS_A_MINUTE = 230


def run(text=None, path=None, top=10):
    """Statistics of `text`, or of the file `path`."""
    if (text is None) == (path is None):
        raise SystemExit("either `text` or `path` is expected")
    if path is not None:
        file = pathlib.Path(path)
        if file.stat().st_size > MOST_BYTES:
            raise SystemExit(f"{path}: larger than {MOST_BYTES} bytes")
        text = file.read_text(encoding="utf-8", errors="replace")
    words = re.findall(r"\w+(?:['’-]\w+)*", text)
    sentences = [s.strip() for s in re.split(r"(?<=[.!?…。！？])\s+|\n\s*\n", text) if re.search(r"\w", s)]
    lower = [word.lower() for word in words]
    frequent = collections.Counter(word for word in lower if len(word) >= 4)
    longest = max(sentences, key=lambda s: len(s.split()), default="")
    return {
        "characters": len(text),
        "words": len(words),
        "unique_words": len(set(lower)),
        "sentences": len(sentences),
        "paragraphs": len([p for p in re.split(r"\n\s*\n", text) if p.strip()]),
        "lines": len(text.splitlines()),
        "tokens": (len(text) + 3) // 4,
        "reading_minutes": round(len(words) / WORDS_A_MINUTE, 1),
        "words_per_sentence": round(len(words) / len(sentences), 1) if sentences else 0,
        "longest_sentence": " ".join(longest.split())[:500],
        "top": [{"word": word, "count": count} for word, count in sorted(frequent.items(), key=lambda i: (-i[1], i[0]))[:top]],
    }
