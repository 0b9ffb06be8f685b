"""Jobs are executed: steps in their order, with what others have left; a run of one is a workflow in the store."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from jobs_helpers import noop

from woflo import Job, RunState, Worker, current_run, get_run, shared, subscribe, task, use_store, workflow
from woflo.durable.choice import opened
from woflo.durable.engine import engine_of
from woflo.errors import ArgumentError, JobFailedError, NotInWorkflowError, UpstreamFailedError
from woflo.kernel.events import OutputWritten
from woflo.stores.rows import place_id

pytestmark = pytest.mark.usefixtures("store")


@dataclass
class Page:
    """A value that JSON does not know."""

    number: int
    text: str


@task
def page(number: int) -> Page:
    """A page."""
    return Page(number, f"page {number}")


@task
def text_of(pages: list[Page], title: str, folder: Path = Path()) -> str:
    """The texts of some pages."""
    return f"{title} {folder}: {', '.join(one.text for one in pages)}"


@task
def fail(why: str = "no") -> None:
    """Fails."""
    raise ValueError(why)


@task
def flaky(file: str) -> int:
    """Succeeds the third time."""
    with open(file, "a") as lines:
        lines.write("x")
    if os.path.getsize(file) < 3:
        raise OSError("not yet")
    return current_run().attempt


@task
async def later(x: int) -> int:
    """An async function."""
    return x + 1


@task
def told(**given: str) -> dict[str, str]:
    """What it was given."""
    return given


@task
def share(name: str, value: int) -> int:
    """Leave a value, and one for the sum of all."""
    shared[name] = value
    shared.setdefault("all", []).append(value)
    return len(shared)


@task
def seen() -> dict[str, object]:
    """What others have left."""
    return dict(shared)


@task
def share_and_fail() -> None:
    """What an attempt has left that fails."""
    shared["never"] = True
    raise ValueError("too bad")


@task
def unshare(name: str) -> None:
    """Take a value away."""
    del shared[name]


@task
def share_anything() -> None:
    """Leave what JSON does not know."""
    shared["page"] = {1, 2}


@task
class Counter:
    """A class is a task, and its fields are the parameters."""

    def __init__(self, file: str, times: int = 1) -> None:
        self.file = file
        self.times = times

    def on_create(self) -> None:
        self._say("create")

    def run(self) -> int:
        self._say("run")
        return self.times + 1

    def on_success(self) -> None:
        self._say("success")

    def on_destroy(self) -> None:
        self._say("destroy")

    def _say(self, what: str) -> None:
        with open(self.file, "a") as lines:
            lines.write(f"{what} ")


@workflow
def inner(x: int) -> int:
    """A workflow may be a step, too."""
    return later(x).get_result() * 10


TASKS = [noop, page, text_of, fail, flaky, later, told, share, seen, share_and_fail, unshare, share_anything, Counter]
TASKS += [inner]


def test_values_go_from_step_to_step(folder):
    """As they are where nothing else stands in the text, and as texts where they are parts of one."""
    job = folder.load(
        """
        tasks:
          title:
            task: text_of
            parameters:
              pages: ["${two.result}", "${one.result}"]
              title: ${n.result} of $${n.result}
              folder: a/b
          one: {task: page, parameters: {number: 1}}
          two: {task: page, parameters: {number: "${n.result}"}}
          n: {task: later, parameters: {x: "1"}}
        """,
        tasks=TASKS,
    )
    run = job()
    assert run.get_result() == {"title": "2 of ${n.result} a/b: page 2, page 1"}
    assert job.steps == ["one", "n", "two", "title"]
    assert run.steps["two"].get_result() == Page(2, "page 2")


def test_it_is_a_workflow_in_the_store(folder, store):
    """One run under the name of the job, whose steps are runs at places with their names."""
    job = folder.load("config: {name: nightly}\ntasks:\n  a: {task: noop}\n  b: {task: noop, dependencies: [a]}\n")
    run = job()
    assert run.get_result() == {"b": None}
    row = store.get(run.id)
    assert (row.task, row.state) == ("nightly", RunState.SUCCEEDED)
    steps = store.steps(run.id)
    assert [(one.id, one.task, one.scope, one.state) for one in steps] == [
        (place_id(run.id, "a", 0), "noop", "a", RunState.SUCCEEDED),
        (place_id(run.id, "b", 0), "noop", "b", RunState.SUCCEEDED),
    ]
    assert get_run(run.id).get_result() == {"b": None}


def test_independent_branches_go_on(folder):
    """What needs the step that failed is UPSTREAM_FAILED and named, and so is what needs that; all else succeeds."""
    run = folder.load(
        """
        tasks:
          bad: {task: fail, parameters: {why: too bad}}
          behind: {task: noop, dependencies: [bad]}
          far-behind: {task: noop, dependencies: [behind, good]}
          good: {task: noop}
          better: {task: noop, dependencies: [good]}
        """,
        tasks=TASKS,
    )()
    with pytest.raises(JobFailedError) as error:
        run.get_result()
    assert str(error.value).splitlines() == [
        "3 of 5 steps of job did not succeed",
        "bad: ValueError: too bad",
        "not executed because of that: behind, far-behind",
    ]
    assert error.value.failures == {"bad": "ValueError: too bad"}
    assert error.value.upstream_failed == ["behind", "far-behind"]
    stored = get_run(run.id).exception()
    assert (stored.failures, stored.upstream_failed) == (error.value.failures, error.value.upstream_failed)
    states = {name: step.state.value for name, step in run.steps.items()}
    assert states == {
        "bad": "FAILED",
        "good": "SUCCEEDED",
        "better": "SUCCEEDED",
        "behind": "UPSTREAM_FAILED",
        "far-behind": "UPSTREAM_FAILED",
    }
    told = run.steps["far-behind"].exception()
    assert isinstance(told, UpstreamFailedError)
    assert "far-behind was not executed: behind" in str(told)


def test_attempts(folder):
    """`max_attempts` is one more than `retries`."""
    text = f"tasks: {{a: {{task: flaky, parameters: {{file: {folder.path}/tries}}, max_attempts: 3, backoff: 0.01}}}}"
    run = folder.load(text, tasks=TASKS)()
    assert run.get_result() == {"a": 3}
    assert folder.path.joinpath("tries").read_text() == "xxx"
    with pytest.raises(JobFailedError, match="OSError: not yet"):
        folder.load(text.replace("tries", "again").replace("attempts: 3", "attempts: 2"), tasks=TASKS)().get_result()


def test_a_class_with_its_lifecycle(folder):
    """Its methods are called in their order."""
    job = folder.load(
        f"tasks: {{a: {{task: Counter, parameters: {{file: {folder.path}/lines, times: 4}}}}}}", tasks=TASKS
    )
    assert job().get_result() == {"a": 5}
    assert folder.path.joinpath("lines").read_text().split() == ["create", "run", "success", "destroy"]


@pytest.mark.parametrize("runner", ["thread", "sequential", "async", "multiprocess", "pool"])
def test_runners(folder, runner):
    """A step may name its own; shared values come and go on each."""
    job = folder.load(
        f"""
        tasks:
          a: {{task: share, parameters: {{name: x, value: 3}}, runner: {runner}}}
          b: {{task: later, parameters: {{x: "${{a.result}}"}}, runner: {runner}}}
          c: {{task: seen, dependencies: [a], runner: {runner}}}
        """,
        tasks=TASKS,
    )
    assert job().get_result() == {"b": 3, "c": {"x": 3, "all": [3]}}


def test_a_workflow_as_a_step(folder):
    """It is a child, with steps of its own."""
    job = folder.load(
        """
        tasks:
          n: {task: later, parameters: {x: 1}}
          a: {task: inner, parameters: {x: "${n.result}"}}
          b: {task: later, parameters: {x: "${a.result}"}}
        """,
        tasks=TASKS,
    )
    assert job().get_result() == {"b": 31}
    assert folder.problems(
        """
        tasks:
          n: {task: later, parameters: {x: 1}}
          a: {task: inner, parameters: {x: "${n.result}0"}}
        """,
        tasks=TASKS,
    )[0].startswith("job.yaml:3: tasks.a.parameters.x: a text with a value in it cannot be given to what a store keeps")


def test_all_shared_values_are_seen(folder):
    """By the steps that begin after those that left them have ended; a failed attempt leaves nothing."""
    run = folder.load(
        """
        tasks:
          a: {task: share, parameters: {name: x, value: 1}}
          b: {task: share, parameters: {name: y, value: 2}, dependencies: [a]}
          c: {task: share_and_fail, dependencies: [b]}
          d: {task: unshare, parameters: {name: x}, dependencies: [b]}
          e: {task: seen, dependencies: [d]}
        """,
        tasks=TASKS,
    )()
    with pytest.raises(JobFailedError):
        run.get_result()
    assert run.steps["b"].get_result() == 3
    assert run.steps["e"].get_result() == {"y": 2, "all": [1, 2]}


def test_what_cannot_be_shared_is_refused(folder):
    """What JSON does not know fails the step, by its name; outside of a step there is nothing to share."""
    with pytest.raises(JobFailedError, match=r"shared\['page'\] is or holds set"):
        folder.load("tasks: {a: {task: share_anything}}", tasks=TASKS)().get_result()
    with pytest.raises(NotInWorkflowError, match="outside of a step"):
        shared["x"] = 1


def test_a_value_that_does_not_fit(folder):
    """What another step has left is checked when it is there, by the name of the step."""
    run = folder.load(
        """
        tasks:
          a: {task: told, parameters: {x: y}}
          b: {task: later, parameters: {x: "${a.result}"}}
        """,
        tasks=TASKS,
    )()
    with pytest.raises(JobFailedError):
        run.get_result()
    told = run.steps["b"].exception()
    assert isinstance(told, ArgumentError)
    assert "b (later) cannot be given what others have left: input should be a valid integer" in str(told)


def test_steps_for_workers(folder, store):
    """A step may wait in a queue; what it gets and leaves goes on as of any other."""
    job = folder.load(
        """
        config: {runner: queue}
        tasks:
          n: {task: later, parameters: {x: 1}, runner: thread}
          a: {task: later, parameters: {x: "${n.result}"}}
          b: {task: later, parameters: {x: "${a.result}"}, dependencies: }
          c: {task: noop, parameters: , dependencies: [b]}
        """,
        tasks=TASKS,
    )
    with Worker([later, noop], store=store):
        run = job()
        assert run.get_result(timeout=30) == {"c": None}
    assert run.steps["b"].get_result() == 4
    assert store.get(run.steps["a"].id).queue == "default"


def test_as_many_at_once_as_allowed(folder):
    """`max_concurrency`, of the file or of the call, over all steps."""
    text = "config: {max_concurrency: 3, runner: thread}\ntasks:\n" + "".join(
        f"  s{n}: {{task: busy}}\n" for n in range(12)
    )
    for given, most in (({}, 3), ({"max_concurrency": 1}, 1)):
        _most[:] = [0, 0]
        folder.load(text, tasks=[busy], **given)().get_result()
        assert 0 < _most[1] <= most
    assert folder.load(text, tasks=[busy], max_concurrency=0).plan.max_concurrency is None


_most = [0, 0]


@task
def busy() -> None:
    """Counts how many of it are under way."""
    import threading
    import time

    with _lock_of(threading):
        _most[0] += 1
        _most[1] = max(_most)
    time.sleep(0.01)  # it is about what is under way meanwhile
    with _lock_of(threading):
        _most[0] -= 1


def _lock_of(threading, made=[]):  # noqa: B006 - kept from call to call
    made.append(threading.Lock()) if not made else None
    return made[0]


def test_a_pool_as_large_as_the_job_wants(folder):
    """More steps at once than there are processors, as the file says."""
    text = "config: {max_concurrency: 4}\ntasks:\n" + "".join(
        f"  s{n}: {{task: meet, parameters: {{count: 4, folder: {folder.path}, name: '{n}'}}}}\n" for n in range(4)
    )
    assert folder.load(text, tasks=[meet])().get_result() == {f"s{n}": 4 for n in range(4)}


@task
def meet(count: int, folder: Path, name: str) -> int:
    """Wait until so many are under way."""
    import time

    (folder / f"met-{name}").touch()
    end = time.monotonic() + 10
    while len(list(folder.glob("met-*"))) < count and time.monotonic() < end:
        time.sleep(0.01)  # processes that have nothing but the folder in common
    return len(list(folder.glob("met-*")))


@task
def say(text: str) -> None:
    """Prints."""
    print(text)


def test_prints_are_captured(folder, capfd):
    """Where there are observers: they are told by the name of the step; elsewhere prints go where all others go."""
    job = folder.load("tasks: {a: {task: say, parameters: {text: hello}}}", tasks=[say])
    told = []
    with subscribe(told.append):
        job().get_result()
    assert [(one.task, one.text) for one in told if isinstance(one, OutputWritten)] == [("a", "hello\n")]
    assert capfd.readouterr().out == ""


def test_it_may_be_awaited(folder):
    """On the loop that calls it, beside others."""
    text = "tasks: {{a: {{task: later, parameters: {{x: {}}}}}}}"
    jobs = [folder.load(text.format(n), f"job{n}.yaml", tasks=TASKS) for n in range(3)]

    async def main():
        return await asyncio.gather(*[job() for job in jobs])

    assert asyncio.run(main()) == [{"a": 1}, {"a": 2}, {"a": 3}]


@pytest.mark.parametrize("kind", ["dir", "sqlite"])
def test_stores_on_disk(folder, kind):
    """Names of steps may have what means something to a store: dots, slashes, what is not ASCII."""
    url = {"dir": f"dir:{folder.path}/store", "sqlite": f"sqlite:///{folder.path}/store.db"}[kind]
    store = opened(url)
    before = use_store(store)
    try:
        text = """
        tasks:
          a.b/0: {task: share, parameters: {name: x, value: 1}}
          "ü 1:2": {task: later, parameters: {x: "${a.b/0.result}"}}
          "[1]": {task: noop}
          ..: {task: fail, dependencies: [a.b/0]}
        """
        run = folder.load(text, tasks=TASKS)()
        with pytest.raises(JobFailedError):
            run.get_result()
        assert sorted(run.steps) == ["..", "[1]", "a.b/0", "ü 1:2"]
        assert run.steps["ü 1:2"].get_result() == 3
        again = folder.load(text.replace("fail,", "seen,"), tasks=TASKS).resume()
        assert again.get_result() == {"ü 1:2": 3, "[1]": None, "..": {"x": 1, "all": [1]}}
    finally:
        use_store(before)
        engine_of(store).close()
        store.close()


@workflow
def of_a_job(file: str) -> dict[str, object]:
    """A workflow that executes a job."""
    return Job.load(file, tasks=TASKS)().get_result()


def test_a_job_in_a_workflow(folder):
    """It is a child of it."""
    file = folder.write("inner.yaml", "tasks: {a: {task: later, parameters: {x: 1}}}")
    assert of_a_job(str(file)).get_result() == {"a": 2}


def test_a_folder_of_a_command_that_there_is_not(folder):
    """That is told, and not that there is no such command."""
    error = folder.load("tasks:\n  a: {run: echo x, cwd: nodir}\n")().exception()
    assert "a could not be started: there is no folder 'nodir', which is its `cwd`" in str(error)
