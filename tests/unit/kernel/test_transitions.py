"""The table of states: what it holds, and that its guard agrees with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woflo.errors import InvalidTransitionError
from woflo.kernel.state import ALLOWED, SUCCESSES, TERMINAL, RunState, check_transition

S = RunState
states = st.sampled_from(S)

DRAWN = {
    S.PENDING: {S.RUNNING, S.SKIPPED, S.UPSTREAM_FAILED, S.FAILED, S.STOPPED},
    S.RUNNING: {S.SUCCEEDED, S.FAILED, S.STOPPED, S.SKIPPED, S.RETRYING, S.WAITING, S.PENDING},
    S.RETRYING: {S.RUNNING, S.STOPPED, S.FAILED},
    S.WAITING: {S.RUNNING, S.PENDING, S.SUCCEEDED, S.FAILED, S.STOPPED},
}


@given(states, states)
def test_the_guard_lets_through_what_the_drawing_shows_and_nothing_else(old, new):
    """A transition passes exactly where the documented drawing has an arrow; the error names both states."""
    if new in DRAWN.get(old, set()):
        check_transition(old, new)
        return
    with pytest.raises(InvalidTransitionError) as caught:
        check_transition(old, new)
    assert old in str(caught.value)
    assert new in str(caught.value)


@given(st.lists(states, max_size=30))
def test_a_walk_over_the_table_never_leaves_a_terminal_state(steps):
    """Whatever is asked for in whatever order, a terminal state stays."""
    state = S.PENDING
    for step in steps:
        before = state
        if step in ALLOWED[state]:
            state = step
        assert not (before.is_terminal and state is not before)


def test_every_state_can_be_reached_from_the_call():
    """No state stands in the table that a run could never be in."""
    reached, edge = {S.PENDING}, [S.PENDING]
    while edge:
        for after in ALLOWED[edge.pop()] - reached:
            reached.add(after)
            edge.append(after)
    assert reached == set(S)


@given(states)
def test_every_state_leads_to_an_end(state):
    """From everywhere there is a way to a terminal state, and no state follows itself."""
    seen, edge = {state}, [state]
    while edge:
        for after in ALLOWED[edge.pop()] - seen:
            seen.add(after)
            edge.append(after)
    assert seen & TERMINAL
    assert state not in ALLOWED[state]


def test_terminal_and_success_are_told_by_the_state_itself():
    """`is_terminal` and `is_success` say what the table says; each success is terminal."""
    assert {state for state in S if state.is_terminal} == TERMINAL == set(S) - set(DRAWN)
    assert {state for state in S if state.is_success} == SUCCESSES == {S.SUCCEEDED, S.SKIPPED}
    assert SUCCESSES < TERMINAL
