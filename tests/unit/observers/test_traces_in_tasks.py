"""Spans that the code of a task begins are children of the span of its run, whatever executes it and wherever."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from every_runner import RUNNERS
from systems import HAS_FORK, HAS_PROCESSES, needs_processes
from unit_helpers import script_environment

from woflo import Job, Worker, subscribe, task, workflow
from woflo.jobs import runners as runners_of_jobs
from woflo.kernel import tracing
from woflo.runners import PoolTaskRun

pytest.importorskip("opentelemetry.sdk")
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF


@pytest.fixture
def telemetry():
    made = Telemetry()
    yield made
    for pool in (RUNNERS.get("pool"), PoolTaskRun, *runners_of_jobs._made.values()):
        if pool is not None:
            pool.shutdown()
    assert tracing.carrier is None
    assert not tracing.announced


class Telemetry:
    """A provider, and what it has exported."""

    def __init__(self, **options):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(**options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def listen(self):
        return subscribe("spans", provider=self.provider)

    @property
    def spans(self):
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def context(self, name):
        """Of the span of a run, as code tells that of a parent."""
        found = self.spans[name].context
        return [f"{found.trace_id:032x}", f"{found.span_id:016x}"]

    def parent(self, name):
        parent = self.spans[name].parent
        return None if parent is None else [f"{parent.trace_id:032x}", f"{parent.span_id:016x}"]


def own_span():
    """Begin a span, as any library does; the trace that it belongs to, and its parent."""
    with TracerProvider().get_tracer("library").start_as_current_span("own") as span:
        return [f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}" if span.parent else ""]


def traced():
    return own_span()


async def traced_async():
    await asyncio.sleep(0)
    return own_span()


class Traced:
    def run(self):
        return own_span()


@pytest.mark.parametrize("body", [traced, traced_async, Traced])
@pytest.mark.parametrize("runner", RUNNERS)
def test_on_every_runner(telemetry, runner, body):
    """The parent is the span of the run; without the observer there is none."""
    made = task(runner=RUNNERS[runner], name="made")(body)
    with telemetry.listen():
        told = made().get_result(30)
        again = made().get_result(30)
    spans = [span.context.span_id for span in telemetry.exporter.get_finished_spans()]
    assert [int(one[1], 16) for one in (told, again)] == spans
    assert made().get_result(30)[1] == ""


@pytest.mark.parametrize("runner", RUNNERS)
def test_each_attempt_belongs_to_it(telemetry, runner, tmp_path):
    """Also one that follows a failure."""

    def fail_once(path):
        told = own_span()
        with open(path, "a+") as file:
            file.write(f"{told[1]}\n")
            file.seek(0)
            seen = file.read().split()
        if len(seen) < 2:
            raise ValueError
        return seen

    with telemetry.listen():
        seen = task(runner=RUNNERS[runner], retries=1, name="made")(fail_once)(str(tmp_path / "seen")).get_result(30)
    assert seen == [telemetry.context("made")[1]] * 2


def test_the_span_itself_is_current_in_this_process(telemetry):
    """So that the code may give it attributes."""

    @task(runner="thread")
    def marked():
        trace.get_current_span().set_attribute("mine", 3)

    with telemetry.listen():
        marked().get_result()
    assert telemetry.spans["marked"].attributes["mine"] == 3
    assert not trace.get_current_span().get_span_context().is_valid


def inner():
    return own_span()


def outer(runner):
    """Calls another task within a span of its own."""
    with TracerProvider().get_tracer("library").start_as_current_span("around") as around:
        told = task(runner=runner, name="inner")(inner)().get_result(30)
    return [f"{around.context.trace_id:032x}", f"{around.context.span_id:016x}"], told


@pytest.mark.parametrize("within", ["thread", "multiprocess", "pool"])
@pytest.mark.parametrize("runner", RUNNERS)
def test_what_a_task_calls(telemetry, runner, within):
    """Its span is a child of the one in which it was called, and the parent of what its code begins, at any depth."""
    if within != "thread" and not HAS_PROCESSES:
        pytest.skip("needs processes")
    with telemetry.listen():
        around, told = task(runner=RUNNERS[runner], name="outer")(outer)(within).get_result(60)
    assert telemetry.parent("inner") == around
    assert told == telemetry.context("inner")
    assert telemetry.context("outer")[0] == telemetry.context("inner")[0]
    assert telemetry.parent("outer") is None


@needs_processes
def test_grandchildren(telemetry):
    """A process that a process of a process has started."""

    def middle():
        return task(runner="multiprocess", name="last")(inner)().get_result(30)

    def first():
        return task(runner="multiprocess", name="middle")(middle)().get_result(30)

    with telemetry.listen():
        told = task(runner="multiprocess", name="first")(first)().get_result(60)
    assert told == telemetry.context("last")
    assert telemetry.parent("last") == telemetry.context("middle")
    assert telemetry.parent("middle") == telemetry.context("first")


@pytest.mark.parametrize("runner", [None, *RUNNERS])
def test_steps_of_workflows(telemetry, store, runner):
    """And the code of a workflow itself; steps are children of it."""
    made = task(runner=None if runner is None else RUNNERS[runner], name="made")(traced)

    @workflow
    def plain() -> list[list[str]]:
        return [own_span(), made().get_result()]

    @workflow
    async def on_loop() -> list[list[str]]:
        return [own_span(), await made()]

    for flow in (plain, on_loop):
        telemetry.exporter.clear()
        with telemetry.listen():
            own, step = flow().get_result(60)
        assert own == telemetry.context(flow.name)
        assert step == telemetry.context("made")
        assert telemetry.parent("made") == telemetry.context(flow.name)


@needs_processes
@pytest.mark.parametrize("runner", ["thread", "pool", "multiprocess"])
def test_steps_of_jobs(telemetry, store, tmp_path, runner):
    """By their own names."""
    (tmp_path / "job.yaml").write_text(f"config: {{name: nightly, runner: {runner}}}\ntasks: {{made: {{task: read}}}}")
    job = Job.load(tmp_path / "job.yaml", tasks=[task(name="read")(traced)])
    with telemetry.listen():
        told = job().get_result(60)["made"]
    assert told == telemetry.context("made")
    assert telemetry.parent("made") == telemetry.context("nightly")


@task(runner="queue")
def queued() -> list[str]:
    return own_span()


@pytest.mark.parametrize("runner", [None, "thread", "multiprocess"])
def test_calls_from_a_queue_in_this_process(telemetry, store, runner):
    """By a worker with a runner or without."""
    if runner == "multiprocess" and not HAS_PROCESSES:
        pytest.skip("needs processes")
    with telemetry.listen(), Worker([queued], runner=runner):
        told = queued().get_result(60)
    assert told == telemetry.context("queued")


def test_what_is_not_sampled_is_not_sampled_there():
    """The decision travels along."""
    telemetry = Telemetry(sampler=ALWAYS_OFF)

    @task(runner="thread")
    def look():
        context = trace.get_current_span().get_span_context()
        return context.is_valid, context.trace_flags.sampled

    with telemetry.listen():
        assert look().get_result() == (True, False)
    assert telemetry.spans == {}


def test_a_program_without_a_provider(telemetry):
    """Has no spans, and none is carried: whatever its tasks begin has no parent."""
    made = task(runner="thread", name="made")(traced)
    with subscribe("spans", provider=trace.NoOpTracerProvider()):
        run = made()
        assert run.get_result()[1] == ""


def test_the_span_around_the_call_is_the_parent(telemetry):
    """Of a program that traces itself."""
    made = task(runner="thread", name="made")(traced)
    with telemetry.listen(), telemetry.provider.get_tracer("app").start_as_current_span("request"):
        made().get_result()
    assert telemetry.parent("made") == telemetry.context("request")


APP = """
import json, os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
import woflo

