"""Whether a glob finds a file of a name, as long as that is not there to be found."""

from __future__ import annotations

from fnmatch import fnmatchcase
from glob import has_magic

__all__ = ["fits", "has_magic"]


def fits(path: str, pattern: str) -> bool:
    """True where a glob finds such a file; `*` stays within a folder, and `**` does not."""
    if "**" in pattern:
        return fnmatchcase(path, pattern.replace("**/", "*"))
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
