"""Values that a map sends once to each worker of a pool."""

from __future__ import annotations

import os

import pytest
from systems import needs_proc, needs_processes
from unit_helpers import eventually, run_script

from woflo import quote, task
from woflo.runners import PoolTaskRun
from woflo.runners.processes import sharing, shipping

pytestmark = needs_processes

NUMBERS = list(range(500_000))


class CallsWhenLoaded:
    """Unpickled, it is what `function(*args)` returns."""

    def __init__(self, function, *args):
        self.reduced = (function, args)

    def __reduce__(self):
        return self.reduced


def move_position(path):
    """What another process that got the same descriptor does when it reads."""
    with open(path, encoding="ascii") as file:
        return os.lseek(int(file.read()), 0, os.SEEK_END) > 0


def meet(folder):
    """Come back once two processes are here."""
    (folder / str(os.getpid())).touch()
    return bool(eventually(lambda: len(list(folder.iterdir())) == 2))


def test_a_mapped_value_does_not_depend_on_the_position_of_its_descriptor(tmp_path):
    """A descriptor that was passed on has one position for all processes that have it."""
    note = tmp_path / "descriptor"
    parcel = shipping.dump((CallsWhenLoaded(move_position, note), NUMBERS))
    another = os.dup(parcel.fd)
    try:
        note.write_text(str(another), encoding="ascii")
        assert shipping.load(parcel, mapped=True) == (True, NUMBERS)
    finally:
        os.close(another)


@pytest.mark.timeout(60)
def test_two_workers_may_load_a_value_at_once(tmp_path):
    """Each gets all of it, wherever the other is."""
    with PoolTaskRun.configured(max_concurrency=2) as pool:

        @task(runner=pool)
        def total(value, more):
            return value[0] and sum(value[1]) + more

        value = (CallsWhenLoaded(meet, tmp_path), NUMBERS)
        assert list(total.map(quote(value), [0, 1]).results()) == [sum(NUMBERS), sum(NUMBERS) + 1]


def test_calls_that_wait_at_the_end_of_a_program_get_the_value(tmp_path):
    """The program waits for them, so what they need stays until then."""
    ended = run_script(
        tmp_path,
        """
        from woflo import quote, task
        from woflo.runners import PoolTaskRun
        from woflo.runners.multiprocess import SpawnProcess

        # Each call goes to a worker of its own, which has to be sent the value. From Python 3.12 on none can be
        # forked once the main program has ended.
        @task(runner=PoolTaskRun.configured(max_concurrency=1, max_tasks_per_worker=1, process_type=SpawnProcess))
        def nth(values, at):
            return values[at]

        def tell(run):
            print(run.get_result(), flush=True)

        for run in nth.map(quote(list(range(500_000))), range(5)):
            run.add_done_callback(tell)
        """,
    )
    assert ended.stdout.split() == ["0", "1", "2", "3", "4"], ended.stderr


def refuse():
    raise ValueError("not to be loaded")


def test_a_failure_of_another_value_of_that_number_is_forgotten():
    """A worker forked from a worker inherits what that one has kept, under numbers that come again."""
    number = 1 << 40
    try:
        sharing.receive_shared(number, shipping.dump((CallsWhenLoaded(refuse), NUMBERS)))
        with pytest.raises(ValueError, match="not to be loaded"):
            sharing._look_up(number)
        sharing.receive_shared(number, shipping.dump(NUMBERS))
        assert sharing._look_up(number) == NUMBERS
    finally:
        sharing.forget_shared(number)


def memory_of(process):
    """The values that a process has a descriptor of."""
    folder = f"/proc/{process}/fd"
    links = []
    for name in os.listdir(folder):
        try:
            links.append(os.readlink(f"{folder}/{name}"))
        except OSError:
            pass  # closed meanwhile
    return [link for link in links if link.startswith("/memfd:woflo (")]


@needs_proc
@pytest.mark.timeout(60)
def test_a_value_is_let_go_when_its_calls_have_ended():
    """By the caller, whose handles are kept, and by workers, which were forked when it was there."""
    before = len(memory_of(os.getpid()))
    with PoolTaskRun.configured(max_concurrency=2) as pool:

        @task(runner=pool)
        def nth(values, at):
            return values[at], os.getpid()

        @task(runner=pool)
        def size(data):
            return len(data)

        runs = [*nth.map(quote(NUMBERS), range(20)), *(size(bytes(1 << 20)) for _ in range(4))]
        found = [run.get_result() for run in runs]
        workers = {process for _, process in found[:20]}
        assert found[20:] == [1 << 20] * 4
        eventually(lambda: not any(map(memory_of, workers)))
        eventually(lambda: len(memory_of(os.getpid())) <= before)
        assert len(runs) == 24  # the handles are still there
