"""What handles and tasks show of themselves."""

from __future__ import annotations

import pytest

from woflo import RunState, task


@pytest.fixture
def made(memory):
    return task(runner=memory, name="<fetch>", retries=1)(lambda *args: None)


def test_a_handle_shows_name_id_state_attempt_and_time(made, clock):
    """In `repr`, as long as there is something to show."""
    first = made()
    pending = made(first)
    assert repr(pending) == f"<<fetch> {pending.id} PENDING>"
    clock.advance(2)
    assert repr(first) == f"<<fetch> {first.id} RUNNING 2 s>"
    first.fail()
    clock.advance(1.5)
    first.succeed()
    clock.advance(100)
    assert repr(first) == f"<<fetch> {first.id} SUCCEEDED attempt 2 3.5 s>"


def test_a_notebook_shows_the_same_escaped(made):
    """A name cannot become markup."""
    html = made()._repr_html_()
    assert "&lt;fetch&gt;" in html
    assert "<fetch>" not in html
    assert "RUNNING" in html


def test_times_are_told_from_the_first_start_to_the_end(made, clock):
    """Seconds since the epoch; None where there is nothing yet."""
    first = made()
    run = made(first)
    assert (run.started_at, run.finished_at, run.duration) == (None, None, None)
    clock.advance(5)
    first.succeed()
    began = clock.now()
    clock.advance(2)
    assert (run.started_at, run.finished_at, run.duration) == (began, None, 2)
    run.succeed()
    clock.advance(9)
    assert (run.started_at, run.finished_at, run.duration) == (began, began + 2, 2)


def test_what_was_never_started_has_an_end_and_no_duration(made):
    """Stopped before its turn."""
    first = made()
    run = made(first)
    run.stop()
    assert run.state is RunState.STOPPED
    assert (run.started_at, run.duration) == (None, None)
    assert run.finished_at is not None


def test_ids_are_unique_and_sort_by_the_calls(made):
    """Text order is call order within a process."""
    ids = [made().id for _ in range(100)]
    assert sorted(set(ids)) == ids


def test_a_task_shows_its_name_and_place():
    """And keeps name, module and docstring of its function."""

    @task
    def documented():
        """What it does."""

    assert "documented" in repr(documented)
    assert __name__ in repr(documented)
    assert (documented.__name__, documented.__doc__, documented.__module__) == (
        "documented",
        "What it does.",
        __name__,
    )
    assert documented.fn is documented.__wrapped__


def test_ref_is_the_handle_itself(made):
    """Only its type differs."""
    run = made()
    assert run.ref is run
    assert run.outputs == ()
