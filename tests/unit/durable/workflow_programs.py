"""Random workflows: a program is a list of instructions, and its workflow executes them."""

import asyncio
import json
import threading
from collections import Counter

from hypothesis import strategies as st

from woflo import task
from woflo.durable.inside import now, random, sleep, uuid4, wait_signal
from woflo.durable.workflow import workflow

SIGNALS = ("red", "green")


class Effects:
    """What steps have done, by the id of the step."""

    def __init__(self):
        self._lock = threading.Lock()
        self.done = Counter()

    def happened(self, what):
        with self._lock:
            self.done[what] += 1


effects = Effects()


@task
def double(x: int, where: str) -> int:
    effects.happened(where)
    return 2 * x


@task
async def add(x: int, where: str) -> int:
    effects.happened(where)
    await asyncio.sleep(0)
    return x + 1


@task
def fail(x: int, where: str) -> int:
    effects.happened(where)
    raise KeyError(f"{where} {x}")


def execute(program, where, x):
    """The program, plainly."""
    for at, (what, *rest) in enumerate(program):
        here = f"{where}.{at}"
        if what in STEPS:
            x = mixed(x, STEPS[what](x, here).get_result())
        elif what == "fail":
            try:
                fail(x, here).get_result()
            except KeyError as error:
                x = mixed(x, len(str(error)))
        elif what == "beside":
            runs = [double(x + one, f"{here}/{one}") for one in range(rest[0])]
            for run in runs:
                x = mixed(x, run.get_result())
        elif what == "chance":
            x = mixed(x, double(noted(), here).get_result() % 2)
        elif what == "child":
            x = mixed(x, child(json.dumps(rest[0]), here, x).get_result())
        elif what == "children":
            runs = [child(json.dumps(one), f"{here}/{n}", x) for n, one in enumerate(rest[0])]
            x = mixed(x, *(run.get_result() for run in runs))
        elif what == "sleep":
            sleep(rest[0])
        elif what == "signal":
            x = mixed(x, wait_signal(rest[0]))
    return x


async def execute_async(program, where, x):
    """The program, on a loop."""
    for at, (what, *rest) in enumerate(program):
        here = f"{where}.{at}"
        if what in STEPS:
            x = mixed(x, await STEPS[what](x, here))
        elif what == "fail":
            try:
                await fail(x, here)
            except KeyError as error:
                x = mixed(x, len(str(error)))
        elif what == "beside":
            x = mixed(x, *await asyncio.gather(*(double(x + one, f"{here}/{one}") for one in range(rest[0]))))
        elif what == "chance":
            x = mixed(x, await double(noted(), here) % 2)
        elif what == "child":
            x = mixed(x, await achild(json.dumps(rest[0]), here, x))
        elif what == "children":
            branches = [execute_async(one, f"{here}/{n}", x) for n, one in enumerate(rest[0])]
            x = mixed(x, *await asyncio.gather(*branches))
        elif what == "sleep":
            await sleep(rest[0])
        elif what == "signal":
            x = mixed(x, await wait_signal(rest[0]))
    return x


STEPS = {"double": double, "add": add}


def mixed(x, *others):
    """A number that depends on all, in their order."""
    for other in others:
        x = (x * 31 + other) % 1_000_003
    return x


def noted():
    """Chance and time, which have to come again as they were."""
    return int(random() * 1000) * 2 + uuid4().int % 1000 * 2 + int(now().timestamp()) * 2


@workflow
def child(program: str, where: str, x: int) -> int:
    return execute(json.loads(program), where, x)


@workflow
async def achild(program: str, where: str, x: int) -> int:
    return await execute_async(json.loads(program), where, x)


steps = st.sampled_from([("double",), ("add",), ("fail",), ("chance",), ("beside", 2), ("beside", 3)])
waits = st.one_of(
    st.tuples(st.just("sleep"), st.sampled_from([0, 0.001])), st.tuples(st.just("signal"), st.sampled_from(SIGNALS))
)
leaves = st.lists(steps, min_size=1, max_size=2)
branches = st.lists(st.one_of(steps, st.tuples(st.just("child"), leaves)), min_size=1, max_size=2)
programs = st.lists(
    st.one_of(
        steps,
        waits,
        st.tuples(st.just("child"), branches),
        st.tuples(st.just("children"), st.lists(branches, min_size=2, max_size=2)),
    ),
    min_size=1,
    max_size=3,
)


def signals_in(program):
    """How many signals of each name a workflow of this program itself waits for; branches are its own."""
    wanted = Counter()
    for what, *rest in program:
        if what == "signal":
            wanted[rest[0]] += 1
    return wanted
