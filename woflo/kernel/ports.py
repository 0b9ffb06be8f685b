"""What the kernel asks of others. Whoever answers lives in a layer above; the kernel imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from woflo.kernel.events import Event
    from woflo.kernel.outcome import Outcome
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task

__all__ = ["Admission", "Channel", "Clock", "Counter", "Keeper", "Listener", "Note", "Provider", "Recorder", "Speaker"]


class Clock(Protocol):
    """Time. `now` is seconds since the epoch, `monotonic` seconds that never go back."""

    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def when_moved(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever the clock is moved by hand; a clock that moves by itself never does."""
        ...


class Channel(Protocol):
    """The way from an attempt back to its caller."""

    def send(self, kind: str, data: Any) -> None:
        """Pass on one message: "progress", "output", "log" or "heartbeat". Never blocks for long, never raises."""
        ...


class Listener(Protocol):
    """Who is told of events. `tells_ends` is False for one that tells nobody how runs end."""

    tells_ends: bool

    def put(self, event: Event) -> None:
        """Take an event, in the thread where it happened. Never waits, never raises."""
        ...


class Counter(Listener, Protocol):
    """A listener with `counts_skipped`: of runs that are skipped at once it wants to know how many there are."""

    def count_skipped(self, task: str) -> None:
        """One more of this task. Never waits, never raises."""
        ...


class Speaker(Protocol):
    """A run, as what its code says is told."""

    @property
    def id(self) -> str: ...

    task: Task[..., Any]

    def _beat(self, value: str) -> None:
        """A sign of life, with this JSON."""
        ...


class Note(Protocol):
    """The place of something that depends on time or chance. `value` is what was kept there, if `is_recorded`."""

    is_recorded: bool
    value: Any

    def keep(self, value: Any) -> Any:
        """Record it (JSON), from any thread; returns it."""
        ...


class Recorder(Protocol):
    """Takes over the calls made inside a run, so that they become steps. Set by a workflow."""

    def call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BaseTaskRun[Any]:
        """The handle for this call: a new step, or one that is finished already."""
        ...

    def note(self, what: str) -> Note:
        """The next place of this code, for `what` happens there."""
        ...

    def block(self, runs: Iterable[BaseTaskRun[Any]], is_over: Callable[[], bool], end: float | None) -> bool:
        """Block until `is_over()`, which the end of one of these runs may change, or until `end` (monotonic).

        False where that is for the caller to do. May end the code instead, which is executed again when it is over.
        """
        ...

    async def until(self, runs: Iterable[BaseTaskRun[Any]], is_over: Callable[[], bool], end: float | None) -> bool:
        """The same without blocking."""
        ...


class Keeper(Protocol):
    """What the code of a run that is kept in a store may write through it. Set by whoever executes such runs."""

    idempotency_key: str

    def transaction(self) -> AbstractContextManager[Any]: ...
    def enqueue(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str: ...
    def publish(self, name: str, value: Any) -> None: ...
    def heartbeat(self, value: str) -> None:
        """Keep this JSON for the next attempt, soon. Returns at once."""
        ...

    def last_heartbeat(self) -> str | None:
        """The JSON that the attempt before has left."""
        ...


class Admission(Protocol):
    """Says whether a run may be skipped because what it would make is there already."""

    def called(self, run: BaseTaskRun[Any], handles: Iterable[BaseTaskRun[Any]]) -> None:
        """This run was called, with these among its arguments. Returns at once."""
        ...

    def admit(self, run: BaseTaskRun[Any]) -> Outcome | BaseTaskRun[Any] | None:
        """The outcome to take instead of executing, or None to execute. Called just before launch.

        A run is one that has to succeed before: it is waited for, without a place, and then this is called again.
        """
        ...


class Provider(Protocol):
    """Gives what is injected, where nobody has given an object of that type."""

    def __call__(self, kind: type, /) -> Any:
        """The object of this class, as it is now; None for classes that are not the provider's."""
        ...
