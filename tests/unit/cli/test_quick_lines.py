"""Command lines are understood as typer would read them, or left to it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from functools import wraps

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.main import get_command

from woflo.cli import COMMANDS, function_of
from woflo.cli.quick import understood


def reader(name, function):
    """The command as typer makes it, but what it does is to return its arguments."""
    made = typer.Typer(add_completion=False)
    made.command(name)(wraps(function)(lambda **arguments: arguments))
    return get_command(made)


FUNCTIONS = {name: function_of(name) for name in COMMANDS}
READERS = {name: reader(name, function) for name, function in FUNCTIONS.items()}
SPELLINGS = {
    name: sorted({spelling for one in command.params for spelling in one.opts if spelling.startswith("-")})
    for name, command in READERS.items()
}
VALUES = ["app.py", "a=1", "a=b=c", "7", "0", "-1", "", "-", "--", "x y", "ä", "1e3", "007", "-q", "--help", "app.py:f"]


def read_by_typer(command, words):
    """The arguments that typer gives the function of the command."""
    return READERS[command].main(list(words), standalone_mode=False)


@st.composite
def lines(draw):
    """A command, and words that it may know."""
    command = draw(st.sampled_from(sorted(COMMANDS)))
    spelling, value = st.sampled_from(draw(st.permutations(SPELLINGS[command]))[:2]), st.sampled_from(VALUES)
    piece = st.one_of(
        value.map(lambda word: [word]),
        spelling.map(lambda word: [word]),
        st.tuples(spelling, value).map(list),
        st.builds("{}={}".format, spelling, value).map(lambda word: [word]),
    )
    return command, [word for words in draw(st.lists(piece, max_size=4)) for word in words]


@settings(max_examples=1000, deadline=None)
@given(lines())
def test_what_is_understood_is_what_typer_reads(line):
    """Of all commands, whatever the words: the same values for the function, defaults included."""
    command, words = line
    function = FUNCTIONS[command]
    found = understood(function, words)
    if found is None:
        return
    whole = {
        name: found.get(name, parameter.default) for name, parameter in inspect.signature(function).parameters.items()
    }
    assert whole == read_by_typer(command, words)


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["app.py:copies"], {"target": "app.py:copies"}),
        (["app.py", "a.txt", "b.txt", "-q"], {"target": "app.py", "name": ["a.txt", "b.txt"], "quiet": True}),
        (["app.py", "f", "--arg", "n=1", "--arg=m=2"], {"target": "app.py", "name": ["f"], "arg": ["n=1", "m=2"]}),
        (["-r"], {"restart": True}),
        (["job.yaml", "--jobs", "4", "--force", "sol*"], {"target": "job.yaml", "jobs": 4, "force": ["sol*"]}),
    ],
)
def test_what_people_write_is_understood(words, arguments):
    """It does not come to typer."""
    assert understood(function_of("run"), words) == arguments


@pytest.mark.parametrize(
    "words",
    [["--help"], ["app.py", "--jobs", "0"], ["app.py", "--jobs", "many"], ["app.py", "--nosuch"], ["app.py", "--arg"]],
)
def test_what_is_wrong_is_told_by_typer(words):
    """As is help."""
    assert understood(function_of("run"), words) is None


def test_a_run_imports_no_pydantic(tmp_path):
    """That takes longer than importing woflo does."""
    (tmp_path / "app.py").write_text(
        "import sys\n\ndef flow():\n    print(sorted({'pydantic', 'rich'} & {*sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "woflo", "run", "app.py:flow"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