class File(SpanExporter):
    def export(self, spans):
        with open("spans", "a") as file:
            for span in spans:
                told = [os.getpid(), span.name, span.context.span_id, span.parent and span.parent.span_id]
                file.write(json.dumps(told) + chr(10))
        return SpanExportResult.SUCCESS
    def shutdown(self): pass

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(File()))

@woflo.task
def step() -> None:
    with trace.get_tracer("mine").start_as_current_span("in step"):
        pass

@woflo.task(runner="queue")
def queued() -> None:
    with trace.get_tracer("mine").start_as_current_span("in queued"):
        pass

@woflo.workflow
def flow() -> None:
    with trace.get_tracer("mine").start_as_current_span("in flow"):
        step().get_result()
        queued().get_result()
"""
CALL = """
import os
from app import flow, queued
import woflo
with woflo.subscribe("spans"):
    queued().wait()
    flow().wait()
print(os.getpid())
"""


@needs_processes
def test_across_programs(tmp_path):
    """A worker in another program: its span of a call is a child of the caller's, and what its code begins its own."""
    (tmp_path / "app.py").write_text(APP)
    path = f"import sys; sys.path[:0] = {['.', *sys.path]!r}\n"
    how = {"env": script_environment(), "cwd": tmp_path, "stdout": subprocess.PIPE, "text": True}
    caller = subprocess.Popen([sys.executable, "-I", "-c", path + CALL], **how)
    serve = "from woflo.cli import main; sys.argv[1:] = ['worker', 'app.py', '--observe', 'spans']; main()"
    worker = subprocess.Popen([sys.executable, "-I", "-c", path + serve], stderr=subprocess.DEVNULL, **how)
    try:
        own = int(caller.communicate(timeout=60)[0])
    finally:
        caller.kill()
        worker.terminate()
        worker.communicate(timeout=60)
    spans = [json.loads(line) for line in (tmp_path / "spans").read_text().splitlines()]
    called = [(span, parent) for pid, name, span, parent in spans if name == "queued" and pid == own]
    executed = [(span, parent) for pid, name, span, parent in spans if name == "queued" and pid != own]
    inside = [parent for pid, name, _, parent in spans if name == "in queued" and pid != own]
    assert len(called) == len(executed) == len(inside) == 2
    assert [parent for _, parent in executed] == [span for span, _ in called]
    assert inside == [span for span, _ in executed]
    (flow,) = [span for _, name, span, _ in spans if name == "in flow"]
    assert [parent for _, parent in called] == [None, flow]


