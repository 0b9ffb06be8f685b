"""Whatever stands in a job file, what is wrong with it is told by name; nothing else is ever raised."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobs_helpers import TASKS

from woflo import Job
from woflo.errors import JobFileError

FILES = {
    "job.yaml": """
version: 0.1
config: {name: nightly, max_concurrency: 20, runner: thread}
aliases:
  base: &base {task: noop}
tasks:
  a: {task: add, parameters: {a: "$ENV{X:3}", b: "${c.result}"}, max_attempts: 3, backoff: 1.5, timeout: 3}
  c:
    <<: *base
    dependencies:
      - d
  d: {run: "cp {inputs} {outputs}", inputs: a.txt, outputs: [b.txt], env: {A: b}, shell: true, cwd: .}
  "e": {task: noop, resources: {cpus: 1}, on_crash: ask, deadline: 5}
""",
    "job.json": """{
"config": {"name": "x"},
"tasks": {"a": {"task": "noop"}, "b": {"task": "noop", "dependencies": ["a"]}}
}""",
    "job.toml": """
[config]
name = "x"
[tasks.a]
task = "add"
parameters = {a = 1}
[tasks.b]
task = "noop"
dependencies = ["a"]
""",
}
PIECES = ["null", "~", "[]", "{}", "- x", "*base", "&x ", "<<", "!!int ", "'", '"', "\t", "\n", ":", "{", "}", "[", "]"]
PIECES += [
    ",",
    "$ENV{",
    "${",
    "$VAR{a}",
    "${a.result}",
    "1e999",
    "0x",
    "-",
    "|",
    ">",
    "?",
    "%",
    "@",
    "\u2028",
    "é",
    "true",
]
PIECES += ["9" * 20, "tasks", "config", "include", "a", "task", "run", "---"]
EDITS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 4), st.one_of(st.sampled_from(PIECES), st.just(""))),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("name", list(FILES))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_nothing_else_is_raised(folder, name, edits):
    """A good file with pieces put in and taken out."""
    text = FILES[name]
    for at, gone, piece in edits:
        at %= len(text) + 1
        text = text[:at] + piece + text[at + gone :]
    file = folder.path / name
    file.write_text(text, encoding="utf-8")
    try:
        Job.load(file, tasks=TASKS)
    except JobFileError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(one.startswith(f"{name}:") for one in problems)


@pytest.mark.parametrize("name", list(FILES))
def test_the_files_are_good(folder, name):
    """As they stand there."""
    (folder.path / name).write_text(FILES[name], encoding="utf-8")
    assert Job.load(folder.path / name, tasks=TASKS).steps
