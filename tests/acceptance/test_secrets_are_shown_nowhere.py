"""What is known to be secret is in no file that woflo writes, in no row, no notification, and nothing that it shows."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from programs import run, woflo_command
from secret_programs import CALLS, FLOW, JOB, SECRETS, given
from systems import needs_postgres

pytest.importorskip("apprise")
pytest.importorskip("opentelemetry.sdk")
pytest.importorskip("pydantic_settings")

pytestmark = pytest.mark.unmeasured


class Server(ThreadingHTTPServer):
    """Keeps what notifications say."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Keeper)
        self.messages = []


class Keeper(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.messages.append(self.rfile.read(int(self.headers["content-length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


class Project:
    """A folder in which the program and the job were executed, and what they said."""

    def __init__(self, folder, url, rows):
        self.folder, self.variables, self._rows = folder, given(url), rows
        (folder / "woflo.toml").touch()
        (folder / "flow.py").write_text(FLOW)
        (folder / "job.yaml").write_text(JOB)
        self.messages = self._execute_calls()
        # What tasks print while nobody catches it goes to the terminal as ever; the job, and commands, are caught.
        self.said = [self.woflo("run", "job.yaml", "--debug", "--var", f"password={SECRETS['parameter']}")]
        self.said.append(self.woflo("worker", "flow.py", "--once", "--verbose"))
        for word in ("denied", "login", "refused"):
            self.said.append(self.woflo("run", f"flow.py:{word}", "--debug", "--arg", f"token={SECRETS['parameter']}"))

    def _execute_calls(self):
        server = Server()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            address = f"json://me:{SECRETS['variable']}@localhost:{server.server_port}/hook"
            code, self.output = run(self.folder, CALLS.replace("sys.argv[1]", repr(address)), variables=self.variables)
            assert code == 0, self.output
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
        return server.messages

    def woflo(self, *words):
        """All that the command says."""
        return "".join(map(str, woflo_command(self.folder, *words, **self.variables)))

    def written(self):
        """By the paths of all files, and of what the store and notifications have, their contents."""
        files = {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        own = {name: data for name, data in files.items() if "program_" not in name}
        return {**own, "rows": self._rows(), "notifications": "\n".join(self.messages).encode()}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=needs_postgres)])
def project(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    if request.param == "sqlite":
        url = f"sqlite:///woflo.db?password={SECRETS['store']}"
        return Project(folder, url, bytes)
    cluster = request.getfixturevalue("postgres")
    url = cluster.new_url().replace("postgres@", f"postgres:{SECRETS['store']}@")
    return Project(folder, url, lambda: _dump(cluster, url))


def _dump(cluster, url):
    schema = url.partition("schema=")[2].partition("&")[0]
    tables = cluster.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", schema)
    rows = [cluster.execute(f"SELECT t::text FROM {schema}.{table} t") for (table,) in tables]
    assert any(rows)
    return repr(rows).encode()


def _found(text):
    """The secrets in a text, each with what stands around it."""
    data = text if isinstance(text, bytes) else text.encode()
    at = {name: data.find(value.encode()) for name, value in SECRETS.items()}
    return {name: data[max(0, begin - 120) : begin + 40] for name, begin in at.items() if begin >= 0}


def test_no_file_has_them(project):
    """Neither store nor logs, events, spans, notifications; of runs that succeeded, failed, printed and logged them."""
    written = project.written()
    assert len(project.messages) > 5
    told = written[str(project.folder / "events.jsonl")].decode()
    for event in ("OutputWritten", "LogRecorded", "ProgressMade", "AttemptFailed", "RunEnded"):
        assert f'"{event}"' in told
    assert {name: found for name, data in written.items() if (found := _found(data))} == {}
    assert b"***" in written["notifications"]


def test_what_is_cut_in_two_is_hidden(project):
    """A secret that lies across the end of a chunk of output is in no file, not even a part of it."""
    parts = [value[:12].encode() for value in SECRETS.values()] + [value[-6:].encode() for value in SECRETS.values()]
    written = project.written()
    assert {name: part for name, data in written.items() for part in parts if part in data} == {}


def test_no_command_shows_them(project):
    """Whatever the commands say, with tracebacks as well."""
    listed = json.loads(woflo_command(project.folder, "list", "--json", **project.variables)[0])
    assert len(listed) > 5
    for words in (
        ["list"],
        ["list", "--json"],
        ["show", "--all", *[row["id"] for row in listed]],
        ["show", "--json", *[row["id"] for row in listed]],
        ["history"],
        ["history", "--json"],
        ["report", "login.txt"],
        ["report", "told.txt", "--json"],
        ["report", "login.txt", "--mermaid"],
        ["why", "login.txt", "told.txt", "listed.txt"],
        ["why", "flow.py:login", "--arg", f"token={SECRETS['parameter']}"],
        ["why", "flow.py:login", "--arg", "token=another"],
        ["run", "flow.py:login", "--dry-run", "--arg", f"token={SECRETS['parameter']}"],
        ["run", "job.yaml", "--dry-run", "--var", f"password={SECRETS['parameter']}"],
        ["graph", "job.yaml", "--mermaid", "--var", f"password={SECRETS['parameter']}"],
        ["run", "flow.py:nothing", "--debug"],
        ["run", "flow.py:picky", "--debug", "--arg", f"token={SECRETS['parameter']}"],
        *[["logs", row["id"]] for row in listed if row["task"] in ("login", "refused")][:3],
    ):
        said = project.woflo(*words)
        assert _found(said) == {}, words
    assert {number: found for number, said in enumerate(project.said) if (found := _found(said))} == {}
    assert _found(project.output) == {}
