"""What commands say where little has gone wrong: a word too few, a name that nobody knows, an early Ctrl-C."""

import json

import pytest
from programs import woflo_command as woflo
from systems import needs_proc

APP = """
from woflo import script, task, workflow

copy = script("touch {outputs}", outputs="b.txt", name="copy")
broken = script("false", outputs="c.txt", name="broken")
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def test_a_word_too_few(folder):
    """Is an error like any other."""
    output, said, status = woflo(folder, "list", "--key")
    assert (output, status) == ("", 2)
    assert said.startswith("error: option '--key' requires an argument\nhint: ")


def test_cleaning_what_nobody_has_made(folder):
    """Names that are not known are a mistake, told with the nearest; globs may match nothing."""
    assert woflo(folder, "run", "app.py", "copy", "-q")[2] == 0
    for words, told in (
        (["b.tx"], "nothing that this store knows has made b.tx; did you mean 'b.txt'?"),
        (["--task", "copi"], "there is no run of a task 'copi' in this store; did you mean 'copy'?"),
    ):
        assert woflo(folder, "clean", *words, "--yes") == ("", f"error: {told}\n", 2)
    assert woflo(folder, "clean", "x*", "--yes") == ("", "woflo clean: 0 files removed\n", 0)
    assert woflo(folder, "clean", "b.txt", "--yes") == ("b.txt\n", "woflo clean: 1 file removed\n", 0)
    assert woflo(folder, "clean", "b.txt", "--yes") == ("", "woflo clean: 0 files removed\n", 0)


def test_a_command_that_failed(folder):
    """Its log and `show` have no code of woflo in them, which tells nothing about it."""
    assert woflo(folder, "run", "app.py", "broken", "-q")[2] == 1
    (row,) = json.loads(woflo(folder, "list", "--json")[0])
    for words in (["logs", row["id"]], ["show", row["id"]]):
        output, _, status = woflo(folder, *words)
        assert ("ended with status 1" in output, "Traceback" in output, ".py" in output, status) == (
            True,
            False,
            False,
            0,
        )


@pytest.mark.parametrize(
    ("code", "told"),
    [("\n\n1 / 0\n", "ZeroDivisionError"), ("\n\nx = (\n", "SyntaxError"), ("\n\nimport nosuch\n", "nosuch")],
)
def test_a_file_that_cannot_be_imported(folder, code, told):
    """Is told with the line."""
    (folder / "app.py").write_text(code)
    output, said, status = woflo(folder, "run", "app.py", "x")
    assert (output, status) == ("", 2)
    assert f"{folder}/app.py:3 cannot be imported: " in said
    assert told in said


@needs_proc
def test_interrupted_before_it_has_begun(folder):
    """While the command itself is imported: quiet, as later."""
    (folder / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    assert woflo(folder, "run", "app.py", "copy") == ("", "", 130)
