"""Steps with `run`: commands, with their files."""

from pathlib import Path

from jobs_helpers import noop

from woflo import RunState, shared, task

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


def test_what_others_made_is_an_input(folder, store):
    """Of a command: it waits for them, and is up to date as long as the files are the same."""
    job = """
    tasks:
      all: {run: "cp {inputs.first} {outputs}", inputs: {first: "${make.outputs}", more: [in.txt]}, outputs: all.txt}
      count: {run: "wc -c {inputs}", inputs: "${make.outputs}"}
      make: {run: "cp {inputs} {outputs}", inputs: in.txt, outputs: a.txt}
    """
    for text, state in (("hello", RunState.SUCCEEDED), ("hello", RunState.SKIPPED), ("you", RunState.SUCCEEDED)):
        (folder.path / "in.txt").write_text(text)
        loaded = folder.load(job)
        assert loaded.steps[0] == "make"
        run = loaded()
        assert run.get_result() == {"all": ["all.txt"], "count": []}
        assert run.steps["all"].state is state
        assert (folder.path / "all.txt").read_text() == text


@task
def write(text: str, name: str = "x") -> int:
    """A function that makes a file."""
    return Path(f"{name}.txt").write_text(text)


def test_functions_with_files(folder, store):
    """What a step says of the files of its task: it is skipped where they are up to date, and stands for them."""
    job = """
    config: {runner: thread}
    tasks:
      left: {task: leave}
      write: {task: write, parameters: {text: hello, name: y}, outputs: "{name}.txt", dependencies: [left]}
      count: {run: "wc -c {file}", parameters: {file: "${write.outputs}"}}
      tell: {task: tell, parameters: {files: "${write.outputs}", result: [], text: "n ${write.result}"}}
    """
    for state in (RunState.SUCCEEDED, RunState.SKIPPED):
        run = folder.load(job, tasks=[tell, write, leave])()
        assert run.get_result()["tell"] == {"files": ["y.txt"], "result": [], "text": "n 5"}
        assert run.steps["write"].state is state
    found = folder.problems(
        """
        tasks:
          a: {task: write, parameters: {text: a}, outputs: "{nam}.txt"}
          b: {task: write, parameters: {text: "${c.outputs}"}}
          c: {task: noop}
        """,
        tasks=[write, noop],
    )
    assert found == [
        "job.yaml:2: tasks.a: write: {nam} is none of its parameters, which are: text, name",
        "job.yaml:3: tasks.b.parameters.text: the step 'c' names no outputs; write what it makes there",
    ]


@task(runner="thread")
def leave() -> None:
    """Leaves something to be shared."""
    shared["x"] = 1


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
