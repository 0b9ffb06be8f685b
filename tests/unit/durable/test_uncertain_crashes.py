"""Steps with an `on_crash`, crashed at every write: no effect happens twice, and none is lost."""

import asyncio

import pytest
from durable_helpers import PATIENCE, Log

from woflo import Happened, complete, task, workflow
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.errors import UncertainError
from woflo.kernel import clock
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import UNCERTAIN, Recover
from woflo.testing import wait_until
from woflo.testing.crashing import CrashingStore

ledger = Log()


def verify(key, name):
    return Happened(name) if ledger.count(name) else None


@task(on_crash=verify)
def verified(name: str) -> str:
    ledger(name)
    return name


@task(on_crash=verify)
async def verified_async(name: str) -> str:
    ledger(name)
    return name


@task(on_crash="ask")
def asked(name: str) -> str:
    ledger(name)
    return name


@workflow
def plain() -> list[str]:
    first = verified("a").get_result()
    beside = [asked("b"), verified("c"), verified_async("d")]
    return [first, *(run.get_result() for run in beside)]


@workflow
async def coroutine() -> list[str]:
    first = await verified_async("a")
    return [first, *await asyncio.gather(asked("b"), verified("c"), verified_async("d"))]


def called(store, kind):
    before = use_store(store)
    engine_of(store).hold = 0.0
    try:
        return kind.with_options(key="k")()
    finally:
        use_store(before)


def crashed(kind, at, kept):
    """The store after a crash at this write, or None where there are less."""
    store = MemoryStore()
    crashing = CrashingStore(store, at, kept=kept)
    try:
        run = called(crashing, kind)
        wait_until(lambda: crashing.has_crashed.is_set() or not run.is_running(), timeout=PATIENCE)
    except Exception:
        assert crashing.has_crashed.is_set()
    engine = engine_of(crashing)
    wait_until(lambda: not engine.executions, timeout=PATIENCE)
    engine.abandon()
    crashing.close()
    store.write(Recover(now=clock.now(), dead=(engine.id,)))
    return store if crashing.has_crashed.is_set() else None


def decided(store, run):
    """The result; a person is asked on the way, who looks into the ledger."""
    while True:
        try:
            return run.get_result(PATIENCE)
        except UncertainError:
            for row in store.steps(run.id):
                if (row.reason or "").startswith(UNCERTAIN):
                    answer = {"value": "b"} if ledger.count("b") else {"error": LookupError("not in the ledger")}
                    complete(row.id, store=store, **answer)
        except LookupError:
            return "not in the ledger"


@pytest.mark.parametrize("kind", [plain, coroutine], ids=["plain", "async"])
@pytest.mark.parametrize("kept", [False, True], ids=["lost", "kept"])
def test_no_effect_comes_twice(kind, kept):
    """The result is the same, and each effect there once, wherever it crashed."""
    writes = 0
    while (store := fresh(kind, writes, kept)) is not None:
        run = called(store, kind)
        result = decided(store, run)
        engine_of(store).close()
        counts = {name: ledger.count(name) for name in "abcd"}
        lost = {"b": 0} if result == "not in the ledger" else {}
        assert counts == {**dict.fromkeys("abcd", 1), **lost}, writes
        assert result == [*"abcd"] or lost
        store.close()
        writes += 1
    assert writes >= 8


def fresh(kind, at, kept):
    ledger.lines.clear()
    return crashed(kind, at, kept)
