"""What attempts tell while they run reaches the caller's observers."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from woflo import current_run, subscribe, track
from woflo.kernel import events, masking, tracing
from woflo.kernel.context import current_attempt
from woflo.testing.conformance.checks import Runner, check, isolated
from woflo.testing.conformance.tools import configured, events_of, logged, on, value_of


def advance() -> None:
    """Tells its progress in both ways."""
    current_run().progress(1, 2, "half")
    for _ in track("ab"):
        pass


async def advance_async() -> str:
    """Tells its progress in a coroutine, over what comes."""

    async def letters() -> AsyncIterator[str]:
        for letter in "ab":
            yield letter

    return "".join([letter async for letter in track(letters(), 2)])


def tell_secret(token: str) -> None:
    """Says it in every way, also across the end of a piece of output."""
    sys.stdout.write("x" * ((1 << 16) - 4) + token + "\n")
    current_run().progress(1, 2, token)
    raise ValueError(token)


def span_here(word: str) -> list[str | None]:
    """The span that its run has, beside what it was given."""
    attempt = current_attempt.get()
    return [word, attempt.trace if attempt is not None else "no attempt"]


def advance_and_die() -> None:
    """Tells its progress, and crashes."""
    current_run().progress(7)
    os._exit(1)


def write_both() -> None:
    """Writes to both streams."""
    sys.stdout.write("to stdout ü\n")
    sys.stdout.flush()
    sys.stderr.write("to stderr\n")
    sys.stderr.flush()


def write_no_newline() -> None:
    """Leaves a line without its end."""
    sys.stdout.write("no newline")


def write_from_below() -> None:
    """Writes without Python's streams, and through a program."""
    os.write(1, b"by descriptor\n")
    subprocess.run(["echo", "by a program"], check=True)


def write_log() -> None:
    """Logs a warning."""
    logging.getLogger("some.place").warning("watch out: %d", 7)


def call_another() -> int:
    """Calls a task, whose progress it waits for, and one that fails."""
    from woflo import task

    task(runner="thread", name="inner")(advance)().wait()
    task(runner="thread", name="failing")(fail)().wait()
    return 3


def fail() -> None:
    """Fails."""
    raise ValueError("told")


def raise_always(_: object) -> None:
    """An observer that raises."""
    raise ZeroDivisionError("an observer that raises")


def _text(written: list[Any], run_id: str, stream: str) -> str:
    return "".join(event.text for event in written if (event.run_id, event.stream) == (run_id, stream))


@check()
def progress(runner: Runner) -> None:
    """Progress arrives in order, with the run that told it, before the run's end is told."""
    with events_of(events.Event) as told:
        run = on(runner, advance)()
        value_of(run)
    mine = [event for event in told if event.run_id == run.id]
    made = [event for event in mine if isinstance(event, events.ProgressMade)]
    steps = [(event.done, event.message) for event in made]
    assert steps == [(1, "half"), (0, ""), (1, ""), (1, ""), (2, "")], steps
    assert {event.total for event in made} == {2}
    assert isinstance(mine[-1], events.RunEnded), [type(event).__name__ for event in mine]


@check()
def progress_of_a_coroutine(runner: Runner) -> None:
    """What a coroutine iterates over is told as that of a plain function is."""
    with events_of(events.ProgressMade) as told:
        run = on(runner, advance_async)()
        assert value_of(run) == "ab"
    assert [(event.done, event.total) for event in told if event.run_id == run.id] == [(n, 2) for n in (0, 1, 1, 2)]


@check()
def the_span_of_a_run(runner: Runner) -> None:
    """Where runs are traced, the span of a run comes with its attempts; where they are not, nothing does."""
    spans = _Spans()
    tracing.carrier = spans
    try:
        run = on(runner, span_here)("with")
        assert value_of(run) == ["with", spans.traceparent(run.id)]
    finally:
        tracing.carrier = None
    assert value_of(on(runner, span_here)("without")) == ["without", None]


class _Spans:
    """A `Carrier` whose spans are named after their runs."""

    def traceparent(self, run_id: str) -> str:
        return f"00-{'7' * 32}-{run_id[-8:]:1>16}-01"

    def span(self, traceparent: str) -> None:
        """It has none."""


@check(only=isolated)
def progress_before_a_crash(runner: Runner) -> None:
    """What was told before a crash arrives."""
    with events_of(events.ProgressMade) as told:
        run = on(runner, advance_and_die)()
        run.wait()
    assert [event.done for event in told if event.run_id == run.id] == [7]


