"""What commands that look at a file say of attempts to make it that have not ended."""

from __future__ import annotations

from woflo.cli.showing import time_of
from woflo.scripts.unfinished import Unfinished, unfinished

__all__ = ["told", "told_of"]


def told(name: str) -> list[str]:
    """A sentence for each attempt to make this file, a name within the project, that is under way or was cut off."""
    return [told_of(one) for one in unfinished(name)]


def told_of(one: Unfinished) -> str:
    """What has become of it."""
    became = "is under way" if one.is_under_way else "did not end"
    return (
        f"an attempt of {one.task} that began at {time_of(one.began)} (process {one.pid} on {one.host}) {became}; its "
        f"output is in {one.log}"
    )
