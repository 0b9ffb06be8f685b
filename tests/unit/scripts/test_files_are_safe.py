"""Partial files are never taken for results, and nothing is removed that woflo did not make."""

from __future__ import annotations

import os
import stat
from contextlib import nullcontext
from pathlib import Path

import pytest
from fresh_helpers import ended

from woflo import RunState, dry_run, forcing, protected, script, task, temporary, touch, why
from woflo.errors import ArgumentError, ProtectedOutputError, ScriptError
from woflo.scripts.ledger import ledger
from woflo.scripts.making import Making
from woflo.scripts.marks import Mark

FAILS = "echo part > {outputs}; exit 1"


def making(command, **options):
    return script(command, **{"outputs": "x.txt", "shell": True, "name": "make", **options})


def test_a_partial_file_is_removed(project):
    """What a failed command has begun to write is gone."""
    assert ended(making(FAILS)()) is RunState.FAILED
    assert not Path("x.txt").exists()
    assert ended(making("echo good > {outputs}")()) is RunState.SUCCEEDED


def test_the_result_before_comes_back(project):
    """What woflo made before is moved aside, and is there again after a failure; then it is still not up to date."""
    making("echo good > {outputs}")().get_result()
    looking = making("test ! -e x.txt || exit 7; " + FAILS)
    assert looking().exception().exit_code == 1
    assert Path("x.txt").read_text() == "good\n"
    assert sorted(os.listdir()) == [".woflo", "woflo.toml", "x.txt"]
    assert ended(looking()) is RunState.FAILED
    assert ended(making("echo good > {outputs}")()) is RunState.SKIPPED


def test_a_file_of_the_user_is_never_removed(project):
    """Neither before nor after an attempt; what a command has made of it is not taken for a result."""
    Path("x.txt").write_text("mine")
    Path("in.txt").write_text("newer")
    os.utime("x.txt", (1, 1))
    kept = making("test $(cat x.txt) = mine && exit 1", inputs="in.txt")
    assert kept().exception().exit_code == 1
    assert Path("x.txt").read_text() == "mine"
    half = making(FAILS, inputs="in.txt")
    assert ended(half()) is RunState.FAILED
    assert Path("x.txt").read_text() == "part\n"
    assert ended(half()) is RunState.FAILED  # though the partial file is newer than its input


def test_what_the_user_has_changed_since_is_the_users(project):
    """A result that was edited by hand is not moved aside."""
    making("echo good > {outputs}")().get_result()
    Path("x.txt").write_text("edited by hand")
    assert ended(making("grep edited x.txt && exit 1")()) is RunState.FAILED
    assert Path("x.txt").read_text() == "edited by hand"


def test_inputs_are_never_removed(project):
    """Also where an output is one of them, by another name or through a link."""
    Path("in.txt").write_text("data")
    os.symlink("in.txt", "link.txt")
    both = script("exit 1", inputs="in.txt", outputs=["./in.txt", "link.txt"], shell=True, name="both")
    ended(both())
    assert Path("in.txt").read_text() == "data"
    assert Path("link.txt").is_symlink()


def test_an_input_that_woflo_made_is_not_moved_aside(project):
    """A command that changes its input in place finds it, and it is there after a failure."""
    making("echo data > {outputs}")().get_result()
    change = making("test $(cat {inputs}) = data && exit 7", inputs="x.txt")
    assert change().exception().exit_code == 7
    assert Path("x.txt").read_text() == "data\n"


def test_folders_are_never_removed(project):
    """A folder among the outputs stays, with all that is in it."""
    make = script("mkdir -p d; touch d/a; test ! -e fail", outputs="d", shell=True, name="make")
    assert make().get_result() == ["d"]
    Path("d/mine").touch()
    again = script("rm -f nothing; exit 1", outputs="d", shell=True, name="make")
    assert ended(again()) is RunState.FAILED
    assert sorted(os.listdir("d")) == ["a", "mine"]


def test_files_of_globs(project):
    """What the failed command made is removed, what others made is not, and what was made before comes back."""
    Path("p_hand.txt").write_text("mine")
    good = script("echo 1 > p_1.txt; echo 2 > p_2.txt", outputs="p_*.txt", shell=True, name="good")
    good().get_result()
    bad = script("ls > seen; echo 3 > p_3.txt; exit 1", outputs="p_*.txt", shell=True, name="bad")
    first = ledger().get("p_*.txt")
    assert set(first.outputs) == {"p_1.txt", "p_2.txt"}
    assert ended(bad()) is RunState.FAILED
    assert Path("seen").read_text().split() == ["p_hand.txt", "seen", "woflo.toml"]
    assert sorted(path.name for path in project.glob("p_*")) == ["p_1.txt", "p_2.txt", "p_hand.txt"]