@check()
def the_life_of_a_run(runner: Runner) -> None:
    """Observers hear of the call, each attempt, each failure, each retry and the end, in this order."""
    with events_of(events.Event) as told:
        run = on(runner, fail, retries=1)()
        run.wait()
    kinds = [type(event).__name__ for event in told if event.run_id == run.id]
    attempt = ["AttemptStarted", "AttemptFailed"]
    assert kinds == ["RunCreated", *attempt, "RunRetried", *attempt, "RunEnded"]


@check()
def calls_within_calls(runner: Runner) -> None:
    """What an attempt calls is told to observers of the outermost caller, wherever the attempt executes."""
    with events_of(events.Event) as told:
        run = on(runner, call_another)()
        assert value_of(run) == 3
    created = {event.task: event for event in told if isinstance(event, events.RunCreated)}
    assert created["inner"].parent_id == created["failing"].parent_id == run.id
    inner = [event for event in told if event.run_id == created["inner"].run_id]
    assert [type(event).__name__ for event in inner] == [
        "RunCreated", "AttemptStarted", *["ProgressMade"] * 5, "RunEnded"
    ]  # fmt: skip
    (ended,) = [event for event in told if isinstance(event, events.RunEnded) and event.task == "failing"]
    assert ended.state == "FAILED"
    assert (type(ended.error).__name__, str(ended.error)) == ("ValueError", "told")
    assert told.index(inner[-1]) < told.index(next(event for event in told if _is_end(event, run.id)))


def _is_end(event: Any, run_id: str) -> bool:
    return isinstance(event, events.RunEnded) and event.run_id == run_id


@check()
def observers_that_raise(runner: Runner) -> None:
    """An observer that raises harms neither the run nor the other observers, and the log tells of it."""
    with logged() as said, subscribe(raise_always), events_of(events.RunEnded) as told:
        run = on(runner, advance)()
        assert value_of(run) is None
    assert [event.state for event in told if event.run_id == run.id] == ["SUCCEEDED"]
    assert "raise_always raised" in said[-1], said


@check()
def captured_output(runner: Runner) -> None:
    """With `capture_output`, what a task writes to stdout and stderr reaches the observers."""
    with configured(runner, capture_output=True) as listening, events_of(events.OutputWritten) as told:
        run = on(listening, write_both)()
        value_of(run)
        later = on(listening, write_both)()
        value_of(later)
    for one in (run, later):
        assert _text(told, one.id, "stdout") == "to stdout ü\n"
        assert _text(told, one.id, "stderr") == "to stderr\n"


@check()
def captured_before_the_end(runner: Runner) -> None:
    """What was written is told before the end of its run, also a line that has none."""
    with configured(runner, capture_output=True) as listening, events_of(events.Event) as told:
        run = on(listening, write_no_newline)()
        value_of(run)
    mine = [event for event in told if event.run_id == run.id]
    assert "".join(event.text for event in mine if isinstance(event, events.OutputWritten)) == "no newline"
    assert isinstance(mine[-1], events.RunEnded), [type(event).__name__ for event in mine]


@check()
def secrets(runner: Runner) -> None:
    """What is given under the name of a secret is in no text that is told, printed alone, in parts or in an error."""
    secret = f"sesame-{os.urandom(8).hex()}"
    with configured(runner, capture_output=True) as listening, events_of(events.Event) as told:
        run = on(listening, tell_secret)(secret)
        run.wait()
    mine = [event for event in told if event.run_id == run.id]
    texts = [getattr(event, "text", "") + getattr(event, "message", "") for event in mine]
    texts += [masking.told(event.error) for event in mine if isinstance(event, events.RunEnded) and event.error]
    assert "***" in "".join(texts)
    assert not any(part in "".join(texts) for part in (secret, secret[:10], secret[-10:]))


@check(only=isolated)
def captured_output_from_below(runner: Runner) -> None:
    """Where attempts are isolated, what programs and libraries in C write is captured as well."""
    told = _captured(runner, write_from_below, events.OutputWritten)
    assert "".join(event.text for event in told if event.stream == "stdout") == "by descriptor\nby a program\n"


@check(only=isolated)
def log_records(runner: Runner) -> None:
    """Where attempts are isolated and output is captured, log records arrive as such."""
    told = [(event.logger, event.level, event.message) for event in _captured(runner, write_log, events.LogRecorded)]
    assert told == [("some.place", logging.WARNING, "watch out: 7")]


def _captured(runner: Runner, fn: Callable[[], None], kind: type[events.Event]) -> list[Any]:
    """What one run of `fn` tells of this kind where its output is captured."""
    with configured(runner, capture_output=True) as listening, events_of(kind) as told:
        run = on(listening, fn)()
        value_of(run)
    return [event for event in told if event.run_id == run.id]
