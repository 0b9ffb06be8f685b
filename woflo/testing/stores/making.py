"""How targets were made last: kept, replaced, forgotten, and read in one go."""

from __future__ import annotations

from woflo.stores.contract import Store
from woflo.stores.operations import ForgetSuccesses, KeepSuccesses
from woflo.stores.rows import Success
from woflo.testing.stores.checks import check


def _made(target: str, record: str = "{}", now: float = 1.5) -> Success:
    return Success(target, "solve", "run-1", now, record)


def _keep(store: Store, *successes: Success) -> None:
    store.write(KeepSuccesses(now=2.0, successes=successes))


@check
def the_last_success_of_a_target_is_kept(store: Store) -> None:
    """As it was given, in place of the one before; others are left as they are."""
    _keep(store, _made("b.txt"), _made("a.txt"))
    assert store.successes() == [_made("a.txt"), _made("b.txt")]
    later = Success("a.txt", "other", "run-2", 7.25, '{"command": ["\\u00e9", "é"]}')
    _keep(store, later)
    assert store.successes() == [later, _made("b.txt")]
    assert store.snapshot().successes == (later, _made("b.txt"))


@check
def some_successes_are_looked_up_in_one_go(store: Store) -> None:
    """Those that are asked for and known, in their order, each once; none where none is asked for."""
    _keep(store, *[_made(f"x_{number:03}.txt", record=str(number)) for number in range(300)])
    found = store.successes(["x_007.txt", "not there", "x_003.txt", "x_007.txt"])
    assert found == [_made("x_003.txt", record="3"), _made("x_007.txt", record="7")]
    assert store.successes([]) == []
    assert len(store.successes()) == 300


@check
def a_success_can_be_forgotten(store: Store) -> None:
    """What is not known is passed over."""
    _keep(store, _made("a.txt"), _made("b.txt"))
    store.write(ForgetSuccesses(now=3.0, targets=("a.txt", "c.txt")))
    assert store.successes() == [_made("b.txt")]
    store.write(ForgetSuccesses(now=3.0, targets=()))
    assert store.successes() == [_made("b.txt")]
