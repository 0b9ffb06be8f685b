"""Writes about a run by others than the one that holds it, in named statements."""

from __future__ import annotations

from woflo.kernel.state import TERMINAL, RunState
from woflo.stores.operations import HANDED_OVER, MANUAL, Complete, Continue, RequestStop, Send, Wake, is_asked
from woflo.stores.refusals import check_hand_over, has_ended, not_completable, unknown_run
from woflo.stores.rows import Row
from woflo.stores.sql.asking import Doing, Statement, asked
from woflo.stores.sql.calls import added, handed_over
from woflo.stores.sql.telling import end_run, first, known, tell

__all__ = ["complete", "go_on", "request_stop", "send", "wake"]


def send(op: Send) -> Doing[bool]:
    """See `Send`."""
    there, same = yield [("run_by_id", {"id": op.run_id}), ("signal_is_there", {"id": op.id})]
    row = first(op.run_id, there.rows)
    if same.rows:
        return False
    if row.is_terminal:
        raise has_ended(row, f"the signal {op.name!r} cannot reach it")
    values = {"id": op.id, "run_id": op.run_id, "name": op.name, "value": op.value, "now": op.now}
    yield [("send_signal", values), ("wake_for", {"id": op.run_id, "token": f"signal:{op.name}"})]
    return True


def request_stop(op: RequestStop) -> Doing[RunState]:
    """See `RequestStop`."""
    found = yield from asked("run_and_all_below", {"id": op.run_id})
    if not found:
        raise unknown_run(op.run_id)
    stopping = [_stop(op, *row) for row in found]
    statements = [one for _, changes in stopping for one in changes]
    if statements:
        yield statements
    return stopping[-1][0]  # the run itself is the last


def _stop(
    op: RequestStop, run_id: str, state: str, queue: str | None, parent_id: str | None
) -> tuple[RunState, list[Statement]]:
    """The state that a run has then, and what leads there."""
    if state in TERMINAL or (state == RunState.RUNNING and queue is None):
        return RunState(state), []
    if state == RunState.RUNNING:
        return RunState.RUNNING, [("ask_to_stop", {"id": run_id})]
    stopped = ("stop_run", {"id": run_id, "error": op.error, "now": op.now})
    return RunState.STOPPED, [stopped, *tell(run_id, parent_id)]


def complete(op: Complete) -> Doing[None]:
    """See `Complete`."""
    row = yield from known(op.run_id)
    if not is_asked(row):
        raise not_completable(row)
    yield [end_run(row.id, op, None), *tell(row.id, row.parent_id)]


def go_on(op: Continue) -> Doing[Row]:
    """See `Continue`."""
    before, row = (yield from known(op.row.continues or "")), op.row
    if op.hands_over:
        check_hand_over(before)
        row = yield from handed_over(before, row, f"{HANDED_OVER}{row.id}", op.now)
    else:
        (row,) = yield from added([row.changed(created_at=op.now)])
    yield from added(op.steps)
    if op.tags:
        yield [("add_tag", tag) for tag in op.tags]
    return row


def wake(op: Wake) -> Doing[None]:
    """See `Wake`."""
    row = yield from known(op.run_id)
    if op.token is not None:
        yield [("wake_for", {"id": row.id, "token": op.token})]
    elif row.state is RunState.WAITING and row.reason != MANUAL:
        to_tell = tell(row.id, row.parent_id) if row.queue is None else []
        yield [("wake", {"id": op.run_id}), *to_tell]
