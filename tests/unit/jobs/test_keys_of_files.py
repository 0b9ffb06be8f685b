"""Keys of steps and jobs beside what is executed: temporary, protected, cache, may_call, tags, deadline."""

import os
import stat

import pytest
from jobs_helpers import TASKS

from woflo import RunState, forcing, task
from woflo.errors import JobFailedError, MissingOutputError
from woflo.kernel import runtime
from woflo.testing import wait_until

calls = []


@task(runner="thread")
def note(word: str) -> str:
    """Remembers that it was called, and what was there then."""
    calls.append(f"{word} {os.path.exists('parts.txt')}")
    return word


@task
def ask(number: int) -> None:
    """What a command asks for."""
    with open(f"asked{number}", "w") as file:
        file.write("x")


ALL = (*TASKS, note, ask)


@pytest.fixture(autouse=True)
def fresh():
    calls.clear()


def states(run):
    return [str(one.state) for one in run.steps.values()]


PARTS = """
tasks:
  parts: {run: "cp {inputs} {outputs}", inputs: in.txt, outputs: parts.txt, temporary: true}
  one: {run: "cp {inputs} {outputs}", inputs: parts.txt, outputs: one.txt}
  two: {run: ["sh", "-c", "cat $0 $1 >$2", "{inputs[0]}", "{inputs[1]}", "{outputs}"], inputs: [more.txt, parts.txt],
        outputs: two.txt, cwd: "."}
"""


def test_a_temporary_output_goes(folder, store):
    """When all steps that read it have succeeded; it comes again where one has to be executed once more."""
    folder.write("in.txt", "in\n")
    folder.write("more.txt", "more\n")
    run = folder.load(PARTS, tasks=ALL)()
    run.get_result()
    assert not (folder.path / "parts.txt").exists()
    assert (folder.path / "two.txt").read_text() == "more\nin\n"
    run = folder.load(PARTS, tasks=ALL)()
    run.get_result()
    assert states(run) == ["SKIPPED"] * 3
    folder.write("more.txt", "further\n")
    run = folder.load(PARTS, tasks=ALL)()
    run.get_result()
    assert (folder.path / "two.txt").read_text() == "further\nin\n"
    assert run.steps["one"].state is RunState.SKIPPED
    assert not (folder.path / "parts.txt").exists()


def test_a_temporary_output_stays_until_the_last_reader(folder, store):
    """Where it is made again for a step that is done early, the later ones find it."""
    steps = """
tasks:
  parts: {run: "cp {inputs} {outputs}", inputs: in.txt, outputs: parts.txt, temporary: true}
  mid: {run: "true", dependencies: [parts]}
  use: {run: "cat {inputs}", inputs: parts.txt, dependencies: [mid]}
"""
    folder.write("in.txt", "in\n")
    for _ in range(3):
        folder.load(steps)().get_result()
        wait_until(lambda: not (folder.path / "parts.txt").exists())


def test_a_temporary_output_that_is_gone_is_accepted(folder, store):
    """`touch` takes it as it was, with the steps that read it; of what nobody has made it wants to see a file."""
    for name in ("in.txt", "more.txt"):
        folder.write(name, name)
    job = folder.load(PARTS, tasks=ALL)
    with pytest.raises(MissingOutputError, match=r"parts: parts\.txt is not there to be accepted"):
        job.touch()
    job().get_result()
    folder.write("in.txt", "in another way")
    folder.write("one.txt", "by hand")
    assert [one.step for one in job.foreseen() if one.reasons] == ["parts", "one", "two"]
    assert job.touch() == ["parts.txt", "one.txt", "./two.txt"]
    assert not (folder.path / "parts.txt").exists()
    assert [one.reasons for one in job.foreseen()] == [()] * 3
    run = job()
    run.get_result()
    assert states(run) == ["SKIPPED"] * 3
    assert (folder.path / "one.txt").read_text() == "by hand"
    folder.write("more.txt", "further")
    job().get_result()
    assert (folder.path / "two.txt").read_text() == "furtherin another way"
    assert not (folder.path / "parts.txt").exists()


def test_a_temporary_output_stays_for_those_that_go_on(folder, store):
    """Where a reader failed it stays, and goes at the end of the run that goes on with -r."""
    folder.write("in.txt", "in\n")
    with pytest.raises(JobFailedError):
        folder.load(PARTS, tasks=ALL)().get_result()
    assert (folder.path / "parts.txt").exists()
    folder.write("more.txt", "more\n")
    run = folder.load(PARTS, tasks=ALL).resume()
    run.get_result()
    assert run.steps["parts"].state is RunState.SUCCEEDED
    assert not (folder.path / "parts.txt").exists()


