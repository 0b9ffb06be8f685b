"""What a child process does between its start and its exit.

Little is executed between the two beside the code of the task: see `inheritance`.
"""

from __future__ import annotations

import _thread
import marshal
import os
import pickle
import signal
import socket
import sys
import threading
from _signal import SIG_DFL, getsignal
from _signal import signal as set_handler
from collections import deque
from collections.abc import Callable
from faulthandler import enable as enable_faulthandler
from sys import modules
from typing import Any, Protocol

from woflo.kernel import hiding, runtime, tracing
from woflo.kernel.attempt import Attempt, StopRequested
from woflo.kernel.outcome import Outcome
from woflo.runners.processes import shipping, travelling, wire
from woflo.runners.processes.calls import calls_in
from woflo.runners.processes.inheritance import Inheritance, put_away
from woflo.runners.processes.seeds import reseed
from woflo.runners.processes.slots import CALL, HEARD, SESSION, STOP, Slots

if sys.platform != "win32":
    from faulthandler import register as register_faulthandler
    from os import _exit, getpid, getppid, getsid, register_at_fork, setsid

__all__ = ["DUMP_SIGNAL", "Link", "Role", "live"]

DUMP_SIGNAL: int = getattr(signal, "SIGRTMAX", getattr(signal, "SIGUSR2", 0))
"""Asks a child to write where its code is. The last real-time signal: least likely to be used by anybody else."""
_SIGTERM = int(getattr(signal, "SIGTERM", 15))


class Role(Protocol):
    """What a child is there for."""

    @property
    def module(self) -> str:
        """The module that it had to import because its function is found there, else empty."""
        ...

    def run(self, link: Link) -> None:
        """Do the work; what is left to say goes through the link. The process ends when this returns."""
        ...


