"""`woflo run` with functions that call scripts, and with the names of files that scripts make."""

import json
import sys

import pytest
from programs import Program
from programs import woflo_command as woflo
from systems import needs_proc

FLOW = """
import asyncio
from woflo import gather, script, task

split = script("cp {inputs} {outputs}", inputs="text.txt", outputs="part_{i}.txt", name="split")
upper = script("tr a-z A-Z < {inputs} > {outputs}", inputs="part_{i}.txt", outputs="up/part_{i:02d}.txt", shell=True,
               name="upper")

@script(inputs=["up/part_01.txt", "up/part_02.txt"], outputs="final.txt")
def join(inputs, outputs):
    return ["sh", "-c", 'cat "$@" > final.txt', "sh", *inputs]

broken = script("sh -c 'echo lost >&2; exit 3'", name="broken")
long = script("sh -c 'touch begun; sleep 90'", name="long")

@task(inputs="final.txt", outputs="{name}.count", runner="thread")
def count(name: str) -> int:
    size = len(open("final.txt").read())
    open(f"{name}.count", "w").write(str(size))
    return size

a = script("cp b.x a.x", inputs="b.x", outputs="a.x", name="a")
b = script("cp a.x b.x", inputs="a.x", outputs="b.x", name="b")
one = script("touch {outputs}", outputs="{x}-one.y", name="one")
other = script("touch {outputs}", outputs="two-{x}.y", name="other")
needy = script("touch {outputs} {word}", outputs="{x}.needy", name="needy")
reads = script("touch {outputs}", inputs="nowhere.txt", outputs="reads.z", name="reads")

async def flow(n: int = 2):
    parts = [split(i=i + 1) for i in range(n)]
    await gather(*parts)
    await gather(*(upper(i=i + 1, inputs=[part]) for i, part in enumerate(parts)))
    await join()

def not_waited():
    broken()
    split(i=9)

def raises():
    split(i=9)
    raise ValueError("no\\x1b[2J")

def waits():
    long().get_result()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "woflo.toml").touch()
    (tmp_path / "sflow.py").write_text(FLOW)
    (tmp_path / "text.txt").write_text("abc\n")
    return tmp_path


def planned(folder, *words):
    """The tasks that would be executed, and the first reason of each."""
    output, said, status = woflo(folder, "run", "sflow.py", *words, "--dry-run", "--json")
    assert status == 0, said
    return [(one["task"], one["reasons"][0]) for one in json.loads(output)]


def test_a_coroutine_function_that_calls_scripts(folder):
    """It is called, its scripts make their files, progress is told; the second time nothing is to be done."""
    output, said, status = woflo(folder, "run", "sflow.py", "flow")
    assert (output, status) == ("", 0)
    assert "join: succeeded" in said
    assert (folder / "final.txt").read_text() == "ABC\nABC\n"
    assert planned(folder, "flow") == []
    said = woflo(folder, "run", "sflow.py:flow")[1]
    assert "5 skipped" in said
    assert woflo(folder, "run", "sflow.py", "flow", "--quiet") == ("", "", 0)


def test_arguments_of_a_function(folder):
    """They are typed by its signature, as those of tasks."""
    assert woflo(folder, "run", "sflow.py", "flow", "--arg", "n=1", "-q")[2] == 1  # part_02 is nobody's work then
    assert (folder / "up" / "part_01.txt").exists()
    assert "takes int" in woflo(folder, "run", "sflow.py", "flow", "--arg", "n=x")[1]


def test_what_nobody_waits_for_counts(folder):
    """All that was called is waited for, what failed is named with where its output is, and the status is 1."""
    output, said, status = woflo(folder, "run", "sflow.py", "not_waited", "--quiet")
    assert (output, status) == ("", 1)
    error, *last, hint = said.splitlines()
    assert error.startswith("error: broken (")
    assert last == ["    lost"]  # which nobody has seen
    assert "FAILED: ScriptError" in error
    log = hint.removeprefix("hint: its output is in ")
    assert "lost" in (folder / log).read_text()
    assert (folder / "part_9.txt").exists()


def test_a_function_that_raises(folder):
    """What it has called ends all the same; its error is a line without escapes, or a traceback with --debug."""
    _, said, status = woflo(folder, "run", "sflow.py", "raises", "--quiet")
    assert (said, status) == ("error: raises: ValueError: no\\x1b[2J\n", 1)
    assert (folder / "part_9.txt").exists()
    assert "Traceback" in woflo(folder, "run", "sflow.py", "raises", "--quiet", "--debug")[1]


@needs_proc
def test_ctrl_c_ends_a_flow(folder):
    """Its commands end, and the status is that of an interrupt."""
    command = [sys.executable, "-m", "woflo", "run", "sflow.py", "waits"]
    with Program(folder, "", terminal=True, command=command) as program:
        program._wait_until((folder / "begun").exists, "begun", 30)
        program.press_ctrl_c()
        assert program.wait() == 130
        program.assert_all_gone()
        assert "interrupted" in program.read()


def test_force(folder):
    """What the glob names is executed though it is up to date, and what reads it, too, where that has changed."""
    assert woflo(folder, "run", "sflow.py", "flow", "-q")[2] == 0
    found = planned(folder, "flow", "-f", "upp*")
    assert found[0] == ("upper", "it is forced by 'upp*'")
    assert [name for name, _ in found] == ["upper", "upper", "join"]
    said = woflo(folder, "run", "sflow.py", "flow", "-f", "upp*")[1]
    assert [said.count(f"upper(i={i}): succeeded") for i in (1, 2)] == [1, 1]


MIXED = """
import asyncio
from pathlib import Path
from woflo import gather, script, task, wait, workflow
from woflo import as_completed

