"""What a test may need of the system: the one place where tests are left out, each with its reason.

The workflows run on macOS and Windows too, which lack some of it. On Linux nothing is left out: `test_systems.py`.
"""

from __future__ import annotations

import os
import shutil
import socket
from importlib.util import find_spec

import pytest
from postgres_cluster import BINARIES

from woflo.testing.procfs import HAS_PROC

HAS_FORK = hasattr(os, "fork")
HAS_PIDFD = hasattr(os, "pidfd_open")
HAS_PROCESSES = hasattr(socket, "CMSG_SPACE")
HAS_POSTGRES = BINARIES is not None and find_spec("psycopg") is not None
MUST_HAVE_POSTGRES = bool(os.environ.get("WOFLO_NEED_POSTGRES"))
"""Set where a test that needs it must not be left out: it fails instead."""
HAS_GRAPHVIZ = shutil.which("dot") is not None
MUST_HAVE_GRAPHVIZ = bool(os.environ.get("WOFLO_NEED_GRAPHVIZ"))
"""The same for Graphviz."""

needs_fork = pytest.mark.skipif(not HAS_FORK, reason="only POSIX forks, and tells by a status how a process ended")
needs_pidfd = pytest.mark.skipif(not HAS_PIDFD, reason="only Linux has pidfds, on which the fork server stands")
needs_processes = pytest.mark.skipif(
    not HAS_PROCESSES, reason="process runners pass descriptors over sockets, and refuse by name where that cannot be"
)
needs_proc = pytest.mark.skipif(not HAS_PROC, reason="only Linux shows processes, descriptors and counters in /proc")
needs_postgres = pytest.mark.skipif(
    not (HAS_POSTGRES or MUST_HAVE_POSTGRES),
    reason="PostgreSQL's programs are not in /usr/lib/postgresql, or psycopg is not installed",
)
needs_graphviz = pytest.mark.skipif(
    not (HAS_GRAPHVIZ or MUST_HAVE_GRAPHVIZ), reason="Graphviz, which draws pictures as SVG, is not installed"
)
