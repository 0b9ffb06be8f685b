"""Who is told of what `woflo run` does: the screen, the files of logs in `.woflo/logs`, and whoever else is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from woflo.kernel import bus
from woflo.kernel.events import RunCreated, RunEnded

if TYPE_CHECKING:
    from woflo.kernel.events import Event
    from woflo.observers.chosen import Chosen

__all__ = ["Ends", "watched", "with_logs"]


@contextmanager
def watched(*, quiet: bool, observers: Iterable[Chosen]) -> Iterator[None]:
    """Within this, progress is shown on stderr, unless it is to be `quiet`; what runs say is kept, `observers` told."""
    from woflo.observers.chosen import subscribed, with_progress

    with subscribed(with_logs(with_progress(observers, not quiet))):
        yield


def with_logs(observers: Iterable[Chosen]) -> list[Chosen]:
    """And with the files of logs that `woflo logs` shows."""
    from woflo.observers.chosen import Chosen
    from woflo.scripts.places import folder
    from woflo.scripts.sweeping import limits

    kept = {"folder": folder("logs"), **limits()._asdict()}
    return [Chosen("logs", kept, "the logs of the project"), *observers]


class Ends:
    """What did not succeed of what was called. It is told in the thread where that happens, so none is missed."""

    tells_ends = True
    wants_routine = False

    def __init__(self) -> None:
        self.bad: list[RunEnded] = []
        """In their order; calls of other runs are those runs' affair."""
        self._inner: set[str] = set()

    def put(self, event: Event) -> None:
        """See `Listener`."""
        if isinstance(event, RunCreated):
            if event.parent_id is not None:
                self._inner.add(event.run_id)
        elif isinstance(event, RunEnded):
            if event.run_id in self._inner:
                self._inner.discard(event.run_id)
            elif not event.state.is_success:
                self.bad.append(event)

    def __enter__(self) -> Ends:
        bus.add(self)
        return self

    def __exit__(self, *exc: object) -> None:
        bus.remove(self)
