"""A PostgreSQL of the tests' own: on loopback, in a temporary folder, under a user who is not root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from itertools import count
from pathlib import Path

_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
BINARIES = _FOUND[-1].parent if _FOUND else None
"""The folder of the newest server's programs, or None."""

FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""For tests that are about neither durability nor speed."""
_numbers = count()


class Cluster:
    """Started when it is made. `stop` removes everything. Only a user "secretive" needs a password."""

    def __init__(self, *settings):
        assert BINARIES is not None, "PostgreSQL is not installed: apt-get install postgresql"
        self.folder = Path(tempfile.mkdtemp(prefix="woflo-pg-"))
        self._settings = settings
        self._user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        if self._user:
            shutil.chown(self.folder, "postgres", "postgres")
        self.port = _free_port()
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        hba = self.folder / "data" / "pg_hba.conf"
        hba.write_text(f"host all secretive 127.0.0.1/32 scram-sha-256\n{hba.read_text()}")
        self.start()

    @property
    def url(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def new_url(self):
        """Of a store that holds nothing yet: each has a schema of its own, in which tables of users are, too."""
        schema = f"test_{os.getpid()}_{next(_numbers)}"
        return f"{self.url}?schema={schema}&options=-csearch_path%3D{schema}"

    def start(self):
        settings = ("listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories=''", *self._settings)
        options = " ".join(f"-c {one}" for one in ("max_connections=300", *settings))
        self._run("pg_ctl", "-w", "-s", "-l", str(self.folder / "log"), "-o", options, "start")

    def crash(self):
        """As after a loss of power, as far as the server is concerned."""
        self._run("pg_ctl", "-s", "-m", "immediate", "stop")

    def restart(self):
        self.crash()
        self.start()

    def stop(self):
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, sql, *values):
        """Done at once by a connection of its own; the rows where there are any."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program, *arguments):
        command = [*self._user, BINARIES / program, "-D", self.folder / "data", *arguments]
        told = self.folder / "told"  # not a pipe: the server would keep it open
        with told.open("w") as file:
            done = subprocess.run(command, cwd=self.folder, stdout=file, stderr=file, timeout=60, check=False)
        assert done.returncode == 0, f"{command}: {told.read_text()}"


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
