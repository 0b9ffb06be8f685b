"""Observers by their names, without code: on the command line, in `woflo.toml`, in a job file, for workers."""

from __future__ import annotations

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from observing_programs import TARGETS, ends, make_folder
from programs import environment, lines
from programs import woflo_command as woflo

pytestmark = pytest.mark.unmeasured

ENDS = {
    "task": ["count"],
    "flow": ["count", "count"],
    "script": ["make"],
    "job": ["first", "nightly", "second", "third"],
}


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path)


@pytest.fixture
def hook():
    """A server to which notifications are sent; it keeps them."""

    class Keeps(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    told = []
    server = HTTPServer(("127.0.0.1", 0), Keeps)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    thread.join()
    server.server_close()


def main(folder, *words, **variables):
    """The driver of three lines."""
    done = subprocess.run(
        [sys.executable, "main.py", *words],
        cwd=folder,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stderr, done.returncode


@pytest.mark.parametrize("kind", TARGETS)
def test_the_command_line_names_some(folder, kind):
    """Built-in ones and one's own, with their options; whatever `woflo run` is given, they hear all of it."""
    _, said, status = woflo(
        folder,
        *TARGETS[kind],
        "--observe",
        "jsonl,path=e.jsonl",
        "--observe",
        "watchers:Writes,path=w.txt,word=3",
        "-q",
    )
    assert status == 0, said
    assert ends(folder / "e.jsonl") == ENDS[kind]
    told = lines(folder / "w.txt")
    assert told[:2] == ["made 3", "on_create"]
    assert told[-2:] == ["on_success", "on_destroy"]
    assert len([line for line in told if line.startswith("RunEnded")]) == len(ENDS[kind])


@pytest.mark.parametrize("kind", TARGETS)
def test_the_project_names_some(folder, kind):
    """`[observers]` in `woflo.toml` holds for every command that executes something."""
    (folder / "woflo.toml").write_text(
        '[observers.jsonl]\npath = "e.jsonl"\n[observers.ours]\nobserver = "watchers:Writes"\npath = "w.txt"\n'
    )
    _, said, status = woflo(folder, *TARGETS[kind])
    assert status == 0, said
    assert ends(folder / "e.jsonl") == ENDS[kind]
    assert lines(folder / "w.txt")[-1] == "on_destroy"


@pytest.mark.parametrize("command", ["woflo", "main"])
def test_a_job_file_names_some(folder, command):
    """Under `observers:`, with variables filled in; `Job.main` and `woflo run` have them listen, and tell of -r."""
    status = woflo(folder, "run", "job.yaml")[2] if command == "woflo" else main(folder)[1]
    assert status == 0
    assert ends(folder / "job.jsonl") == ENDS["job"]
    assert lines(folder / "job.txt")[:2] == ["made nightly", "on_create"]
    text = (folder / "job.yaml").read_text().replace("task: count}", "task: fail}", 1)
    (folder / "job.yaml").write_text(text)
    words = ["job.yaml", "--var", "events=more.jsonl"]

    def again(*more):
        every = [*words, *more]
        return woflo(folder, "run", *every)[2] if command == "woflo" else main(folder, "-j", *every)[1]

    assert again() == 1
    assert ends(folder / "more.jsonl") == ENDS["job"]
    assert "on_failure" in lines(folder / "job.txt")
    assert "on_restart" not in lines(folder / "job.txt")
    assert again("-r") == 1
    assert lines(folder / "job.txt").count("on_restart") == 1


def test_nothing_to_go_on_with_is_no_restart(folder):
    """`-r` then begins as if it were not given, and observers are not told of any restart."""
    assert woflo(folder, "run", "job.yaml", "-r")[2] == 0
    assert "on_restart" not in lines(folder / "job.txt")


@pytest.mark.parametrize("how", ["address", "variable", "toml", "job", "main"])
def test_notifications(folder, hook, how):
    """An address of apprise on the command line, in the environment or in a file: a failure is told, its secret not."""
    url, told = hook
    job = f"observers:\n  me: {{observer: notify, urls: '{url}'}}\ntasks: {{a: {{task: fail}}}}\n"
    (folder / "failing.yaml").write_text(job)
    if how == "toml":
        (folder / "woflo.toml").write_text(f'[observers."{url}"]\nwhen = "always"\n')
    words = {"address": ["--observe", url], "variable": ["--observe", "notify,when=failure"], "toml": []}
    if how in words:
        variables = {"APPRISE_URLS": url} if how == "variable" else {}
        _, said, status = woflo(folder, "run", "app.py", "fail", *words[how], **variables)
    elif how == "job":
        _, said, status = woflo(folder, "run", "failing.yaml")
    else:
        said, status = main(folder, "-j", "failing.yaml")
    assert status == 1, said
    (message,) = told
    assert "fail" in message["title"]
    assert "hunter2" not in str(message)


def test_progress_that_is_named(folder):
    """It is the one that is shown, with its options; -q shows none, whoever names it."""
    (folder / "woflo.toml").write_text("[observers.progress]\noutput = false\n")
    assert woflo(folder, *TARGETS["task"])[1].count("1 run in") == 1
    assert woflo(folder, *TARGETS["task"], "--observe", "progress,mode=lines")[1].count("1 run in") == 1
    assert woflo(folder, *TARGETS["task"], "--observe", "progress", "-q")[1] == ""
    assert "1 run in" not in main(folder, "--no-progress")[0]
    assert main(folder)[0].count("4 runs in") == 1  # named by the project, though it is no terminal


WRONG = [
    (["--observe", "progres"], "there is no observer named 'progres'; did you mean 'progress'?"),
    (["--observe", "mailto://me:sesame"], "apprise knows no address like mailto://***"),
    (["--observe", "watchers:Wriets"], "watchers has no 'Wriets'; did you mean 'Writes'?"),
    (["--observe", "watchers:Writes"], "needs path=…"),
    (["--observe", "watchers:Writes,path=/no/such/folder/x"], "could not be made: FileNotFoundError"),
    (["--observe", "logs,keep=few"], "keep cannot be 'few'"),
]
WHERE = [("task", *one) for one in WRONG] + [(kind, *one) for kind in ("job", "main", "worker") for one in WRONG[:2]]


@pytest.mark.parametrize(("kind", "words", "told"), WHERE)
def test_what_cannot_be_meant(folder, kind, words, told):
    """It is told in a line, status 2, before anything began, and without the secret in an address."""
    before = sorted(path.name for path in folder.iterdir())
    if kind == "main":
        said, status = main(folder, *words)
    else:
        target = ["worker", "app.py", "--once"] if kind == "worker" else TARGETS[kind]
        _, said, status = woflo(folder, *target, *words)
    assert status == 2, said
    assert told in said
    assert "Traceback" not in said
    assert "sesame" not in said
    left = {path.name for path in folder.iterdir()} - {*before, "__pycache__", ".woflo", "job.jsonl", "job.txt"}
    assert left == set()


def test_a_job_file_that_is_wrong(folder):
    """All of it is told at once, each with its line; keys of flowmancer's files name the key to write."""
    (folder / "wrong.yaml").write_text(
        "observers:\n  logz: {folder: a}\n  logs: {fodler: a}\n  jsonl: 3\n  mine: {observer: 'watchers:Nope'}\n"
        "loggers: {file: {logger: FileLogger}}\nextensions: {bar: {extension: RichProgressBar}}\n"
        "tasks: {a: {task: count}}\n"
    )
    _, said, status = woflo(folder, "run", "wrong.yaml")
    assert status == 2
    assert "wrong.yaml:2: observers.logz: there is no observer named 'logz'; did you mean 'logs'?" in said
    assert "wrong.yaml:3: observers.logs: subscribe('logs') has no option 'fodler'; did you mean 'folder'?" in said
    assert "wrong.yaml:4: observers.jsonl: must be a table of options, true or false, and is 3" in said
    assert "wrong.yaml:5: observers.mine: the observer 'watchers:Nope' cannot be loaded" in said
    assert "wrong.yaml:6: loggers: is not known here; write 'observers'" in said
    assert "wrong.yaml:7: extensions: is not known here; write 'observers'" in said


def test_commands_that_only_look_import_nothing(folder):
    """Observers of the project are nobody's affair where nothing is executed: their module is not imported."""
    assert woflo(folder, *TARGETS["job"])[2] == 0
    (folder / "bomb.py").write_text("open('exploded', 'w').close()\nraise SystemExit(7)\n")
    (folder / "woflo.toml").write_text('[observers.mine]\nobserver = "bomb:Any"\n')
    for words in (["list"], ["history"], ["logs", "xxxxxx"], ["list", "--json"], ["clean", "--dry-run"]):
        woflo(folder, *words)
    assert woflo(folder, "run", "job.yaml", "--dry-run")[2] == 0
    assert not (folder / "exploded").exists()
    _, said, status = woflo(folder, *TARGETS["task"])
    assert status == 2
    assert "woflo.toml: observers.mine: the observer 'bomb:Any' cannot be loaded: SystemExit: 7" in said


def call(folder, name):
    """Call a task from another program, which has ended when this returns."""
    program = f"import app; app.{name}.with_options(runner='queue')()"
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment(), timeout=60, check=True)


def test_a_worker_tells_somebody_of_a_failure(folder, hook):
    """Of a call that another program has made; what succeeds is told to nobody."""
    url, told = hook
    call(folder, "fail")
    call(folder, "count")
    _, said, status = woflo(folder, "worker", "app.py", "--once", "--observe", url, "--observe", "progress,mode=lines")
    assert status == 0
    (message,) = told
    assert "fail failed" in message["title"]
    assert "ValueError: no; password=***" in message["message"]
    assert "count: 4 of 4" in said
    assert "2 runs in" in said
    assert "1 succeeded, 1 failed" in said


def test_a_worker_has_some(folder):
    """It tells them of calls from a queue, from the call to the end."""
    (folder / "woflo.toml").write_text('[observers.jsonl]\npath = "e.jsonl"\n')
    call(folder, "queued")
    _, said, status = woflo(folder, "worker", "app.py", "--once", "--observe", "watchers:Writes,path=w.txt")
    assert status == 0, said
    told = lines(folder / "w.txt")
    assert told[:4] == ["made", "on_create", "RunCreated queued", "AttemptStarted queued"]
    assert "ProgressMade queued" in told
    assert told[-3:] == ["RunEnded queued", "on_success", "on_destroy"]
    assert ends(folder / "e.jsonl") == ["queued"]
