"""A command may ask for calls of tasks, of those that its script names, and of no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from woflo import RunState, gather, script
from woflo.errors import OptionError, ScriptCallError


@pytest.fixture
def part():
    return script("echo {i} > {outputs}", outputs="part_{i}.txt", shell=True, name="part")


def asking(*lines, **options):
    """A script that writes these lines."""
    Path("lines").write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    command = 'cat {inputs} > "$WOFLO_CALLS"; touch {outputs}'
    return script(command, **{"inputs": "lines", "outputs": "asked", "shell": True, "name": "ask", **options})


def test_calls_are_made_when_the_command_has_ended_well(project, part):
    """Their runs are those of the run; up to date, it asks for the same again."""
    ask = asking({"task": "part", "kwargs": {"i": 1}}, {"task": "part", "args": [2]}, may_call=[part])
    run = ask()
    assert run.get_result() == ["asked"]
    assert gather(*run.calls).get_result() == [["part_1.txt"], ["part_2.txt"]]
    again = ask()
    again.wait()
    assert again.state is RunState.SKIPPED
    gather(*again.calls).get_result()
    assert [one.state for one in again.calls] == [RunState.SKIPPED] * 2
    assert list((project / ".woflo/calls").iterdir()) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"task": "rm", "args": ["x"]}, "'rm' is not among those that it may call: part"),
        ("{", "it is no JSON"),
        ([1], "must be an object with `task`"),
        ({"task": "part", "run": "rm"}, "must be an object with `task`"),
        ({"task": "part", "kwargs": [1]}, "`kwargs` an object"),
        ({"task": "part", "kwargs": {"j": 1}}, "no parameter 'j'"),
        ({"task": "part", "kwargs": {"i": 1, "outputs": "/tmp/x"}}, "lies outside of the project"),
        ({"task": "part", "kwargs": {"i": 1, "inputs": "../x"}}, "lies outside of the project"),
    ],
)
def test_one_that_cannot_be_meant_fails_the_script(project, part, line, told):
    """It is told with its line, and none of the calls is made."""
    run = asking({"task": "part", "kwargs": {"i": 1}}, line, may_call=[part])()
    error = run.exception()
    assert isinstance(error, ScriptCallError)
    assert "ask, line 2 of $WOFLO_CALLS: " in str(error)
    assert told in str(error)
    assert run.calls == ()
    assert not (project / "part_1.txt").exists()


def test_a_failed_command_calls_nothing(project, part):
    """Each attempt asks anew, and what it asked by is not left behind."""
    ask = script(
        """echo '{"task": "part", "args": [1]}' >> "$WOFLO_CALLS"; test -e once || { touch once; false; }""",
        may_call=[part],
        retries=1,
        shell=True,
    )
    run = ask()
    run.get_result()
    assert len(run.calls) == 1
    gather(*run.calls).get_result()
    assert list((project / ".woflo/calls").iterdir()) == []


def test_without_may_call_there_is_no_file(project):
    """Nobody asks by accident."""
    script('test -z "$WOFLO_CALLS"', shell=True)().get_result()


def test_what_may_be_called_are_tasks(part):
    """Told at the definition."""
    with pytest.raises(OptionError, match="must be a list of tasks"):
        script("true", may_call=["part"])
    with pytest.raises(OptionError, match="two tasks of one name"):
        script("true", may_call=[part, part])


@pytest.mark.parametrize("runner", ["script", "thread"])
def test_who_may_not_ask_has_no_place_for_calls(project, part, monkeypatch, runner):
    """Also where this program was itself started by a command that may: those calls are not this one's."""
    monkeypatch.setenv("WOFLO_CALLS", str(project / "others"))
    show = script('echo "${WOFLO_CALLS-none}" > {outputs}', outputs="x", shell=True, name="show", runner=runner)
    show().get_result()
    assert Path("x").read_text() == "none\n"
    asked = asking({"task": "part", "kwargs": {"i": 1}}, may_call=[part])()
    asked.get_result()
    gather(*asked.calls).get_result()
    assert not (project / "others").exists()
