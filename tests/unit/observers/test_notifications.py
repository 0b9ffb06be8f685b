"""One message for each run that no other had called, through a real server; nothing secret is in it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from observer_helpers import created, ended, feed, run_id, started
from unit_helpers import script_environment

from woflo import subscribe, task
from woflo.errors import OptionError
from woflo.kernel.state import RunState
from woflo.observers import Notify
from woflo.observers import notify as notify_module

pytest.importorskip("apprise")
FAILED, STOPPED, SUCCEEDED = RunState.FAILED, RunState.STOPPED, RunState.SUCCEEDED


class Server(ThreadingHTTPServer):
    """Keeps what is sent to it."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Keeper)
        self.messages = []
        self.status = 200

    @property
    def url(self):
        return f"json://me:SESAME@localhost:{self.server_port}/hook"


class Keeper(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.messages.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def run(number, state=SUCCEEDED, error=None, **more):
    return [created(number), started(number), ended(number, state=state, error=error, **more)]


ALL = [*run(1), *run(2, FAILED, ValueError("cold")), *run(3, STOPPED), *run(4, RunState.SKIPPED)]


@pytest.mark.parametrize(
    ("when", "told"), [("failure", [2, 3]), ("success", [1, 4]), ("always", [1, 2, 3, 4])], ids=str
)
def test_it_is_told_when_it_was_asked_for(server, when, told):
    """On failure also of what was stopped; on success also of what had nothing to do."""
    feed(Notify(server.url, when=when), ALL)
    assert [message["message"].split()[-1] for message in server.messages] == [run_id(number) for number in told]


def test_a_message_sums_up(server):
    """Task, end, time, attempts, error, and what became of the runs that it called."""
    events = [
        created(1, "report"),
        created(2, "page", parent=1),
        created(3, "image", parent=2),
        ended(3, "image"),
        ended(2, "page", state=FAILED, error=ValueError("no page")),
        ended(1, "report", state=FAILED, error=KeyError("page"), attempts=3, duration=75),
    ]
    feed(Notify(server.url, title="nightly"), events)
    (message,) = server.messages
    assert message["title"] == "nightly: report failed"
    assert message["type"] == "failure"
    assert message["message"].splitlines() == [
        "report failed after 1 min 15 s, in 3 attempts.",
        "KeyError: 'page'",
        "Runs that it called: 1 succeeded, 1 failed",
        "  page failed: ValueError: no page",
        f"Run {run_id(1)}",
    ]


def test_a_flood_is_told_in_few_messages(server):
    """A thousand failures are no thousand mails."""
    events = [event for number in range(1_000) for event in run(number, FAILED, ValueError(f"no {number}"))]
    feed(Notify(server.url), events)
    assert len(server.messages) == notify_module.MOST_PER_MINUTE + 1
    last = server.messages[-1]
    assert "990 more runs ended" in last["title"]
    assert last["message"].splitlines()[0] == "fetch failed: ValueError: no 10"
    assert last["message"].splitlines()[-1] == "and 970 more"


def test_after_a_minute_the_rest_is_told(server, clock):
    """Though nothing else happens; and each run has its own again."""
    notify = Notify(server.url)
    events = [event for number in range(12) for event in run(number, FAILED, ValueError())]
    for event in events:
        notify.update(event)
    assert (len(server.messages), round(notify.pulse)) == (10, 60)
    clock.advance(61)
    notify.on_pulse()
    assert "2 more runs ended" in server.messages[-1]["title"]
    assert notify.pulse is None
    notify.update(ended(99, state=FAILED))
    assert len(server.messages) == 12


def test_nothing_secret_and_no_escape_is_sent(server):
    """What an error says is masked, the address itself too, and a terminal that shows it obeys nothing."""
    error = ValueError(f"\x1b[2Jpassword=HUNTER2 at {server.url}")
    feed(Notify(server.url), run(1, FAILED, error))
    text = json.dumps(server.messages)
    assert "HUNTER2" not in text
    assert "SESAME" not in text
    assert "\\u001b" not in text


def test_an_address_that_is_printed_is_masked():
    """Where it is known by nothing but that it is one of those given: many have their tokens in the path."""
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#channel"
    text = Notify(url)._masked(f"sending to {url} failed")
    assert "slack://" in text
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in text


def test_what_cannot_be_sent_is_logged_without_the_password(server, caplog):
    """The run and the other addresses have nothing of it."""
    server.status = 500
    other = f"json://me:SESAME@localhost:{server.server_port}/other"
    notify = feed(Notify([server.url, other]), run(1, FAILED))
    assert len(server.messages) == 2
    told = [record.getMessage() for record in caplog.records if record.name == "woflo"]
    assert len(told) == 2
    assert "localhost" in told[0]
    assert "SESAME" not in caplog.text
    assert "SESAME" not in repr(notify)


UNSENT = """
import sys
from woflo import subscribe, task

@task(runner="sequential")
def fails():
    raise ValueError("cold")

subscribe("notify", urls=sys.argv[1])
fails().wait()
"""


def test_what_cannot_be_sent_is_seen_where_nobody_logs(server):
    """The failure would be told to nobody else: the program says so on stderr, without the password.

    It was tried, though the program was at its end by then.
    """
    server.status = 500
    done = subprocess.run(
        [sys.executable, "-c", UNSENT, server.url], env=script_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert len(server.messages) == 1, done.stderr
    assert "a notification could not be sent to json://me:****@localhost" in done.stderr
    assert "SESAME" not in done.stderr


@pytest.mark.parametrize(
    ("urls", "options", "message"),
    [
        ("nowhere://SESAME@x", {}, r"nowhere://\*\*\*"),
        ([], {}, "at least one"),
        ("json://localhost", {"when": "never"}, "when='never'"),
        ([3], {}, "knows no address"),
    ],
)
def test_wrong_use_is_told_at_once(urls, options, message):
    """Without what may be secret in an address."""
    with pytest.raises(OptionError, match=message) as caught:
        Notify(urls, **options)
    assert "SESAME" not in str(caught.value)


def test_without_apprise_the_way_out_is_named(monkeypatch):
    """Which extra brings it."""
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(OptionError, match=r"pip install 'woflo\[notify\]'"):
        subscribe("notify", urls="json://localhost")


def test_a_failing_run_is_told_from_end_to_end(server):
    """Registered by its name, with calls in threads."""

    @task(runner="thread")
    def inner():
        raise ValueError("inner")

    @task(runner="thread")
    def outer():
        return inner().get_result()

    with subscribe("notify", urls=server.url):
        assert isinstance(outer().exception(), ValueError)
    (message,) = server.messages
    assert "outer failed" in message["title"]
    assert "Runs that it called: 1 failed" in message["message"]
