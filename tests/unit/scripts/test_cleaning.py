"""What is being made, or read, at this moment is not cleaned away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from woflo import script, task
from woflo.scripts.cleaning import cleaned
from woflo.scripts.ledger import ledger
from woflo.scripts.provenance import Made
from woflo.testing import wait_until

part = script("echo {i} > {outputs}", outputs="parts/{i}.txt", shell=True, name="part")


@task(inputs="parts/1.txt", outputs="read.txt", runner="thread")
def read_by_function():
    Path("begun").touch()
    Path("go").read_text()
    Path("read.txt").write_text(Path("parts/1.txt").read_text())


WAITS = "touch begun; read line < go; "
READERS = {
    "a command": script(
        WAITS + "cat parts/* > read.txt", inputs="parts/1.txt", outputs="read.txt", shell=True, name="r"
    ),
    "of a folder": script(WAITS + "cat parts/* > read.txt", inputs="parts", outputs="read.txt", shell=True, name="r"),
    "a function": read_by_function,
}


def found(*, remove):
    ledger().flush(30)
    every = [Made(one) for one in ledger().store.successes()]
    return {one.name: one.why for one in cleaned(every, lambda name: True, remove=remove)}


@pytest.fixture
def go(project):
    """What is under way goes on with `go()`."""
    os.mkfifo("go")
    part(i=1).get_result()
    return lambda: Path("go").write_text("\n")


@pytest.mark.parametrize("kind", READERS)
def test_what_is_being_read_stays(go, kind):
    """With the reason, dry or in earnest; it goes when its reader has ended."""
    reader = READERS[kind]()
    wait_until(Path("begun").exists)
    for remove in (False, True):
        assert f"it is an input of {reader.task.name}, which is under way" in found(remove=remove)["parts/1.txt"]
        assert Path("parts/1.txt").exists()
    go()
    reader.get_result()
    assert found(remove=True) == {"parts/1.txt": "", "read.txt": ""}
    assert not Path("parts/1.txt").exists()


def test_what_is_being_made_by_another_call_stays(go):
    """Also where its name is one of those that a glob may find."""
    other = script(WAITS + "echo 2 > parts/2.txt", outputs="parts/*.txt", shell=True, name="other")()
    wait_until(Path("begun").exists)
    assert "it is being made by other, which is under way" in found(remove=True)["parts/1.txt"]
    assert Path("parts/1.txt").exists()
    go()
    other.get_result()