def test_a_glob_magic_in_a_value_finds_nothing_else(project):
    """A value is a name, whatever is in it."""
    Path("ab.txt").write_text("mine")
    bad = script("exit 1", outputs="{name}_*.txt", shell=True, name="bad")
    assert bad.body.fn.plan("bad", (), {"name": "[a]*"}).outputs[0].pattern == "[[]a][*]_*.txt"


@pytest.mark.parametrize("value", ["../out", "/tmp/woflo-out", "a/../../out", "link/out", "link/../out"])
def test_no_value_leads_out_of_the_project(project, value):
    """Whatever it is, nothing is executed, moved or removed there."""
    outside = project.parent / "elsewhere"
    outside.mkdir()
    os.symlink(outside, "link")
    (project.parent / "out.txt").write_text("mine")
    (outside / "out.txt").write_text("mine")
    make = script("exit 1", outputs="{x}.txt", shell=True, name="make")
    error = make(x=value).exception()
    assert value == "link/out" or isinstance(error, ArgumentError)
    assert (project.parent / "out.txt").read_text() == (outside / "out.txt").read_text() == "mine"


@pytest.mark.parametrize("value", ["../out.txt", "{elsewhere}/out.txt", "a/../../out.txt", "link/../out.txt"])
@pytest.mark.parametrize("kind", ["script", "function"])
def test_no_value_has_a_file_outside_of_the_project_read(project, value, kind):
    """Nothing is executed with it; what was written, in the template or at the call, is read."""
    outside = project.parent / "elsewhere"
    outside.mkdir()
    Path("a").mkdir()
    os.symlink(outside, "link")
    (project.parent / "out.txt").write_text("mine")
    (outside / "out.txt").write_text("mine")
    value = value.format(elsewhere=outside)
    if kind == "function":
        copy = task(inputs="{x}", outputs="copy", runner="sequential")(_copy)
        written = task(inputs=f"{outside}/{{x}}", outputs="copy", runner="sequential")(_copy_of_other)
    else:
        copy = script("cp {inputs} {outputs}", inputs="{x}", outputs="copy", name="copy")
        written = script("cp {inputs} {outputs}", inputs=f"{outside}/{{x}}", outputs="copy", name="copy")
    error = copy(x=value).exception()
    assert isinstance(error, ArgumentError)
    assert f"leads inputs {value!r} out of the project" in str(error)
    assert not Path("copy").exists()
    written(x="out.txt").get_result()
    assert Path("copy").read_text() == "mine"
    if kind == "script":
        assert copy(x="any", inputs=[value]).get_result() == ["copy"]


def _copy(x):
    Path("copy").write_text(Path(x).read_text())


def _copy_of_other(x):
    _copy(Path("..", "elsewhere", x))


def test_no_value_leads_a_command_out_of_the_project(project):
    """Where it is executed is a folder of the project, or one below what is written."""
    outside = project.parent / "elsewhere"
    (outside / "sub").mkdir(parents=True)
    Path("sub").mkdir()
    here = script("pwd > {outputs}", outputs=f"{project}/pwd", cwd="{x}", shell=True, name="here")
    for value in ("..", "sub/../..", "../elsewhere", str(outside), "/"):
        with pytest.raises(ArgumentError, match=r"leads cwd '.*' out of the project .* write the folder into `cwd`"):
            raise here(x=value).exception()
    assert not Path("pwd").exists()
    for value in (".", "sub", "sub/..", str(project), str(project / "sub")):
        here(x=value).get_result()
    there = script("pwd -P > {outputs}", outputs=f"{project}/pwd", cwd=f"{outside}/{{x}}", shell=True, name="there")
    there(x="sub").get_result()
    assert Path("pwd").read_text() == f"{outside}/sub\n"
    with pytest.raises(ArgumentError, match="out of the project"):
        raise there(x="..").exception()


