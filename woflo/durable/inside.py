"""What the code of a workflow may call: time, chance and signals that are recorded, so that they come again."""

from __future__ import annotations

import json
import random as _random
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from woflo.durable.branches import Branch, current_branch
from woflo.durable.waits import SignalWait, TimerWait
from woflo.errors import OptionError
from woflo.kernel import clock
from woflo.stores.codec import ValueCodec

if TYPE_CHECKING:
    from woflo.durable.execution import Execution

__all__ = ["continue_as", "now", "patched", "random", "sleep", "sleep_until", "uuid4", "wait_signal"]

T = TypeVar("T")


def sleep(seconds: float) -> Awaitable[None]:
    """Let `seconds` pass, counted from the first time that the workflow comes here, whatever happens meanwhile.

    In an async workflow `await` it; in a plain one it has slept when it returns. A long sleep holds neither thread
    nor memory: the workflow is parked, and executed again from its journal when the time has come. Raises
    `NotInWorkflowError` elsewhere, and `OptionError` for what is no number of seconds, zero or more.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
        raise OptionError(f"sleep({seconds!r}): give seconds, zero or more")
    return _sleep_until(current_branch("sleep"), lambda: clock.now() + seconds)


def sleep_until(when: datetime | float) -> Awaitable[None]:
    """Wait until a time: a datetime with a time zone, or seconds since the epoch. As `sleep` otherwise."""
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise OptionError(f"sleep_until({when!r}): give it a time zone, for example with .astimezone()")
        when = when.timestamp()
    due = float(when)
    return _sleep_until(current_branch("sleep_until"), lambda: due)


def _sleep_until(branch: Branch, due: Callable[[], float]) -> Awaitable[None]:
    execution = branch.execution
    at = float(execution.note(branch, "woflo.sleep", lambda: json.dumps(due())))
    return cast("Awaitable[None]", execution.wait_for(TimerWait(at)))


def now() -> datetime:
    """The time, in UTC, at which the workflow first came here."""
    branch = current_branch("now")
    at = branch.execution.note(branch, "woflo.now", lambda: json.dumps(clock.now()))
    return datetime.fromtimestamp(float(at), UTC)


def random() -> float:
    """A random number from 0 to 1, the same whenever the workflow comes here."""
    branch = current_branch("random")
    return float(branch.execution.note(branch, "woflo.random", lambda: json.dumps(_random.random())))


def uuid4() -> uuid.UUID:
    """A random UUID (RFC 9562, version 4), the same whenever the workflow comes here."""
    branch = current_branch("uuid4")
    text: str = json.loads(branch.execution.note(branch, "woflo.uuid4", lambda: json.dumps(str(uuid.uuid4()))))
    return uuid.UUID(text)


def patched(name: str) -> bool:
    """True where a workflow comes to a change of its code for the first time, False where it had passed it before.

    With `if patched("name"): new code, else: old code`, runs under way keep to what they have recorded.
    """
    branch = current_branch("patched")
    place = branch.coming_place()
    recorded = branch.execution.journal.look(place)
    marker = "woflo.patched"
    args = json.dumps({"name": name})
    if branch.execution.journal.has_passed(place) and (
        recorded is None or recorded.task != marker or recorded.args != args
    ):
        return False
    branch.execution.note(branch, marker, lambda: "true", args)
    return True


def continue_as(*args: Any, **kwargs: Any) -> NoReturn:
    """End this run of an endless workflow, and have another one go on with these arguments, in one commit.

    It takes over the key, and begins without records, so that an endless workflow does not have endless ones. Steps
    that were called end before. Whoever waits for this run waits for the one that goes on, and gets the result of the
    last. Never returns. Raises `NotInWorkflowError` elsewhere, `ArgumentError` and `SerializationError` as a call does.
    """
    current_branch("continue_as").execution.continue_as(args, kwargs)


def wait_signal(name: str, timeout: float | None = None, *, type: Any = Any) -> Any:  # noqa: A002  # as it is typed
    """The value of the next signal of this name, as `run.send(name, value)` sends it; `await` it in an async workflow.

    Signals are received in the order in which they were sent, each once; one that came early waits. Raises
    `TimeoutError` where `timeout` seconds pass first, counted from the first time that the workflow comes here.
    `type` is the annotation of the value, for values that are more than JSON.
    """
    branch = current_branch("wait_signal")
    execution = branch.execution
    due = _deadline(branch, timeout)
    row = execution.new_row(branch.next_place(), "woflo.signal", json.dumps({"name": name}))
    record = execution.find(row)
    codec = ValueCodec(type, f"the signal {name!r}")
    if record is not None:
        return _done(execution, lambda: _received(execution, record.result, name, timeout, codec))
    wait = SignalWait(execution, row, name, due)
    waiting = execution.wait_for(wait)
    if execution.may_wait_here():
        return _received(execution, _recorded(branch, wait, row), name, timeout, codec)

    async def received() -> Any:
        await waiting
        return _received(execution, _recorded(branch, wait, row), name, timeout, codec)

    return received()


def _deadline(branch: Branch, timeout: float | None) -> float | None:
    if timeout is None:
        return None
    return float(branch.execution.note(branch, "woflo.deadline", lambda: json.dumps(clock.now() + timeout)))


_TIMED_OUT = '{"$timed_out":true}'


def _recorded(branch: Branch, wait: SignalWait, row: Any) -> str:
    """What was waited for; that the time has passed is recorded here."""
    if wait.value is None:
        branch.execution.note_at(row, _TIMED_OUT)
        return _TIMED_OUT
    return wait.value


def _received(execution: Execution, text: str | None, name: str, timeout: float | None, codec: ValueCodec) -> Any:
    if text == _TIMED_OUT:
        raise TimeoutError(f"no signal {name!r} came within {timeout:g} s")
    return codec.load(execution.engine.store.whole(text or "null"))


def _done(execution: Execution, value: Callable[[], T]) -> Any:
    """The value; on the loop of an async workflow as something to await."""
    if execution.loop is None or execution.may_wait_here():
        return value()

    async def done() -> T:
        return value()

    return done()
