"""Sums up the history of a git repository. Reads only."""

import collections
import os
import subprocess

FIELDS = "%x01%h%x00%aI%x00%an%x00%s%x00"


def git(repository, *arguments):
    # No pager, no prompts, and nothing that the repository's own configuration could have run.
    options = ["--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    ended = subprocess.run(
        ["git", "-C", repository, *options, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, env=environment,
    )
    if ended.returncode != 0:
        raise SystemExit(f"git {arguments[0]}: {ended.stderr.decode(errors='replace').strip()}")
    return ended.stdout.decode("utf-8", "replace")


def no_option(name, value):
    if value is not None and str(value).startswith("-"):
        raise SystemExit(f"`{name}` must not begin with a hyphen: {value}")
    return value


def changes(lines):
    """Added, removed and path of each file, from --numstat."""
    for line in lines:
        added, removed, path = line.split("\t", 2)
        yield (0 if added == "-" else int(added)), (0 if removed == "-" else int(removed)), path


def run(since=None, range=None, path=None, repository=".", author=None, most=200):
    """The digest of the commits that fit."""
    for name, value in (("range", range), ("path", path), ("repository", repository)):
        no_option(name, value)
    narrowed = [f"--since={since}"] if since else []
    narrowed += [f"--author={author}"] if author else []
    where = [range or "HEAD", "--", *([path] if path else [])]
    total = int(git(repository, "rev-list", "--count", "--no-merges", *narrowed, *where))
    log = git(repository, "log", "--no-merges", "--no-ext-diff", "--no-textconv", "--numstat", "--no-renames",
              f"--max-count={int(most)}", f"--format={FIELDS}", *narrowed, *where)
    commits, authors = [], collections.Counter()
    files, folders = collections.Counter(), collections.Counter()
    for block in log.split("\x01")[1:]:
        digest, date, name, subject, numbers = block.split("\x00", 4)
        changed = list(changes(line for line in numbers.splitlines() if line.count("\t") >= 2))
        for added, removed, file in changed:
            files[file] += added + removed
            folders[file.rsplit("/", 1)[0] if "/" in file else "."] += added + removed
        authors[name] += 1
        commits.append({
            "hash": digest, "date": date, "author": name, "subject": subject[:200], "files": len(changed),
            "added": sum(c[0] for c in changed), "removed": sum(c[1] for c in changed),
        })
    uncommitted = [line for line in git(repository, "status", "--porcelain=v1", "--", *([path] if path else [])).splitlines() if line]
    return {
        "branch": git(repository, "rev-parse", "--abbrev-ref", "HEAD").strip(),
        "total": total,
        "truncated": total > len(commits),
        "commits": commits,
        "authors": [{"author": name, "commits": count} for name, count in authors.most_common(20)],
        "folders": [{"folder": name, "lines": count} for name, count in folders.most_common(20)],
        "files": [{"file": name, "lines": count} for name, count in files.most_common(20)],
        "uncommitted": uncommitted[:100],
    }
