"""Steps with `run`: commands, with their files."""

import pytest

from woflo import RunState, task

pytest.importorskip("woflo.scripts", reason="commands need scripts")

JOB = """
tasks:
  make: {run: "cp {source} {outputs}", parameters: {source: in.txt}, outputs: a.txt}
  copy: {run: "cp {inputs} {outputs}", inputs: a.txt, outputs: b.txt, dependencies: [make]}
  count: {run: ["wc", "-c", "{file}"], parameters: {file: "${copy.outputs}"}}
  tell:
    task: tell
    parameters: {files: "${copy.outputs}", result: "${make.result}", text: "files: ${copy.outputs}"}
"""


@task
def tell(files: list[str], result: list[str], text: str) -> dict[str, object]:
    """What it was given."""
    return {"files": files, "result": result, "text": text}


def test_files_go_from_step_to_step(folder, store):
    """A step stands for its outputs; what is up to date is skipped, which is a success."""
    (folder.path / "in.txt").write_text("hello")
    for state in (RunState.SUCCEEDED, RunState.SKIPPED):
        run = folder.load(JOB, tasks=[tell])()
        assert run.get_result() == {
            "count": [],
            "tell": {"files": ["b.txt"], "result": ["a.txt"], "text": "files: b.txt"},
        }
        assert [run.steps[name].state for name in ("make", "copy", "count")] == [state, state, RunState.SUCCEEDED]
    assert (folder.path / "b.txt").read_text() == "hello"


def test_a_command_that_cannot_be(folder):
    """It is told as all else is; and what belongs to commands alone is refused elsewhere."""
    found = folder.problems(
        """
        tasks:
          a: {run: "cp 'x", outputs: a}
          b: {task: noop, cwd: somewhere, shell: true}
          c: {run: "cp {sauce} {outputs}", outputs: a, parameters: {source: x}}
        """
    )
    assert found == [
        'job.yaml:2: tasks.a: the command "cp \'x" cannot be split into words: No closing quotation',
        "job.yaml:3: tasks.b.shell: belongs to commands, and this step has no `run`",
        "job.yaml:3: tasks.b.cwd: belongs to commands, and this step has no `run`",
        "job.yaml:4: tasks.c.parameters.source: is no parameter of it; did you mean 'sauce'?",
        "job.yaml:4: tasks.c.parameters.sauce: is missing: the task needs it",
    ]


def test_values_reach_a_command_as_data(folder, store):
    """Whatever is in them."""
    value = "-x; $(rm) 'a' \"b\"\n${HOME}"
    folder.write("show.py", "import sys\nopen('told', 'w').write(sys.argv[1])\n")
    job = folder.load(
        'tasks:\n  a: {run: "python3 show.py {text}", parameters: {text: "$VAR{text}"}}\n', variables={"text": value}
    )
    job().get_result()
    assert (folder.path / "told").read_text() == value
