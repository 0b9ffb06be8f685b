"""What may be done to stored runs from outside: by their ids, from any process that can open the store."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from woflo.durable.choice import current_store, opened
from woflo.kernel import clock
from woflo.kernel.state import RunState
from woflo.stores.codec import ValueCodec
from woflo.stores.failures import dump_error
from woflo.stores.operations import Complete, Send, Wake

if TYPE_CHECKING:
    from woflo.stores.contract import Store

OWN = "woflo."
"""How the names begin under which woflo itself keeps something beside a run."""

__all__ = ["complete", "published", "resume", "send"]


def send(run_id: str, name: str, value: Any = None, *, id: str | None = None, store: str | Store | None = None) -> bool:  # noqa: A002 - as it reads
    """Send a signal to a run; it is on disk when this returns, and received once.

    With an `id`, a signal that was sent under it already is not sent again, and False is returned. Raises
    `UnknownRunError`, `RunEndedError`, and `SerializationError` for a value that is no JSON.
    """
    text = ValueCodec(Any, f"the signal {name!r}", "argument").dump(value)
    operation = Send(now=clock.now(), id=id or uuid.uuid4().hex, run_id=run_id, name=name, value=text)
    return _store(store).write(operation)


def complete(
    run_id: str, value: Any = None, *, error: BaseException | None = None, store: str | Store | None = None
) -> None:
    """End a manual step: with the value that it gives, or with an `error`.

    Raises `UnknownRunError`, and `RunEndedError` where it does not wait (any more).
    """
    result = text = None
    if error is None:
        result = ValueCodec(Any, "the value of a manual step", "result").dump(value)
    else:
        text = dump_error(error)
    state = RunState.SUCCEEDED if error is None else RunState.FAILED
    _store(store).write(Complete(now=clock.now(), run_id=run_id, state=state, result=result, error=text))


def published(run_id: str, *, store: str | Store | None = None) -> dict[str, Any]:
    """What a run has shown by `current_run().publish(name, value)`, the last value of each name; also after its end."""
    codec = ValueCodec(Any, "a published value")
    found = _store(store).published(run_id)
    return {name: codec.load(text) for name, text in found.items() if not name.startswith(OWN)}


def resume(run_id: str, *, store: str | Store | None = None) -> None:
    """Let a run go on that waits for a decision: one that is suspect, or whose code did not fit its journal.

    Raises `UnknownRunError`; a run that does not wait is left as it is.
    """
    _store(store).write(Wake(now=clock.now(), run_id=run_id))


def _store(store: str | Store | None) -> Store:
    return current_store() if store is None else opened(store)
