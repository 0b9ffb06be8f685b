"""What is up to date is skipped, what is not is made again, and why is told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fresh_helpers import ended, settled

from woflo import RunState, dry_run, forcing, gather, script, task, touch, why, workflow
from woflo.errors import MissingOutputError, OptionError
from woflo.scripts import prints
from woflo.scripts.ledger import ONE_BY_ONE, ledger
from woflo.testing import wait_until

EXECUTED, SKIPPED = RunState.SUCCEEDED, RunState.SKIPPED


def copying(**options):
    """A script that copies, and counts how often."""
    command = options.pop("command", "echo >> count; cp {inputs} {outputs}")
    return script(command, **{"inputs": "in.txt", "outputs": "out.txt", "shell": True, "name": "copy", **options})


@pytest.fixture(autouse=True)
def source(project):
    settled("in.txt", "one")
    yield
    forcing()


def anew():
    """Forget what this process knows: as another one it reads what is kept."""
    book = ledger()
    book.flush()
    book._known.clear()
    book._has_all = False


def test_up_to_date_is_skipped(project):
    """In this process, and in the next; its value is there all the same."""
    assert ended(copying()()) is EXECUTED
    again = copying()()
    assert (ended(again), again.get_result()) == (SKIPPED, ["out.txt"])
    anew()
    assert ended(copying()()) is SKIPPED
    assert why(copying()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda: Path("in.txt").write_text("other"), "in.txt has changed"),
        (lambda: Path("out.txt").unlink(), "out.txt does not exist"),
        (lambda: Path("out.txt").write_text("by hand"), "out.txt is not as it was made"),
    ],
)
def test_changed_files(project, change, told):
    """An input, an output that was removed or changed by hand: made again, and told."""
    copying()().get_result()
    change()
    assert why(copying()) == [told]
    assert ended(copying()()) is EXECUTED
    assert ended(copying()()) is SKIPPED


def test_another_time_with_the_same_contents(project):
    """Is up to date; and the next look need not read it again."""
    copying()().get_result()
    settled("in.txt", ago=50)
    assert ended(copying()()) is SKIPPED
    ledger().flush()
    (known,) = ledger().every()
    assert known.inputs["in.txt"][1] == os.stat("in.txt").st_mtime_ns


def test_the_same_size_and_another_content(project):
    """Is found by its time."""
    copying()().get_result()
    settled("in.txt", "two", ago=50)
    assert ended(copying()()) is EXECUTED


def test_a_change_within_the_same_tick(project, monkeypatch):
    """A file that was changed shortly before it was read, and again with the same size and time, is found."""
    monkeypatch.setattr(prints, "FINE", 10**12)  # however slow the machine is
    now = time.time_ns()
    Path("in.txt").write_text("one")
    os.utime("in.txt", ns=(now, now))
    copying()().get_result()
    Path("in.txt").write_text("two")
    os.utime("in.txt", ns=(now, now))
    assert ended(copying()()) is EXECUTED
    assert Path("out.txt").read_text() == "two"


def test_times_of_whole_seconds(project):
    """As some file systems have them: a second change within the second is found."""
    whole = int(time.time()) * 1_000_000_000
    Path("in.txt").write_text("one")
    os.utime("in.txt", ns=(whole, whole))
    copying()().get_result()
    assert ended(copying()()) is SKIPPED
    Path("in.txt").write_text("two")
    os.utime("in.txt", ns=(whole, whole))
    assert ended(copying()()) is EXECUTED


def test_times_in_the_future(project):
    """Are no reason to execute again and again."""
    settled("in.txt", ago=-10_000)
    assert ended(copying()()) is EXECUTED
    assert ended(copying()()) is SKIPPED
    Path("in.txt").write_text("two")
    settled("in.txt", ago=-10_000)
    assert ended(copying()()) is EXECUTED


def test_an_input_that_changes_during_the_command(project):
    """What was read is not known: it is made again."""
    copying(command="cp {inputs} {outputs}; echo changed > in.txt")().get_result()
    assert ended(copying(command="cp {inputs} {outputs}; echo changed > in.txt")()) is EXECUTED


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"command": "echo >> count; cp {inputs}  {outputs}"},
            "the command was 'echo >> count; cp in.txt out.txt', and is 'echo >> count; cp in.txt  out.txt'",
        ),
        (
            {"inputs": ["in.txt", "in.txt"]},
            "the command was 'echo >> count; cp in.txt out.txt', and is 'echo >> count; cp in.txt in.txt out.txt'",
        ),
        ({"command": "cp {inputs} {outputs}", "shell": False}, "the command is no longer executed by a shell"),
        ({"env": {"MODE": "2"}}, "the environment variable MODE was '1', and is '2'"),
    ],
)
def test_another_command(project, options, told):
    """The word that has changed is told."""
    copying(env={"MODE": "1"})().get_result()
    other = copying(**{"env": {"MODE": "1"}, **options})
    assert why(other)[0].startswith(told)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("cp {inputs} {outputs}", "ln {inputs} {outputs}", "word 1 of the command was 'cp', and is 'ln'"),
        (
            ["cp", "{inputs}", "{outputs}"],
            "cp -f {inputs} {outputs}",
            "word 2 of the command was 'in.txt', and is '-f'",
        ),
        ("cp -f {inputs} {outputs}", "cp -f {inputs}", "the command has no longer the word 'out.txt'"),
    ],
)
def test_another_word(project, before, now, told):
    """Counted as they are written, the program first."""
    script(before, inputs="in.txt", outputs="out.txt", name="copy")().get_result()
    assert why(script(now, inputs="in.txt", outputs="out.txt", name="copy"))[0] == told


def test_another_part_of_a_long_command(project):
    """What stands around the difference is told, not both texts."""
    long = "cp {inputs} {outputs}" + "; true" * 100
    copying(command=f"{long}; echo one; {long}")().get_result()
    told = why(copying(command=f"{long}; echo other; {long}"))[0]
    assert "echo one; " in told
    assert "echo other; " in told
    assert told.startswith("the command was '…")
    assert len(told) < 200
    told = why(copying(command="cp {inputs} {outputs}"))[0]
    assert len(told) < 300


def test_a_variable_of_the_environment(project, monkeypatch):
    """Counts where the script names it, and not else."""
    monkeypatch.setenv("MODE", "1")
    named, unnamed = copying(env=["MODE"]), copying(outputs="other.txt")
    gather(named(), unnamed()).get_result()
    monkeypatch.setenv("MODE", "2")
    assert (ended(named()), ended(unnamed())) == (EXECUTED, SKIPPED)


def test_further_and_fewer_inputs(project):
    """Are told by name, also where the command does not have them."""
    settled("more.txt", "x")
    copying(command="touch {outputs}")().get_result()
    more = copying(command="touch {outputs}", inputs=["in.txt", "more.txt"])
    assert why(more) == ["more.txt is a new input"]
    more().get_result()
    assert why(copying(command="touch {outputs}")) == ["more.txt is no longer an input"]


def test_without_a_record_times_decide(project):
    """As make does it: what was there before woflo came is not made again without need."""
    settled("out.txt", "made before", ago=50)
    assert ended(copying()()) is SKIPPED
    settled("out.txt", ago=200)
    assert why(copying()) == ["in.txt is newer than out.txt"]
    assert ended(copying()()) is EXECUTED


def test_without_outputs_it_always_runs(project):
    """There is nothing to be up to date."""
    plain = script("true")
    assert [ended(plain()), ended(plain())] == [EXECUTED, EXECUTED]
    assert why(plain) == ["it names no outputs"]


def test_forced(project):
    """By a glob over names, until that is taken back."""
    copying()().get_result()
    forcing("x*", "co*")
    assert why(copying()) == ["it is forced by 'co*'"]
    assert ended(copying()()) is EXECUTED
    assert ended(copying(name="other")()) is SKIPPED
    forcing()
    assert ended(copying()()) is SKIPPED
    with forcing("copy"):
        assert ended(copying()()) is EXECUTED
    assert ended(copying()()) is SKIPPED
    with pytest.raises(OptionError, match="a glob over the names"):
        forcing(7)


def test_one_call_is_forced(project):
    """Up to date or not, and no other call of the same task; why says so, and a dry run plans it."""
    copy = copying()
    copy().get_result()
    forced = copy.with_options(force=True)
    assert why(forced) == ["it is forced by its call"]
    with dry_run() as plan:
        forced().wait()
    assert [one.reasons for one in plan.planned] == [("it is forced by its call",)]
    assert [ended(forced()), ended(copy()), ended(forced())] == [EXECUTED, SKIPPED, EXECUTED]
    with pytest.raises(OptionError, match="force='yes' must be True or False"):
        copy.with_options(force="yes")


@pytest.mark.parametrize("runner", ["sequential", "thread", "multiprocess"])
def test_one_call_of_a_function_is_forced(project, runner):
    """One with files, and one whose result is kept; one that is executed at every call cannot be."""

    @task(cache=True, runner=runner)
    def kept() -> float:
        return time.time()

    first = kept().get_result()
    assert kept().get_result() == first
    assert kept.with_options(force=True)().get_result() > first
    with pytest.raises(OptionError, match=r"force=True was given to plain, which is executed at every call"):
        task(name="plain")(lambda: 1).with_options(force=True)
    for define in (lambda: task(force=True), lambda: script("true", force=True), lambda: task(cache=True, force=True)):
        with pytest.raises(OptionError, match="no option 'force'"):
            define()(print)


def test_one_step_of_a_workflow_is_forced(project):
    """And no other one."""
    copy, other = copying(), copying(outputs="other.txt", name="other")

    @workflow
    def flow() -> list[str]:
        runs = [copy.with_options(force=True)(), other()]
        return [str(run.state) for run in runs if run.wait()]

    gather(copy(), other()).get_result()
    assert flow().get_result() == ["SUCCEEDED", "SKIPPED"]


@pytest.mark.parametrize("given", [print, "copy", None])
def test_why_of_what_is_no_task(project, given):
    """Is told with what was given."""
    with pytest.raises(OptionError, match="is no task; give one"):
        why(given)


def test_touch_accepts_what_is_there(project):
    """Whatever the command was; what is missing cannot be accepted."""
    with pytest.raises(MissingOutputError, match=r"out\.txt is not there"):
        touch(copying())
    settled("out.txt", "by hand", ago=200)
    assert touch(copying()) == ["out.txt"]
    assert ended(copying()()) is SKIPPED
    settled("in.txt", "two", ago=10)
    assert ended(copying()()) is EXECUTED


def test_a_dry_run_plans_what_would_be_executed(project):
    """In the order of the calls, what depends on it included; nothing is executed, nothing is written."""
    last = copying(name="last", inputs=None, outputs="last.txt")
    last(inputs=copying()()).get_result()
    Path("in.txt").write_text("two")
    before = sorted(project.rglob("*"))
    with dry_run() as plan:
        run = last(inputs=copying()())
        assert ended(run) is SKIPPED
        copying(name="third", outputs="third.txt", inputs="missing.txt")()
    assert [(one.task, one.reasons) for one in plan.planned] == [
        ("copy", ("in.txt has changed",)),
        ("last", ("out.txt would be made anew by copy",)),
        (
            "third",
            (
                "third.txt does not exist",
                "its input missing.txt does not exist, and nothing would make it: it would fail",
            ),
        ),
    ]
    assert sorted(project.rglob("*")) == before
    assert ended(last(inputs=copying()())) is EXECUTED


def test_a_dry_run_knows_files_by_any_of_their_names(project):
    """Those of a command in another folder, and those that are written in another way."""
    (project / "sub").mkdir()
    make = script("touch {outputs}", outputs="a.txt", cwd="sub", name="make")
    with dry_run() as plan:
        make()
        for path, cwd in (("a.txt", "sub"), ("./sub/a.txt", None), (str(project / "sub/a.txt"), None)):
            script("touch {outputs}", inputs=path, outputs="b.txt", cwd=cwd, name="use")()
    assert [one.reasons for one in plan.planned[1:]] == [
        (f"{path} would be made anew by make",) for path in ("a.txt", "./sub/a.txt", f"{project}/sub/a.txt")
    ]


@pytest.mark.parametrize(
    ("command", "options", "shown"),
    [
        ("tr a b < {inputs} > {outputs}", {"shell": True}, "tr a b < in.txt > out.txt"),
        (["cp", "{inputs}", "a b"], {}, "cp in.txt 'a b'"),
        (["/bin/sh", "-c", "cp $0 $1", "{inputs}", "{outputs}"], {}, "/bin/sh -c 'cp $0 $1' in.txt out.txt"),
    ],
)
def test_a_dry_run_tells_commands_as_they_were_written(project, command, options, shown):
    """The shell that woflo puts around one is not told; words are quoted, and none is left out."""
    with dry_run() as plan:
        script(command, inputs="in.txt", outputs="out.txt", name="one", **options)()
    assert [one.command for one in plan.planned] == [shown]


def test_a_dry_run_of_a_workflow(project, store):
    """It is planned as one call, and nothing of it begins; its plain function is planned step by step."""

    @workflow
    def flow() -> int:
        return len(copying()().get_result())

    with dry_run() as plan:
        assert flow.fn() == 1
        assert [one.task for one in plan.planned] == ["copy"]
        assert ended(flow()) is SKIPPED
        assert [one.task for one in plan.planned] == ["copy", "flow"]
    assert store.select() == []
    assert flow().get_result() == 1


def test_the_same_target_at_once(project):
    """One makes it; the others wait, and find it made."""
    slow = copying(command="echo >> count; sleep 0.2; cp {inputs} {outputs}")
    runs = [slow() for _ in range(4)]
    gather(*runs).get_result()
    assert Path("count").read_text() == "\n"


def test_many_targets_are_read_in_one_go(project, monkeypatch):
    """The first few by themselves, then all."""
    many = copying(outputs="many_{i}.txt", command="touch {outputs}")
    gather(*[many(i=i) for i in range(30)]).get_result()
    anew()
    asked = []
    store = ledger().store
    reading = type(store).successes

    def counted(self, targets=None):
        asked.append(targets)
        return reading(self, targets)

    monkeypatch.setattr(type(store), "successes", counted)
    assert {ended(many(i=i)) for i in range(30)} == {SKIPPED}
    assert asked == [[f"many_{i}.txt"] for i in range(ONE_BY_ONE)] + [None]


def test_what_another_process_has_made_is_known(project):
    """Before anything is executed, the store is asked again."""
    copying()().get_result()
    ledger().flush()
    kept = ledger().store.successes()
    ledger()._known["out.txt"] = None
    settled("out.txt", ago=200)
    os.utime("out.txt", ns=(kept_time(kept), kept_time(kept)))
    settled("in.txt", ago=100)
    assert ended(copying()()) is SKIPPED


def kept_time(kept):
    import json

    return json.loads(kept[0].record)["outputs"]["out.txt"][1]


def test_paths_are_those_of_the_project(project, monkeypatch):
    """Another current folder within it finds the same targets."""
    copying()().get_result()
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    assert copying(inputs="../in.txt", outputs="../out.txt").body.fn.plan("copy", (), {}).target == "out.txt"


def test_contents_are_read_once_for_many(project, monkeypatch):
    """Who reads the same input after others need not read it again for its digest."""
    read = []
    reading = prints._read
    monkeypatch.setattr(prints, "_read", lambda path: read.append(path) or reading(path))
    prints._known.clear()
    lock = threading.Lock()
    with lock:
        many = copying(outputs="many_{i}.txt", command="touch {outputs}", max_concurrency=1)
        gather(*[many(i=i) for i in range(5)]).get_result()
    assert read.count("in.txt") == 1


def test_the_folder_of_the_command_counts(project):
    """An output that is named by a whole path is another one where the command is executed elsewhere."""
    for name in "ab":
        (project / name).mkdir()
    where = script("pwd > {outputs}", outputs=str(project / "out"), cwd="{x}", shell=True, name="where")
    assert ended(where(x="a")) is EXECUTED
    assert ended(where(x="./a")) is SKIPPED
    assert any("cwd" in reason for reason in why(where, x="b"))
    assert ended(where(x="b")) is EXECUTED
    assert (project / "out").read_text() == f"{project / 'b'}\n"


# -- files that others change meanwhile ----------------------------------------------------------------


def meanwhile(change):
    """A reader of `in.txt`, which was changed while that was under way and had read nothing yet."""
    reader = copying(command="touch begun; while test -e begun; do sleep 0.01; done; cp {inputs} {outputs}")
    run = reader()
    wait_until(Path("begun").exists)
    change()
    Path("begun").unlink()
    run.get_result()
    return reader


def test_a_script_that_writes_what_another_one_reads(project):
    """Whichever of both contents the reader has seen: it is not up to date, and then with the one that there is."""
    Path("in.txt").unlink()
    writer = script("echo {text} > {outputs}", outputs="in.txt", shell=True, name="writer")
    writer(text="one").get_result()
    reader = meanwhile(lambda: writer(text="two").get_result())
    assert why(reader) == ["in.txt has changed"]
    assert Path("out.txt").read_text() == "two\n"


@pytest.mark.parametrize("grain", [1_000_000_000, 1])
def test_a_change_that_its_time_does_not_show(project, monkeypatch, grain):
    """Between two ticks of the clock of a file system, of the same size: the reader has read what was there before."""
    if grain == 1:
        monkeypatch.setattr(prints, "FINE", 10**12)  # however slow the machine is
    now = time.time_ns() // grain * grain

    def write(text):
        Path("in.txt").write_text(text)
        os.utime("in.txt", ns=(now, now))

    write("one")
    make = copying(command="cp {inputs} {outputs}; touch done; while test -e done; do sleep 0.01; done")
    run = make()
    wait_until(Path("done").exists)
    write("two")
    Path("done").unlink()
    run.get_result()
    assert Path("out.txt").read_text() == "one"
    assert why(make) == ["in.txt has changed"]


def test_a_part_that_is_taken_back_meanwhile(project):
    """Of a failed attempt to make it again: what was there before comes back, and the reader may have read the part."""
    Path("in.txt").unlink()
    writer = script("echo {text} > {outputs}; {end}", outputs="in.txt", shell=True, name="writer")
    writer(text="whole", end="true").get_result()
    fails = "echo part > {outputs}; touch written; while test -e written; do sleep 0.01; done; exit 1"
    bad = script(fails, outputs="in.txt", shell=True, name="writer")
    reader = copying(command="touch begun; while test -e begun; do sleep 0.01; done; cp {inputs} {outputs}; touch read")
    run = reader()
    wait_until(Path("begun").exists)
    failing = bad()
    wait_until(Path("written").exists)
    Path("begun").unlink()
    wait_until(Path("read").exists)
    Path("written").unlink()
    assert failing.exception() is not None
    run.get_result()
    assert (Path("in.txt").read_text(), Path("out.txt").read_text()) == ("whole\n", "part\n")
    assert why(reader) == ["in.txt has changed"]


def test_links_and_rights_of_inputs(project):
    """Are no change of what was read: a command may link its input."""
    link = copying(command="ln -f {inputs} {outputs}; chmod 600 {inputs}")
    assert ended(link()) is EXECUTED
    assert ended(link()) is SKIPPED


def test_outputs_of_the_future(project):
    """Without a record they are newer than any input; with one, a changed input counts all the same."""
    settled("out.txt", "made before", ago=-10_000)
    assert ended(copying()()) is SKIPPED
    Path("out.txt").unlink()
    future = copying(command="cp {inputs} {outputs}; touch -d '2 hours' {outputs}")
    assert ended(future()) is EXECUTED
    assert Path("out.txt").stat().st_mtime > time.time() + 3600
    assert ended(future()) is SKIPPED
    settled("in.txt", "two", ago=50)
    assert why(future) == ["in.txt has changed"]
    assert ended(future()) is EXECUTED
    assert Path("out.txt").read_text() == "two"


def test_one_of_a_thousand_outputs_is_removed(project):
    """It is told by its name, and all are made again."""
    many = script("touch {outputs}", outputs=[f"deep/many/{i}.txt" for i in range(1000)], name="many")
    many().get_result()
    Path("deep/many/777.txt").unlink()
    assert why(many) == ["deep/many/777.txt does not exist"]
    assert ended(many()) is EXECUTED
    assert Path("deep/many/777.txt").exists()
    assert ended(many()) is SKIPPED


@pytest.mark.parametrize("runner", ["thread", "multiprocess"])
def test_what_is_stale_by_its_record_is_made_by_any_runner(project, runner):
    """Also where it is executed in a process that does not know of the record: times alone would tell nothing."""
    assert ended(copying(runner=runner)()) is EXECUTED
    other = copying(runner=runner, command="echo >> count; cp {inputs} {outputs}; echo more >> {outputs}")
    assert ended(other()) is EXECUTED
    assert Path("out.txt").read_text() == "onemore\n"


def test_what_another_program_has_made_since_the_look_is_not_made_again(project, monkeypatch):
    """It was missing when the call was admitted, and nobody was waited for: nevertheless it is looked at again."""
    from woflo.scripts import execution

    taken = execution.Mark.take

    def take(target, pause):
        code = "from test_freshness import copying; copying()().get_result()"
        if not made:
            made.append(subprocess.run([sys.executable, "-c", code], env=environment, check=True))
        return taken(target, pause)

    made = []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    monkeypatch.setattr(execution.Mark, "take", staticmethod(take))
    assert ended(copying()()) is SKIPPED
    assert Path("count").read_text() == "\n"
