"""`woflo worker TARGET`: a process that executes what others have called, until it is told to end."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from typing import Annotated, NoReturn

import typer

from woflo.cli import completing
from woflo.cli.failures import FAILED, LEASE_LOST, UsageError, say, telling
from woflo.cli.options import Debug, Observe, store_named
from woflo.cli.stopping import ENDING, Signals
from woflo.cli.targets import Target
from woflo.durable.choice import chosen_url, current_store, use_store
from woflo.durable.observing import chosen_observers
from woflo.durable.presence import drainable_among
from woflo.durable.worker import Worker
from woflo.kernel import bus, runtime
from woflo.kernel.masking import mask
from woflo.kernel.providing import check_provided
from woflo.stores.contract import Store
from woflo.stores.rows import DEFAULT_QUEUE

__all__ = ["worker"]

RELOAD: tuple[int, ...] = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()


def worker(
    target: Annotated[
        list[str] | None, typer.Argument(help="Files (app.py) or modules (package.app), each with or without :NAME.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Which store; without, as use_store, WOFLO_STORE or woflo.toml say.")
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option(help="A queue to serve; may be given several times.", autocompletion=completing.queues),
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="The names of the tasks to serve, with commas.")] = None,
    concurrency: Annotated[
        list[str] | None, typer.Option(help="N calls at once, and NAME=N of one task; may be given several times.")
    ] = None,
    runner: Annotated[str | None, typer.Option(help="What executes plain tasks, such as multiprocess.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left to do.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Have the workers of the store on this host end.")] = False,
    grace: Annotated[float, typer.Option(min=0.0, help="Seconds to finish what it holds when it is to end.")] = 30.0,
    patience: Annotated[float, typer.Option(min=0.0, help="Seconds for which a store that fails is tried.")] = 30.0,
    observe: Observe = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what happens.")] = False,
    debug: Debug = False,
) -> None:
    """Execute what others have called.

    SIGTERM and SIGINT end it: it claims nothing more, finishes what it holds, and gives back the rest. SIGHUP reloads
    it. Exit status: 0 ended in order, 1 the store failed, 2 wrong usage, 3 taken for dead and not able to come back.
    """
    _log(verbose=verbose)
    with telling(debug=debug):
        if stop:
            _stop_others(store_named(store or chosen_url()))
            return
        limits = _concurrency(concurrency or ())
        made = _made(target or [], store, queue or [DEFAULT_QUEUE], _split_tasks(tasks), runner, limits)
        for observer in chosen_observers(observe or ()):
            observer.subscribe()
        status = Shift(made, grace=grace, patience=patience, once=once).work()
    raise typer.Exit(status)


# -- what is written on the command line ---------------------------------------------------------------


def _log(*, verbose: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("woflo")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO if verbose else logging.WARNING)


def _split_tasks(names: str | None) -> list[str]:
    if names is None:
        return []
    found = [name.strip() for name in names.split(",") if name.strip()]
    if not found:
        raise UsageError(f"--tasks {names!r} names no task; leave it out to serve all")
    return found


def _concurrency(given: list[str] | tuple[str, ...]) -> dict[str, int]:
    """The limits by the names of tasks; that of all together has the name ""."""
    found = {"": 16}
    for text in given:
        name, _, number = text.rpartition("=")
        if not number.isdecimal() or int(number) < 1:
            raise UsageError(f"--concurrency {text!r} must be N or NAME=N, with a whole number above zero")
        found[name] = int(number)
    return found


def _made(
    targets: list[str],
    store: str | None,
    queues: list[str],
    names: list[str],
    runner: str | None,
    concurrency: dict[str, int],
) -> Worker:
    if not targets:
        raise UsageError("which tasks? Name a file or a module: woflo worker app.py")
    found = [Target(text) for text in targets]
    tasks = [task for one in found for task in one.tasks(names)]
    use_store(store_named(store) if store else current_store())
    limits = {name: limit for name, limit in concurrency.items() if name}
    made = Worker(tasks, queues=queues, concurrency=concurrency[""], limits=limits, runner=runner)
    if made.serving.workflows:  # whose steps are among them
        check_provided(task for one in found for task in one.all_tasks())
    return made


def _stop_others(store: Store) -> None:
    found = drainable_among(store.workers(), socket.gethostname())
    for one in found:
        os.kill(one.pid, signal.SIGTERM)
    pids = ", ".join(str(one.pid) for one in found)
    say(f"woflo worker: asked to end: {pids}" if found else "woflo worker: none of this store works on this host")


# -- the work ------------------------------------------------------------------------------------------


class Shift:
    """The worker of this process, from its start to its exit status."""

    def __init__(self, worker: Worker, *, grace: float, patience: float, once: bool) -> None:
        self._worker = worker
        self._serving = worker.serving
        self._grace = grace
        self._patience = patience
        self._once = once

    def work(self) -> int:
        """Work until there is a reason to end; the exit status. Ends the process itself where code is cut off."""
        with Signals(*ENDING, *RELOAD) as signals:
            self._serving.drains_on_signal = True
            self._serving.when_idle = signals.nudge
            self._worker.start()
            self._say(self._described())
            number = signals.wait_for((*ENDING, *RELOAD), self._is_over)
            return self._ended(signals, number)

    def _is_over(self) -> bool:
        self._worker.unserved.look()
        self._worker.retention.look()
        return self._failed_with() != 0 or (self._once and self._serving.is_idle)

    def _failed_with(self) -> int:
        """The exit status where the store has failed for too long, else 0."""
        engine = self._worker.engine
        if engine.has_died():
            return FAILED
        since = engine.failing_since
        if since is None or time.monotonic() - since < self._patience:
            return 0
        return LEASE_LOST if engine.membership.is_lost else FAILED

    # -- the end ---------------------------------------------------------------------------------------

    def _ended(self, signals: Signals, number: int | None) -> int:
        status = self._failed_with()
        again = None
        if status == 0:
            self._serving.drain(signals.nudge)
            bus.logger().info("claims nothing more; %d under way", self._serving.under_way)
            again = signals.wait_for(ENDING, lambda: not self._serving.under_way, self._grace)
        left = self._serving.under_way
        if status == 0:
            self._worker.leave()
        status = status or (128 + again if again is not None else 0)
        self._say(f"ends: {self._reason(status, number)}; {self._serving.done} done, {left} given back")
        if number in RELOAD and again is None:
            _reload(in_order=left == 0)
        if left or status:
            _leave_at_once(status)
        return status

    def _reason(self, status: int, number: int | None) -> str:
        if status in (FAILED, LEASE_LOST):
            return "the store failed" if status == FAILED else "it was taken for dead, and could not come back"
        return "nothing is left to do" if number is None else signal.Signals(number).name

    def _described(self) -> str:
        serving = self._serving
        where = mask("", getattr(self._worker.store, "path", None) or type(self._worker.store).__name__)
        names, queues = ", ".join(serving.tasks), ", ".join(serving.queues)
        return f"serves {names} from {queues} in {where}, {serving.concurrency} at once"

    def _say(self, text: str) -> None:
        say(f"woflo worker {os.getpid()} {text}")


def _reload(*, in_order: bool) -> NoReturn:
    """Begin anew, in the same process, with the code and the settings as they are now."""
    if in_order:
        runtime.at_exit()
    else:
        _end_observers()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _end_observers() -> None:
    """They write, send and draw what they still have to, as far as their patience goes."""
    if "woflo.kernel.subscription" in sys.modules:
        from woflo.kernel.subscription import close_all

        close_all()


def _leave_at_once(status: int) -> NoReturn:
    """Threads that execute something cannot be ended in another way. Processes end with this one."""
    _end_observers()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
