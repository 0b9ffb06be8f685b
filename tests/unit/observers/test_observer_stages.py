"""`on_create` to `on_abort`: which of them an observer is called by, and in which order."""

from __future__ import annotations

import pytest
from observer_helpers import created, ended, started

from woflo import subscribe, task
from woflo.kernel.stages import STAGES
from woflo.kernel.state import RunState


class Diary:
    """Writes down what it is called by."""

    def __init__(self):
        self.pages = []

    def update(self, event):
        self.pages.append(type(event).__name__)


def _page(name):
    return lambda self: self.pages.append(name)


for stage in STAGES:
    setattr(Diary, stage, _page(stage))


def stages_after(*events, **options):
    diary = Diary()
    with subscribe(diary, **options) as subscribed:
        for event in events:
            subscribed.put(event)
    return [page for page in diary.pages if page in STAGES]


def test_they_stand_around_the_events():
    """Created before the first event, the end after the last one, and then destroyed."""
    diary = Diary()
    with subscribe(diary):
        task(runner="thread")(lambda: None)().get_result()
    assert diary.pages == ["on_create", "RunCreated", "AttemptStarted", "RunEnded", "on_success", "on_destroy"]


@pytest.mark.parametrize(
    ("states", "end"),
    [
        ([], "on_success"),
        ([RunState.SUCCEEDED, RunState.SKIPPED], "on_success"),
        ([RunState.SUCCEEDED, RunState.FAILED, RunState.SUCCEEDED], "on_failure"),
        ([RunState.UPSTREAM_FAILED], "on_failure"),
        ([RunState.STOPPED, RunState.FAILED], "on_abort"),
    ],
)
def test_the_runs_decide_which_end(states, end):
    """One of the outermost ones that failed is a failure; one that was stopped an abort, whatever else failed."""
    events = [event for number, state in enumerate(states) for event in (created(number), ended(number, state=state))]
    assert stages_after(*events) == ["on_create", end, "on_destroy"]


def test_a_run_that_another_called_is_that_ones_business():
    """It may have been caught there, or tried again."""
    events = [created(1), created(2, parent=1), started(2), ended(2, state=RunState.FAILED), ended(1)]
    assert stages_after(*events) == ["on_create", "on_success", "on_destroy"]


def test_a_restart_is_told():
    """Between the creation and the first event."""
    assert stages_after(ended(), restarted=True) == ["on_create", "on_restart", "on_success", "on_destroy"]


@pytest.mark.parametrize(("error", "end"), [(ValueError, "on_failure"), (KeyboardInterrupt, "on_abort")])
def test_an_exception_that_leaves_the_block_is_an_end_too(error, end):
    """A failure where it is an error, an abort where it is an interrupt."""
    diary = Diary()
    with pytest.raises(error):
        with subscribe(diary):
            raise error
    assert diary.pages == ["on_create", end, "on_destroy"]


def test_a_stage_that_raises_is_harmless(caplog):
    """The next one is called all the same."""

    class Broken(Diary):
        def on_create(self):
            raise ValueError("not created")

        def on_success(self):
            raise ValueError("no success")

    broken = Broken()
    with subscribe(broken) as subscribed:
        subscribed.put(ended())
    assert broken.pages == ["RunEnded", "on_destroy"]
    assert "not created" in caplog.text
    assert "no success" in caplog.text


def test_none_of_them_is_needed():
    """One is enough."""

    class Last:
        seen = ()

        def update(self, event): ...

        def on_failure(self):
            self.seen = (*self.seen, "failure")

    last = Last()
    with subscribe(last) as subscribed:
        subscribed.put(ended(state=RunState.FAILED))
    assert last.seen == ("failure",)
