"""How many runs there are, how they ended, and which are under way."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from woflo.kernel import clock
from woflo.kernel.events import AttemptStarted, Event, ProgressMade, RunCreated, RunEnded, RunsSkipped
from woflo.kernel.state import RunState
from woflo.kernel.texts import short

__all__ = ["MOST_NAME", "WORDS", "Run", "Tally"]

WORDS: dict[RunState, str] = {
    RunState.SUCCEEDED: "succeeded",
    RunState.SKIPPED: "skipped",
    RunState.FAILED: "failed",
    RunState.UPSTREAM_FAILED: "not executed",
    RunState.STOPPED: "stopped",
}
"""How a run ended, for people."""

MOST_NAME = 60
"""Characters of a task's name that are shown."""


@dataclass(slots=True)
class Run:
    """A run that executes now."""

    run_id: str
    name: str
    """As it is shown: its task, and what tells it from others of that."""
    since: float
    attempt: int = 1
    done: float | None = None
    """None as long as it has told no progress."""
    total: float | None = None
    message: str = ""


@dataclass(slots=True)
class Tally:
    """Kept from events; what it holds grows with what is under way, not with what has been."""

    created: int = 0
    """Runs that were called, those of other runs included."""
    ended: Counter[RunState] = field(default_factory=Counter)
    running: dict[str, Run] = field(default_factory=dict)
    """By id, the oldest first."""
    waiting: set[str] = field(default_factory=set)
    """Ids of runs that were called, and of which no attempt has begun."""
    arguments: dict[str, str] = field(default_factory=dict)
    """Of runs that have not ended, by their ids, what tells them from others of their task."""
    inner: set[str] = field(default_factory=set)
    """Runs under way that another run has called."""
    began: float | None = None
    """When the first event was."""
    last: float = 0.0
    """When the last one was."""

    def take(self, event: Event) -> None:
        """Count what happened."""
        if self.began is None:
            self.began = event.since if isinstance(event, RunsSkipped) else event.at
        self.last = event.at
        if isinstance(event, RunCreated):
            self.created += 1
            self.waiting.add(event.run_id)
            if event.arguments:
                self.arguments[event.run_id] = event.arguments
            if event.parent_id is not None:
                self.inner.add(event.run_id)
        elif isinstance(event, AttemptStarted):
            self._begin(event, event.attempt)
        elif isinstance(event, ProgressMade):
            self._progress(event)
        elif isinstance(event, RunEnded):
            self.running.pop(event.run_id, None)
            self.inner.discard(event.run_id)
            self.arguments.pop(event.run_id, None)
            self.waiting.discard(event.run_id)
            self.ended[event.state] += 1
            self.created = max(self.created, self.done)  # some may have been called before anybody listened
        elif isinstance(event, RunsSkipped):
            number = sum(event.counts.values())
            self.created += number
            self.ended[RunState.SKIPPED] += number

    def _begin(self, event: Event, attempt: int) -> None:
        self.waiting.discard(event.run_id)
        self.running[event.run_id] = Run(event.run_id, self.name_of(event), event.at, attempt)

    def name_of(self, event: Event) -> str:
        """That of its run for people, such as `fetch(page 3)`; only its task's where it has ended."""
        task, given = short(event.task, MOST_NAME), self.arguments.get(event.run_id)
        return f"{task}({given})" if given else task

    def _progress(self, event: ProgressMade) -> None:
        if event.run_id in self.waiting:  # a worker executes it, and tells only what its code says
            self._begin(event, 1)
        run = self.running.get(event.run_id)
        done = _number(event.done)
        if run is not None and done is not None:
            run.done, run.total, run.message = max(0.0, done), _number(event.total), str(event.message)

    @property
    def done(self) -> int:
        """How many have ended."""
        return self.ended.total()

    @property
    def failed(self) -> int:
        """How many have ended badly."""
        return self.ended[RunState.FAILED] + self.ended[RunState.UPSTREAM_FAILED]

    @property
    def elapsed(self) -> float:
        """Seconds from the first event to the last one, or until now where some runs have not ended."""
        until = self.last if self.created <= self.done else max(self.last, clock.now())
        return until - (self.began or until)

    def in_words(self) -> str:
        """How those that have ended did, as `3 succeeded, 1 failed`."""
        return ", ".join(f"{self.ended[state]:,} {word}" for state, word in WORDS.items() if self.ended[state])


def _number(value: object) -> float | None:
    """What a task tells may be anything."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