def test_a_step_without_files_finds_a_temporary_output(folder, store):
    """It may read whatever the steps make that it needs, so that is there whenever it is executed."""
    text = """
    tasks:
      parts: {run: "cp {inputs} {outputs}", inputs: in.txt, outputs: parts.txt, temporary: parts.txt}
      read: {task: note, parameters: {word: reads}, dependencies: [parts]}
    """
    folder.write("in.txt", "in\n")
    for _ in range(2):
        folder.load(text, tasks=ALL)().get_result()
        assert not (folder.path / "parts.txt").exists()
    assert calls == ["reads True"] * 2


def test_a_protected_output_is_read_only(folder, store):
    """It alone, and it is replaced where the step is forced, and not before."""
    text = """
    tasks:
      make: {run: "cp {inputs} {outputs}", inputs: version.txt, outputs: a.txt, protected: true}
      both: {run: "touch {outputs}", outputs: {left: l.txt, right: [r.txt, s.txt]}, protected: [r.txt]}
    """
    for number in range(2):
        folder.write("version.txt", str(number))
        job = folder.load(text, tasks=ALL)
        if number:
            assert "a.txt is protected" in job.foreseen()[0].reasons[-1]
            with pytest.raises(JobFailedError, match=r"'a\.txt' is protected"):
                job().get_result()
            assert (folder.path / "a.txt").read_text() == "0"
        with forcing("make"):
            run = job()
            run.get_result()
        assert run.steps["make"].state is RunState.SUCCEEDED
        assert (folder.path / "a.txt").read_text() == str(number)
    modes = {name: stat.S_IMODE((folder.path / f"{name}.txt").stat().st_mode) & 0o222 for name in "alrs"}
    assert {name for name, mode in modes.items() if not mode} == {"a", "r"}


def test_a_result_that_is_kept(folder, store):
    """The same arguments and code give it again, with what is said where the task is defined."""
    text = "tasks: {a: {task: note, parameters: {word: one}, cache: true}}"
    for state in ("SUCCEEDED", "SKIPPED"):
        run = folder.load(text, tasks=ALL)()
        assert run.get_result() == {"a": "one"}
        assert states(run) == [state]
    assert len(calls) == 1


def test_calls_that_a_command_asks_for(folder, store):
    """Of the tasks that it may call; of others it has failed."""
    text = """
    tasks:
      ask:
        run: sh ask.sh {number}
        parameters: {number: 3}
        may_call: [ask]
    """
    folder.write("ask.sh", """echo '{"task": "ask", "kwargs": {"number": '$1'}}' >$WOFLO_CALLS""")
    folder.load(text, tasks=ALL)().get_result()
    runtime.wait_for_all()
    assert (folder.path / "asked3").exists()
    with pytest.raises(JobFailedError, match="not among those that it may call: noop"):
        folder.load(text.replace("[ask]", "[noop]"), tasks=ALL)().get_result()


def test_the_whole_job(folder, store):
    """Its runs have the tags of the file, and end when the deadline has passed."""
    job = folder.load(
        """
        config: {tags: {customer: "7"}, deadline: 0.3}
        tasks: {a: {run: sleep 60}}
        """,
        tags={"name": "night"},
    )
    run = job()
    with pytest.raises(Exception, match=r"did not end within its deadline of 0\.3 s"):
        run.get_result(20)
    assert store.tags(run.id) == {"customer": "7", "name": "night"}
    assert str(run.state) == "FAILED"


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("{run: ls, temporary: true}", "temporary: names no file: there are no `outputs` in this step"),
        (
            "{run: ls, outputs: [a, b], temporary: c}",
            "temporary: 'c' is none of the `outputs` of this step; they are: a, b",
        ),
        (
            "{run: ls, outputs: [a, b], temporary: a, protected: true}",
            "protected: 'a' is `temporary` as well; it can be one of them",
        ),
        ("{run: ls, cache: true}", "cache: belongs to tasks; a command is up to date by its `outputs`"),
        ("{task: noop, may_call: [noop]}", "may_call: belongs to commands, and this step has no `run`"),
        ("{run: ls, may_call: [nop]}", "may_call[0]: there is no task 'nop'; did you mean 'noop'?"),
        ("{run: ls, cache: perhaps}", "cache: must be true or false, and is 'perhaps'"),
        ("{task: noop, tags: {a: 1}}", "tags.a: must be a text, and is 1"),
    ],
)
def test_what_cannot_be_meant(folder, step, problem):
    """It is told before anything begins."""
    assert folder.problems(f"tasks: {{a: {step}}}") == [f"job.yaml:1: tasks.a.{problem}"]


def test_a_step_that_is_kept_for_itself_alone_has_tags(folder):
    """Of what executes here nothing is kept that could be found by them."""
    told = folder.problems("tasks: {a: {task: noop, tags: {a: b}}}")
    assert len(told) == 1
    assert told[0].startswith("job.yaml:1: tasks.a: tags={'a': 'b'} needs a run that is kept in a store")
    folder.load("tasks: {a: {task: noop, tags: {a: b}, runner: queue}}")
