"""Jobs as programs: the three-line driver, its options and exit statuses, Ctrl-C, and kills at any moment."""

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from programs import Program, environment
from systems import needs_fork, needs_proc

MAIN = """
import sys
from woflo import Job

if __name__ == "__main__":
    sys.exit(Job.main())
"""
TASKS = """
import time
from pathlib import Path
from woflo import shared, task

@task
def note(name: str, seconds: float = 0.0) -> str:
    with open("effects", "a") as file:
        file.write(f"{name}\\n")
    time.sleep(seconds)  # how long the step is under way, where a test kills or interrupts it
    shared[name] = len(shared)
    print(f"this is {name}")
    return name

@task
def told() -> dict[str, int]:
    return dict(shared)

@task
class Fail:
    def __init__(self, file: str = "mended") -> None:
        self.file = file

    def run(self) -> None:
        if not Path(self.file).exists():
            raise RuntimeError(f"there is no {self.file}")
"""
JOB = """
config: {name: nightly}
tasks:
  a: {task: note, parameters: {name: "$VAR{first:a}"}}
  b: {task: note, parameters: {name: b}, dependencies: [a]}
  c: {task: Fail, dependencies: [b]}
  d: {task: note, parameters: {name: d}, dependencies: [c]}
  e: {task: note, parameters: {name: e}}
"""


@pytest.fixture
def project(tmp_path):
    """A driver, a task module and a job file."""
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "of_the_job.py").write_text(TASKS)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def execute(project, *arguments, timeout=60):
    """Exit status, and what was written."""
    command = [sys.executable, "-W", "error", "main.py", *arguments]
    ended = subprocess.run(
        command, cwd=project, env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )
    return ended.returncode, ended.stdout, ended.stderr


def effects(project):
    """Which steps have done something, in that order."""
    file = project / "effects"
    done = file.read_text().split() if file.exists() else []
    file.unlink(missing_ok=True)
    return done


def rows(project, what, where="parent_id IS NULL"):
    with closing(sqlite3.connect(project / ".woflo" / "woflo.db")) as connection:
        return connection.execute(f"SELECT {what} FROM runs WHERE {where} ORDER BY id").fetchall()


@needs_fork
def test_what_a_step_failed_with_neither_steers_the_terminal_nor_tells_secrets(project):
    """Whatever its exception says; a line of it stays a line."""
    (project / "tasks" / "rude.py").write_text(
        "from woflo import task\n\n\n@task\ndef rude():\n    raise OSError('\\x1b[2Jone password=hunter2\\ntwo\\x07')\n"
    )
    (project / "job.yaml").write_text("tasks:\n  a: {task: rude}\n")
    status, _, told = execute(project)
    assert status == 1
    assert told.splitlines() == ["woflo: 1 of 1 steps of job did not succeed", "a: OSError: one password=***", "two"]


@needs_fork
def test_a_failure_and_its_end(project):
    """Status 1 where a step failed, and who it was; -r goes on; 0 where all succeeded; a run of its own each time."""
    status, out, told = execute(project)
    assert status == 1
    assert told.splitlines() == [
        "woflo: 2 of 5 steps of nightly did not succeed",
        "c: RuntimeError: there is no mended",
        "not executed because of that: d",
    ]
    assert sorted(out.splitlines()) == ["this is a", "this is b", "this is e"]
    assert sorted(effects(project)) == ["a", "b", "e"]
    (project / "mended").touch()
    assert execute(project, "-r") == (0, "this is d\n", "woflo: nightly: 5 steps succeeded\n")
    assert effects(project) == ["d"]
    assert [state for (state,) in rows(project, "state")] == ["FAILED", "SUCCEEDED"]
    assert execute(project, "--restart")[0] == 0  # there is nothing to go on with
    assert sorted(effects(project)) == ["a", "b", "d", "e"]