def test_no_value_is_the_folder_above(project):
    """Also where the last of its names is what leads out."""
    make = script("exit 1", outputs="{x}", shell=True, name="make")
    with pytest.raises(ArgumentError, match="out of the project"):
        raise make(x="..").exception()


def test_outside_of_the_project_where_it_is_written(project):
    """Is made there, and never removed there."""
    outside = project.parent / "elsewhere"
    make = script("echo {x} > {outputs}; test {x} = 1", outputs=f"{outside}/{{x}}.txt", shell=True, name="make")
    assert make(x=1).get_result() == [f"{outside}/1.txt"]
    assert ended(make(x=1)) is RunState.SKIPPED
    assert ended(make(x=2)) is RunState.FAILED
    assert (outside / "2.txt").exists()
    assert ended(make(x=2)) is RunState.FAILED
    with pytest.raises(ArgumentError, match="out of the project"):
        raise make(x="../../2").exception()


@task(outputs=protected("x.txt"), runner="thread", name="make")
def make_protected(i):
    Path("x.txt").write_text(f"{i}\n")


@pytest.mark.parametrize("kind", ["script", "function"])
def test_protected_outputs_are_read_only(project, kind):
    """They are made anew only where that is said: by force, or by who makes them writable or removes them."""
    make = make_protected
    if kind == "script":
        make = script("echo {i} > {outputs}", outputs=protected("x.txt"), shell=True, name="make")
    make(i=1).get_result()
    assert not os.stat("x.txt").st_mode & 0o222
    refused = make(i=2).exception()
    assert isinstance(refused, ProtectedOutputError)
    for told in ("'x.txt' is protected", "made anew because", "-f make", "chmod u+w x.txt"):
        assert told in str(refused)
    assert any("x.txt is protected: it would fail" in reason for reason in why(make, i=2))
    with dry_run() as plan:
        make(i=2).wait()
    assert any("x.txt is protected: it would fail" in reason for reason in plan.planned[0].reasons)
    assert Path("x.txt").read_text() == "1\n"
    assert ended(make(i=1)) is RunState.SKIPPED
    assert why(make, i=1) == []
    for number, let in enumerate([lambda: os.chmod("x.txt", 0o644), lambda: os.unlink("x.txt")]):
        let()
        assert ended(make(i=number + 2)) is RunState.SUCCEEDED
        assert not os.stat("x.txt").st_mode & 0o222
    for forced in (nullcontext(make.with_options(force=True)), forcing("mak*")):
        number += 1
        with forced as forced_make:
            assert ended((forced_make or make)(i=number + 2)) is RunState.SUCCEEDED
            assert Path("x.txt").read_text() == f"{number + 2}\n"
            assert not any("protected" in reason for reason in why(forced_make or make, i=0))
    assert isinstance(make(i=1).exception(), ProtectedOutputError)


def test_a_protected_output_that_is_being_made(project):
    """Is no obstacle for who calls for the same: it is made once."""
    make = script("echo x >> made; echo x > {outputs}", outputs=protected("x.txt"), shell=True, name="make")
    runs = [make() for _ in range(20)]
    assert {ended(run) for run in runs} <= {RunState.SUCCEEDED, RunState.SKIPPED}
    assert Path("made").read_text() == "x\n"


def test_others_protected_files_that_a_glob_finds(project):
    """Are not this call's, and hinder nothing."""
    Path("p_other.txt").write_text("other")
    os.chmod("p_other.txt", 0o444)
    make = script("echo {i} > p_own.txt", outputs=protected("p_*.txt"), shell=True, name="make")
    assert ended(make(i=1)) is RunState.SUCCEEDED
    assert isinstance(make(i=2).exception(), ProtectedOutputError)
    os.chmod("p_own.txt", 0o644)
    assert ended(make(i=2)) is RunState.SUCCEEDED


@pytest.mark.parametrize("outputs", ["p_*.txt", "p_hand.txt"])
def test_a_file_by_hand_after_two_crashes(project, outputs):
    """Comes back when an attempt fails that follows, though the one before had moved it away."""
    split = script("test ! -e p_hand.txt && exit 7", outputs=outputs, shell=True, name="split")
    for moves in (False, True):
        mark = Mark.take(outputs, bool)
        if moves:
            Path("p_hand.txt").write_text("mine")
            Making(split.body.fn.plan("split", (), {}), None, mark).begin()
            assert not Path("p_hand.txt").exists()
        else:
            mark.note_stayed([])
        mark.give()
    assert split().exception().exit_code == 7
    assert Path("p_hand.txt").read_text() == "mine"
    assert not list(project.glob(".*part"))


