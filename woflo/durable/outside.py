"""What may be done to stored runs from outside: by their ids, from any process that can open the store."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from woflo.durable.choice import current_store, opened
from woflo.durable.successors import forked, restarted, resumed, with_tags
from woflo.kernel import clock
from woflo.kernel.options import checked_text
from woflo.kernel.state import RunState
from woflo.stores.codec import ValueCodec
from woflo.stores.failures import dump_error
from woflo.stores.operations import Complete, Send, Wake
from woflo.stores.refusals import unknown_run

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

OWN = "woflo."
"""How the names begin under which woflo itself keeps something beside a run."""

__all__ = ["complete", "fork", "published", "restart", "resume", "send"]


def send(run_id: str, name: str, value: Any = None, *, id: str | None = None, store: str | Store | None = None) -> bool:  # noqa: A002 - as it reads
    """Send a signal to a run; it is on disk when this returns, and received once.

    With an `id`, a signal that was sent under it already is not sent again, and False is returned. Raises
    `UnknownRunError`, `RunEndedError`, `OptionError` for a name that cannot be kept, and `SerializationError` for a
    value that is no JSON.
    """
    checked_text("signal", name)
    text = ValueCodec(Any, f"the signal {name!r}", "argument").dump(value)
    operation = Send(now=clock.now(), id=id or uuid.uuid4().hex, run_id=run_id, name=name, value=text)
    return _store(store).write(operation)


def complete(
    run_id: str, value: Any = None, *, error: BaseException | None = None, store: str | Store | None = None
) -> None:
    """End a manual step, or one that is uncertain after a crash: with its value, or with an `error`.

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
    kept = _store(store)
    found = {name: text for name, text in kept.published(run_id).items() if not name.startswith(OWN)}
    return {name: codec.load(kept.whole(text)) for name, text in found.items()}


def resume(run_id: str, *, store: str | Store | None = None) -> str:
    """Let a run go on; returns the id of the run that does.

    One that waits for a decision, because it is suspect or its code did not fit its journal, goes on itself. A step,
    or a call from a queue, that is uncertain after a crash is executed again; `complete` is the other answer.

    In the place of one that failed or was stopped another one begins, with its key: what is recorded as succeeded is
    not executed again where the code calls the same at the same place, all else is, failures that the code had caught
    included. Raises `RunContinuedError` where another one has begun already, and `RunEndedError` where it succeeded.

    Raises `UnknownRunError`; a run that does not wait is left as it is.
    """
    where = _store(store)
    row = _known(where, run_id)
    if not row.is_terminal:
        where.write(Wake(now=clock.now(), run_id=run_id))
        return run_id
    return where.write(with_tags(resumed(row, where.steps(run_id)), where.tags(run_id))).id


def restart(run_id: str, *, store: str | Store | None = None) -> str:
    """Begin a run in the place of one that has ended, from the beginning; returns its id.

    It has the same arguments, takes over the key, and `continues` of its row names the one before. It is executed as
    if it had been called: by workers of its queue, by whoever calls it by its key, or by this process where the
    `restart` of a handle is called.

    Raises `UnknownRunError`, `RunNotEndedError` (stop it first), and `RunContinuedError` where another one has begun
    in its place already.
    """
    where = _store(store)
    return where.write(with_tags(restarted(_known(where, run_id)), where.tags(run_id))).id


def fork(run_id: str, step: int, *, key: str | None = None, store: str | Store | None = None) -> str:
    """Begin a run beside another one, with what its first `step` calls left; returns its id.

    Calls are counted as errors name them: those of the workflow's code itself, `sleep` and `now` included. What is
    recorded of them is not executed again; all else is. The run before is left as it is, under way or not, and keeps
    its key; the new one gets `key`, if any.

    Raises `UnknownRunError`, `OptionError` where there are not so many calls, and `KeyConflictError`.
    """
    where = _store(store)
    begun = forked(_known(where, run_id), where.steps(run_id), step, key)
    return where.write(with_tags(begun, where.tags(run_id))).id


def _known(store: Store, run_id: str) -> Row:
    row = store.get(run_id)
    if row is None:
        raise unknown_run(run_id)
    return row


def _store(store: str | Store | None) -> Store:
    return current_store() if store is None else opened(store)
