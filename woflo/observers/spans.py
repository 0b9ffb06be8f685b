"""OpenTelemetry: a span for each run, with its attempts as events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

from woflo.errors import OptionError
from woflo.kernel import runtime, tracing
from woflo.kernel.events import AttemptFailed, AttemptStarted, RunCreated, RunEnded, RunRetried
from woflo.kernel.masking import told
from woflo.kernel.state import RunState
from woflo.kernel.texts import plain

if TYPE_CHECKING:
    from woflo.kernel.events import Event

__all__ = ["Spans"]

MOST_REMEMBERED = 10_000
"""How many spans that have ended are known, for runs that are called by, or depend on, their runs."""
_FAILURES = frozenset({RunState.FAILED, RunState.UPSTREAM_FAILED})


class Spans:
    """Makes a span of each run. `subscribe("spans")`.

    A span is named after its task, begins with the call and ends with the run. Its parent is the span that was current
    where it was called: that of the run that made the call, or one that the code of that run has begun. While the code
    of an attempt executes, in whatever process, the span of its run is the current one there, so that spans that the
    code begins are its children. Links lead to the runs that it waited for. Attempts, failures and retries are events;
    attributes are `woflo.run_id`, `woflo.state`, `woflo.attempts`. A run that failed has the status ERROR, and its
    exception as an event; text is masked.

    `provider` is a `TracerProvider`; without it the global one. Raises `OptionError` where `opentelemetry-api` is not
    installed.
    """

    patience: float = 5.0
    """Seconds that the end of the program waits."""

    tells_ends = False
    """Nobody looks at spans because of a failure of which nobody knows."""

    def __init__(self, provider: Any = None) -> None:
        try:
            from opentelemetry import trace
        except ImportError as error:
            raise OptionError(
                f"spans need OpenTelemetry ({error}); install it with: pip install 'woflo[otel]'"
            ) from error
        self._trace = trace
        self._tracer = trace.get_tracer("woflo", tracer_provider=provider)
        self._open: dict[str, Any] = {}
        """Spans of runs under way, by the run's id."""
        self._ended: OrderedDict[str, Any] = OrderedDict()
        """Contexts of spans that have ended, the last one last."""
        self._by_text: dict[str, Any] = {}
        """The same spans by how they are carried."""

    def witness(self, event: Event) -> None:
        """In the thread of the call, before its attempt is made: the span is to be carried into that.

        Runs that another process has called are left to this observer's thread: no code of a user's is for the reactor.
        """
        if not isinstance(event, RunCreated) or event.run_id in tracing.announced or runtime.current.on_reactor():
            return
        self._begin(event, self._trace.get_current_span())

    def traceparent(self, run_id: str) -> str | None:
        """See `Carrier`."""
        span = self._open.get(run_id)
        if span is None or not span.get_span_context().is_valid:  # the program has set no provider yet
            return None
        return tracing.as_text(span.get_span_context())

    def span(self, traceparent: str) -> Any:
        """See `Carrier`."""
        return self._by_text.get(traceparent)

    def update(self, event: Event) -> None:
        if isinstance(event, RunCreated):
            if event.run_id not in self._open:
                self._begin_elsewhere(event)
            return
        span = self._open.get(event.run_id)
        if span is None:
            return
        if isinstance(event, AttemptStarted):
            span.add_event("attempt started", {"woflo.attempt": event.attempt}, timestamp=_nanoseconds(event.at))
        elif isinstance(event, AttemptFailed):
            self._add_error(span, "exception", event.error, event.at, {"woflo.attempt": event.attempt})
        elif isinstance(event, RunRetried):
            details = {"woflo.attempt": event.attempt, "woflo.delay": float(event.delay)}
            span.add_event("retry", details, timestamp=_nanoseconds(event.at))
        elif isinstance(event, RunEnded):
            self._end(event, span)

    def on_destroy(self) -> None:
        """Runs that have not ended: their spans do, and say that nobody knows more."""
        for run_id, span in list(self._open.items()):
            span.set_attribute("woflo.state", "unknown")
            self._close(run_id, span, None)

    def _begin_elsewhere(self, event: RunCreated) -> None:
        """A run of another process: its span, and which is the parent's, may have been chosen there."""
        announced = tracing.announced.pop(event.run_id, None)
        if announced is None:
            self._begin(event, None)
            return
        chosen, parent = (tracing.span_context(text) for text in announced)
        with self._choosing(chosen.span_id):
            self._begin(event, self._trace.NonRecordingSpan(parent))

    @contextmanager
    def _choosing(self, span_id: int) -> Iterator[None]:
        """The span that begins in this thread has this id, where the tracer is one of OpenTelemetry's own SDK."""
        # Another one stands before it as long as the program has set none.
        tracer: Any = getattr(self._tracer, "_tracer", self._tracer)
        ids = getattr(tracer, "id_generator", None)
        if ids is not None and not isinstance(ids, _Ids):
            ids = tracer.id_generator = _Ids(ids)
        if ids is not None:
            ids.chosen[get_ident()] = span_id
        try:
            yield
        finally:
            if ids is not None:
                ids.chosen.pop(get_ident(), None)

    def _begin(self, event: RunCreated, current: Any) -> None:
        """`current` is the span within which it was called, where that is known."""
        called_in = tracing.parents.pop(event.run_id, None)
        if called_in is not None:
            current = self._trace.NonRecordingSpan(tracing.span_context(called_in))
        is_known = current is not None and current.get_span_context().is_valid
        parent = current if is_known else event.parent_id and self._span_of(event.parent_id)
        links = [self._trace.Link(span.get_span_context()) for one in event.depends_on if (span := self._span_of(one))]
        context = self._trace.set_span_in_context(parent, _nowhere()) if parent else _nowhere()
        span = self._open[event.run_id] = self._tracer.start_span(
            plain(event.task),
            context=context,
            links=links,
            attributes={"woflo.run_id": event.run_id, "woflo.task": event.task},
            start_time=_nanoseconds(event.at),
        )
        self._by_text[tracing.as_text(span.get_span_context())] = span

    def _span_of(self, run_id: str) -> Any:
        return self._open.get(run_id) or self._ended.get(run_id)

    def _end(self, event: RunEnded, span: Any) -> None:
        span.set_attribute("woflo.state", str(event.state))
        span.set_attribute("woflo.attempts", event.attempts)
        if event.state in _FAILURES:
            text = "" if event.error is None else told(event.error)
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, text))
            if event.error is not None and event.state is RunState.UPSTREAM_FAILED:
                self._add_error(span, "exception", event.error, event.at, {})
        self._close(event.run_id, span, event.at)

    def _close(self, run_id: str, span: Any, at: float | None) -> None:
        span.end(end_time=None if at is None else _nanoseconds(at))
        del self._open[run_id]
        self._by_text.pop(tracing.as_text(span.get_span_context()), None)
        self._ended[run_id] = span
        if len(self._ended) > MOST_REMEMBERED:
            self._ended.popitem(last=False)

    def _add_error(self, span: Any, name: str, error: BaseException, at: float, more: dict[str, Any]) -> None:
        """By the names that OpenTelemetry's conventions give; `record_exception` would show secrets."""
        kind, _, message = told(error).partition(": ")
        details = {"exception.type": kind, "exception.message": message, **more}
        span.add_event(name, details, timestamp=_nanoseconds(at))


class _Ids:
    """What gives ids to spans, but for those that were chosen elsewhere."""

    def __init__(self, others: Any) -> None:
        self._others = others
        self.chosen: dict[int, int] = {}
        """By thread, the id of the span that begins there."""

    def generate_span_id(self) -> int:
        chosen = self.chosen.pop(get_ident(), None)
        return int(self._others.generate_span_id()) if chosen is None else chosen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._others, name)


def _nowhere() -> Any:
    """No parent: what is current in the observer's thread has nothing to do with the run."""
    from opentelemetry.context import Context

    return Context()


def _nanoseconds(at: float) -> int:
    return int(at * 1_000_000_000)
