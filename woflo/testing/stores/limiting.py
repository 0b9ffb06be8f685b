"""What is set for a queue holds for all who claim from it."""

from __future__ import annotations

import threading

from woflo.errors import StoreError
from woflo.stores.contract import Store
from woflo.stores.operations import LimitQueue, Park, PauseQueue, PauseSchedule
from woflo.stores.rows import QueueRow
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import beat, begun, call, claimed, finish, refused, submit


def _limit(store: Store, queue: str = "default", now: float = 1.0, **limits: object) -> bool:
    """Set limits; False where the store has none, and says so."""
    operation = LimitQueue(now=now, queue=queue, **limits)  # type: ignore[arg-type]  # as each check gives them
    if not store.has_limits:
        refused(store, StoreError, operation)
        return False
    store.write(operation)
    return True


def _ids(store: Store, worker: str = "w1", **options: object) -> list[str]:
    return [row.id for row in claimed(store, worker, **options)]  # type: ignore[arg-type]  # as each check gives them


@check
def what_is_set_can_be_read(store: Store) -> None:
    """Limits in place of those before, pauses beside them; a queue for which nothing is set any more is not there."""
    if not _limit(store, "mail", max_concurrency=5, max_per_key=1, rate_limit="10/s"):
        refused(store, StoreError, PauseQueue(now=1.0, queue="mail", is_paused=True))
        refused(store, StoreError, PauseSchedule(now=1.0, task="t", is_paused=True))
        assert (store.queues(), store.paused_schedules()) == ([], [])
        return
    store.write(PauseQueue(now=1.0, queue="a", is_paused=True))
    mail = QueueRow(name="mail", max_concurrency=5, max_per_key=1, rate_limit="10/s")
    assert store.queues() == [QueueRow(name="a", is_paused=True), mail]
    _limit(store, "mail", max_concurrency=2)
    _limit(store, "a", rate_limit="1/m")
    store.write(PauseQueue(now=1.0, queue="a", is_paused=False))
    assert store.queues() == [QueueRow(name="a", rate_limit="1/m"), QueueRow(name="mail", max_concurrency=2)]
    _limit(store, "a")
    _limit(store, "mail")
    assert store.queues() == []
    for is_paused in (True, True, False):
        store.write(PauseSchedule(now=1.0, task="t", is_paused=is_paused))
        assert store.paused_schedules() == (["t"] if is_paused else [])


@check
def no_more_than_the_limit_are_under_way(store: Store) -> None:
    """Over all workers; a place is free again when a run has ended or waits. Other queues are as ever."""
    if not _limit(store, max_concurrency=2):
        return
    beat(store)
    beat(store, "w2")
    submit(store, *[call(each) for each in "abcde"], call("z", queue="other"))
    first, _ = rows = claimed(store, limit=3)
    assert [row.id for row in rows] == ["a", "b"]
    assert _ids(store, "w2", queues=("default", "other")) == ["z"]
    finish(store, first.claim)
    assert _ids(store, "w2") == ["c"]
    store.write(Park(now=3.0, claim=rows[1].claim, reason="signal", waits_for=("signal:x",)))
    assert _ids(store) == ["d"]
    _limit(store, max_concurrency=3)
    assert _ids(store) == ["e"]


@check
def a_full_key_stops_no_others(store: Store) -> None:
    """Runs of a key for which there is no place are passed over, however many they are."""
    if not _limit(store, max_per_key=1):
        return
    beat(store)
    submit(store, *[call(f"a{number}", limit_key="one") for number in range(9)], call("b", limit_key="two"), call("c"))
    submit(store, call("d", priority=-1), call("e", priority=-1, limit_key="two"))
    rows = claimed(store, limit=3)
    assert [row.id for row in rows] == ["a0", "b", "c"]
    assert _ids(store, "w2", limit=9) == ["d"]
    finish(store, rows[0].claim)
    finish(store, rows[1].claim)
    assert _ids(store, "w2", limit=9) == ["a1", "e"]


@check
def no_more_begin_than_the_rate_allows(store: Store) -> None:
    """In any one period, whoever claims; `next_time` tells those who serve the queue when it goes on."""
    if not _limit(store, rate_limit="3/10s"):
        return
    beat(store)
    submit(store, *[call(f"{number}") for number in range(9)])
    assert _ids(store, now=100.0, limit=2) == ["0", "1"]
    assert store.next_time(("default",)) is None
    assert _ids(store, "w2", now=104.0) == ["2"]
    assert (store.next_time(("default",)), store.next_time(), store.next_time(("other",))) == (110.0, None, None)
    assert store.next_time(("default",), after=110.0) is None
    assert _ids(store, now=109.9) == []
    assert _ids(store, now=110.0) == ["3", "4"]
    assert store.next_time(("default",)) == 114.0
    assert _ids(store, "w2", now=113.0) == []
    assert _ids(store, "w2", now=114.0) == ["5"]


@check
def a_clock_that_is_set_back_holds_nothing_up_for_long(store: Store) -> None:
    """Starts of a later time than the present count as of the present: the queue goes on after one period."""
    if not _limit(store, rate_limit="1/s"):
        return
    beat(store)
    submit(store, call("a"), call("b"))
    assert _ids(store, now=5000.0) == ["a"]
    assert _ids(store, now=100.0) == []
    assert store.next_time(("default",)) == 101.0
    assert _ids(store, now=101.0) == ["b"]


@check
def nothing_is_claimed_from_a_paused_queue(store: Store) -> None:
    """Until it goes on; what is under way may end, and what is asked for by its id is had."""
    if not store.has_limits:
        return
    claim = begun(store, "a")
    submit(store, call("b"), call("c"))
    store.write(PauseQueue(now=2.0, queue="default", is_paused=True))
    assert _ids(store) == []
    finish(store, claim)
    assert _ids(store, ids=("c",)) == ["c"]
    store.write(PauseQueue(now=3.0, queue="default", is_paused=False))
    assert _ids(store) == ["b"]


@check
def limits_hold_for_many_who_claim_at_once(store: Store) -> None:
    """Threads that claim and end runs side by side: never more under way than allowed, and every run once."""
    if not _limit(store, max_concurrency=3, max_per_key=2):
        return
    keys = ("one", "two", None)
    submit(store, *[call(f"{number:02}", limit_key=keys[number % 3]) for number in range(60)])
    done: list[str] = []
    most: list[int] = []
    threads = [threading.Thread(target=_work, args=(store, f"w{number}", done, most)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == [f"{number:02}" for number in range(60)]
    assert max(most) <= 3


def _work(store: Store, worker: str, done: list[str], most: list[int]) -> None:
    beat(store, worker)
    while len(done) < 60:
        for row in claimed(store, worker, limit=2):
            under_way = [one for one in store.snapshot().runs if one.worker is not None]
            most.append(len(under_way))
            assert sum(one.limit_key == "one" for one in under_way) <= 2
            finish(store, row.claim)
            done.append(row.id)