PROGRAM = """
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
import woflo

class File(SpanExporter):
    def export(self, spans):
        with open("spans", "a") as file:
            for span in spans:
                file.write(json.dumps([span.name, span.context.span_id, span.parent and span.parent.span_id]) + chr(10))
        return SpanExportResult.SUCCESS
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(File()))

@woflo.task(runner="{runner}")
def work():
    with trace.get_tracer("mine").start_as_current_span("own"):
        return 3

with woflo.subscribe("spans"):
    print(work().get_result())
"""


@pytest.mark.skipif(not HAS_FORK, reason="needs os.fork")
@pytest.mark.parametrize("runner", ["thread", "multiprocess", "pool"])
def test_what_a_child_has_begun_is_exported(tmp_path, runner):
    """By the program's own provider, before its process ends, though that exports in batches."""
    program = f"import sys; sys.path[:0] = {sys.path!r}\n{PROGRAM.replace('{runner}', runner)}"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", program],
        env=script_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout == "3\n", ended.stderr
    assert ended.stderr == ""
    spans = {
        name: (own, parent) for name, own, parent in map(json.loads, (tmp_path / "spans").read_text().splitlines())
    }
    assert spans["own"][1] == spans["work"][0]


def test_nothing_of_it_is_imported_where_nobody_traces():
    """Neither in the program nor in its processes."""
    program = """
import sys
import woflo
def found():
    return sorted(name for name in sys.modules if name.startswith("opentelemetry"))
with woflo.subscribe(lambda event: None):
    print(found(), *[woflo.task(runner=runner)(found)().get_result() for runner in ("thread", "multiprocess", "pool")])
"""
    ended = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{program}"],
        env=script_environment(),
        cwd="/tmp",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout.split() == ["[]"] * 4, ended.stderr
