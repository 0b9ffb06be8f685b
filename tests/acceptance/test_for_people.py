"""What a person meets at the command line: help, tables, hints that work when they are copied."""

import re
import shlex
import sys

import pytest
from programs import Program, run
from programs import woflo_command as woflo
from systems import needs_proc

from woflo.cli import COMMANDS

APP = """
from pathlib import Path
from woflo import script, task, workflow

@task
def plain() -> int:
    if not Path("healed").exists():
        raise ValueError("a long story " * 20)
    return 1

@workflow
def flow(n: int = 1) -> int:
    return plain().get_result()

broken = script("sh -c 'exit 3'", name="broken")
"""


WIDE = """
import fcntl, os, struct, sys, termios
fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
os.execv(sys.executable, [sys.executable, "-m", "woflo", *sys.argv[2:]])
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "woflo.toml").touch()
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a run that failed."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "app.py").write_text(APP)
    assert run(folder, "from app import flow\nflow().wait()\n")[0] == 0
    return folder


def at_terminal(folder, *words, columns=80, **variables):
    """What a command shows at a terminal that is so wide."""
    command = [sys.executable, "-c", WIDE, str(columns), *words]
    with Program(folder, "", terminal=True, command=command, variables=variables) as shown:
        assert shown.wait() == 0, shown.read()
        return shown.read().replace("\r\n", "\n")


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_in_words(made, name):
    """What a command takes is named by what is meant, not by types of Python; what it does is in its first line."""
    output, said, status = woflo(made, name, "--help")
    assert (said, status) == ("", 0)
    assert " ".join(COMMANDS[name].does.split()) in " ".join(output.split())
    assert re.match(rf"Usage: woflo {name} \[OPTIONS\]( \[?[A-Z]+(\.\.\.)?\]?)*\n", output), output.splitlines()[0]
    assert not re.search(r"<\w|[{]|range|list\[", output.replace("$VAR{NAME}", ""))
    for line in output.splitlines():
        assert len(line) <= 80
    options = [line for line in output.splitlines() if line.startswith("  -")]
    assert all(re.match(r"  (-\w, )?--[a-z-]+(, --[a-z-]+)?( [A-Z|=]+)?(  |$)", line) for line in options), options


@needs_proc
@pytest.mark.parametrize("columns", [52, 80, 200])
def test_help_fits(made, columns):
    """Into the terminal."""
    for words in (["--help"], ["run", "--help"]):
        output = at_terminal(made, *words, columns=columns)
        assert max(map(len, output.splitlines())) <= columns


@needs_proc
def test_a_table_fits(made):
    """On a terminal the last column takes what is left, and is cut; in a pipe nothing is."""
    for columns in (110, 200):
        output = at_terminal(made, "list", columns=columns, NO_COLOR="1")
        assert max(map(len, output.splitlines())) == columns
        assert output.splitlines()[1].endswith("…")
    head, row, note = at_terminal(made, "list", columns=80, NO_COLOR="1").splitlines()  # where nothing is left for it
    assert (len(head.split()), len(row.split())) == (5, 7)
    assert note.startswith("    ValueError: a long story")
    assert (len(note), note[-1]) == (80, "…")
    whole = woflo(made, "list")[0]
    assert whole.count("a long story") == 20
    assert len(woflo(made, "list", COLUMNS="40")[0]) == len(whole)


@needs_proc
def test_colours(made):
    """For a person at a terminal, not in a pipe, and not for one who wants none."""
    assert "\x1b[31mFAILED" in at_terminal(made, "list")
    assert "\x1b" not in at_terminal(made, "list", NO_COLOR="1")
    assert "\x1b" not in woflo(made, "list")[0]


def test_by_the_module_and_by_the_command(made):
    """`python -m woflo` is the same as `woflo`."""
    assert woflo(made, "--help")[0].startswith("Usage: woflo [OPTIONS] COMMAND [ARGS]...")
    assert woflo(made, "list", "--help")[0].startswith("Usage: woflo list [OPTIONS]\n")


def hinted(said):
    """The commands in a text, as they stand there between backticks."""
    return [shlex.split(one)[1:] for one in re.findall(r"`(woflo [^`]*)`", said)]


def test_hints_work_when_they_are_copied(folder):
    """From a failure to its details, and on to what heals it."""
    said, status = woflo(folder, "run", "app.py", "flow", "-q")[1:]
    assert status == 1
    show, retry = hinted(said)
    assert (show[0], retry[0]) == ("show", "retry")
    assert "a long story" in woflo(folder, *show)[0]
    (folder / "healed").touch()
    begun, said, status = woflo(folder, *retry)
    assert status == 0
    ((command, *_),) = hinted(said)
    assert command == "worker"
    assert woflo(folder, "worker", "app.py", "--once")[2] == 0
    assert "SUCCEEDED" in woflo(folder, "show", begun.strip())[0]
    said = woflo(folder, "list", "--limit", "1")[1]
    assert "--limit 10" in said
    assert woflo(folder, "list", "--limit", "10")[0].count("flow") == 2


@pytest.mark.parametrize(
    "words", [["lst"], ["list", "--nope"], ["show"], ["show", "xyz"], ["run", "app.py", "flow", "--arg", "m=1"]]
)
def test_every_hint_is_a_command(made, words):
    """What stands between backticks can be executed as it is."""
    said, status = woflo(made, *words)[1:]
    assert status == 2
    for hint in hinted(said):
        assert woflo(made, *hint)[2] == 0
