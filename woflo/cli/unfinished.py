"""What commands that look at a file say of attempts to make it that have not ended."""

from __future__ import annotations

from woflo.scripts.unfinished import unfinished

__all__ = ["told"]


def told(name: str) -> list[str]:
    """A sentence for each attempt to make this file, a name within the project, that is under way or was cut off."""
    return [str(one) for one in unfinished(name)]
