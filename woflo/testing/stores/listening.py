"""Listeners hear of changes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from woflo.errors import UnknownRunError
from woflo.stores.contract import Store
from woflo.stores.operations import Publish, Submit, Wake
from woflo.testing.conformance.tools import raised
from woflo.testing.patience import PATIENCE
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, submit


def once(holds: Callable[[], object], event: threading.Event) -> Callable[[], None]:
    """A listener that sets the event when it is called and that holds."""

    def listener() -> None:
        if holds():
            event.set()

    return listener


@check
def called_after_a_write(store: Store) -> None:
    """When the listener is called, what was written is there to be seen."""
    seen = threading.Event()
    end = store.listen(once(lambda: store.get("a"), seen))
    submit(store, call("a"))
    assert seen.wait(PATIENCE)
    end()


@check
def called_after_what_was_submitted(store: Store) -> None:
    """Also where no thread waits for the write."""
    seen = threading.Event()
    end = store.listen(once(lambda: store.get("a"), seen))
    store.submit([Submit(now=1.0, runs=(call("a"),))], lambda _: None)
    assert seen.wait(PATIENCE)
    end()


@check
def called_after_a_transaction(store: Store) -> None:
    """Also where the write was a transaction's."""
    if not store.has_transactions:
        return
    claim = begun(store, "a")
    seen = threading.Event()
    end = store.listen(once(lambda: store.published("a"), seen))
    with store.transaction() as transaction:
        transaction.commit(Publish(now=3.0, claim=claim, name="n", value="1"))
    assert seen.wait(PATIENCE)
    end()


@check
def until_it_is_ended(store: Store) -> None:
    """After its end a listener is not called for what is written; others are."""
    ended, still = threading.Event(), threading.Event()
    store.listen(once(lambda: store.get("b"), ended))()
    end = store.listen(once(lambda: store.get("b"), still))
    submit(store, call("b"))
    assert still.wait(PATIENCE)
    assert not ended.is_set()
    end()
    end()


@check
def one_that_raises(store: Store) -> None:
    """It harms neither the write nor other listeners."""
    seen = threading.Event()

    def bad() -> None:
        raise ZeroDivisionError

    ends = [store.listen(bad), store.listen(once(lambda: store.get("a"), seen))]
    submit(store, call("a"))
    assert seen.wait(PATIENCE)
    raised(UnknownRunError, lambda: store.write(Wake(now=1.0, run_id="unknown")))
    for end in ends:
        end()
