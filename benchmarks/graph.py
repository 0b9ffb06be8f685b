"""A graph of 10,000 calls in threads: layers of 100, each call with two parents above it.

The floor is what one writes by hand with the standard library: `graphlib.TopologicalSorter` says
what is ready, `ThreadPoolExecutor` runs it, a queue says what is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from benchmarks import work
from benchmarks.model import Body, Figure, at_most, floor, ours

WIDTH = 100

Node = tuple[int, int]  # layer, place


def parents(node: Node) -> tuple[Node, Node]:
    """The two in the layer before: the one above, and its neighbour to the right."""
    layer, place = node
    return (layer - 1, place), (layer - 1, (place + 1) % WIDTH)


@cache
def expected(n: int) -> int:
    """The sum over the last layer, by plain calls. The first layer's parents are its places."""
    values = list(range(WIDTH))
    for _ in range(n // WIDTH):
        values = [work.add_parents(values[p], values[(p + 1) % WIDTH]) for p in range(WIDTH)]
    return sum(values)


@contextmanager
def woflo() -> Iterator[Body]:
    """Handles passed as arguments; the last layer is collected."""
    from woflo import task

    add = task(runner="thread")(work.add_parents)

    def body(n: int) -> int:
        layer: list[Any] = list(range(WIDTH))
        for _ in range(n // WIDTH):
            layer = [add(layer[p], layer[(p + 1) % WIDTH]) for p in range(WIDTH)]
        return sum(run.get_result() for run in layer)

    yield body


@contextmanager
def sorter_and_threads() -> Iterator[Body]:
    """`TopologicalSorter` and `ThreadPoolExecutor`, the building of the graph included."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        yield lambda n: run_by_hand(pool, n // WIDTH)


def run_by_hand(pool: Any, layers: int) -> int:
    """Submit what is ready, take what is done, until nothing is left."""
    from queue import SimpleQueue

    values: dict[Node, int] = {(0, place): place for place in range(WIDTH)}
    done: SimpleQueue[Node] = SimpleQueue()
    sorter = graph_of(layers)

    def call(node: Node) -> None:
        left, right = parents(node)
        values[node] = work.add_parents(values[left], values[right])
        done.put(node)

    while sorter.is_active():
        for node in sorter.get_ready():
            pool.submit(call, node)
        sorter.done(done.get())
    return sum(values[layers, place] for place in range(WIDTH))


def graph_of(layers: int) -> Any:
    """The graph of the calls, prepared; places of layer 0 are values, not calls."""
    from graphlib import TopologicalSorter

    sorter: TopologicalSorter[Node] = TopologicalSorter()
    for layer in range(1, layers + 1):
        for place in range(WIDTH):
            node = (layer, place)
            sorter.add(node, *(parents(node) if layer > 1 else ()))
    sorter.prepare()
    return sorter


FIGURES = [
    Figure(
        name="graph",
        title="graph of 10,000 calls in threads, layers of 100, two parents each",
        unit="call",
        n=10_000,
        quick=2_000,
        expected=expected,
        rivals=[ours(woflo), floor("graphlib + ThreadPoolExecutor", sorter_and_threads)],
        targets=[at_most(3.0, "graphlib + ThreadPoolExecutor")],
    ),
]
