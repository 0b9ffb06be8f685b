"""A job in flight is no workflow of any code: the check of workflows does not ask for one."""

import pytest

from woflo import check, task, workflow

pytestmark = pytest.mark.usefixtures("store")


@workflow
def nothing() -> None:
    """A workflow, so that there is one to check."""


@task
def one() -> int:
    """Leaves a record."""
    return 1


@task
def unknown(after: int) -> dict[str, int]:
    """What a check finds while the job goes on."""
    return dict(check(nothing).unknown)


def test_a_job_in_flight_is_not_unknown(folder):
    """Its steps have names, and a workflow's have places."""
    job = folder.load(
        """
        tasks:
          first: {task: one}
          looked: {task: unknown, runner: thread, parameters: {after: "${first.result}"}}
        """,
        tasks=(one, unknown),
    )
    assert job().get_result() == {"looked": {}}
