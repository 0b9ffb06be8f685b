"""A fleet of workers that is killed all the time, as a program: `python fleet.py --workflows 2000 --kills 1000`.

    supervisor (no threads, no store of its own: it forks all the others)
        ├── worker 1 … n: claims workflows; each step writes a line, then (on SQL) a row in `transaction()`
        │       ✂ kill -9 at random times; another one with a new number takes its place
        └── now and then one that looks: how many have ended, and which wait for a decision (they are resumed)

Every execution of a step is a line of `executions`: workflow, step, number of the worker. From these, the rows and
the store it is told in the end whether each promise was kept, as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path

from woflo import Worker, current_run, resume, task, workflow
from woflo.durable.choice import use_store
from woflo.kernel.registry import load_store
from woflo.kernel.state import TERMINAL, RunState
from woflo.stores.opening import open_store
from woflo.stores.operations import SUSPECT

SECONDS_OF_STEP = 0.05
LOG = -1
NUMBER = 0
"""Of this worker, from 1."""
INSERT = {"sqlite": "INSERT INTO effects VALUES (?, ?)", "postgresql": "INSERT INTO effects VALUES (%s, %s)"}
KIND = "sqlite"


@task
def step(flow: int, number: int) -> int:
    os.write(LOG, f"{flow} {number} {NUMBER}\n".encode())
    time.sleep(random.uniform(0, 2 * SECONDS_OF_STEP))  # work, of which a kill takes some
    if KIND in INSERT:
        with current_run().transaction() as connection:
            connection.execute(INSERT[KIND], (flow, number))
    return number


@workflow
def flow(number: int, steps: int) -> int:
    return sum(step(number, at).get_result() for at in range(steps))


# -- what is forked ------------------------------------------------------------------------------------


def forked(function, *args):
    """The pid of a child that executes this and nothing else."""
    pid = os.fork()
    if pid:
        return pid
    try:
        function(*args)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def asked(function, *args):
    """What a child found, which opens the store and is gone."""
    reader, writer = os.pipe()

    def tell():
        with os.fdopen(writer, "w") as pipe:
            json.dump(function(*args), pipe)

    pid = forked(tell)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"{function.__name__} failed"
    return json.loads(told)


def work(options, number):
    """Until it is killed."""
    global NUMBER
    NUMBER = number
    random.seed(options.seed * 1_000_003 + number)
    use_store(options.store)
    Worker([flow], limits={"flow": options.at_once}).run()


def call_all(options):
    """Everything is stored when this returns, and nothing has begun."""
    use_store(options.store)
    queued = flow.with_options(runner="queue")
    for number in range(options.workflows):
        queued.with_options(key=str(number))(number, options.steps)
    make_table(options.store)
    return True


def make_table(url):
    """Of the user, beside those of the store."""
    table = "CREATE TABLE effects (flow INTEGER, step INTEGER)"
    if KIND == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute(table)
    elif KIND == "postgresql":
        import psycopg

        with psycopg.connect(re.sub(r"\bschema=\w+&?", "", url)) as connection:  # which libpq does not know
            connection.execute(table)


def look(options):
    """How many have not ended, and the numbers of those that waited for a decision, which are resumed."""
    store = open_store(options.store)
    left, suspects = 0, []
    for row in every(store, [state for state in RunState if state not in TERMINAL]):
        left += 1
        if row.state is RunState.WAITING:
            assert row.reason == SUSPECT, row
            suspects.append(json.loads(row.args)["number"])
            resume(row.id, store=store)
    store.close()
    return [left, suspects]


def every(store, states=()):
    """All calls in these states, page by page."""
    after = ""
    while rows := store.select(states=states, after=after, limit=500):
        yield from rows
        after = rows[-1].id


def found(options):
    """What the store has in the end."""
    store = open_store(options.store)
    rows = list(every(store))
    steps = [len([one for one in store.steps(row.id) if one.state is RunState.SUCCEEDED]) for row in rows]
    effects = []
    if KIND in INSERT:
        with store.transaction() as transaction:
            effects = [list(row) for row in transaction.connection.execute("SELECT flow, step FROM effects").fetchall()]
    store.close()
    return {
        "ended": Counter(f"{row.state} {row.result}" for row in rows),
        "keys": len({row.key for row in rows}),
        "steps": Counter(steps),
        "effects": effects,
    }


# -- the supervisor ------------------------------------------------------------------------------------


class Fleet:
    """The workers, and who kills them."""

    def __init__(self, options):
        self.options = options
        self.workers = {}
        self.killed = set()
        self.suspects = Counter()
        self.wrong_suspects = 0
        self.left = options.workflows
        self._numbers = 0

    def run(self):
        for _ in range(self.options.workers):
            self._start()
        chance = random.Random(self.options.seed)
        look_at = time.monotonic()
        end = time.monotonic() + self.options.timeout
        try:
            while self.left:
                assert time.monotonic() < end, f"{self.left} have not ended in time"
                if len(self.killed) < self.options.kills:
                    time.sleep(chance.expovariate(self.options.kills_per_second))  # kills come at random times
                    self._kill(chance.choice(sorted(self.workers)))
                    self._start()
                else:
                    time.sleep(0.1)  # the workers work; they are looked at twice a second
                if time.monotonic() >= look_at:
                    self._look()
                    look_at = time.monotonic() + 0.5
        finally:
            for pid in list(self.workers):
                self._kill(pid, counts=False)

    def _start(self):
        self._numbers += 1
        self.workers[forked(work, self.options, self._numbers)] = self._numbers

    def _kill(self, pid, *, counts=True):
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), f"a worker ended by itself: {status}"
        number = self.workers.pop(pid)
        if counts:
            self.killed.add(number)

    def _look(self):
        self.left, suspects = asked(look, self.options)
        for number in suspects:
            self.suspects[number] += 1
        if suspects:
            self._judge(suspects)

    def _judge(self, suspects):
        """A run is suspect rightly where three of those that executed it were killed, for each time that it was."""
        deaths = defaultdict(set)
        for number, _, worker in executions(self.options):
            if worker in self.killed:
                deaths[number].add(worker)
        for number in suspects:
            self.wrong_suspects += len(deaths[number]) < 3 * self.suspects[number]


def executions(options):
    """All lines: workflow, step, worker."""
    return [tuple(map(int, line.split())) for line in Path(options.log).read_text().splitlines()]


def figures(fleet):
    """What came of it."""
    options, store = fleet.options, asked(found, fleet.options)
    lines = executions(options)
    last = {(number, worker): at for number, at, worker in lines if worker in fleet.killed}
    in_flight = {(number, at, worker) for (number, worker), at in last.items()}
    by_step = defaultdict(list)
    for number, at, worker in lines:
        by_step[number, at].append(worker)
    again = [(place, worker) for place, workers in by_step.items() for worker in workers[:-1]]
    rows = Counter(map(tuple, store["effects"]))
    steps = options.workflows * options.steps
    return {
        "store": KIND,
        "seed": options.seed,
        "workflows": options.workflows,
        "kills": len(fleet.killed),
        "ended": dict(store["ended"]),
        "calls by key": store["keys"],
        "recorded steps of a workflow": dict(store["steps"]),
        "rows": sum(rows.values()),
        "rows more than once": sum(count > 1 for count in rows.values()),
        "steps": steps,
        "steps that never executed": steps - len(by_step),
        "executions": len(lines),
        "in flight at kills": len(in_flight),
        "executed again": len(again),
        "executed again without a kill in flight": sum((*place, one) not in in_flight for place, one in again),
        "suspects": sum(fleet.suspects.values()),
        "suspects of which fewer than three workers had begun a step": fleet.wrong_suspects,
    }


def parsed(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default="")
    parser.add_argument("--workflows", type=int, default=100)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--at-once", type=int, default=4, help="workflows that a worker executes at the same time")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kills-per-second", type=float, default=10.0)
    parser.add_argument(
        "--seconds-of-step", type=float, default=SECONDS_OF_STEP, help="the mean; from none to twice it"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--timeout", type=float, default=3600.0)
    return parser.parse_args(arguments)


def main(arguments):
    global LOG, KIND, SECONDS_OF_STEP
    options = parsed(arguments)
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    SECONDS_OF_STEP = options.seconds_of_step
    with tempfile.TemporaryDirectory() as folder:
        options.store = options.store or f"sqlite:///{folder}/woflo.db"
        options.log = f"{folder}/executions"
        KIND = options.store.partition(":")[0]
        load_store(KIND)  # imported once, here: a worker is at work soon after its fork
        LOG = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        asked(call_all, options)
        begin = time.monotonic()
        fleet = Fleet(options)
        fleet.run()
        told = figures(fleet)
        told["seconds"] = round(time.monotonic() - begin, 1)
        print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