class Link:
    """The child's end: the socket to the caller, the child's slot, and what is under way."""

    def __init__(self, sock: wire.Socket, slots: Slots, slot: int, caller: int = 0) -> None:
        self.sock = sock
        self.slots = slots
        self.slot = slot
        self.caller = caller
        """The process that this one is a child of and works for; 0 where a fork server stands between."""
        self.pid: int = 0
        """Of the child that it is the end of; a process that was forked from it has another one."""
        self.attempt: Attempt | None = None
        """The attempt whose code is running; None in between, when a request to stop must not be raised."""
        self.stop_requested: bool = False
        self.reading: bool = False
        """True while frames are taken from the socket, when a signal handler must not do the same."""
        self.held: bool = False
        """True while the main thread, where signal handlers run, is in the midst of frames: a handler must not send
        any, and a request to stop waits, for what it interrupted would be lost."""
        self.sending: Any = _thread.RLock()
        """Held while a frame is written: large ones of several threads would be mixed. A handler of the user's may
        send a message while this thread sends, hence the kind of lock."""
        self.heard: int = 0
        """Who listened in the caller when the last attempt began, see `bus.hearing`; -1 where that does not matter."""
        self._decoder = wire.Decoder()
        self.received: deque[Any] = deque()
        """Frames that have come and were not taken yet; calls that shared one stand here one by one (`calls_in`)."""

    def receive(self, *, block: bool = True) -> Any:
        """The next frame of the caller; None where there is none yet and `block` is False.

        Raises `BrokenPipeError` where the caller is gone.
        """
        while True:
            try:
                return self.received.popleft()
            except IndexError:
                pass
            if not self._read(block):
                return None

    def _read(self, block: bool) -> bool:
        """Read what the socket has; False where it has nothing and `block` is False."""
        self.reading = True
        try:
            data, fds = wire.receive(self.sock, flags=0 if block else socket.MSG_DONTWAIT)
            if not data:
                raise BrokenPipeError("the caller is gone")
            for frame in self._decoder.feed(data, fds):
                if frame[0] == wire.PLAIN_CALLS:
                    self.received.extend(calls_in(frame[2]))
                else:
                    self.received.append(frame)
            return True
        except BlockingIOError:
            return False
        except ConnectionResetError:  # how the end of a caller looks that left something unread
            raise BrokenPipeError("the caller is gone") from None
        finally:
            self.reading = False

    def take_unstarted(self) -> list[int]:
        """Take the calls that were sent and not begun out of the queue; their numbers.

        Safe in a signal handler while `reading` is False. Nothing may be raised in the midst of it: see `held`.
        """
        while self._read(block=False):
            pass
        numbers = []
        kept = []
        while self.received:
            frame = self.received.popleft()
            kind, number, _, fd = frame
            if kind == wire.PLAIN_CALLS:
                numbers.append(number)
            elif kind == wire.CALL:
                numbers.append(number)
                if fd is not None:
                    os.close(fd)
            else:
                kept.append(frame)
        self.received.extend(kept)
        return numbers

    def renew(self) -> None:
        """In a process that was forked from this one by the code of a task, or for a call that this code made.

        The lock may be held by a thread that does not exist there, and a request to stop is not for it to take.
        """
        self.sending = _thread.RLock()
        self.held = False
        for number in (_SIGTERM, DUMP_SIGNAL - 1):
            if callable(getsignal(number)):
                set_handler(number, SIG_DFL)

    def start(self, attempt: Attempt) -> Outcome:
        """Execute an attempt so that a request to stop reaches its code."""
        if self.heard != self.slots.words[self.slot + HEARD] and self.heard >= 0:
            self._follow_listeners()
        try:
            self.attempt = attempt
            if self.stop_requested:
                raise StopRequested
            outcome = attempt.execute()
            if getpid() != self.pid:
                _exit(0)  # a fork made by the task's code, which came back here: it has nothing to say to the caller
            self.attempt = None
            return outcome
        except StopRequested:  # came just before or just after the code of the task
            self.attempt = None
            from woflo.kernel.attempt import outcome_of

            return outcome_of(StopRequested(), attempt.task_name)

    def _follow_listeners(self) -> None:
        """Calls that are made here are told to the caller's observers, as long as there are any."""
        from woflo.runners.processes.relaying import relay_to

        self.heard = self.slots.words[self.slot + HEARD]
        relay_to(self, self.heard)

    def tell_secrets(self, texts: list[str], stays: bool) -> None:
        """Have the caller hide what has become known here, before anything is told that may have it in it."""
        from woflo.runners.processes.relaying import KNOWN

        LinkChannel(self, 0).send_packed(wire.EVENT, marshal.dumps((KNOWN, {"texts": texts, "stays": stays}, None)))

    def on_sigterm(self, number: int, frame: Any) -> None:
        """The caller asks to stop: raise that in the code of the attempt, so that its `finally` blocks run."""
        if not self._is_meant():
            return
        self.stop_requested = True
        self.raise_stop()

    def raise_stop(self) -> None:
        """Raise a request to stop, once, where the code of an attempt runs and no frame would be lost."""
        attempt = self.attempt
        if self.stop_requested and not self.held and attempt is not None and not attempt.stop_requested:
            attempt.stop_requested = True
            raise StopRequested

    def _is_meant(self) -> bool:
        """A pool says which call is to stop; it may have ended meanwhile."""
        target = self.slots.words[self.slot + STOP]
        return not target or target == self.slots.words[self.slot + CALL]

    def send_outcome(self, number: int, outcome: Outcome, what: str, prefix: bytes = b"") -> None:
        """Send a value or an error; what cannot travel becomes an error that says so, as `_refused` makes it."""
        if outcome.error is None:
            try:
                if type(outcome.value) in shipping.ATOMS:
                    data = prefix + pickle.dumps(outcome.value, 5)
                    with self.sending:
                        self.sock.sendall(wire.HEADER.pack(wire.MAGIC, wire.VALUE, 0, len(data), number) + data)
                    return
                self._send(wire.VALUE, number, shipping.dump(outcome.value, to_caller=True), prefix)
                return
            except Exception as error:
                outcome = Outcome.failed(_refused(error, "result", what))
        self._send(wire.ERROR, number, _packed_error(outcome, what), prefix)

    def _send(self, kind: int, number: int, parcel: shipping.Parcel, prefix: bytes) -> None:
        try:
            with self.sending:
                wire.send_frame(self.sock, kind, number, prefix + parcel.data, parcel.fd)
        finally:
            parcel.close()


