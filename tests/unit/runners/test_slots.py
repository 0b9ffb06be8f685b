"""The page that a caller shares with its children: what stands in it is seen by all, and outlives who wrote it."""

import mmap
import os
import signal
import subprocess
import sys

import pytest
from systems import needs_processes
from unit_helpers import script_environment

from woflo.errors import LaunchError
from woflo.runners.processes import slots
from woflo.runners.processes.slots import BEGUN, CALL, ENDING, HEARD, KEPT, READY, SESSION, STOP, Slots


@pytest.fixture
def page():
    made = Slots()
    yield made
    made.close()


def test_each_child_has_its_own(page):
    """Words of two children never overlap, however many there are; more than there is room for is an error by name."""
    taken = [page.take() for _ in range(slots.COUNT)]
    assert len({slot // slots.WORDS for slot in taken}) == slots.COUNT
    assert all(slot % slots.WORDS == 0 for slot in taken)
    assert max(taken) + slots.WORDS == len(page.words)
    words = [SESSION, CALL, BEGUN, STOP, ENDING, READY, KEPT, HEARD]
    assert sorted(set(words) & set(range(slots.WORDS))) == sorted(words)
    outboxes = [page.outbox_at(slot) for slot in sorted(taken)]
    assert outboxes == list(range(page.words.nbytes, len(page.memory), slots.OUTBOX_SIZE))
    with pytest.raises(LaunchError, match="lower max_concurrency"):
        page.take()
    page.give(taken[5])
    assert page.take() == taken[5]


def test_nothing_of_the_last_child_is_left(page):
    """A slot that is given back is empty for the next, and the neighbours keep what they have."""
    left, middle, right = page.take(), page.take(), page.take()
    for slot in (left, middle, right):
        for word in range(slots.WORDS):
            page.words[slot + word] = slot + word + 1
    page.give(middle)
    assert list(page.words[middle : middle + slots.WORDS]) == [0] * slots.WORDS
    for slot in (left, right):
        assert list(page.words[slot : slot + slots.WORDS]) == [slot + word + 1 for word in range(slots.WORDS)]


def test_sessions(page):
    """Those whose child may be alive, and none of a slot that is empty or has other words alone."""
    first, second, third = page.take(), page.take(), page.take()
    page.words[first + SESSION], page.words[third + SESSION] = 11, 33
    page.words[second + CALL] = 22
    assert sorted(page.sessions()) == [11, 33]
    page.give(first)
    assert page.sessions() == [33]


def test_another_map_of_the_same_page(page):
    """What maps the descriptor sees what is written on either side, and has no slots of its own to give."""
    other = Slots(os.dup(page.fd))
    slot = page.take()
    page.words[slot + SESSION] = 7
    other.words[slot + CALL] = 2**62
    assert (other.sessions(), page.words[slot + CALL]) == ([7], 2**62)
    with pytest.raises(LaunchError):
        other.take()
    other.close()
    assert page.sessions() == [7]


@needs_processes
def test_it_outlives_a_child_that_is_killed(page):
    """A process that writes and is killed in the next moment has written."""
    slot = page.take()
    text = f"""
import os, signal
from woflo.runners.processes.slots import BEGUN, SESSION, Slots
words = Slots({page.fd}).words
words[{slot} + SESSION], words[{slot} + BEGUN] = os.getpid(), 5
os.kill(os.getpid(), signal.SIGKILL)
"""
    with subprocess.Popen([sys.executable, "-c", text], pass_fds=[page.fd], env=script_environment()) as child:
        assert child.wait(30) == -signal.SIGKILL
    assert page.sessions() == [child.pid]
    assert page.words[slot + BEGUN] == 5


def test_closing(page):
    """The descriptor and the memory are given back."""
    other = Slots()
    fd, memory = other.fd, other.memory
    other.close()
    with pytest.raises(OSError):
        os.fstat(fd)
    assert isinstance(memory, mmap.mmap)
    assert memory.closed