split = script("cp {inputs} {outputs}", inputs="text.txt", outputs="{i}.out", name="split")
show = script("echo {word}", name="show")

@task
def effect(n: int, password: str = "") -> int:
    Path(f"effect_{n}").touch()
    return n

@task(runner="multiprocess")
def isolated(n: int) -> int:
    Path(f"isolated_{n}").touch()
    return n

@workflow
def stored(n: int) -> int:
    Path(f"stored_{n}").touch()
    return n

queued = effect.with_options(runner="queue", name="queued")

def passes_on():
    first = effect(1, password="hidden")
    first.get_result()
    isolated(first)
    stored(2).wait()
    queued(3)
    show(word=first)
    list(effect.map([4, 5]))
    gather(effect(6), split(i=1)).get_result()
    wait([effect(7)])
    for run in as_completed([effect(8)], timeout=60):
        run.get_result()

async def awaits():
    value = await effect(1)
    await gather(effect(value), isolated(2))
    await split(i=1)

def looks():
    split(i=1)
    if effect(1).get_result() > 0:
        split(i=2)

def hands_over():
    isolated(effect(1).get_result() + 1)

def breaks():
    effect(1)
    raise ValueError("broken")

def misuses():
    effect()
"""


def effects(folder):
    """Files that tasks make, and that woflo writes."""
    names = ("effect", "isolated", "stored", "woflo.db")
    return [path.name for path in folder.rglob("*") if path.name.startswith(names) or path.suffix == ".log"]


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        (
            "passes_on",
            "effect isolated stored queued show effect effect effect split effect effect",
        ),
        ("awaits", "effect effect isolated split"),
        ("effect", "effect"),
        ("stored", "stored"),
    ],
)
def test_a_dry_run_starts_nothing(folder, name, tasks):
    """Of whatever runner: no task, no process, no row in a store; what would be called is told with its arguments."""
    (folder / "mixed.py").write_text(MIXED)
    words = ["--arg", "n=1"] if name in ("effect", "stored") else []
    output, said, status = woflo(folder, "run", "mixed.py", name, *words, "--dry-run", "--json")
    assert (said, status) == ("", 0)
    planned = json.loads(output)
    assert [one["task"] for one in planned] == tasks.split()
    assert "it names no files" in planned[0]["reasons"][0]
    assert "hidden" not in output
    assert effects(folder) == []
    assert woflo(folder, "run", "mixed.py", name, *words, "--dry-run", "--store", "sqlite:///new.db")[2] == 0
    assert not (folder / "new.db").exists()
    lines = woflo(folder, "run", "mixed.py", name, *words, "--dry-run")[0].splitlines()
    assert lines[:2] == [f"{planned[0]['command']}", "    it names no files, so it is executed whenever it is called"]


@pytest.mark.parametrize(("name", "tasks"), [("looks", "split effect"), ("hands_over", "effect")])
def test_a_dry_run_ends_where_a_result_is_needed(folder, name, tasks):
    """What comes before is planned, and the rest is told to be unknown; nothing is made up, and nothing started."""
    (folder / "mixed.py").write_text(MIXED)
    output, said, status = woflo(folder, "run", "mixed.py", name, "--dry-run", "--json")
    assert [one["task"] for one in json.loads(output)] == tasks.split()
    assert said == (
        "hint: the plan ends here, for the result of effect is needed here, and is known only when it is executed\n"
    )
    assert status == 0
    assert effects(folder) == []


def test_a_dry_run_of_what_is_broken(folder):
    """A line and status 1 for what the function raises, 2 for a call that cannot be meant."""
    (folder / "mixed.py").write_text(MIXED)
    output, said, status = woflo(folder, "run", "mixed.py", "breaks", "--dry-run")
    assert output.startswith("effect(1)\n")
    assert (said, status) == ("error: breaks: ValueError: broken\n", 1)
    output, said, status = woflo(folder, "run", "mixed.py", "misuses", "--dry-run")
    assert (output, len(said.splitlines()), status) == ("", 1, 2)
    assert effects(folder) == []


def test_as_many_scripts_at_once_as_asked_for(folder):
    """With --jobs 1 commands do not overlap."""
    (folder / "wide.py").write_text(
        "from woflo import script\n"
        "alone = script('sh -c \\'mkdir lock && sleep 0.2 && rmdir lock\\'', name='alone')\n"
        "def flow():\n    [alone() for _ in range(4)]\n"
    )
    assert woflo(folder, "run", "wide.py", "flow", "--jobs", "1", "-q") == ("", "", 0)
    assert woflo(folder, "run", "wide.py", "flow", "--jobs", "4", "-q")[2] == 1


def test_a_file_by_its_name(folder):
    """Its inputs are made before it, by the patterns of the outputs; again there is nothing to do; a change is seen."""
    assert [name for name, _ in planned(folder, "final.txt")] == ["split", "upper", "split", "upper", "join"]
    assert not (folder / "final.txt").exists()
    assert woflo(folder, "run", "sflow.py", "final.txt", "-q") == ("", "", 0)
    assert (folder / "final.txt").read_text() == "ABC\nABC\n"
    assert planned(folder, "./final.txt") == []
    (folder / "text.txt").write_text("xy\n")
    assert planned(folder, "up/part_02.txt") == [
        ("split", "text.txt has changed"),
        ("upper", "part_2.txt would be made anew by split"),
    ]
    assert woflo(folder, "run", "sflow.py", "big.count", "up/part_02.txt", "-q") == ("", "", 0)
    assert (folder / "big.count").read_text() == "6"


def test_a_failure_on_the_way_to_a_file(folder):
    """What it is made of failed: it is not made, and both are named."""
    with (folder / "sflow.py").open("a") as file:
        file.write("split = script('false', inputs='text.txt', outputs='part_{i}.txt', name='split')\n")
    _, said, status = woflo(folder, "run", "sflow.py", "up/part_01.txt", "-q")
    assert status == 1
    assert "split (" in said
    assert "upper (" in said
    assert "UPSTREAM_FAILED" in said
    assert not (folder / "up" / "part_01.txt").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nothing.at.all"], "nothing makes 'nothing.at.all': split makes part_{i}.txt"),
        (["a.x"], "needs itself: a.x ← b.x ← a.x"),
        (["two-one.y"], "could be made by several calls: one(x='two'), other(x='one')"),
        (["z.needy"], "give it as --arg word=…"),
        (["reads.z"], "reads reads 'nowhere.txt', which does not exist, and nothing makes it"),
        (["up/part_1.txt"], "nothing makes 'up/part_1.txt'"),
        (["flwo"], "did you mean 'flow'"),
        (["flow", "a.x"], "'flow' is called by itself"),
        (["flow", "--key", "k"], "--key cannot be meant"),
        (["flow", "--skip", "x"], "--skip cannot be meant"),
        (["broken", "--dry-run", "--json", "--arg", "x=1"], "has no parameter 'x'"),
    ],
)
def test_what_cannot_be_meant(folder, words, text):
    """A line that says so, status 2, and nothing was called."""
    output, said, status = woflo(folder, "run", "sflow.py", *words)
    assert (output, status, len(said.splitlines())) == ("", 2, 1), said
    assert text in said
    assert not (folder / ".woflo" / "making").exists() or not any((folder / ".woflo" / "making").iterdir())


def test_at_a_terminal(folder):
    """A person sees how far it is, and at the end how it went."""
    command = [sys.executable, "-m", "woflo", "run", "sflow.py", "flow"]
    with Program(folder, "", terminal=True, command=command) as program:
        assert program.wait() == 0
        assert "succeeded" in program.read()
        assert program.output.rstrip().endswith("7 succeeded\x1b[0m")  # two of them are those of gather


TEMPORARY = """
from woflo import script, temporary

