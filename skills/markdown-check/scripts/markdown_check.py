"""Checks links and headings of Markdown files, and makes tables of contents. Reads only."""

import os
import re
import urllib.parse

MOST_FILES = 5_000
MOST_BYTES = 4 * 1024 * 1024
MOST_PROBLEMS = 500
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^)\s>]*)>?(?:\s+[\"'(][^)]*)?\)")
REFERENCE = re.compile(r"\[([^\[\]]+)\]\[([^\[\]]*)\]")
TARGET = re.compile(r"^ {0,3}\[([^\]]+)\]:\s*<?(\S+?)>?(?:\s|$)")
ANCHOR = re.compile(r"<a\s+(?:name|id)=[\"']([^\"']+)[\"']|\bid=[\"']([^\"']+)[\"']")


def slug(title, seen):
    """The anchor of a heading, as GitHub makes it: each further one of the same title gets a number."""
    plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)
    plain = re.sub(r"[`*]|<[^>]+>", "", plain)
    base = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
    number = seen.get(base, 0)
    seen[base] = number + 1
    return f"{base}-{number}" if number else base


class Document:
    """Headings, anchors and links of a file."""

    def __init__(self, path):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(MOST_BYTES)
        self.path = path
        self.headings, self.anchors, self.links, self.references, self.targets = [], set(), [], [], {}
        seen, fence = {}, None
        lines = text.splitlines()
        # Frontmatter is no Markdown.
        end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0) if lines[:1] == ["---"] else -1
        for number, line in enumerate(lines, 1):
            if number - 1 <= end:
                continue
            mark = FENCE.match(line)
            if fence:
                if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                    fence = None
                continue
            if mark:
                fence = mark[1]
                continue
            self.read(number, line, seen)

    def read(self, number, line, seen):
        heading = HEADING.match(line)
        if heading:
            self.headings.append((number, len(heading[1]), heading[2], slug(heading[2], seen)))
            self.anchors.add(self.headings[-1][3])
        for one, other in ANCHOR.findall(line):
            self.anchors.add(one or other)
        prose = re.sub(r"(`+)(?:(?!\1).)*\1", "", line)
        target = TARGET.match(prose)
        if target:
            self.targets[target[1].lower()] = True
            self.links.append((number, target[2]))
            return
        self.links += [(number, link[3]) for link in LINK.finditer(prose)]
        self.references += [(number, (found[2] or found[1]).lower()) for found in REFERENCE.finditer(prose)]


def markdown_files(path):
    if os.path.isfile(path):
        return [path]
    if not os.path.isdir(path):
        raise SystemExit(f"{path}: no such file or folder")
    found = []
    for root, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        found += [os.path.join(root, name) for name in sorted(names) if name.lower().endswith((".md", ".markdown"))]
        if len(found) > MOST_FILES:
            raise SystemExit(f"more than {MOST_FILES} files: a smaller folder is needed")
    return found


def check_headings(document):
    last, titles = 0, {}
    for number, level, title, _ in document.headings:
        if last and level > last + 1:
            yield number, "skipped_level", f"a heading of level {level} behind one of level {last}: {title}"
        if title in titles:
            yield number, "double_heading", f"the heading is there already, in line {titles[title]}: {title}"
        titles.setdefault(title, number)
        last = level


def check_links(document, read):
    for number, link in document.links:
        if re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]*:|^//", link):
            continue
        path, _, anchor = link.partition("#")
        path, anchor = urllib.parse.unquote(path.split("?")[0]), urllib.parse.unquote(anchor)
        file = document.path
        if path:
            base = "." if path.startswith("/") else os.path.dirname(document.path)
            file = os.path.normpath(os.path.join(base, path.lstrip("/")))
            if not os.path.exists(file):
                yield number, "missing_file", f"{link}: there is no {file}"
                continue
        is_markdown = file.lower().endswith((".md", ".markdown")) and os.path.isfile(file)
        if anchor and is_markdown and anchor not in read(file).anchors and anchor.lower() not in read(file).anchors:
            yield number, "missing_heading", f"{link}: there is no heading #{anchor} in {file}"
    for number, name in document.references:
        if name not in document.targets:
            yield number, "missing_reference", f"[{name}]: there is no line that says where it leads"


def run(path=".", toc=False, deepest=6):
    """Problems of the Markdown files in `path`."""
    documents = {}

    def read(file):
        file = os.path.normpath(file)
        if file not in documents:
            documents[file] = Document(file)
        return documents[file]

    files = markdown_files(path)
    problems, external = [], 0
    for file in files:
        document = read(file)
        external += sum(1 for _, link in document.links if re.match(r"^(https?:)?//", link))
        for number, kind, message in sorted([*check_headings(document), *check_links(document, read)]):
            problems.append({"file": file, "line": number, "kind": kind, "message": message[:300]})
    result = {
        "files": len(files), "external": external,
        "problems": problems[:MOST_PROBLEMS], "more_problems": max(0, len(problems) - MOST_PROBLEMS),
    }
    if toc:
        if len(files) != 1:
            raise SystemExit("`toc` takes one file")
        headings = [heading for heading in read(files[0]).headings if heading[1] <= deepest]
        # The title of the document is no entry of its own.
        if headings and headings[0][1] == 1 and sum(heading[1] == 1 for heading in headings) == 1:
            headings = headings[1:]
        least = min((heading[1] for heading in headings), default=1)
        result["toc"] = "\n".join(f"{'  ' * (level - least)}- [{title}](#{anchor})" for _, level, title, anchor in headings)
    return result
