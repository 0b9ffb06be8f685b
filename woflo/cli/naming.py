"""`woflo run --name`: the tag `name` of all that is called, by which `woflo list` and `woflo history` find it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from woflo.errors import OptionError
from woflo.kernel.passing import calls_by

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task

__all__ = ["TAG", "named", "naming"]

TAG = "name"


def named(task: Task[..., Any], name: str) -> Task[..., Any]:
    """The task, whose calls have this name. Raises `OptionError` for one whose calls are not kept in a store."""
    made = task.with_options(tags={**(task.options.tags or {}), TAG: name})
    assert made.runner  # where none is named, it is looked up, and asked, here
    return made


@contextmanager
def naming(name: str | None) -> Iterator[None]:
    """Within this, calls of this context have the name, as far as they are kept in a store."""
    if name is None:
        yield
        return

    def call(task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> BaseTaskRun[Any]:
        try:
            task = named(task, name)
        except OptionError:
            pass  # nothing keeps its calls, so nothing could find them
        return task(*args, **kwargs)

    with calls_by(call, "woflo run"):
        yield
