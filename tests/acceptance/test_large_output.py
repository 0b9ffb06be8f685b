"""However much a command prints: it is in its log, the memory of its caller stays flat, and its error stays short."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, resource, sys
from pathlib import Path
from woflo import script, subscribe
from woflo.observers import LogFiles

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # MB

writes = "import sys\\nfor _ in range({megabytes}): sys.stdout.buffer.write(bytes([{byte}]) * (1 << 20))\\nsys.exit(3)"
count = 0
def heard(event):
    global count
    count += getattr(event, "weight", 0)

warm = script("true", name="warm")
warm().get_result()
before = peak()
if {listens}:
    subscribe(heard, patience=60)
run = script([sys.executable, "-c", writes], name="long", outputs={outputs!r})()
error = run.exception()
size = os.stat(error.log).st_size
os.unlink(error.log)
print(json.dumps(dict(
    grown=peak() - before, size=size, told=len(str(error)), output=len(error.output), is_log=error.log == run.log,
)))
"""


def measured(folder, **values):
    (folder / "woflo.toml").touch()
    code = PROGRAM.format(**values)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(320)
@pytest.mark.parametrize("outputs", [None, "x.txt"])
@pytest.mark.parametrize("listens", [False, True], ids=["unheard", "heard"])
@pytest.mark.parametrize("byte", [120, 255], ids=["endless", "no text"])
def test_a_gigabyte_of_output(tmp_path, byte, listens, outputs):
    """A line that never ends, text or not. Of what an observer does not take in time, 64 million characters wait."""
    found = measured(tmp_path, megabytes=1024, byte=byte, listens=listens, outputs=outputs)
    assert found["size"] == 1 << 30
    assert found["grown"] < (300 if listens else 10)
    assert found["told"] < 2_000
    assert 0 < found["output"] <= 500
    assert found["is_log"]