base = script("cp {inputs} {outputs}", inputs="text.txt", outputs="base.txt", name="base")
temp = script("cp {inputs} {outputs}; echo >> made", inputs="base.txt", outputs=temporary("{x}.tmp"), name="temp",
              shell=True)
left = script("cp {inputs} {outputs}", inputs="t.tmp", outputs="left.txt", name="left")
right = script("cat {inputs} > {outputs}", inputs=["t.tmp", "more.txt"], outputs="right.txt", name="right", shell=True)
"""


def test_temporary_outputs_of_files_that_are_asked_for(folder):
    """They go with their last reader, come again where one has to be made anew, and stay where they are asked for."""
    (folder / "temps.py").write_text(TEMPORARY)
    (folder / "more.txt").write_text("1")
    assert woflo(folder, "run", "temps.py", "left.txt", "right.txt", "--quiet") == ("", "", 0)
    assert (folder / "right.txt").read_text() == "abc\n1"
    assert not (folder / "t.tmp").exists()
    assert "4 skipped" in woflo(folder, "run", "temps.py", "left.txt", "right.txt")[1]
    (folder / "more.txt").write_text("23")
    assert woflo(folder, "run", "temps.py", "left.txt", "right.txt", "--quiet") == ("", "", 0)
    assert (folder / "right.txt").read_text() == "abc\n23"
    assert (folder / "made").read_text() == "\n\n"
    assert not (folder / "t.tmp").exists()
    (folder / "left.txt").unlink()
    assert woflo(folder, "run", "temps.py", "t.tmp", "left.txt", "--quiet") == ("", "", 0)
    assert (folder / "left.txt").exists()
    assert (folder / "t.tmp").exists()


GLOBS = """
from woflo import script
part = script("cp {inputs} {outputs}", inputs="in/{n}.txt", outputs="out/{n}.txt", name="part")
join = script("cat {inputs} > {outputs}", inputs="out/*.txt", outputs="join.txt", shell=True, name="join")
"""


def test_a_glob_is_no_file_that_could_be_made(folder):
    """What is asked for beside it is found by it; where nothing is, that is told before anything begins."""
    (folder / "globs.py").write_text(GLOBS)
    (folder / "in").mkdir()
    for n in "123":
        (folder / "in" / f"{n}.txt").write_text(n)
    for words in (("run",), ("run", "--dry-run"), ("why",)):
        _, said, status = woflo(folder, words[0], "globs.py", "join.txt", *words[1:])
        assert (status, "error: join reads 'out/*.txt', which no file matches" in said) == (2, True)
    assert not (folder / "out").exists()
    files = ("join.txt", "out/1.txt", "out/2.txt", "out/3.txt")
    reasons = json.loads(woflo(folder, "run", "globs.py", *files, "--dry-run", "--json")[0])[-1]["reasons"]
    assert reasons == [f"out/{n}.txt would be made anew by part" for n in "123"]
    assert woflo(folder, "run", "globs.py", *files, "-q")[2] == 0
    assert (folder / "join.txt").read_text() == "123"
    assert "".join(path.read_text() for path in sorted((folder / "in").iterdir())) == "123"
    assert "4 skipped" in woflo(folder, "run", "globs.py", "join.txt")[1]
