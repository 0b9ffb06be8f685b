"""Two workers, each a process of its own, take the same calls out of one store: each call once, none left."""

from __future__ import annotations

import subprocess
from collections import Counter

import pytest
from store_programs import Program
from systems import needs_postgres

from woflo.kernel.state import RunState
from woflo.stores.opening import open_store
from woflo.stores.operations import Submit
from woflo.stores.rows import Row

WORKING = """
from pathlib import Path
from woflo.stores.opening import open_store
store, name, told = open_store(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
store.write(Beat(now=1.0, worker=WorkerRow(id=name, host="h", pid=1, lease_until=1e12), is_first=True))
say("ready")
hear()
with told.open("a") as file:
    while rows := store.write(ClaimReady(now=2.0, worker=name, limit=20, tasks=("t",), queues=("default",))):
        file.writelines(f"{row.id} {name}\\n" for row in rows)
        ends = [Finish(now=3.0, claim=row.claim, state=RunState.SUCCEEDED, result="1") for row in rows]
        kept = threading.Event()
        results = []
        store.submit(ends, lambda all: (results.extend(all), kept.set()))
        assert kept.wait(60)
        assert not [one for one in results if one is not None], results
say("empty")
hear()
"""
HOW_MANY = [1000, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]


def taken_by_two(urls, folder, number):
    """Who took which call; the two open the store by their URLs."""
    store = open_store(urls[0])
    ids = [f"{each:06}" for each in range(number)]
    for start in range(0, number, 1000):
        store.write(Submit(now=1.0, runs=tuple(Row(id=one, task="t") for one in ids[start : start + 1000])))
    files = [folder / name for name in ("one", "two")]
    with Program(WORKING, urls[0], "one", files[0]) as one, Program(WORKING, urls[-1], "two", files[1]) as two:
        for program in (one, two):
            assert program.hear() == "ready"
        for program in (one, two):
            program.say("go")
        for program in (one, two):
            assert program.hear(1500) == "empty"
    taken = [line.split() for file in files for line in file.read_text().splitlines()]
    assert Counter(run_id for run_id, _ in taken) == Counter(ids)
    ended = store.select(states=[RunState.SUCCEEDED], limit=number + 1)
    assert (len(ended), {row.fence for row in ended}) == (number, {1})
    store.close()
    return taken


@pytest.mark.parametrize("number", HOW_MANY)
def test_on_sqlite(path, tmp_path, number):
    """Both get some."""
    taken = taken_by_two([f"sqlite:///{path}"], tmp_path, number)
    assert {worker for _, worker in taken} == {"one", "two"}


@needs_postgres
@pytest.mark.parametrize("number", HOW_MANY)
def test_on_postgres(url, tmp_path, number):
    """Both get some."""
    taken = taken_by_two([url], tmp_path, number)
    assert {worker for _, worker in taken} == {"one", "two"}


@pytest.mark.parametrize("number", HOW_MANY)
def test_in_a_folder(folder, tmp_path, number):
    """On one machine."""
    taken_by_two([f"dir:{folder}"], tmp_path, number)


@pytest.mark.parametrize("number", HOW_MANY)
def test_in_a_folder_under_two_names(folder, tmp_path, number):
    """As two machines see it that mount it at different places."""
    other = tmp_path / "elsewhere"
    folder.mkdir()
    other.mkdir()
    mounted = subprocess.run(["mount", "--bind", folder, other], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"only root may mount a folder a second time: {mounted.stderr.strip()}")
    try:
        taken_by_two([f"dir:{folder}", f"dir:{other}"], tmp_path, number)
    finally:
        subprocess.run(["umount", "--lazy", other], check=True)