def test_a_file_by_hand_after_a_crash(project, caplog):
    """Where a glob finds it, it may be a part of what was cut off, or somebody's: it is kept, and that is told."""
    split = script("echo 1 > p_1.txt", outputs="p_*.txt", shell=True, name="split")
    mark = Mark.take("p_*.txt", bool)
    mark.note_stayed([])
    mark.give()  # without an end: it was cut off
    Path("p_hand.txt").write_text("mine")
    assert split().get_result() == ["p_1.txt"]
    assert Path(".p_hand.txt.woflo-part").read_text() == "mine"
    assert "p_hand.txt was found after an attempt that was cut off" in caplog.text


# -- the same for functions ----------------------------------------------------------------------------

RUNNERS = ["sequential", "thread", "async", "multiprocess"]


def writing(runner="thread", **options):
    """A function that writes `how` into its output, and fails where that is "bad"."""

    @task(**{"outputs": "x.txt", "runner": runner, "name": "write", **options})
    def write(how, path="x.txt"):
        if how != "nothing":
            Path(path).write_text(how)
        if how in ("bad", "nothing"):
            raise ValueError(how)

    return write


@pytest.mark.parametrize("runner", RUNNERS)
def test_functions_never_remove_a_file_of_the_user(project, runner):
    """Neither before nor after an attempt; what one has made of it is not taken for a result."""
    Path("x.txt").write_text("mine")
    Path("in.txt").write_text("newer")
    write = writing(runner, inputs="in.txt")
    assert isinstance(write("nothing").exception(), ValueError)
    assert Path("x.txt").read_text() == "mine"
    assert isinstance(write("bad").exception(), ValueError)
    assert Path("x.txt").read_text() == "bad"
    assert ended(write("good")) is RunState.SUCCEEDED


@pytest.mark.parametrize("runner", RUNNERS)
def test_functions_leave_what_the_user_has_changed_since(project, runner):
    """A result that was edited by hand is not moved aside."""
    write = writing(runner)
    write("good").get_result()
    Path("x.txt").write_text("edited by hand")
    assert isinstance(write("nothing").exception(), ValueError)
    assert Path("x.txt").read_text() == "edited by hand"


@pytest.mark.parametrize("runner", RUNNERS)
def test_functions_never_remove_inputs(project, runner):
    """Also where an output is one of them, by another name or through a link; nor what woflo made."""
    Path("in.txt").write_text("data")
    os.symlink("in.txt", "link.txt")
    both = writing(runner, inputs="in.txt", outputs=["./in.txt", "link.txt"])
    assert isinstance(both("nothing").exception(), ValueError)
    assert Path("in.txt").read_text() == "data"
    assert Path("link.txt").is_symlink()
    writing(runner)("good").get_result()
    assert isinstance(writing(runner, inputs="x.txt")("nothing").exception(), ValueError)
    assert Path("x.txt").read_text() == "good"


@pytest.mark.parametrize("runner", RUNNERS)
def test_functions_never_remove_folders(project, runner):
    """A folder among the outputs stays, with all that is in it."""
    Path("d").mkdir()
    Path("d/mine").touch()
    write = writing(runner, outputs="d")
    assert isinstance(write("bad", "d/a").exception(), ValueError)
    assert sorted(os.listdir("d")) == ["a", "mine"]


def test_files_of_globs_of_functions(project):
    """What the failed one made is removed, what others made is not, and what was made before comes back."""
    Path("p_hand.txt").write_text("mine")
    write = writing(outputs="p_*.txt")
    write("good", "p_1.txt").get_result()
    assert isinstance(write("bad", "p_2.txt").exception(), ValueError)
    assert sorted(path.name for path in project.glob("p_*")) == ["p_1.txt", "p_hand.txt"]
    assert Path("p_1.txt").read_text() == "good"


@pytest.mark.parametrize("value", ["../out", "{outside}/out", "a/../../out", "link/out", "link/../out"])
def test_no_value_leads_a_function_out_of_the_project(project, value):
    """Nothing is executed, moved or removed there."""
    outside = project.parent / "elsewhere"
    outside.mkdir()
    os.symlink(outside, "link")
    for folder in (project.parent, outside):
        (folder / "out.txt").write_text("mine")
    write = task(outputs="{x}.txt", runner="sequential", name="write")(lambda x: Path(f"{x}.txt").unlink())
    assert isinstance(write(value.format(outside=outside)).exception(), ArgumentError)
    assert (project.parent / "out.txt").read_text() == (outside / "out.txt").read_text() == "mine"


