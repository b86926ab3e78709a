"""Takes tables out of Markdown and HTML. Reads only."""

import csv
import html.parser
import io
import itertools
import os
import re

MOST_BYTES = 32 * 1024 * 1024
MOST_ROWS = 2_000
MOST_SPAN = 100
DELIMITER = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")


class Tables(html.parser.HTMLParser):
    """The tables of an HTML page, also those within others."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.done, self.open, self.heading, self.in_heading, self.hidden = [], [], "", None, 0

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "style"):
            self.hidden += 1
        elif re.fullmatch("h[1-6]", tag):
            self.in_heading = []
        elif tag == "table":
            self.open.append({"line": self.getpos()[0], "caption": self.heading, "rows": [], "cell": None, "in_caption": None})
        elif self.open:
            table = self.open[-1]
            if tag == "tr":
                self.close_cell(table)
                table["rows"].append([])
            elif tag in ("td", "th"):
                self.close_cell(table)
                if not table["rows"]:
                    table["rows"].append([])
                spans = {name: int(value) for name, value in attributes if name in ("colspan", "rowspan") and (value or "").isdecimal()}
                table["cell"] = {"text": [], "header": tag == "th", "spans": spans}
            elif tag == "caption":
                table["in_caption"] = []
            elif tag == "br" and table["cell"]:
                table["cell"]["text"].append(" ")

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.hidden = max(0, self.hidden - 1)
        elif re.fullmatch("h[1-6]", tag) and self.in_heading is not None:
            self.heading, self.in_heading = tidy(self.in_heading), None
        elif self.open:
            table = self.open[-1]
            if tag in ("td", "th", "tr"):
                self.close_cell(table)
            elif tag == "caption" and table["in_caption"] is not None:
                table["caption"], table["in_caption"] = tidy(table["in_caption"]), None
            elif tag == "table":
                self.close_cell(table)
                self.done.append(self.open.pop())

    def handle_data(self, data):
        if self.hidden:
            return
        if self.in_heading is not None:
            self.in_heading.append(data)
        for table in self.open[-1:]:
            target = table["in_caption"] if table["in_caption"] is not None else table["cell"] and table["cell"]["text"]
            if target is not None:
                target.append(data)

    @staticmethod
    def close_cell(table):
        if table["cell"]:
            table["rows"][-1].append(table["cell"])
            table["cell"] = None


def tidy(pieces):
    return " ".join("".join(pieces).split())


def spread(rows):
    """Cells in every place that they span."""
    waiting, grid = {}, []
    for row in rows:
        line, cells, column = [], iter(row), 0
        while True:
            if column in waiting:
                text, left = waiting.pop(column)
                if left > 1:
                    waiting[column] = (text, left - 1)
                line.append(text)
                column += 1
                continue
            cell = next(cells, None)
            if cell is None:
                break
            text = tidy(cell["text"])
            down = min(max(cell["spans"].get("rowspan", 1), 1), MOST_SPAN)
            for _ in range(min(max(cell["spans"].get("colspan", 1), 1), MOST_SPAN)):
                if down > 1:
                    waiting[column] = (text, down - 1)
                line.append(text)
                column += 1
        grid.append(line)
    return [line for line in grid if line]


def in_html(text):
    parser = Tables()
    parser.feed(text)
    parser.close()
    for table in sorted(parser.done + parser.open, key=lambda table: table["line"]):
        parser.close_cell(table)
        rows = [row for row in table["rows"] if row]
        has_header = bool(rows) and all(cell["header"] for cell in rows[0])
        grid = spread(rows)
        if grid:
            yield table["line"], table["caption"], grid[0] if has_header else None, grid[1:] if has_header else grid


def cells(line):
    line = line.strip()
    line = line[1:] if line.startswith("|") else line
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    # A bar within code or behind a backslash separates nothing.
    protected = re.sub(r"`[^`]*`", lambda code: code[0].replace("|", "\0"), line).replace("\\|", "\0")
    return [plain(cell.replace("\0", "|").strip()) for cell in protected.split("|")]


def plain(cell):
    cell = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", cell)
    return re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", re.sub(r"<br\s*/?>", " ", cell))


def in_markdown(text):
    lines, heading, fence, number = text.splitlines(), "", False, 0
    while number < len(lines):
        line = lines[number]
        if re.match(r"^ {0,3}(```|~~~)", line):
            fence = not fence
        title = re.match(r"^#{1,6}\s+(.*?)\s*#*$", line)
        if title and not fence:
            heading = plain(title[1])
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if not fence and "|" in line and DELIMITER.match(below) and len(cells(line)) == len(cells(below)):
            start, names = number, cells(line)
            body = list(itertools.takewhile(lambda row: "|" in row and row.strip(), lines[number + 2:]))
            number += 2 + len(body)
            yield start + 1, heading, names, [cells(row) for row in body]
            continue
        number += 1


def shaped(names, rows, form):
    width = max([len(names or [])] + [len(row) for row in rows])
    rows = [row + [""] * (width - len(row)) for row in rows]
    seen, columns = {}, []
    for place in range(width):
        name = (names[place] if names and place < len(names) else "") or f"column {place + 1}"
        seen[name] = seen.get(name, 0) + 1
        columns.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    if form == "lists":
        return columns, rows
    if form == "csv":
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([columns, *rows])
        return columns, out.getvalue()
    return columns, [dict(zip(columns, row)) for row in rows]


def run(path, table=None, form="records"):
    """The tables in the file `path`."""
    if form not in ("records", "lists", "csv"):
        raise SystemExit(f"`form` is records, lists or csv, not {form}")
    if os.path.getsize(path) > MOST_BYTES:
        raise SystemExit(f"{path}: larger than {MOST_BYTES} bytes")
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        text = file.read()
    is_html = path.lower().endswith((".html", ".htm", ".xhtml"))
    found = []
    for number, (line, caption, names, rows) in enumerate(in_html(text) if is_html else in_markdown(text), 1):
        if table is None or number == table:
            columns, shown = shaped(names, rows[:MOST_ROWS], form)
            found.append({
                "number": number, "line": line, "caption": caption, "columns": columns, "rows": shown,
                "more_rows": max(0, len(rows) - MOST_ROWS),
            })
    if table is not None and not found:
        raise SystemExit(f"{path}: there is no table {table}")
    return {"path": path, "tables": found}
