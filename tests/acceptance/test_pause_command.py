"""`woflo pause` and `woflo unpause`: queues and schedules, for all workers of a store."""

from typer.testing import CliRunner

from woflo.cli import app
from woflo.stores.sqlite import SQLiteStore


def told(*arguments):
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_queues_and_schedules_are_paused_and_go_on(tmp_path):
    """What they do stands in the store; a store that has no pauses says so in one line."""
    url = f"sqlite:///{tmp_path}/w.db"
    SQLiteStore(url).close()
    (tmp_path / "folder").mkdir()
    assert told("pause", "mail", "other", "--store", url)[0] == 0
    assert told("pause", "--schedule", "tidy", "--store", url) == (
        0,
        "woflo pause: the schedule of tidy is paused, until `woflo unpause`\n",
    )
    assert told("unpause", "other", "--store", url) == (0, "woflo unpause: the queue other goes on\n")
    store = SQLiteStore(url)
    assert [(queue.name, queue.is_paused) for queue in store.queues()] == [("mail", True)]
    assert store.paused_schedules() == ["tidy"]
    store.close()
    assert told("unpause", "--schedule", "tidy", "--store", url)[0] == 0
    status, output = told("pause", "mail", "--store", f"dir:{tmp_path}/folder")
    assert (status, output.count("\n")) == (1, 1)
    assert "no pauses" in output
