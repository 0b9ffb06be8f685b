"""What the tests of jobs share: files that are written and read again, and the problems that are told of them."""

import textwrap

import pytest

from woflo import Job, task
from woflo.errors import JobFileError


@task
def noop() -> None:
    """Does nothing."""


@task
def add(a: int, b: int = 1) -> int:
    """The sum."""
    return a + b


TASKS = (noop, add)


class Folder:
    """Where the files of a job are."""

    def __init__(self, path):
        self.path = path

    def write(self, name, text):
        there = self.path / name
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return there

    def load(self, text, name="job.yaml", **given):
        """The job of this text."""
        given.setdefault("tasks", TASKS)
        return Job.load(self.write(name, text), **given)

    def problems(self, text, name="job.yaml", **given):
        """What is told of it."""
        with pytest.raises(JobFileError) as told:
            self.load(text, name, **given)
        assert all(one in str(told.value) for one in told.value.problems)
        return list(told.value.problems)
