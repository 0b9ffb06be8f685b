"""Many threads write at the same time, and each gets what is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from woflo.errors import KeyConflictError, LeaseLostError, StoreError, UnknownRunError
from woflo.stores.contract import Store
from woflo.stores.operations import Publish, Record, RequestStop, Submit, Wake
from woflo.testing.conformance.tools import raised
from woflo.testing.patience import PATIENCE
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, claimed, finish, step, submit

THREADS = 16


def in_threads(use: Callable[[int], Any], threads: int = THREADS, timeout: float = PATIENCE) -> list[Any]:
    """`use(0)`, `use(1)`, … at the same time, each in a thread; what they return, in that order."""
    together = threading.Barrier(threads)

    def begin(number: int) -> Any:
        together.wait(timeout)
        return use(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads), timeout=timeout))


@check
def each_thread_gets_its_own_results(store: Store) -> None:
    """Results go to whoever wrote, though many writes are kept together."""

    def use(number: int) -> list[str]:
        names = [f"{number}.{turn}" for turn in range(20)]
        return [row.id for name in names for row in submit(store, call(name))]

    assert in_threads(use) == [[f"{number}.{turn}" for turn in range(20)] for number in range(THREADS)]
    assert len(store.snapshot().runs) == THREADS * 20


@check
def a_refusal_is_one_writers_own(store: Store) -> None:
    """Each thread is refused what it is to be refused, and nothing of its neighbours."""
    submit(store, call("a", key="k"))
    bad = (call("never"), call("b", key="k", digest="two"))

    def use(number: int) -> None:
        for turn in range(10):
            if number % 2:
                raised(KeyConflictError, lambda: store.write(Submit(now=2.0, runs=bad)))
            else:
                assert [row.id for row in submit(store, call(f"{number}.{turn}"))] == [f"{number}.{turn}"]

    in_threads(use)
    names = {row.id for row in store.snapshot().runs}
    assert names == {"a"} | {f"{number}.{turn}" for number in range(0, THREADS, 2) for turn in range(10)}


@check
def what_cannot_be_stored_is_one_writers_own(store: Store) -> None:
    """A value that no database takes fails its writer alone, or nobody."""

    def use(number: int) -> object:
        text = "\ud800" if number == 3 else str(number)
        try:
            return submit(store, call(f"{number}", error=text))
        except StoreError:
            return None

    in_threads(use)
    assert {row.id for row in store.snapshot().runs} >= {str(number) for number in range(THREADS)} - {"3"}


@check
def submitted_without_waiting(store: Store) -> None:
    """`done` is called once, in another thread, with one result for each operation, refusals as exceptions."""
    claim = begun(store, "a")
    calls: list[tuple[int, list[Any]]] = []
    ready = threading.Event()

    def done(results: list[Any]) -> None:
        calls.append((threading.get_ident(), results))
        ready.set()

    good, bad = Wake(now=3.0, run_id="a"), Wake(now=3.0, run_id="unknown")
    store.submit([Record(now=3.0, claim=claim, steps=(step("a:0", "a"),)), bad, good], done)
    assert ready.wait(PATIENCE)
    store.write(good)  # the last chance for a second call
    ((thread, results),) = calls
    assert thread != threading.get_ident()
    assert [type(result) for result in results] == [list, UnknownRunError, type(None)]
    assert len(store.steps("a")) == 1


@check
def a_thousand_submitted(store: Store) -> None:
    """All are done in the order in which they were submitted, beside threads that write and wait."""
    order: list[str] = []
    last = threading.Event()

    def submit_one(number: int) -> None:
        def done(results: list[Any]) -> None:
            order.append(results[0][0].row.id)
            if number == 999:
                last.set()

        store.submit([Submit(now=1.0, runs=(call(f"{number:04}"),))], done)

    def use(number: int) -> None:
        if number:
            for turn in range(20):
                submit(store, call(f"w{number}.{turn}"))
        else:
            for one in range(1000):
                submit_one(one)

    in_threads(use, 4)
    assert last.wait(PATIENCE)
    assert order == [f"{number:04}" for number in range(1000)]
    assert len(store.select(limit=2000)) == 1060


@check
def a_callback_that_raises(store: Store) -> None:
    """It harms nobody: what it was called for is kept, and others go on."""

    def bad(_: list[Any]) -> None:
        raise ZeroDivisionError

    for number in range(20):
        store.submit([Submit(now=1.0, runs=(call(f"s{number}"),))], bad)
    submit(store, call("a"))
    store.close()


@check
def what_was_submitted_is_kept_before_the_end(store: Store) -> None:
    """`close` returns when it is, and `done` has been called."""
    seen: list[object] = []
    for number in range(100):
        store.submit([Submit(now=1.0, runs=(call(f"{number}"),))], seen.append)
    store.close()
    assert len(seen) == 100


@check
def no_run_is_claimed_twice(store: Store) -> None:
    """Workers that claim at the same time never get the same run, and together they get all."""
    submit(store, *[call(f"{number:03}") for number in range(200)])

    def use(number: int) -> list[str]:
        mine: list[str] = []
        while rows := claimed(store, f"w{number}", limit=7):
            mine += [row.id for row in rows]
            for row in rows:
                finish(store, row.claim)
        return mine

    got = [run_id for mine in in_threads(use, 8) for run_id in mine]
    assert sorted(got) == [f"{number:03}" for number in range(200)]


@check
def one_of_many_ends_it(store: Store) -> None:
    """Of threads that end the same run under the same claim, one does; the others are told that it is lost."""
    claim = begun(store, "a")

    def use(_: int) -> bool:
        try:
            finish(store, claim)
        except LeaseLostError:
            return False
        return True

    assert in_threads(use).count(True) == 1


@check
def readers_see_whole_operations(store: Store) -> None:
    """While others write, who reads sees all of an operation or nothing."""
    claim = begun(store, "a")
    stopped = threading.Event()

    def use(number: int) -> None:
        if number:
            while not stopped.is_set():
                assert len(store.steps("a")) % 3 == 0
                assert len(store.snapshot().runs) % 3 == 1
            return
        try:
            for turn in range(30):
                steps = tuple(step(f"a:{turn}.{part}", "a") for part in range(3))
                store.write(Record(now=3.0, claim=claim, steps=steps))
        finally:
            stopped.set()

    in_threads(use, 4)
    assert len(store.steps("a")) == 90


@check
def other_operations_beside(store: Store) -> None:
    """Operations of all kinds, by many threads about their own runs, do not get in each other's way."""
    claims = [begun(store, f"{number:02}") for number in range(THREADS)]

    def use(number: int) -> None:
        claim, name = claims[number], f"{number:02}"
        store.write(Publish(now=3.0, claim=claim, name="n", value=name))
        submit(store, call(f"{name}:1", parent_id=name))
        store.write(Record(now=3.0, claim=claim, steps=(step(f"{name}:2", name),)))
        store.write(RequestStop(now=4.0, run_id=name))
        finish(store, claim)

    in_threads(use)
    for number in range(THREADS):
        name = f"{number:02}"
        assert store.published(name) == {"n": name}
        assert [(row.id, row.state.value) for row in store.steps(name)] == [
            (f"{name}:1", "STOPPED"),
            (f"{name}:2", "SUCCEEDED"),
        ]
