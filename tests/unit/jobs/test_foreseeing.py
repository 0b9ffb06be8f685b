"""What would become of the steps of a job, by the code that decides in earnest; nothing is executed for it."""

import pytest
from jobs_helpers import TASKS

from woflo import forcing, script, task
from woflo.errors import OptionError


@task(runner="thread")
def name() -> str:
    """What a step names its files by."""
    return "a"


copy = script("cp {inputs} {outputs}", name="copy", inputs="{stem}.txt", outputs="{stem}.copy")
ALL = (*TASKS, name, copy)


def reasons(job, **given):
    return {one.step: list(one.reasons) for one in job.foreseen(**given)}


LATER = """
tasks:
  name: {task: name}
  make: {run: "cp {inputs} {outputs}", inputs: in.txt, outputs: "{to}.txt", parameters: {to: "${name.result}"}}
  known: {run: "cp {inputs} {outputs}", inputs: in.txt, outputs: b.txt}
  copy: {task: copy, parameters: {stem: b}}
  files: {run: "cp {inputs} {outputs}", inputs: "${copy.outputs}", outputs: d.txt}
"""


def test_it_is_what_is_done_then(folder, store):
    """Stale steps, and all that read what those make; after a run only what nobody can know before."""
    folder.write("in.txt", "in")
    job = folder.load(LATER, tasks=ALL)
    usual = {
        "name": ["it names no files, so it is executed whenever it is called"],
        "make": ["what name leaves (${name.result}) is known when it has ended"],
    }
    assert reasons(job) == usual | {
        "known": ["b.txt does not exist"],
        "copy": ["b.txt would be made anew by known"],
        "files": ["b.copy would be made anew by copy"],
    }
    assert store.select() == []
    assert sorted(path.name for path in folder.path.glob("*.txt")) == ["in.txt"]
    job().get_result()
    assert reasons(job) == usual | {"known": [], "copy": [], "files": []}
    with forcing("copy"):
        found = reasons(job)
        assert found["copy"] == ["it is forced by 'copy'"]
        assert found["files"] == ["b.copy would be made anew by copy"]


def test_what_reads_what_is_not_known_is_not_up_to_date(folder, store):
    """Its maker would be executed with what another step leaves, so nobody knows how the file will be."""
    text = """
    tasks:
      name: {task: name}
      make: {run: [sh, -c, "echo $0 >$1", "{word}", "{outputs}"], parameters: {word: "${name.result}"}, outputs: a.txt}
      next: {run: "cp {inputs} {outputs}", inputs: a.txt, outputs: b.txt, dependencies: [make]}
      last: {run: "cp {inputs} {outputs}", inputs: b.txt, outputs: c.txt}
    """
    job = folder.load(text, tasks=ALL)
    job().get_result()
    found = reasons(job)
    assert found["next"] == ["a.txt would be made anew by make"]
    assert found["last"] == ["b.txt would be made anew by next"]


def test_records_and_what_has_changed(folder, store):
    """What a run that failed has recorded is kept, unless its definition has changed, or that of what it needs."""
    text = """
    tasks:
      one: {task: add, parameters: {a: 1}}
      two: {task: add, parameters: {a: 1}, dependencies: [one]}
      bad: {run: "false"}
      # new: {task: noop}
    """
    run = folder.load(text, tasks=ALL)()
    run.wait()
    found = {step.step: step for step in folder.load(text, tasks=ALL).foreseen(restart=True)}
    assert {name: one.kept for name, one in found.items()} == {"one": run.id, "two": run.id, "bad": None}
    assert found["bad"].reasons == (f"it is FAILED in {run.id}", "it names no outputs")
    changed = folder.load(text.replace("{a: 1}}", "{a: 2}}").replace("# new", "new"), tasks=ALL)
    told = f"its definition, or that of a step that it needs, is another one than in {run.id}"
    assert reasons(changed, restart=True) == {
        "one": [told],
        "two": [told],
        "bad": [f"it is FAILED in {run.id}", "it names no outputs"],
        "new": [f"it was not executed in {run.id}"],
    }


def test_what_is_accepted(folder, store):
    """All outputs of all steps that name some, or of those that are named; what is not known is left out or refused."""
    for name in ("in.txt", "a.txt", "b.txt", "b.copy", "d.txt"):
        folder.write(name, "by hand")
    job = folder.load(LATER, tasks=ALL)
    assert job.touch("copy") == ["b.copy"]
    assert reasons(job)["copy"] == []
    assert job.touch() == ["b.txt", "b.copy", "d.txt"]
    assert [one.step for one in job.foreseen() if one.is_up_to_date] == ["known", "copy", "files"]
    with pytest.raises(OptionError, match="make: what name leaves"):
        job.touch("make")
    with pytest.raises(OptionError, match="the step 'name' names no outputs"):
        job.touch("name")


def test_secrets_are_hidden(folder, store):
    """Also in the names of files: in commands, in reasons, and in what is drawn."""
    text = """
    tasks:
      one: {run: "cp {inputs} {outputs}", inputs: "$VAR{token}.in", outputs: "$VAR{token}.txt"}
      two: {run: "cp {inputs} {outputs}", inputs: "$VAR{token}.txt", outputs: b.txt}
    """
    job = folder.load(text, variables={"token": "hunter2xyz"})
    told = job.foreseen()
    assert told[1].reasons == ("***.txt would be made anew by one",)
    assert "hunter2xyz" not in f"{told}{job.graph()}"


def test_what_will_be_made_is_not_said_to_be_missing(folder, store):
    """By a step of which it is not known with what, by one that names no files, or of what was temporary."""
    text = """
    tasks:
      name: {task: name}
      make: {run: [sh, -c, "echo $0 >$1", "{word}", "{outputs}"], parameters: {word: "${name.result}"}, outputs: a.txt}
      next: {run: "cp {inputs} {outputs}", inputs: a.txt, outputs: b.txt}
      found: {run: "cat {inputs}", inputs: "a.*"}
      makes: {run: "touch c.txt"}
      reads: {run: "cat {inputs}", inputs: c.txt, dependencies: [makes]}
      fails: {run: "cat {inputs}", inputs: [d.txt, "d.*"]}
    """
    found = reasons(folder.load(text, tasks=ALL))
    assert found["next"] == ["b.txt does not exist", "a.txt would be made anew by make"]
    assert found["found"] == ["it names no outputs", "a.txt would be made anew by make"]
    assert found["reads"] == [
        "it names no outputs",
        "its input c.txt does not exist; whether makes makes it is not known",
    ]
    assert found["fails"] == [
        "it names no outputs",
        "its input d.txt does not exist, and nothing would make it: it would fail",
        "no file matches its input d.*, and nothing is known to make one: it would fail",
    ]


def test_what_was_temporary_comes_again(folder, store):
    """It is gone, and its maker is up to date without it; that makes it again for a reader that is executed."""
    text = """
    tasks:
      make: {run: "touch {outputs}", outputs: t.txt, temporary: true}
      next: {run: "cp {inputs} {outputs}", inputs: t.txt, outputs: b.txt}
      last: {run: "cat {inputs}", inputs: [t.txt, b.txt]}
    """
    job = folder.load(text)
    job().get_result()
    assert reasons(job) == {
        "make": [],
        "next": [],
        "last": ["it names no outputs", "its input t.txt was temporary, and would be made again by make before"],
    }
    job().get_result()
