"""Whom the killing of trees reaches, with every signal of this process held back."""

import os
import subprocess
import sys

import pytest
from systems import needs_proc

from woflo.runners.processes import tree


@pytest.fixture
def signals(monkeypatch):
    """What would have been sent: (to whom, number). Nothing is."""
    sent = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(("kill", pid, number)))
    monkeypatch.setattr(os, "killpg", lambda group, number: sent.append(("killpg", group, number)))
    return sent


@pytest.fixture
def child():
    """A process in a session of its own that waits for the end of its input."""
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    yield process.pid
    process.stdin.close()
    process.wait()


@pytest.mark.parametrize("sessions", [[], [0], [1], [0, 1], [-1], [-5, 0, 1]])
def test_no_child_no_signal(signals, sessions):
    """An empty slot (0), init (1) and numbers that mean groups are nobody's session: not one signal is sent."""
    assert tree.kill_trees(sessions) == []
    assert signals == []


@pytest.mark.parametrize("group", [-1, 0, 1])
def test_no_signal_to_groups_that_are_not_a_childs(signals, group):
    """The same for one group: 0 would be this very group, and -1 the whole machine."""
    tree.kill_group(group, 15)
    assert signals == []


def test_this_process_is_spared(signals):
    """Even when its own session is named, it does not kill itself by its number."""
    tree.kill_trees([os.getsid(0), os.getpid()], spare=[])
    assert ("kill", os.getpid()) not in [(how, pid) for how, pid, _ in signals]


@needs_proc
def test_a_child_and_nobody_else(signals, child):
    """The session of a child is reached: the child itself, and its group."""
    assert tree.kill_trees([0, 1, child]) == [child]
    assert signals == [("kill", child, 9), ("killpg", child, 9)]


@needs_proc
def test_who_is_spared(signals, child):
    """A process that is only waited for is not counted as alive."""
    assert tree.kill_trees([child], spare=[child]) == []
    assert [one for one in signals if one[0] == "kill"] == []
    assert tree.members_of([]) == []
    assert tree.members_of([child]) == [child]
    assert tree.state_of(child) in ("R", "S", "D")
    assert tree.state_of(0) == ""


def test_the_dead_are_no_error(monkeypatch, child):
    """Who ended in the same moment, or belongs to somebody else, is passed over."""

    for error in (ProcessLookupError, PermissionError):
        tried = []

        def refused(pid, _, error=error, tried=tried):
            tried.append(pid)
            raise error

        monkeypatch.setattr(os, "kill", refused)
        monkeypatch.setattr(os, "killpg", refused)
        tree.kill_trees([child])
        assert set(tried) == {child}
