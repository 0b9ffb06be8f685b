"""A folder with tasks, a flow, a script, a job and its driver, and observers of every kind to stand beside them."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["TARGETS", "ends", "make_folder"]

TASKS = """
from woflo import script, task, track

@task(runner="thread")
def count(n: int = 4) -> int:
    for _ in track(range(n)):
        pass
    return n

@task(runner="thread")
def fail() -> None:
    raise ValueError("no; password=hunter2")

make = script("touch {outputs}", outputs="{name}.txt", name="make")

def flow() -> None:
    count()
    count(2)

@task(runner="queue")
def queued(n: int = 4) -> int:
    return len(list(track(range(n))))
"""
OBSERVERS = """
import os, time

class Writes:
    # Writes what it hears into a file that its options name.
    def __init__(self, path: str, word: str = ""):
        self.file = open(path, "a", buffering=1)
        self.say("made " + word)

    def say(self, text):
        self.file.write(text.strip() + "\\n")

    def on_create(self): self.say("on_create")
    def on_restart(self): self.say("on_restart")
    def update(self, event): self.say(f"{type(event).__name__} {event.task}")
    def on_success(self): self.say("on_success")
    def on_failure(self): self.say("on_failure")
    def on_destroy(self): self.say("on_destroy")

class Raises:
    def update(self, event):
        raise RuntimeError("boom; token=abc")

class Hangs:
    def update(self, event):
        time.sleep(600)  # the test is about one that does

class Slow:
    def update(self, event):
        time.sleep(1)  # the test is about one that does
"""
JOB = """
version: 0.1
config: {name: nightly}
observers:
  events: {observer: jsonl, path: "$VAR{events:job.jsonl}"}
  mine: {observer: "watchers:Writes", path: job.txt, word: nightly}
tasks:
  first: {task: count}
  second: {task: count, parameters: {n: 2}, dependencies: [first]}
  third: {run: "touch {outputs}", outputs: third.txt, dependencies: [second]}
"""
MAIN = """
import sys
from woflo import Job

if __name__ == "__main__":
    sys.exit(Job.main())
"""
TARGETS = {
    "task": ["run", "app.py", "count"],
    "flow": ["run", "app.py", "flow"],
    "script": ["run", "app.py", "a.txt"],
    "job": ["run", "job.yaml"],
}
"""What `woflo run` is given for each kind of target."""


def make_folder(path: Path) -> Path:
    """Such a folder."""
    for name, text in {"app.py": TASKS, "watchers.py": OBSERVERS, "job.yaml": JOB, "main.py": MAIN}.items():
        (path / name).write_text(text)
    (path / "tasks").mkdir()
    (path / "tasks" / "all.py").write_text(TASKS)
    (path / "woflo.toml").touch()
    return path


def ends(path: Path) -> list[str]:
    """The names of the tasks whose ends stand in a file of events."""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(event["task"] for event in events if event["event"] == "RunEnded")
