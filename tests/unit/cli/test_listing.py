"""The lines of `woflo list`."""

import pytest

from woflo.cli.listing import _line
from woflo.kernel.state import RunState
from woflo.stores.rows import Row


@pytest.mark.parametrize(("state", "note"), [(RunState.RUNNING, "to be stopped"), (RunState.SUCCEEDED, "")])
def test_the_note_of_one_that_was_asked_to_stop(state, note):
    """Only as long as it may still be: one may succeed before its worker sees it."""
    row = Row(id="a", task="flow", state=state, stop_requested=True)
    assert _line(row, 0.0, {})[-1] == note
