"""Frames survive every way in which a stream may be cut, with text of a fault handler between them."""

import os
import socket
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woflo.runners.processes import wire

frames = st.tuples(
    st.integers(1, 12), st.integers(0, 2**64 - 1), st.binary(max_size=300) | st.just(bytes([wire.MAGIC]) * 40)
)
texts = st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=60)


def fed(data, cuts):
    decoder, found = wire.Decoder(), []
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, stop in pairwise(places):
        found += decoder.feed(data[start:stop], [])
    decoder.finish()
    return decoder, found


@given(st.lists(st.tuples(frames, texts), max_size=12), st.lists(st.integers(0, 10_000), max_size=40))
def test_any_cut(content, cuts):
    """Each frame arrives as it was sent, in order, and what stands between the frames is text, in order."""
    data = b"".join(wire.frame(*frame) + text.encode("ascii") for frame, text in content)
    decoder, found = fed(data, cuts)
    assert found == [(*frame, None) for frame, _ in content]
    assert decoder.text == "".join(text for _, text in content)


@given(st.lists(frames, max_size=5), frames, st.integers(1, 10_000))
def test_a_frame_cut_short(whole, last, cut):
    """The end of the stream within a frame loses that frame alone, and is no text."""
    end = wire.frame(*last)
    data = b"".join(wire.frame(*frame) for frame in whole) + end[: -(cut % (len(end) - 1)) - 1]
    decoder, found = fed(data, [])
    assert found == [(*frame, None) for frame in whole]
    assert decoder.text == ""


@given(st.binary(max_size=2_000), st.lists(st.integers(0, 2_000), max_size=20))
def test_any_bytes(data, cuts):
    """Whatever comes, nothing is raised."""
    fed(data, cuts)


def test_descriptors_go_with_their_frames():
    """A descriptor belongs to the frame that it was sent with, also beside others without, and is not inherited."""
    here, there = socket.socketpair()
    readers = []
    with here, there:
        for number in range(3):
            reader, writer = os.pipe()
            os.write(writer, bytes([number]))
            os.close(writer)
            wire.send_frame(here, wire.VALUE, 2 * number, b"without")
            wire.send_frame(here, wire.VALUE, 2 * number + 1, b"with", reader)
            os.close(reader)
        decoder, found = wire.Decoder(), []
        while len(found) < 6:
            found += decoder.feed(*wire.receive(there))
    for _, number, payload, fd in found:
        assert (fd is None) == (number % 2 == 0)
        if fd is not None:
            readers.append((os.read(fd, 9), os.get_inheritable(fd), payload))
            os.close(fd)
    assert readers == [(bytes([number]), False, b"with") for number in range(3)]


def test_a_large_frame_in_small_pieces():
    """Twice the bytes, about twice the copying: a frame that comes in pieces is put together once."""

    class Counting(bytes):
        copied = 0

        def __add__(self, other):
            Counting.copied += len(self) + len(other)
            return Counting(bytes(self) + other)

        def __getitem__(self, key):
            found = super().__getitem__(key)
            return Counting(found) if isinstance(key, slice) else found

    size, piece = 1 << 22, 1 << 14
    data = wire.frame(wire.CODE, 1, bytes(size))
    decoder, found = wire.Decoder(), []
    for start in range(0, len(data), piece):
        found += decoder.feed(Counting(data[start : start + piece]), [])
    assert len(found) == 1
    assert Counting.copied <= 8 * size, f"{Counting.copied / size:.0f} times its size was copied"


@pytest.mark.parametrize("size", [0, 1, 1 << 16, 1 << 20])
def test_through_a_socket(size):
    """A frame of any size goes through a socket whose reader comes later."""
    import threading

    here, there = socket.socketpair()
    with here, there:
        sender = threading.Thread(target=wire.send_frame, args=(here, wire.VALUE, 7, bytes(size)))
        sender.start()
        decoder, found = wire.Decoder(), []
        while not found:
            found = decoder.feed(*wire.receive(there))
        sender.join()
    assert found == [(wire.VALUE, 7, bytes(size), None)]
