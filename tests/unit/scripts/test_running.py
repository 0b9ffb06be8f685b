"""A script is a task: it runs, fails, is tried again, stopped and waited for like any other."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from fresh_helpers import ended

from woflo import RunState, find_runs, gather, script, send, task, wait_signal, workflow
from woflo.durable.engine import engine_of
from woflo.errors import MissingInputError, MissingOutputError, ScriptError, TaskStoppedError, TaskTimeoutError
from woflo.runners.pool import PoolTaskRun
from woflo.scripts.ledger import ledger
from woflo.testing import wait_until

SLEEPS = "echo $$ > pid; (sleep 1000 & echo $! > child; wait); true"


def is_alive(file):
    try:
        os.kill(int(Path(file).read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def written(*files):
    return all(Path(file).exists() and Path(file).read_text().strip() for file in files)


def test_runs_stand_for_their_outputs(project):
    """A run among the inputs is waited for, and its outputs are what the command is given."""
    solve = script("echo {i} > {outputs}", outputs="test_{i}.txt", shell=True, name="solve")
    final = script("cat {inputs} > {outputs}", outputs="final.txt", shell=True)
    runs = [solve(i=i) for i in range(3)]
    last = final(inputs=runs)
    assert last.get_result() == ["final.txt"]
    assert last.outputs == ("final.txt",)
    assert (project / "final.txt").read_text() == "0\n1\n2\n"
    assert [run.outputs for run in runs] == [("test_0.txt",), ("test_1.txt",), ("test_2.txt",)]


def test_named_groups(project):
    """The result has the names, and so have the inputs that it becomes."""
    make = script("touch {outputs}", outputs={"bam": "{x}.bam", "logs": ["{x}.log", "{x}.err"]})
    run = make(x="q")
    assert run.get_result() == {"bam": ["q.bam"], "logs": ["q.log", "q.err"]}
    use = script("cp {inputs.bam} {outputs}", outputs="copy.bam")
    assert use(inputs=run).get_result() == ["copy.bam"]


def test_a_function_that_returns_the_command(project):
    """A list of words, or a text; its parameters are those of the task, files included."""

    @script(outputs="{name}.txt", name="greet")
    def greet(name, times=2, outputs=()):
        return ["sh", "-c", f"for i in $(seq {times}); do echo $0; done > $1", name, *outputs]

    assert greet("a b").get_result() == ["a b.txt"]
    assert (project / "a b.txt").read_text() == "a b\na b\n"

    @script
    def plain(x: int):
        return "touch made_{x}"

    plain(3).get_result()
    assert (project / "made_3").exists()


def test_globbed_outputs(project):
    """What a glob finds after the command is what it made; files that were there before are not."""
    (project / "part_hand.txt").write_text("mine")
    split = script("for i in 1 2 3; do echo $i > part_$i.txt; done", outputs="part_*.txt", shell=True, name="split")
    assert split().get_result() == ["part_1.txt", "part_2.txt", "part_3.txt"]
    assert split().state is RunState.SKIPPED


def test_globbed_inputs(project):
    """In their order."""
    for name in "bca":
        (project / f"{name}.in").write_text(name)
    join = script("cat {inputs} > {outputs}", inputs="*.in", outputs="all.txt", shell=True)
    join().get_result()
    assert (project / "all.txt").read_text() == "abc"


def test_folders_of_outputs_are_made(project):
    """Also of globs."""
    script("touch {outputs}", outputs="deep/er/x_{i}.txt")(i=1).get_result()
    script("touch other/place/a.txt", outputs="other/place/*.txt")().get_result()
    assert (project / "deep/er/x_1.txt").exists()


def test_a_thousand_outputs(project):
    """Of one script; it is up to date afterwards."""
    many = script("touch {outputs}", outputs=[f"many/{i}.txt" for i in range(1000)], name="many")
    assert len(many().get_result()) == 1000
    assert many().state is RunState.SKIPPED


def test_environment_and_folder(project):
    """Variables may be templates; inputs and outputs are relative to the folder."""
    (project / "sub").mkdir()
    (project / "sub/in.txt").write_text("!")
    show = script(
        "echo $MODE$(cat {inputs}) > {outputs}",
        inputs="in.txt",
        outputs="out.txt",
        env={"MODE": "m{m}", "PATH": None},
        cwd="sub",
        shell=True,
        name="show",
    )
    assert show(m=3).get_result() == ["sub/out.txt"]
    assert (project / "sub/out.txt").read_text() == "m3!\n"
    assert show(m=3).state is RunState.SKIPPED
    assert ended(show(m=4)) is RunState.SUCCEEDED


def test_a_failure_tells_command_status_and_last_lines(project):
    """And where all of the output is; what would steer a terminal is spelled out."""
    bad = script(r"printf 'one\n\033[31mtwo\377\n' >&2; exit 3", shell=True, name="bad")
    error = bad().exception()
    assert isinstance(error, ScriptError)
    assert (error.exit_code, error.signal) == (3, None)
    assert "bad ended with status 3: printf" in str(error)
    assert error.output == "one\n\\x1b[31mtwo\N{REPLACEMENT CHARACTER}"
    assert error.output in str(error)
    assert Path(error.log).read_bytes() == b"one\n\x1b[31mtwo\xff\n"


def test_a_signal_is_told_by_its_name(project):
    """A command that was killed from outside has failed like any other."""
    error = script("kill -SEGV $$", shell=True, name="dies")().exception()
    assert (error.exit_code, error.signal) == (None, "SIGSEGV")
    assert "was ended by SIGSEGV" in str(error)


def test_secrets_are_seen_nowhere(project, store):
    """Neither in the error nor in what is kept."""
    login = script("sh -c 'exit 1' {password} {user}", name="login")
    error = login(password="hunter2", user="me").exception()
    assert "me" in str(error)
    assert "hunter2" not in str(error)
    ok = script("touch {outputs} # ", outputs="x.txt", env={"API_TOKEN": "{token}", "URL": "x/{token}"}, name="ok")
    ok(token="hunter2").get_result()
    login("hunter2", "me").wait()
    ledger().flush()
    assert "hunter2" not in repr(store.snapshot())


class Unshown:
    def __str__(self):
        raise ValueError("no text")


@pytest.mark.parametrize("table", [{(1, 2): 3}, Unshown()])
def test_arguments_that_cannot_be_kept(project, table):
    """The run ends all the same, for whoever waits for it in another thread as well."""

    @script(outputs="x.txt")
    def made(table):
        return ["touch", "x.txt"]

    ended = threading.Event()
    run = made(table=table)
    run.add_done_callback(lambda _: ended.set())
    assert run.get_result(30) == ["x.txt"]
    assert ended.wait(30)


@pytest.mark.parametrize(("words", "status"), [(["no-such-command"], 127), (["./plain"], 126)])
def test_a_command_that_cannot_be_started(project, words, status):
    """Is told by its name."""
    (project / "plain").write_text("x")
    error = script(words, name="odd")().exception()
    assert (error.exit_code, words[0] in str(error)) == (status, True)


def test_retries_have_a_log_each(project):
    """The attempts are counted as of any task."""
    flaky = script(
        "echo try; if [ -e once ]; then touch {outputs}; else touch once; exit 1; fi",
        outputs="x.txt",
        retries=1,
        shell=True,
        name="flaky",
    )
    run = flaky()
    assert run.get_result() == ["x.txt"]
    assert run.attempt == 2
    logs = sorted((project / ".woflo/logs").iterdir())
    assert [log.read_text() for log in logs] == ["try\n", "try\n"]
    assert str(logs[1]) == run.log


def test_a_success_without_its_outputs_is_a_failure(project):
    """It is tried again like one, and tells what is missing."""
    lazy = script("true", outputs=["a.txt", "b.txt"], retries=2)
    run = lazy()
    error = run.exception()
    assert isinstance(error, MissingOutputError)
    assert (error.missing, run.attempt) == (("a.txt", "b.txt"), 3)


def test_a_missing_input_is_told_before_the_start(project):
    """With who should have made it; nothing is executed, and nothing tried again."""
    make = script("touch {outputs}", outputs="a.txt", name="make_a")
    make().get_result()
    os.unlink("a.txt")
    use = script("touch began; cp {inputs} {outputs}", inputs="a.txt", outputs="b.txt", shell=True, retries=3)
    error = use().exception()
    assert isinstance(error, MissingInputError)
    assert "'a.txt' does not exist; make_a made it last" in str(error)
    assert "nothing is known to make it" in str(use(inputs="c.txt").exception())
    assert not (project / "began").exists()


def test_stop_ends_the_whole_tree(project):
    """The command and what it has started, whether they listen or not."""
    run = script(f"trap '' TERM; {SLEEPS}", shell=True, name="sleeps")()
    wait_until(lambda: written("pid", "child"))
    assert run.stop(grace=0.2)
    assert run.state is RunState.STOPPED
    assert not is_alive("pid")
    wait_until(lambda: not is_alive("child"))


def test_a_timeout_ends_the_whole_tree(project):
    """As of any task; the next attempt starts when nothing is left."""
    run = script(SLEEPS, shell=True, timeout=0.5, name="sleeps")()
    assert isinstance(run.exception(), TaskTimeoutError)
    wait_until(lambda: not is_alive("child"))


def test_a_failed_command_leaves_nothing_behind(project):
    """What it has started in the background ends with it."""
    run = script("sleep 1000 & echo $! > child; exit 1", shell=True, name="fails")()
    assert run.exception().exit_code == 1
    wait_until(lambda: not is_alive("child"))


def test_a_stopped_run_leaves_no_partial_file(project):
    """What it has begun to write is gone."""
    run = script("echo half > {outputs}; " + SLEEPS, outputs="x.txt", shell=True, name="partial")()
    wait_until(lambda: written("pid", "child", "x.txt"))
    run.stop(grace=0.1)
    assert not (project / "x.txt").exists()


def test_no_more_at_once_than_the_limit(project):
    """Others wait."""
    one = script("mkdir busy && sleep 0.05 && rmdir busy", shell=True, max_concurrency=1, name="one")
    gather(*[one() for _ in range(5)]).get_result()


@pytest.mark.parametrize(
    "runner", ["sequential", "thread", "async", "multiprocess", PoolTaskRun.configured(max_concurrency=1)]
)
def test_on_any_runner(project, runner):
    """The command is executed, its outputs are looked at, and it is up to date afterwards."""
    make = script("echo {i} > {outputs}", outputs="x_{i}.txt", shell=True, runner=runner, name="make")
    run = make(i=1)
    assert run.get_result() == ["x_1.txt"]
    assert (project / "x_1.txt").read_text() == "1\n"
    again = make(i=1)
    again.wait()
    assert again.state is RunState.SKIPPED
    error = script("exit 4", shell=True, runner=runner, name="bad")().exception()
    assert isinstance(error, ScriptError)
    assert error.exit_code == 4


def test_stop_in_a_thread_ends_the_command(project):
    """Where another runner executes it, too."""
    run = script(SLEEPS, shell=True, runner="thread", name="sleeps")()
    wait_until(lambda: written("pid", "child"))
    assert run.stop(grace=0.2)
    wait_until(lambda: not is_alive("child"))


def test_as_a_step_of_a_workflow(project, store):
    """It is recorded as a step, skipped where it is up to date, and its value is that of the record."""
    make = script("echo {i} > {outputs}", outputs="x_{i}.txt", shell=True, name="make")

    @workflow
    def flow(number: int) -> list[str]:
        first = make(i=number)
        return [*first.get_result(), str(first.state)]

    run = flow(1)
    assert run.get_result() == ["x_1.txt", "SUCCEEDED"]
    assert [row.task for row in store.steps(run.id)] == ["make"]
    assert flow.with_options(key="again")(1).get_result() == ["x_1.txt", "SKIPPED"]


def test_a_step_has_its_log_and_its_calls(project, store):
    """As any run of a script; also when it was recorded before, and for its last attempt."""
    part = script("echo part {n}", name="part", outputs=None)
    ask = """echo '{"task": "part", "kwargs": {"n": 1}}' >> "$WOFLO_CALLS"; """
    command = f"echo try; {ask} test -e once || {{ touch once; false; }}"
    make = script(command, shell=True, name="make", may_call=[part], retries=1)
    seen = []

    @workflow
    def flow() -> str:
        run = make()
        run.get_result()
        seen.append((run.log, [one.get_result() for one in run.calls]))
        wait_signal("go", timeout=30)
        return run.log

    run = flow.with_options(key="it")()
    wait_until(lambda: seen)
    log, calls = seen[0]
    assert (Path(log).read_text(), calls) == ("try\n", [[]])
    (step,) = [row for row in store.steps(run.id) if row.task == "make"]
    assert Path(log).name.startswith(step.id.replace("/", "_"))
    assert step.attempt == 2
    engine_of(store).close()
    again = flow.with_options(key="it")()
    wait_until(lambda: len(seen) == 2)
    assert seen[1] == (log, [])
    send(again.id, "go", None)
    assert again.get_result() == log


def test_a_run_has_a_log_on_any_runner(project):
    """Where it has executed a command."""
    for runner in ("script", "thread", "sequential", "multiprocess"):
        run = script("echo hello", name="talks", runner=runner)()
        assert run.get_result() == []
        assert Path(run.log).read_text() == "hello\n"
    assert task(runner="thread")(lambda: 1)().log is None


def test_runs_have_tags(project, store):
    """By which they are found, as those of workflows are."""
    make = script("true", name="make")
    run = make.with_options(tags={"name": "first"})()
    run.get_result()
    make.with_options(tags={"name": "second"})().get_result()
    ledger().flush()
    assert [found.id for found in find_runs(tags={"name": "first"})] == [run.id]


def test_stop_of_a_workflow_ends_the_command(project):
    """With its whole tree."""
    sleeps = script(SLEEPS, shell=True, name="sleeps")

    @workflow
    def flow() -> None:
        sleeps().get_result()

    run = flow()
    wait_until(lambda: written("pid", "child"))
    run.stop(grace=0.5)
    assert isinstance(run.exception(), TaskStoppedError)
    wait_until(lambda: not is_alive("child"))


def test_every_run_is_kept(project, store):
    """With its state, times, arguments, attempts and error; what was skipped has not run."""
    ok = script("touch {outputs}", outputs="x_{i}.txt", name="ok")
    bad = script("exit 1", shell=True, name="bad", retries=1)
    ran = [ok(i=1), bad()]
    for run in ran:
        run.wait()
    ok(i=1).wait()
    ledger().flush()
    rows = {row.task: row for row in store.select()}
    assert [rows[name].state for name in ("ok", "bad")] == [RunState.SUCCEEDED, RunState.FAILED]
    assert len(store.select()) == 2
    assert rows["ok"].id == ran[0].id
    assert rows["ok"].result == '["x_1.txt"]'
    assert "ended with status 1" in rows["bad"].error
    assert rows["bad"].attempt == 2
    assert rows["bad"].started_at <= rows["bad"].finished_at


def test_a_python_task_takes_what_a_script_makes(project):
    """As the list of its outputs."""

    @task(runner="thread")
    def read(paths):
        return [Path(path).read_text() for path in paths]

    make = script("printf hi > {outputs}", outputs="x.txt", shell=True)
    assert read(make()).get_result() == ["hi"]


def test_endless_output_takes_no_memory(project):
    """A line that never ends goes to the log, and its end into the message."""
    long = script([sys.executable, "-c", "import sys; sys.stdout.write('x' * 30_000_000); sys.exit(1)"], name="long")
    error = long().exception()
    assert Path(error.log).stat().st_size == 30_000_000
    assert len(str(error)) < 2000


def test_names_that_are_no_text(project):
    """Files of any name are made, recorded and found again."""
    name = os.fsdecode(b"odd \xff\n*.txt")
    make = script("touch {outputs}", outputs="{name}", name="make")
    assert make(name=name).get_result() == [name]
    assert ended(make(name=name)) is RunState.SKIPPED
    assert ended(make(name="\N{SNOWMAN}")) is RunState.SUCCEEDED
    assert ended(make(name="\N{SNOWMAN}")) is RunState.SKIPPED


def test_map(project):
    """A script is called for each item."""
    make = script("touch {outputs}", outputs="{x}_{y}.txt")
    assert [run.get_result() for run in make.map(["a", "b"], y=1)] == [["a_1.txt"], ["b_1.txt"]]


def test_after(project):
    """Other runs may have to succeed first, which make none of its inputs."""
    first = script("touch first", shell=True)()
    last = script("test -e first", shell=True).with_options(after=first)()
    last.get_result()
