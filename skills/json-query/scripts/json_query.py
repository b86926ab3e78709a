"""Looks into JSON and JSON Lines files. Reads only."""

import json
import os
import re

MOST_BYTES = 256 * 1024 * 1024
MOST_PATHS = 300
STEP = re.compile(r'\.?([^.\[\]]+)|\[(-?\d*)\]|\["((?:[^"\\]|\\.)*)"\]')
CONDITION = re.compile(r"^(\S+?|\S*\[\".*?\"\]\S*)\s*(!=|<=|>=|=|<|>|\bcontains\b|\bmatches\b)\s*(.*)$")
NOTHING = object()


def steps(path):
    """The steps of a path: names, numbers, or None for every item."""
    found, at, path = [], 0, path.strip()
    while at < len(path):
        step = STEP.match(path, at)
        if not step:
            raise SystemExit(f"the path `{path}` cannot be read from character {at + 1} on")
        name, index, quoted = step.groups()
        if name is not None:
            found.append(name)
        elif quoted is not None:
            found.append(json.loads(f'"{quoted}"'))
        else:
            found.append(int(index) if index else None)
        at = step.end()
    return found


def values(value, path):
    """What is at a path: none, one, or many."""
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step is None:
        for item in value if isinstance(value, list) else ():
            yield from values(item, rest)
    elif isinstance(step, int):
        if isinstance(value, list) and -len(value) <= step < len(value):
            yield from values(value[step], rest)
    elif isinstance(value, dict) and step in value:
        yield from values(value[step], rest)


def first(value, path):
    return next(values(value, path), NOTHING)


def read(path):
    """The file's value; JSON Lines are a list."""
    if os.path.getsize(path) > MOST_BYTES:
        raise SystemExit(f"{path}: larger than {MOST_BYTES} bytes")
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        whole = error
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                if not records:
                    raise SystemExit(f"{path}:{whole.lineno}: not JSON: {whole.msg}") from None
                raise SystemExit(f"{path}:{number}: not JSON: {error.msg}") from None
    return records


def literal(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text.strip("'")


def compared(operator, found, wanted):
    if operator == "contains":
        return wanted in found if isinstance(found, (list, dict)) else isinstance(found, str) and str(wanted).lower() in found.lower()
    if operator == "matches":
        return isinstance(found, str) and re.search(str(wanted), found) is not None
    if operator in ("=", "!="):
        return (found == wanted) == (operator == "=")
    try:
        return {"<": found < wanted, "<=": found <= wanted, ">": found > wanted, ">=": found >= wanted}[operator]
    except TypeError:
        return False


def condition(text):
    """A test of records, and the path it looks at."""
    parts = CONDITION.match(text.strip())
    if not parts:
        path = steps(text)
        return path, lambda record: any(value not in (None, False) for value in values(record, path))
    path, operator, wanted = steps(parts[1]), parts[2], literal(parts[3].strip())
    if operator == "!=":
        return path, lambda record: all(compared("!=", value, wanted) for value in values(record, path))
    return path, lambda record: any(compared(operator, value, wanted) for value in values(record, path))


def sort_key(value):
    """Things of different types one behind the other."""
    if value is NOTHING or value is None:
        return (3, 0)
    if isinstance(value, (bool, int, float)):
        return (0, value)
    return (1, value) if isinstance(value, str) else (2, json.dumps(value, sort_keys=True))


def type_of(value):
    names = {dict: "object", list: "list", str: "text", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names[type(value)]


def add_shape(value, path, shape):
    """Counts each path of a value; those of list items are counted together."""
    if path not in shape and len(shape) >= MOST_PATHS:
        return
    entry = shape.setdefault(path, {"path": path or ".", "types": {}, "count": 0, "example": None})
    entry["count"] += 1
    kind = type_of(value)
    entry["types"][kind] = entry["types"].get(kind, 0) + 1
    if isinstance(value, dict):
        for name, below in value.items():
            quoted = name if re.fullmatch(r"[^.\[\]\s\"]+", name) else "[" + json.dumps(name, ensure_ascii=False) + "]"
            joined = path + quoted if quoted.startswith("[") or not path else f"{path}.{quoted}"
            add_shape(below, joined, shape)
    elif isinstance(value, list):
        for item in value[:1000]:
            add_shape(item, path + "[]", shape)
    elif entry["example"] is None:
        entry["example"] = value[:80] if isinstance(value, str) else value


def run(path, records=None, where=None, select=None, sort=None, group=None, count=False, limit=100):
    """What was asked of the file `path`."""
    whole = read(path)
    found = list(values(whole, steps(records))) if records else [whole]
    # A list stands for its items.
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    looked_at = []
    tests = [condition(part) for part in re.split(r"\s+and\s+", where)] if where else []
    looked_at += [test[0] for test in tests]
    picked = [(name.strip(), steps(name)) for name in select.split(",")] if select else []
    by = steps(sort.lstrip("-")) if sort else None
    grouped = steps(group) if group else None
    looked_at += [pick[1] for pick in picked] + [some for some in (by, grouped) if some]
    unknown = [p for p in looked_at if all(first(record, p) is NOTHING for record in found)]
    matched = [record for record in found if all(test(record) for _, test in tests)]
    answer = {"records_in_file": len(found), "matched": len(matched)}
    if unknown and found:
        answer["unknown_paths"] = [".".join("[]" if step is None else str(step) for step in p) for p in unknown]
    if by is not None:
        matched.sort(key=lambda record: sort_key(first(record, by)), reverse=sort.startswith("-"))
    if count:
        return answer
    if grouped is not None:
        counts = {}
        for record in matched:
            for value in values(record, grouped):
                key = json.dumps(value, sort_keys=True, ensure_ascii=False)
                counts[key] = counts.get(key, 0) + 1
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return {**answer, "distinct": len(ordered), "groups": [{"value": json.loads(k), "count": n} for k, n in ordered[:limit]]}
    if not (where or select or sort or records):
        shape = {}
        for record in found[:10_000]:
            add_shape(record, "", shape)
        return {**answer, "shape": list(shape.values())}
    if picked:
        def row(record):
            got = {name: list(values(record, p)) for name, p in picked}
            return {name: v[0] if len(v) == 1 else (v or None) for name, v in got.items()}
        matched = [row(record) for record in matched[:limit]]
    return {**answer, "records": matched[:limit]}