def _refused(error: BaseException, which: str, what: str) -> BaseException:
    """A `SerializationError`; but where memory did not suffice, that is what is told, as anywhere else in a task."""
    if isinstance(error, MemoryError):
        error.add_note(f"raised because the {which} of {what} could not be packed")
        return error
    told = shipping.refusal(error, which, what, "packed")
    told.__cause__ = None  # it may be just as impossible to pack
    return told


def _packed_error(outcome: Outcome, what: str) -> shipping.Parcel:
    """An error, and beside it what can be told should it not be loadable."""
    error = outcome.error
    assert error is not None
    origin = f"in process {os.getpid()}"
    told = travelling.describe(error, origin)
    try:
        packed = shipping.dump_in_memory(travelling.flatten(error, origin), to_caller=True)
    except Exception as why:
        error = _refused(why, "exception", what)
        error.add_note(told)
        packed = shipping.dump_in_memory(travelling.flatten(error, ""), to_caller=True)
    return shipping.dump((outcome.interrupted, told, packed), to_caller=True)


class LinkChannel:
    """The way of an attempt's messages to its caller."""

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number

    def send(self, kind: str, data: Any) -> None:
        """Marshalled, not pickled: it can be read where no code of the user may run, and so stays in order."""
        try:
            packed = marshal.dumps((kind, data))
        except ValueError:  # a number or text of another kind, such as numpy's
            packed = marshal.dumps((kind, tuple(_plain(part) for part in data)))
        self.send_packed(wire.MESSAGE, packed)

    def send_packed(self, kind: int, packed: bytes) -> None:
        """Send a frame, from any thread. What goes wrong is logged."""
        link = self._link
        held, here = link.held, threading.current_thread() is threading.main_thread()
        try:
            if here:
                link.held = True
            with link.sending:
                wire.send_frame(link.sock, kind, self._number, packed)
        except Exception as error:
            from woflo.kernel.bus import complain

            complain("a message of a task could not be sent to its caller", error)
        finally:
            if here:
                link.held = held
        if here:
            link.raise_stop()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    return float(value)


# -- becoming a child ----------------------------------------------------------------------------------


def live(link: Link, play: Callable[[Link], None], inheritance: Inheritance | None = None) -> None:
    """Be a child, from the first statement after its start to its exit: `play(link)`. Never returns."""
    status = 1
    try:
        if inheritance is not None:
            put_away(inheritance)
        _begin(link)
        play(link)
        status = 0
    except SystemExit as leave:
        status = leave.code if isinstance(leave.code, int) else 1
    except BrokenPipeError:
        status = 0  # the caller is gone
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        try:
            _end(link)
        finally:
            _exit(status)


def _begin(link: Link) -> None:
    link.pid = own = getpid()
    hiding.caller = link
    if getsid(0) != own:
        setsid()
    link.slots.words[link.slot + SESSION] = own
    if link.caller and getppid() != link.caller:
        _exit(0)  # killed meanwhile, and its guardian may have looked before this process could be seen
    set_handler(_SIGTERM, link.on_sigterm)
    register_at_fork(after_in_child=link.renew)
    if "numpy.random.mtrand" in modules:
        reseed()
    fd = link.sock.fileno()
    enable_faulthandler(fd)
    if DUMP_SIGNAL:
        register_faulthandler(DUMP_SIGNAL, fd)


def _end(link: Link) -> None:
    """What a user expects of the end of a process, without the cost of taking the interpreter down."""
    set_handler(_SIGTERM, SIG_DFL)
    if (len(threading._active) > 1 or runtime.current.failures) and not link.stop_requested:  # type: ignore[attr-defined]
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
        runtime.at_exit()  # waits for runs that were called here, and ends their processes
    for package in ("multiprocessing", "multiprocess"):
        util = sys.modules.get(f"{package}.util")
        if util is not None and (util._finalizer_registry or sys.modules[f"{package}.process"]._children):
            util._exit_function()
    if tracing.was_entered:
        tracing.flush()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed by the task, or nobody reads it