@needs_fork
def test_options(project):
    """Other files, steps that are left out, variables, a traceback where that is asked for."""
    (project / "jobs").mkdir()
    (project / "job.yaml").rename(project / "jobs" / "other.yaml")
    job = ("-j", "jobs/other.yaml")
    assert execute(project, *job, "--run-to", "b", "--var", "first=x y", "--max-concurrency", "1")[0] == 0
    assert effects(project) == ["x", "y", "b"]
    assert execute(project, *job, "--run-from", "b", "--skip", "c")[0] == 0
    assert sorted(effects(project)) == ["b", "d"]
    assert execute(project, *job, "--skip", "c", "--skip", "d", "--skip", "e")[0] == 0
    assert effects(project) == ["a", "b"]
    status, _, told = execute(project, *job, "--debug")
    assert status == 1
    assert re.search(r'File ".*tasks/of_the_job.py", line \d+, in run', told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--no-such",), "error: unrecognized arguments: --no-such"),
        (("-j",), "error: argument -j/--job: expected one argument"),
        (("--var", "x"), "error: --var 'x' must be NAME=VALUE"),
        (("-j", "gone.yaml"), "gone.yaml:1: cannot be read: No such file or directory"),
        (("--skip", "a", "b"), "error: unrecognized arguments: b"),
        (
            ("--run-to", "a", "--run-from", "b"),
            "error: run_to a, run_from b: no step is left to be executed; there are: a",
        ),
        (("--skip", "f"), "error: skip: there is no step 'f'; there are: a, b, c, d, e"),
        (("--max-concurrency", "-1"), "error: max_concurrency=-1 must be a whole number, 0 or more"),
    ],
)
def test_wrong_usage(project, arguments, told):
    """Status 2, without a traceback, and nothing was stored."""
    status, out, error = execute(project, *arguments)
    assert (status, out) == (2, "")
    assert told in error
    assert "Traceback" not in error
    assert not (project / ".woflo").exists()


def test_wrong_usage_with_its_traceback(project):
    """--debug changes what is told, and not the status."""
    status, out, error = execute(project, "--skip", "f", "--debug")
    assert (status, out) == (2, "")
    assert error.startswith("Traceback")
    assert "skip: there is no step 'f'" in error


def test_a_wrong_file(project):
    """The same."""
    (project / "job.yaml").write_text(JOB.replace("task: Fail", "task: Fial"))
    status, out, error = execute(project)
    assert (status, out) == (2, "")
    assert error.splitlines() == [
        "error: job.yaml cannot be executed:",
        "job.yaml:6: tasks.c.task: there is no task 'Fial'; did you mean 'Fail'?",
    ]
    assert not (project / ".woflo").exists()


@needs_fork
@needs_proc
def test_at_a_terminal(project):
    """What steps print is told with their names, above a bar for the whole; Ctrl-C there stops the run."""
    (project / "mended").touch()
    command = [sys.executable, "main.py"]
    with Program(project, "", terminal=True, command=command) as program:
        assert program.wait() == 0
        shown = program.read()
    assert "d(name=d) | this is d" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "nightly: 5 steps succeeded" in shown
    with Program(project, "", terminal=True, command=[*command, "--no-progress"]) as program:
        assert program.wait() == 0
        assert "\x1b" not in program.read()
    (project / "job.yaml").write_text(SLOW)
    with Program(project, "", terminal=True, command=command) as program:
        wait_for(project, "slow")
        program.press_ctrl_c()
        assert program.wait() == 130
        program.assert_all_gone()
    assert rows(project, "state")[-1] == ("STOPPED",)


@needs_fork
def test_it_is_under_way(project):
    """-r beside the process that executes it is wrong usage, and leaves it alone."""
    (project / "job.yaml").write_text(SLOW)
    program = started(project)
    wait_for(project, "slow")
    status, _, error = execute(project, "-r")
    assert (status, "is being executed by the process" in error) == (2, True)
    assert rows(project, "state") == [("RUNNING",)]
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)
    assert program.returncode == 130


SLOW = """
config: {name: slow, max_concurrency: 4}
tasks:
  quick: {task: note, parameters: {name: quick}}
  slow: {task: note, parameters: {name: slow, seconds: 60}, dependencies: [quick]}
  after: {task: note, parameters: {name: after}, dependencies: [slow]}
"""


@needs_fork
def test_ctrl_c(project):
    """Status 130, the record says STOPPED, and -r goes on."""
    (project / "job.yaml").write_text(SLOW)
    program = started(project)
    wait_for(project, "slow")
    program.send_signal(signal.SIGINT)
    _, told = program.communicate(timeout=30)
    assert program.returncode == 130
    assert re.fullmatch(
        r"woflo: stopping slow \(\w+\); press Ctrl-C again to leave now\n"
        r"woflo: slow \(\w+\) is stopped; go on with -r\n",
        told,
    )
    assert rows(project, "state") == [("STOPPED",)]
    (project / "job.yaml").write_text(SLOW.replace("seconds: 60", "seconds: 0"))
    effects(project)
    assert execute(project, "-r")[0] == 0
    assert effects(project) == ["slow", "after"]


