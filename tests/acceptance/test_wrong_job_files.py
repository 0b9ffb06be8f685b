"""Wrong job files by whole commands, `woflo run FILE` and `Job.main`: told at once, and nothing is begun."""

import os
import subprocess
import sys
from typing import NamedTuple

import pytest
from programs import environment
from systems import needs_fork

SOON = 1.0
"""Seconds until it is told, behind what the command takes to start. Of the processor, because other tests execute at
the same time; nothing here waits for anything."""
MAIN = """
import sys
from woflo import Job

if __name__ == "__main__":
    sys.exit(Job.main())
"""
TASKS = """
from woflo import task

@task
def note(word: str, number: int = 1) -> None:
    with open("effects", "a") as file:
        file.write(word)
"""
WAYS = {"woflo run": ["-m", "woflo", "run"], "Job.main": ["main.py", "-j"]}
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
)
FIRST = "tasks:\n  first: {task: note, parameters: {word: one}}\n"
"""A step that could be executed, before what is wrong."""
WRONG = {
    "cycle": (
        f"{FIRST}  a: {{task: note, parameters: {{word: a}}, dependencies: [b]}}\n  b: {{run: a, dependencies: [a]}}\n",
        "job.yaml:3: tasks.a.dependencies: the steps need each other: a → b → a; leave one of them out",
    ),
    "unknown task": (
        f"{FIRST}  a: {{task: nope}}\n",
        "job.yaml:3: tasks.a.task: there is no task 'nope'; did you mean 'note'?",
    ),
    "missing parameter": (
        f"{FIRST}  a: {{task: note}}\n",
        "job.yaml:3: tasks.a.parameters.word: is missing: the task needs it",
    ),
    "wrong type": (
        f"{FIRST}  a:\n    task: note\n    parameters: {{word: a, number: many}}\n",
        "job.yaml:5: tasks.a.parameters.number: input should be a valid integer, unable to parse string as",
    ),
    "duplicate key": (
        f"{FIRST}  first: {{task: note}}\n",
        "job.yaml:3: tasks.first: stands here twice; first on line 2",
    ),
    "unknown key": (
        f"{FIRST}    \n  a: {{task: note, parameter: {{word: a}}, parameters: {{word: a}}}}\n",
        "job.yaml:4: tasks.a.parameter: is not known here; did you mean 'parameters'?",
    ),
    "missing include": (
        f"include: [gone.yaml]\n{FIRST}",
        "job.yaml:1: include[0]: there is no file 'gone.yaml', neither beside this one nor in ",
    ),
    "include loop": (
        f"include: [job.yaml]\n{FIRST}",
        "job.yaml:1: include[0]: the files include each other: job.yaml → job.yaml",
    ),
    "bomb": (
        BOMB,
        "job.yaml:6: a5[3]: has more than 500,000 values with what its aliases stand for; that is no job",
    ),
    "50 MB": (
        FIRST + "# nothing\n" * 5_300_000,
        "job.yaml:1: has 53,000,054 bytes, and a job file may have 16,777,216; put data into files of their own",
    ),
    "binary": (
        b"\x7fELF\x02\x01\x01" + bytes(1000),
        "job.yaml:1: is no text: the character 0x7f stands in it; name a YAML, TOML or JSON file",
    ),
    "another encoding": (
        FIRST.encode("utf-16"),
        "job.yaml:1: is no text in UTF-8 (byte 0: 0xff); name a YAML, TOML or JSON file, or write it in UTF-8",
    ),
    "tabs": (
        f"{FIRST}\tsecond: {{task: note}}\n",
        "job.yaml:3: a tab stands where YAML allows spaces only; indent by spaces",
    ),
    "empty": ("", "job.yaml:1: is empty; a job has at least `tasks:`, with the steps by their names"),
    "missing variable": (
        f'{FIRST}  a: {{task: note, parameters: {{word: "$VAR{{word}}"}}}}\n',
        "job.yaml:3: tasks.a.parameters.word: there is no variable 'word'; give it with --var word=…, or write",
    ),
}


class Ended(NamedTuple):
    status: int
    said: str
    cpu: float


@pytest.fixture
def folder(tmp_path):
    return made(tmp_path)


def made(folder):
    (folder / "main.py").write_text(MAIN)
    (folder / "tasks").mkdir()
    (folder / "tasks" / "all.py").write_text(TASKS)
    (folder / "woflo.toml").touch()
    return folder


def started(folder, way):
    return subprocess.Popen(
        [sys.executable, *WAYS[way], "job.yaml"],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process):
    """How it ended, what it said, and how long it had a processor."""
    said = process.stdout.read()
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(process.returncode, said, used.ru_utime + used.ru_stime)


@pytest.fixture(scope="module")
def start_up(tmp_path_factory):
    """What each of the commands takes to tell that there is no such file."""
    folder = made(tmp_path_factory.mktemp("nothing"))
    return {way: ended(started(folder, way)).cpu for way in WAYS}


@needs_fork
@pytest.mark.unmeasured
@pytest.mark.parametrize(("content", "problem"), WRONG.values(), ids=WRONG)
def test_it_is_told(folder, start_up, content, problem):
    """Both commands tell it in a line with its file, its line and a way out: status 2, nothing executed or kept."""
    before = sorted(path.name for path in folder.iterdir())
    (folder / "job.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    processes = {way: started(folder, way) for way in WAYS}
    for way, process in processes.items():
        status, said, cpu = ended(process)
        first, *rest = said.splitlines()
        assert (way, status, first) == (way, 2, "error: job.yaml cannot be executed:")
        assert len(rest) == 1
        assert rest[0].startswith(problem)
        assert cpu < start_up[way] + SOON
    assert sorted(path.name for path in folder.iterdir()) == sorted(["job.yaml", *before])
    assert not (folder / "effects").exists()
    assert sorted(path.name for path in (folder / "tasks").iterdir() if path.name != "__pycache__") == ["all.py"]
