"""`woflo run job.yaml --dry-run`, `why`, `touch`, and steps that are meant by files that they make."""

import json

import pytest
from programs import woflo_command as woflo

pytestmark = pytest.mark.unmeasured

TASKS = """
from pathlib import Path
from woflo import task

@task
def note(word: str) -> str:
    with open("effects", "a") as file:
        file.write(f"{word}\\n")
    if word == "two" and not Path("healed").exists():
        raise ValueError("not yet")
    return word
"""
JOB = """
config: {name: nightly, tags: {kind: "$VAR{kind:usual}"}}
tasks:
  sums: {shell: true, run: "cat {inputs} >{outputs}; echo sums >>effects", inputs: copy.txt, outputs: sums.txt}
  copy: {shell: true, run: "cp {inputs} {outputs}; echo copy >>effects", inputs: in.txt, outputs: copy.txt}
  first: {task: note, parameters: {word: one}}
  second: {task: note, parameters: {word: two}, dependencies: [first]}
  third: {run: "cp {inputs} {outputs}", inputs: "${first.result}", outputs: third.txt}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "all.py").write_text(TASKS)
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "woflo.toml").touch()
    (tmp_path / "in.txt").write_text("hello")
    (tmp_path / "one").write_text("a file that is named by a step")
    return tmp_path


def effects(folder):
    """Which steps have done something since the last look."""
    path = folder / "effects"
    done = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return done


def planned(folder, *words):
    output, said, status = woflo(folder, "run", "job.yaml", "--dry-run", "--json", *words)
    assert (said, status) == ("", 0)
    return {one["step"]: one for one in json.loads(output)}


def test_what_would_be_done(folder):
    """By the files, by the record where -r goes on, and by what is known only later; as it is then done."""
    found = planned(folder)
    assert list(found) == ["copy", "first", "sums", "second", "third"]
    assert found["copy"]["reasons"] == ["copy.txt does not exist"]
    assert found["sums"]["reasons"] == ["copy.txt would be made anew by copy"]
    assert found["first"]["reasons"] == ["it names no files, so it is executed whenever it is called"]
    assert found["third"]["reasons"] == ["what first leaves (${first.result}) is known when it has ended"]
    assert effects(folder) == []
    assert not (folder / ".woflo" / "woflo.db").exists()
    assert woflo(folder, "run", "job.yaml", "-q")[2] == 1
    assert effects(folder) == ["copy", "one", "sums", "two"]
    found = planned(folder)
    assert [name for name, one in found.items() if one["is_up_to_date"]] == ["copy", "sums"]
    found = planned(folder, "-r")
    assert [name for name, one in found.items() if one["is_kept"]] == ["copy", "first", "sums", "third"]
    assert found["second"]["reasons"][0].startswith("it is FAILED in ")
    assert [name for name, one in planned(folder, "-r", "-f", "f*").items() if one["is_kept"]] == ["copy", "sums"]
    output = woflo(folder, "run", "job.yaml", "--dry-run", "-r")[0]
    assert "kept: " in next(line for line in output.splitlines() if line.startswith("copy"))
    (folder / "healed").touch()
    assert woflo(folder, "run", "job.yaml", "-r", "-f", "first", "-q")[2] == 0
    assert effects(folder) == ["one", "two"]


def test_why_and_touch(folder):
    """What makes steps stale, of all of them or of some; a person accepts what they make, and they are up to date."""
    assert woflo(folder, "run", "job.yaml", "sums", "-q")[2] == 0
    assert woflo(folder, "why", "job.yaml", "sums.txt", "copy") == (
        "",
        "nothing to be done: all is up to date\n",
        0,
    )
    (folder / "in.txt").write_text("hello you")
    output, _, status = woflo(folder, "why", "job.yaml", "sums", "copy")
    assert status == 0
    assert output.splitlines() == [
        "copy: cp in.txt copy.txt; echo copy >>effects",
        "    in.txt has changed",
        "sums: cat copy.txt >sums.txt; echo sums >>effects",
        "    copy.txt would be made anew by copy",
    ]
    assert [one["task"] for one in json.loads(woflo(folder, "why", "job.yaml", "copy", "--json")[0])] == ["copy"]
    assert woflo(folder, "touch", "job.yaml", "copy") == ("copy.txt\n", "", 0)
    assert woflo(folder, "touch", "job.yaml") == ("copy.txt\nsums.txt\n", "", 0)
    assert woflo(folder, "why", "job.yaml", "sums", "copy")[0] == ""
    effects(folder)
    assert woflo(folder, "run", "job.yaml", "sums", "-q")[2] == 0
    assert effects(folder) == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["touch", "job.yaml", "first"], "the step 'first' names no outputs, so there is nothing to accept"),
        (["touch", "job.yaml", "sums"], "does not exist"),
        (["touch", "job.yaml", "third"], "third: what first leaves (${first.result}) is known when it has ended"),
        (["touch", "job.yaml", "--arg", "i=1"], "--arg cannot be meant: job.yaml is a job file"),
        (["why", "job.yaml", "smus"], "did you mean 'sums'"),
        (["why", "in.txt", "--var", "kind=x"], "--var cannot be meant: in.txt is no job file"),
        (["run", "sums.txt"], "woflo run job.yaml sums.txt"),
    ],
)
def test_what_cannot_be_meant(folder, words, text):
    """A line, status 2, and nothing is executed."""
    output, said, status = woflo(folder, *words)
    assert (output, status) == ("", 2)
    assert text in said
    assert "Traceback" not in said
    assert effects(folder) == []


def test_by_the_name_of_a_file(folder):
    """NAME is a step, or a file that one makes: it is executed with all that it needs, under the name that is given."""
    assert woflo(folder, "run", "job.yaml", "./sums.txt", "first", "-q", "--name", "half")[2] == 0
    assert effects(folder) == ["copy", "one", "sums"]
    assert (folder / "sums.txt").read_text() == "hello"
    (run,) = json.loads(woflo(folder, "list", "--tag", "name=half", "--tag", "kind=usual", "--json")[0])
    assert (run["task"], run["state"]) == ("nightly", "SUCCEEDED")


def test_a_run_that_goes_on_is_found_by_the_same_tags(folder):
    """Those of the file, in which variables are filled in, and its name."""
    assert woflo(folder, "run", "job.yaml", "-q", "--name", "night", "--var", "kind=late")[2] == 1
    (folder / "healed").touch()
    assert woflo(folder, "run", "job.yaml", "-q", "-r")[2] == 0
    runs = json.loads(woflo(folder, "list", "--tag", "name=night", "--tag", "kind=late", "--json")[0])
    assert sorted(run["state"] for run in runs) == ["FAILED", "SUCCEEDED"]
