"""A span for each run, as OpenTelemetry's own SDK receives it."""

from __future__ import annotations

import pytest
from observer_helpers import AT, created, ended, failed, feed, retried, run_id, started

from woflo import gather, subscribe, task
from woflo.errors import OptionError
from woflo.kernel.state import RunState
from woflo.observers import Spans
from woflo.observers import spans as spans_module

pytest.importorskip("opentelemetry.sdk")
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def telemetry():
    return Telemetry()


class Telemetry:
    """A provider, and what it has exported."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self):
        return {span.name: span for span in self.exporter.get_finished_spans()}


def ids(span):
    return span.context.span_id


def test_a_span_tells_the_story_of_its_run(telemetry):
    """Its times, its attempts and failures as events, and how it ended."""
    events = [
        created(),
        started(at=AT + 1),
        failed(at=AT + 2),
        retried(at=AT + 2),
        started(attempt=2, at=AT + 4),
        ended(attempts=2, at=AT + 5),
    ]
    feed(Spans(telemetry.provider), events)
    span = telemetry.spans["fetch"]
    assert (span.start_time, span.end_time) == (int(AT * 1e9), int((AT + 5) * 1e9))
    told = [(event.name, event.timestamp - span.start_time, event.attributes["woflo.attempt"]) for event in span.events]
    assert told == [
        ("attempt started", 1e9, 1),
        ("exception", 2e9, 1),
        ("retry", 2e9, 1),
        ("attempt started", 4e9, 2),
    ]
    assert span.attributes == {
        "woflo.run_id": run_id(),
        "woflo.task": "fetch",
        "woflo.state": "SUCCEEDED",
        "woflo.attempts": 2,
    }
    assert span.status.status_code.name == "UNSET"


def test_an_error_is_recorded_and_masked(telemetry):
    """As the status, and as an exception by the names of the conventions."""
    error = ValueError("password=HUNTER2")
    feed(Spans(telemetry.provider), [created(), started(), failed(error=error), ended(state="FAILED", error=error)])
    span = telemetry.spans["fetch"]
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "ValueError: password=***")
    (event,) = [event for event in span.events if event.name == "exception"]
    assert event.attributes["exception.type"] == "ValueError"
    assert event.attributes["exception.message"] == "password=***"
    assert "HUNTER2" not in span.to_json()


@pytest.mark.parametrize(
    ("state", "status"), [(RunState.STOPPED, "UNSET"), (RunState.SKIPPED, "UNSET"), (RunState.UPSTREAM_FAILED, "ERROR")]
)
def test_only_failures_are_errors(telemetry, state, status):
    """What was stopped, or had nothing to do, has not failed."""
    feed(Spans(telemetry.provider), [created(), ended(state=state, error=ValueError("x"))])
    assert telemetry.spans["fetch"].status.status_code.name == status


def test_parents_are_the_runs_that_called(telemetry):
    """From the outermost to the innermost, in threads and on loops; siblings have the same."""

    @task(runner="thread")
    def leaf():
        pass

    @task(runner="async")
    async def middle():
        await leaf()

    @task(runner="thread")
    def outer():
        gather(middle()).get_result()

    with subscribe("spans", provider=telemetry.provider):
        outer().get_result()
    spans = telemetry.spans
    assert spans["outer"].parent is None
    assert spans["middle"].parent.span_id == ids(spans["outer"])
    assert spans["leaf"].parent.span_id == ids(spans["middle"])
    assert len({span.context.trace_id for span in spans.values()}) == 1


def test_calls_of_one_process_are_children_of_its_run(telemetry):
    """A run in a process of its own has a span like any other."""

    @task(runner="multiprocess")
    def inner():
        pass

    @task(runner="thread")
    def outer():
        inner().get_result()

    with subscribe("spans", provider=telemetry.provider):
        outer().get_result()
    assert telemetry.spans["inner"].parent.span_id == ids(telemetry.spans["outer"])


def test_links_lead_to_what_a_run_waited_for(telemetry):
    """A graph of calls is a graph of spans; those of one graph are no children of one another."""

    @task(runner="thread")
    def one():
        return 1

    @task(runner="thread")
    def add(numbers):
        return sum(numbers)

    @task(runner="thread")
    def last():
        return 3

    with subscribe("spans", provider=telemetry.provider):
        first = one()
        total = add([first, one()])
        last.with_options(after=[total])().get_result()
    spans = telemetry.exporter.get_finished_spans()
    by_name = telemetry.spans
    assert {link.context.span_id for link in by_name["add"].links} == {
        ids(span) for span in spans if span.name == "one"
    }
    assert [link.context.span_id for link in by_name["last"].links] == [ids(by_name["add"])]
    assert by_name["add"].parent is None


def test_an_outermost_run_belongs_to_the_span_around_its_call(telemetry):
    """What was current in the thread of the call, not in that of the observer."""
    tracer = telemetry.provider.get_tracer("the program's own")
    with subscribe("spans", provider=telemetry.provider):
        with tracer.start_as_current_span("request"):
            run = task(runner="thread", name="within")(lambda: None)()
        run.get_result()
        task(runner="thread", name="without")(lambda: None)().get_result()
    assert telemetry.spans["within"].parent.span_id == ids(telemetry.spans["request"])
    assert telemetry.spans["without"].parent is None


def test_what_is_current_where_it_is_told_is_nothing_to_it(telemetry):
    """An observer of the program may have spans of its own."""
    with telemetry.provider.get_tracer("another").start_as_current_span("elsewhere"):
        feed(Spans(telemetry.provider), [created(), ended()])
    assert telemetry.spans["fetch"].parent is None


def test_what_has_not_ended_is_exported_too(telemetry):
    """At the end of the subscription, and says so."""
    spans = feed(Spans(telemetry.provider), [created(), started()])
    assert telemetry.spans["fetch"].attributes["woflo.state"] == "unknown"
    assert not spans._open


def test_memory_is_bounded(telemetry, monkeypatch):
    """Of spans that have ended only the last ones are remembered."""
    monkeypatch.setattr(spans_module, "MOST_REMEMBERED", 5)
    events = [event for number in range(50) for event in (created(number), ended(number))]
    spans = feed(Spans(telemetry.provider), events)
    assert len(spans._ended) == 5
    assert not spans._open
    assert not spans._by_text


def test_without_opentelemetry_the_way_out_is_named(monkeypatch):
    """Which extra brings it."""
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry", None)
    with pytest.raises(OptionError, match=r"pip install 'woflo\[otel\]'"):
        subscribe("spans")
