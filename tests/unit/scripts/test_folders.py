"""A folder as an input: what lies below it counts, file by file."""

from __future__ import annotations

import os

import pytest
from fresh_helpers import ended, settled

from woflo import RunState, script, why
from woflo.scripts import folders
from woflo.scripts.ledger import ledger
from woflo.scripts.provenance import makers_of, traced, why_known

EXECUTED, SKIPPED = RunState.SUCCEEDED, RunState.SKIPPED


def anew():
    """Forget what this process knows: as another one it reads what is kept."""
    book = ledger()
    book.flush()
    book._known.clear()
    book._has_all = False


@pytest.fixture
def source_folder(project):
    (project / "src/deep").mkdir(parents=True)
    settled("src/deep/a.txt", "one")
    settled("src/b.txt", "one")


def listing(**options):
    command = options.pop("command", "cat src/deep/* > {outputs}")
    return script(command, **{"inputs": "src", "outputs": "out.txt", "shell": True, "name": "list", **options})


def added_link(path):
    os.symlink("b.txt", path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda: settled("src/deep/a.txt", "two", ago=50), "src/deep/a.txt has changed"),
        (lambda: settled("src/deep/new.txt", "new"), "src/deep/new.txt is a new input"),
        (lambda: os.unlink("src/b.txt"), "src/b.txt does not exist"),
        (lambda: added_link("src/link.txt"), "src/link.txt is a new input"),
        (lambda: settled(os.fsdecode(b"src/\xff"), "new"), os.fsdecode(b"src/\xff is a new input")),
    ],
)
def test_an_edit_within_a_folder(source_folder, change, told):
    """Makes what was made of the folder stale, and the file is named; then it is up to date again."""
    listing()().get_result()
    assert ended(listing()()) is SKIPPED
    change()
    assert why(listing()) == [told]
    assert ended(listing()()) is EXECUTED
    anew()
    assert ended(listing()()) is SKIPPED


def test_another_time_within_a_folder(source_folder):
    """With the same contents it is up to date, and the next look need not read the file again."""
    listing()().get_result()
    settled("src/deep/a.txt", ago=50)
    assert ended(listing()()) is SKIPPED
    ledger().flush()
    (known,) = ledger().every()
    assert known.record["below"]["src"]["deep/a.txt"][1] == os.stat("src/deep/a.txt").st_mtime_ns


def test_outputs_within_a_folder_that_is_an_input(source_folder):
    """Do not count as its inputs; nor does what woflo keeps there, and a link that leads back is no endless walk."""
    os.symlink("..", "src/deep/up")
    inside = listing(inputs=".", outputs="src/out.txt", command="cat src/b.txt > {outputs}")
    assert [ended(inside()), ended(inside())] == [EXECUTED, SKIPPED]
    settled("src/deep/a.txt", "two", ago=50)
    assert why(inside) == ["./src/deep/a.txt has changed"]


def test_a_file_that_changes_within_a_folder_during_the_command(source_folder):
    """What was read is not known: it is made again."""
    changing = listing(command="cat src/b.txt > {outputs}; echo changed >> src/b.txt")
    changing().get_result()
    assert why(changing) == ["src/b.txt has changed"]


def test_a_folder_without_a_record(source_folder):
    """The newest file below decides, as the time of a file does."""
    settled("out.txt", "made before", ago=50)
    assert ended(listing()()) is SKIPPED
    settled("src/deep/a.txt", "two", ago=10)
    assert why(listing()) == ["src/deep/a.txt is newer than out.txt"]


def test_a_folder_with_very_many_files(source_folder, monkeypatch):
    """Is compared as a whole, and the record stays small."""
    monkeypatch.setattr(folders, "MOST_NAMED", 1)
    listing()().get_result()
    assert ended(listing()()) is SKIPPED
    settled("src/deep/a.txt", "two", ago=50)
    assert why(listing()) == ["src has changed"]


def test_a_new_file_is_told_from_the_record_too(source_folder, monkeypatch):
    """As `why` of the task tells it: by what looks at files alone, of a large folder that it has changed."""
    for most, told in ((10_000, "src/deep/new.txt is a new input"), (1, "changed since")):
        monkeypatch.setattr(folders, "MOST_NAMED", most)
        listing().with_options(force=True)().get_result()
        ledger().flush()
        makers = makers_of(ledger().store.successes())
        assert (why_known("out.txt", makers), traced("out.txt", makers)["src"].state) == ([], "as it was")
        settled("src/deep/new.txt", "new")
        assert why_known("out.txt", makers) == [("src", told)]
        assert traced("out.txt", makers)["src"].state == told
        os.unlink("src/deep/new.txt")
