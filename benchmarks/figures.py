"""The list of all figures, in the order in which they are measured and shown."""

from __future__ import annotations

from benchmarks import (
    commands,
    data,
    durable,
    durable_queue,
    durable_worker,
    folder,
    graph,
    imports,
    inline,
    jobs,
    pool,
    postgres,
    process,
    scripts,
    store,
    thread,
)
from benchmarks.model import Figure

FIGURES: list[Figure] = [
    *process.FIGURES,
    *pool.FIGURES,
    *thread.FIGURES,
    *inline.FIGURES,
    *data.FIGURES,
    *graph.FIGURES,
    *imports.FIGURES,
    *commands.FIGURES,
    *scripts.FIGURES,
    *store.FIGURES,
    *folder.FIGURES,
    *postgres.FIGURES,
    *durable.FIGURES,
    *durable_queue.FIGURES,
    *durable_worker.FIGURES,
    *jobs.FIGURES,
]


def figure_named(name: str) -> Figure:
    """The figure of exactly that name."""
    return next(figure for figure in FIGURES if figure.name == name)


def figures_like(parts: list[str]) -> list[Figure]:
    """The figures whose name contains one of `parts`; all of them when there are none."""
    return [f for f in FIGURES if not parts or any(part in f.name for part in parts)]
