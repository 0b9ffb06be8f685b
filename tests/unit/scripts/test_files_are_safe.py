"""Partial files are never taken for results, and nothing is removed that woflo did not make."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from fresh_helpers import ended

from woflo import RunState, protected, script, task
from woflo.errors import ArgumentError
from woflo.scripts.ledger import ledger

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


def test_protected_outputs_are_read_only(project):
    """And are made again all the same."""
    make = making("echo {i} > {outputs}", outputs=protected("x.txt"))
    make(i=1).get_result()
    assert not os.stat("x.txt").st_mode & stat.S_IWUSR
    make(i=2).get_result()
    assert Path("x.txt").read_text() == "2\n"
    assert not os.stat("x.txt").st_mode & stat.S_IWUSR
