"""`woflo pause` and `woflo unpause`: queues and schedules, for all workers of a store."""

from typer.testing import CliRunner

from woflo.cli import app
from woflo.stores.operations import LimitQueue, Submit
from woflo.stores.rows import Row
from woflo.stores.sqlite import SQLiteStore


def told(*arguments):
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_queues_and_schedules_are_paused_and_go_on(tmp_path):
    """What they do stands in the store; a store that has no pauses says so in one line."""
    url = f"sqlite:///{tmp_path}/w.db"
    store = SQLiteStore(url)
    store.write(Submit(now=1.0, runs=(Row(id="a", task="tidy"), Row(id="b", task="tidy", queue="mail"))))
    store.write(LimitQueue(now=1.0, queue="other", max_concurrency=2))
    store.close()
    (tmp_path / "folder").mkdir()
    assert told("pause", "mail", "other", "--store", url)[0] == 0
    assert told("pause", "--schedule", "tidy", "--store", url) == (
        0,
        "woflo pause: the schedule of tidy is paused, until `woflo unpause`\n",
    )
    assert told("unpause", "other", "--store", url) == (0, "woflo unpause: the queue other goes on\n")
    store = SQLiteStore(url)
    assert [(queue.name, queue.is_paused) for queue in store.queues()] == [("mail", True), ("other", False)]
    assert store.paused_schedules() == ["tidy"]
    store.close()
    assert told("unpause", "--schedule", "tidy", "--store", url)[0] == 0
    status, output = told("pause", "mail", "--store", f"dir:{tmp_path}/folder")
    assert (status, output.count("\n")) == (1, 1)
    assert "no pauses" in output


def test_a_name_that_nothing_tells_of_is_told(tmp_path):
    """With the nearest one; it is paused all the same, for its first call may be still to come."""
    url = f"sqlite:///{tmp_path}/w.db"
    store = SQLiteStore(url)
    store.write(Submit(now=1.0, runs=(Row(id="a", task="tidy", queue="mail"),)))
    store.close()
    status, output = told("pause", "mial", "--store", url)
    assert (status, output.splitlines()[0]) == (0, "woflo pause: the queue mial is paused, until `woflo unpause`")
    assert "note: the queue 'mial' is not known here" in output
    assert "did you mean 'mail'?" in output
    assert "note" not in told("pause", "mail", "default", "--store", url)[1]
    assert "note: the task 'tidi' is not known here" in told("pause", "--schedule", "tidi", "--store", url)[1]
    assert told("unpause", "mails", "--store", url) == (
        0,
        "note: the queue 'mails' was not paused; did you mean 'mail'?\n",
    )
    assert told("unpause", "--schedule", "tidy", "--store", url) == (
        0,
        "note: the schedule of 'tidy' was not paused; did you mean 'tidi'?\n",
    )