# -- temporary and protected ---------------------------------------------------------------------------


def reading(command="true"):
    return script(f"{command} {{inputs}}", runner="sequential")  # its end is told to all before the call returns


@pytest.mark.parametrize("kind", ["script", "function"])
def test_a_file_by_hand_is_not_temporary(project, kind):
    """Neither one that was accepted, nor one that the maker has found and left alone; what it made itself is."""

    @task(outputs=temporary("t.txt"), runner="sequential", name="make")
    def function():
        if not Path("t.txt").exists():
            Path("t.txt").write_text("made")

    command = script("test -e t.txt || echo made > t.txt", outputs=temporary("t.txt"), shell=True, name="make")
    make = command if kind == "script" else function
    Path("t.txt").write_text("mine")
    if kind == "script":
        touch(make)
        reading()(inputs=make()).get_result()
        assert Path("t.txt").read_text() == "mine"
    with forcing("make"):
        reading()(inputs=make()).get_result()
    assert Path("t.txt").read_text() == "mine"
    Path("t.txt").unlink()
    reading()(inputs=make()).get_result()
    assert not Path("t.txt").exists()


def test_an_input_is_not_temporary(project):
    """Where a command changes it in place, by whatever name."""
    Path("in.txt").write_text("mine")
    os.symlink("in.txt", "link.txt")
    change = script("echo more >> in.txt", inputs="in.txt", outputs=temporary("{x}"), shell=True, name="change")
    for name in ("in.txt", "./in.txt", "link.txt"):
        reading()(inputs=change.with_options(force=True)(x=name)).get_result()
    assert Path("in.txt").read_text().startswith("mine")
    assert Path("link.txt").is_symlink()


@pytest.mark.parametrize("kind", ["script", "function"])
def test_a_file_by_hand_is_not_protected(project, kind):
    """One that was there and stayed can be written to as before, and so can what a link leads to."""
    Path("p_hand.txt").write_text("mine")
    Path("target.txt").write_text("mine")

    @task(outputs=protected("p_*.txt"), runner="thread", name="make")
    def function():
        Path("p_1.txt").write_text("made")
        os.symlink("target.txt", "p_2.txt")

    command = "echo made > p_1.txt; ln -s target.txt p_2.txt"
    script_ = script(command, outputs=protected("p_*.txt"), shell=True, name="make")
    (script_ if kind == "script" else function)().get_result()
    modes = {name: os.stat(name).st_mode & stat.S_IWUSR for name in ("p_hand.txt", "p_1.txt", "target.txt")}
    assert [bool(mode) for mode in modes.values()] == [True, False, True]


def test_what_a_person_has_accepted_is_not_removed(project):
    """Of a glob, it stays when others are made beside it; and it is not cleaned up."""
    split = script("echo {i} > p_{i}.txt", outputs="p_*.txt", shell=True, name="split")
    Path("p_hand.txt").write_text("mine")
    touch(split, i=1)
    split(i=2).get_result()
    assert Path("p_hand.txt").read_text() == "mine"
    assert Path("p_2.txt").read_text() == "2\n"


def test_names_that_cannot_be_lengthened(project):
    """What was made under one comes back as any."""
    name = "x" * 255
    make = script("echo good > {outputs}; exit {i}", outputs=name, shell=True, name="make")
    make(i=0).get_result()
    assert isinstance(make(i=1).exception(), ScriptError)
    assert Path(name).read_text() == "good\n"


@pytest.mark.parametrize("kind", ["script", "function"])
def test_values_that_leave_no_name(project, kind):
    """Are told, with what was written."""
    command = script("true", inputs="{x}", outputs="{y}", name="make")
    function = task(inputs="{x}", outputs="{y}", runner="thread", name="make")(lambda x, y: None)
    make = command if kind == "script" else function
    assert "leave nothing of inputs '{x}'" in str(make(x="", y="y").exception())
    Path("x").touch()
    assert "leave nothing of outputs '{y}'" in str(make(x="x", y="").exception())