def started(project, *arguments, way=("main.py",)):
    return subprocess.Popen(
        [sys.executable, *way, *arguments],
        cwd=project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(project, name):
    end = time.monotonic() + 30
    file = project / "effects"
    while not (file.exists() and name in file.read_text().split()):
        assert time.monotonic() < end
        time.sleep(0.005)  # it is another process, which tells by a file


WAYS = {"Job.main": ("main.py",), "woflo run": ("-m", "woflo", "run", "job.yaml", "--quiet")}
KILLS = int(os.environ.get("WOFLO_KILLS", "3"))
COUNT = 10 * KILLS
NAMES = [f"s{n}" for n in range(COUNT)]
STEPS = {
    "tasks": "{{task: note, parameters: {{name: {name}, seconds: 0.02}}, dependencies: [{needs}]}}",
    "commands": "{{run: [sh, -c, 'echo {name} >>effects; sleep 0.02'], dependencies: [{needs}]}}",
    "files": """{{shell: true, inputs: {needs}.txt, outputs: {name}.txt,
    run: 'echo {name} >>effects; sleep 0.02; cat {{inputs}} >{{outputs}}; echo {name} >>{{outputs}}'}}""",
}


def many(kind):
    """A job of so many steps that kills find some of them under way; the last one tells what is in `shared`."""
    step = STEPS[kind]
    first = "first" if kind == "files" else ""
    steps = [
        f"  {name}: {step.format(name=name, needs=NAMES[n - 3] if n > 2 else first)}" for n, name in enumerate(NAMES)
    ]
    last = f"  told: {{task: told, dependencies: [{', '.join(NAMES)}]}}"
    return "\n".join(["config: {name: many, max_concurrency: 3}", "tasks:", *steps, last])


@needs_fork
@pytest.mark.unmeasured
@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("way", WAYS)
def test_kills_at_any_moment(project, way, kind):
    """`-r` goes on each time: no step that succeeded is executed again, and `shared` is as it was."""
    (project / "job.yaml").write_text(many(kind))
    (project / "first.txt").touch()
    final = killed_again_and_again(project, WAYS[way])
    names = NAMES if kind == "tasks" else []
    left = json.loads(final["result"])["told"]
    assert sorted(left) == sorted(names)
    written = {
        name: value
        for (text,) in rows(project, "result", f"parent_id = '{final['id']}' AND task = 'woflo.shared'")
        for name, value in json.loads(text)["set"].items()
    }
    assert left == written
    if kind == "files":
        for n, name in enumerate(NAMES):
            made = (project / f"{name}.txt").read_text().split()
            assert made == NAMES[n % 3 : n + 1 : 3]


def killed_again_and_again(project, way):
    """Execute the job in spite of kills: the only run that has succeeded. What succeeds is executed once."""
    chance, arguments, kills = random.Random(), [], KILLS
    while True:
        recorded = succeeded(project)
        program = started(project, *arguments, way=way)
        most = 0.3  # seconds, in which it may still be starting
        if chance.random() < 0.8:
            wait_for_first(project, program)
            most = 0.15  # less than what all its steps sleep, three at a time
        try:
            _, error = program.communicate(timeout=chance.uniform(0.0, most) if kills else 60)
        except subprocess.TimeoutExpired:
            program.kill()
            _, error = program.communicate()
        assert recorded.isdisjoint(effects(project))
        assert program.returncode in (0, -signal.SIGKILL), error
        if program.returncode == 0 or has_succeeded(project):  # it may be killed after its end was kept
            break
        kills -= 1
        arguments = ["-r"]
    assert kills < KILLS
    final = rows(project, "id, result", "parent_id IS NULL AND state = 'SUCCEEDED'")
    assert len(final) == 1
    return dict(zip(("id", "result"), final[0], strict=True))


def wait_for_first(project, program):
    """Until a step has begun, or the program has ended."""
    end = time.monotonic() + 30
    while program.poll() is None and not (project / "effects").exists():
        assert time.monotonic() < end
        time.sleep(0.005)  # it is another process, which tells by a file


def has_succeeded(project):
    """True where the job has: -r would begin it anew."""
    return ("SUCCEEDED",) in rows_so_far(project, "state")


def succeeded(project):
    """Names of the steps that are recorded, of whatever run."""
    found = rows_so_far(project, "scope", "parent_id IS NOT NULL AND state = 'SUCCEEDED' AND position = 0")
    return {scope for (scope,) in found}


def rows_so_far(project, *what):
    """None where the program was killed before it had made its tables."""
    if not (project / ".woflo" / "woflo.db").exists():
        return []
    try:
        return rows(project, *what)
    except sqlite3.OperationalError:
        return []
