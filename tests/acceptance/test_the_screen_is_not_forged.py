"""Whatever names, texts and files have in them: at a real terminal nothing but woflo itself moves the cursor."""

import json
import sys

import pytest
from programs import Program, woflo_command
from screen import Screen

EVIL = "\x1b[2J\x1b[3A\x1b]0;title\x07\x9b2Jevil\r\u202eforged\x1b[31m"
FILE = EVIL.replace("/", "_")

FLOW = f"""
import sys
from woflo import current_run, script, task, workflow

EVIL, FILE = {EVIL!r}, {FILE!r}

PRINTS = "printf '%s\\\\n' \\"$1\\"; "
writes = ["sh", "-c", PRINTS + 'echo >> "$2"', "sh", EVIL, "{{outputs}}"]
make = script(writes, outputs=FILE + "{{i}}", name="make" + EVIL)
breaks = script(["sh", "-c", PRINTS + "exit 3", "sh", EVIL], outputs="never" + EVIL, name="breaks")

@task(name="said" + EVIL)
def said(word: str = EVIL) -> str:
    current_run().progress(1, 2, EVIL)
    raise ValueError(EVIL + "\\n" + EVIL)

@workflow
def flow(word: str) -> str:
    current_run().publish("shown" + EVIL, EVIL)
    try:
        said(word).get_result()
    except ValueError:
        pass
    return EVIL

if __name__ == "__main__":
    for run in (make(i=1), breaks(), flow.with_options(key="key" + EVIL, tags={{"tag": EVIL}})(EVIL)):
        run.wait()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project in which they have been executed."""
    folder = tmp_path_factory.mktemp("forged")
    (folder / "woflo.toml").touch()
    (folder / "flow.py").write_text(FLOW)
    with Program(folder, "", command=[sys.executable, "flow.py"]) as program:
        assert program.wait() == 0, program.read()
    return folder


def shown(folder, *words):
    """What a person sees after a command at a terminal, and its status."""
    with Program(folder, "", terminal=True, command=[sys.executable, "-m", "woflo", *words]) as program:
        status = program.wait()
        said = program.read()
    screen = Screen().feed(said)  # which fails for what woflo's own programs do not write
    assert not set(said) & set("\u202e\x07\x9b\x9d"), words
    return screen.text, status


def ids(folder):
    rows = json.loads(woflo_command(folder, "list", "--json")[0])
    return {row["task"].partition("\x1b")[0]: row["id"] for row in rows}


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["history"],
        ["report", FILE + "1"],
        ["report", FILE + "1", "--mermaid"],
        ["report", "nothing" + EVIL],
        ["why", FILE + "1"],
        ["why", "flow.py:make", "--arg", "i=7"],
        ["clean", FILE + "1", "--dry-run"],
        ["run", "flow.py:make", "--arg", "i=2"],
        ["run", "flow.py:make", "--arg", "i=3", "--dry-run"],
        ["run", "flow.py:breaks"],
        ["run", "flow.py:breaks", "--debug"],
        ["run", "flow.py:flow", "--arg", f"word={EVIL}"],
        ["run", f"flow.py:no{EVIL}"],
        ["run", "flow.py:make", "--arg", f"{EVIL}=1"],
        ["graph", "flow.py:make", "--arg", "i=1"],
        ["show", "no" + EVIL],
        ["logs", "no" + EVIL],
        ["list", "--task", EVIL, "--state", EVIL],
    ],
    ids=lambda words: "_".join(words).encode("ascii", "backslashreplace").decode()[:40].replace("\x1b", ""),
)
def test_no_command_is_forged(folder, words):
    """Names of tasks and files, errors, arguments, keys: spelled out or left out, and something is shown."""
    text, _ = shown(folder, *words)
    assert text


@pytest.mark.parametrize("name", ["make", "breaks", "flow"])
def test_of_a_run(folder, name):
    """All about it, and what it has written."""
    one = ids(folder)[name]
    text, status = shown(folder, "show", one)
    assert status == 0
    assert "evil" in text
    if name != "flow":
        text, status = shown(folder, "logs", one)
        assert status == 0
        assert "evil" in text


def test_a_program_with_bars(folder):
    """Progress of tasks with such names and messages, and what they print above the bars."""
    text = "from flow import *\nfrom woflo import subscribe\nsubscribe('progress')\nsaid().wait()\nmake(i=9).wait()\n"
    with Program(folder, text, terminal=True) as program:
        assert program.wait() == 0
        said = program.read()
    screen = Screen().feed(said)
    assert not set(said) & set("\u202e\x07\x9b\x9d")
    assert "ValueError" in screen.text


def test_in_a_pipe(folder):
    """The same where the output goes to a file that a person looks at later."""
    for words in (["list"], ["history"], ["report", FILE + "1"], ["why", FILE + "1"], ["show", *ids(folder).values()]):
        told = "".join(map(str, woflo_command(folder, *words)))
        assert not set(told) & set("\x1b\r\u202e\x07\x9b\x9d"), words
