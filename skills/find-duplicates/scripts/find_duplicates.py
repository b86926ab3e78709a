"""Finds files with the same content. Reads only."""

import collections
import fnmatch
import hashlib
import os

MOST_FILES = 500_000
MOST_GROUPS = 200


def listed(folder, pattern, smallest, hidden):
    """Path, size, and which file on the disk it is, of what is to be compared."""
    count = 0
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if hidden or not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(root, name)
            if not fnmatch.fnmatch(name, pattern) or os.path.islink(path) or not os.path.isfile(path):
                continue
            count += 1
            if count > MOST_FILES:
                raise SystemExit(f"more than {MOST_FILES} files: a smaller folder or a `pattern` is needed")
            status = os.stat(path)
            if status.st_size >= smallest:
                yield path, status.st_size, (status.st_dev, status.st_ino)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else by_pieces(file)


def by_pieces(file):
    hasher = hashlib.sha256()
    for piece in iter(lambda: file.read(1 << 20), b""):
        hasher.update(piece)
    return hasher.hexdigest()


def run(folder=".", pattern="*", smallest=1, hidden=False):
    """Groups of files with the same content."""
    if not os.path.isdir(folder):
        raise SystemExit(f"{folder}: not a folder")
    by_size, compared, unreadable = collections.defaultdict(dict), 0, []
    for path, size, identity in listed(folder, pattern, smallest, hidden):
        compared += 1
        # Two names of one file on the disk waste nothing.
        by_size[size].setdefault(identity, path)
    groups = []
    for size, paths in by_size.items():
        same = collections.defaultdict(list)
        for path in paths.values() if len(paths) > 1 else ():
            try:
                same[digest(path)].append(path)
            except OSError as error:
                unreadable.append(f"{path}: {error.strerror}")
        for files in same.values():
            if len(files) > 1:
                files.sort(key=lambda path: (os.stat(path).st_mtime, path))
                groups.append({"bytes": size, "wasted": size * (len(files) - 1), "files": files})
    groups.sort(key=lambda group: (-group["wasted"], group["files"]))
    return {
        "compared": compared,
        "groups": groups[:MOST_GROUPS],
        "more_groups": max(0, len(groups) - MOST_GROUPS),
        "wasted": sum(group["wasted"] for group in groups),
        "unreadable": unreadable[:100],
    }
