"""Profiles a table in a file."""

import collections
import csv
import datetime
import itertools
import math
import statistics

MOST_ROWS = 1_000_000
MOST_DISTINCT = 100_000
MISSING = {"", "na", "n/a", "null", "none", "nan", "-"}


def integer(text):
    digits = text.lstrip("+-")
    # 00501 is a postcode or an id; Python alone takes 1_000 for a number.
    if not digits.isascii() or not digits.isdecimal() or (digits[0] == "0" and len(digits) > 1):
        raise ValueError(text)
    return int(text)


def number(text):
    value = float(text)
    digits = text.lstrip("+-")
    if not math.isfinite(value) or "_" in text or (digits[0] == "0" and digits[1:2].isdecimal()):
        raise ValueError(text)
    return value


def boolean(text):
    return {"true": 1, "false": 0, "yes": 1, "no": 0}[text.lower()]


def date(text):
    return datetime.datetime.fromisoformat(text)


TYPES = (("integer", integer), ("number", number), ("boolean", boolean), ("date", date))


def fits(read, text):
    try:
        read(text)
        return True
    except (ValueError, KeyError, OverflowError):
        return False


class Column:
    """What was seen in one column so far."""

    def __init__(self, name):
        self.name = name
        self.missing = 0
        self.present = 0
        self.types = list(TYPES)
        self.counts = collections.Counter()
        self.is_full = False
        self.numbers = []

    def add(self, text):
        text = text.strip()
        if text.lower() in MISSING:
            self.missing += 1
            return
        self.present += 1
        self.types = [(name, read) for name, read in self.types if fits(read, text)]
        if text in self.counts or len(self.counts) < MOST_DISTINCT:
            self.counts[text] += 1
        else:
            self.is_full = True
        if self.types and self.types[0][0] in ("integer", "number"):
            self.numbers.append(float(text))

    def report(self, top):
        kind = "empty" if not self.present else self.types[0][0] if self.types else "text"
        frequent = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:top]
        report = {
            "name": self.name,
            "type": kind,
            "missing": self.missing,
            "distinct": len(self.counts),
            "top": [{"value": value[:200], "count": count} for value, count in frequent],
        }
        if self.is_full:
            report["distinct_is_a_minimum"] = True
        if kind in ("integer", "number"):
            exact = int if kind == "integer" else float
            report["min"] = exact(min(self.numbers))
            report["max"] = exact(max(self.numbers))
            report["mean"] = round(statistics.fmean(self.numbers), 6)
            report["median"] = statistics.median(self.numbers)
            report["sum"] = round(math.fsum(self.numbers), 6)
        elif kind == "date":
            report["min"], report["max"] = min(self.counts), max(self.counts)
        return report


def likely_delimiter(sample):
    """The one that cuts most of the first lines into as many fields, and into most."""
    lines = sample.splitlines()[:50]
    # The sample may end within a line.
    lines = lines[:-1] if len(lines) > 2 and len(sample) >= 64 * 1024 else lines

    def fitness(delimiter):
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        width, rows = collections.Counter(widths).most_common(1)[0] if widths else (0, 0)
        return (width > 1, rows, width)

    return max(",;\t|", key=fitness)


def looks_like_header(first, second):
    """A header has names: all there, all different, none a number; or else the next row has numbers where it has none."""
    named = all(cell.strip() for cell in first) and len(set(first)) == len(first)
    return named and not any(fits(number, cell) for cell in first) and (second is None or first != second)


def run(path, delimiter=None, header=None, encoding="utf-8-sig", top=3):
    """The report on the file `path`."""
    csv.field_size_limit(16 * 1024 * 1024)
    with open(path, newline="", encoding=encoding, errors="replace") as file:
        sample = file.read(64 * 1024)
        file.seek(0)
        delimiter = delimiter or likely_delimiter(sample)
        rows = (row for row in csv.reader(file, delimiter=delimiter) if row)
        start = list(itertools.islice(rows, 2))
        if not start:
            raise SystemExit(f"{path}: no rows")
        if header is None:
            header = looks_like_header(start[0], start[1] if len(start) > 1 else None)
        names = start.pop(0) if header else [f"column {number + 1}" for number in range(len(start[0]))]
        columns = [Column(name.strip()) for name in names]
        seen, duplicates, ragged, count, truncated = set(), 0, [], 0, False
        for row in itertools.chain(start, rows):
            if count == MOST_ROWS:
                truncated = True
                break
            count += 1
            if len(row) != len(columns):
                ragged.append(count + bool(header))
            fingerprint = hash(tuple(row))
            duplicates += fingerprint in seen
            seen.add(fingerprint)
            for column, cell in itertools.zip_longest(columns, row[: len(columns)], fillvalue=""):
                column.add(cell)
    return {
        "path": path,
        "delimiter": delimiter,
        "header": header,
        "rows": count,
        "truncated": truncated,
        "duplicate_rows": duplicates,
        "ragged_rows": {"count": len(ragged), "lines": ragged[:20]},
        "columns": [column.report(top) for column in columns],
    }
