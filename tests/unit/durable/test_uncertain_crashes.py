"""Steps with an `on_crash`, crashed at every write: no effect happens twice, and none is lost."""

import asyncio

import pytest
from durable_helpers import PATIENCE, Log, called, crashed_at

from woflo import Happened, complete, task, workflow
from woflo.durable.engine import engine_of
from woflo.errors import UncertainError
from woflo.stores.operations import UNCERTAIN

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


@pytest.fixture(autouse=True)
def fresh():
    ledger.lines.clear()


@pytest.mark.parametrize("kind", [plain, coroutine], ids=["plain", "async"])
@pytest.mark.parametrize("kept", [False, True], ids=["lost", "kept"])
def test_no_effect_comes_twice(kind, kept):
    """The result is the same, and each effect there once, wherever it crashed."""
    writes = 0
    while (store := crashed_at(writes, kind, kept=kept)) is not None:
        run = called(store, kind)
        result = decided(store, run)
        engine_of(store).close()
        counts = {name: ledger.count(name) for name in "abcd"}
        lost = {"b": 0} if result == "not in the ledger" else {}
        assert counts == {**dict.fromkeys("abcd", 1), **lost}, writes
        assert result == [*"abcd"] or lost
        store.close()
        ledger.lines.clear()
        writes += 1
    assert writes >= 8
