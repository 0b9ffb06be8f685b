"""The virtual environments of peers that do not live in ours, made on first use and kept in the cache folder.

python -m benchmarks.elsewhere      # make all of them and print their interpreters

What a peer needs may not fit what we need, and upstream woflo has our own name. A script beside this file holds the
rivals of an environment and runs inside it: `upstream_calls.py`, `peer_huey.py` and so on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.model import Environment

# pipeteer does not name `sqltypes`, and its times fail with a newer `sqlmodel`.
HERE = Path(__file__).parent
UPSTREAM = Environment("upstream", ("woflo==0.8.2",), "woflo", "upstream_calls.py")
HUEY = Environment("huey", ("huey==3.5.4",), "huey", "peer_huey.py")
DBOS = Environment("dbos", ("dbos==3.4.0", "psycopg[binary]"), "dbos", "peer_dbos.py")
PIPETEER = Environment(
    "pipeteer", ("pipeteer==1.0.5", "sqltypes", "sqlmodel==0.0.22"), "pipeteer.pipelines._workflow", "peer_pipeteer.py"
)
PGQUEUER = Environment("pgqueuer", ("pgqueuer==1.6.0", "asyncpg"), "pgqueuer", "peer_pgqueuer.py")
PROCRASTINATE = Environment(
    "procrastinate", ("procrastinate==3.10.0", "psycopg[binary]"), "procrastinate", "peer_procrastinate.py"
)
FLOWMANCER = Environment("flowmancer", ("flowmancer==0.12.4",), "flowmancer", "peer_flowmancer.py")
DOIT = Environment("doit", ("doit==0.37.0",), "doit", "peer_doit.py")
ENVIRONMENTS = (UPSTREAM, HUEY, DBOS, PIPETEER, PGQUEUER, PROCRASTINATE, FLOWMANCER, DOIT)


class PeerMissingError(Exception):
    """A peer cannot be measured here; the message says why."""


@cache
def interpreter(environment: Environment, given: str | None = None) -> str:
    """The interpreter that has the peer: the `given` one, or that of the kept environment, which is made if need be."""
    python = given or str(_interpreter(_folder(environment)))
    if not _has(python, environment):
        if given:
            raise PeerMissingError(f"{given} cannot import {environment.packages[0]}")
        _make(environment)
    if not _has(python, environment):
        raise PeerMissingError(f"the environment {_folder(environment)} cannot import {environment.packages[0]}")
    return python


def _folder(environment: Environment) -> Path:
    """One environment per Python version, since packages are compiled for it."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    version = environment.packages[0].partition("==")[2]
    return cache_home / "woflo-bench" / f"{environment.name}-{version}-{python}"


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _has(python: str, environment: Environment) -> bool:
    """Asked with -P, so that a package of that name in the current folder is not taken for it."""
    package, _, version = environment.packages[0].partition("==")
    code = f"import {environment.module}, importlib.metadata as m; assert m.version('{package}') == '{version}'"
    try:
        return subprocess.run([python, "-P", "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def _make(environment: Environment) -> None:
    folder = _folder(environment)
    print(f"making an environment for {environment.packages[0]} in {folder}", file=sys.stderr)
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    _run(str(_interpreter(folder)), "-m", "pip", "install", "--quiet", *environment.packages)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise PeerMissingError(f"{Path(command[0]).name} {command[2]} failed: {last}")


if __name__ == "__main__":
    for one in ENVIRONMENTS:
        try:
            print(interpreter(one))
        except PeerMissingError as error:
            print(error, file=sys.stderr)
