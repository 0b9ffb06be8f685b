"""Each figure of woflo beside its floor and its peers, measured in turns in one run.

    python -m benchmarks                     # everything, unpinned and pinned to one core
    python -m benchmarks --quick --unpinned  # a look in a minute or two
    python -m benchmarks --only pool --rounds 9 --json results/pool.json

A *figure* is one question ("what does a process per call cost?"). Its *rivals* answer it: woflo,
the floor (what the operating system or the interpreter takes for the same work, done by hand) and
peers (what else one would use). Every rival lives in a process of its own, so that none pays for
another's threads, imports or pools, and one that dies or hangs takes no other with it. The rivals
of a figure are measured in turns, A B C A B C ..., and compared by the median over the rounds.
Every answer is checked, so that a broken rival cannot look quick.

    model.py           what a figure, a rival and a target are
    rival.py           the process that one rival lives in
    harness.py         starts the rivals of a figure and asks them in turns
    report.py          the table, the summary and the JSON
    elsewhere.py       the environments of peers that do not live in ours: upstream woflo 0.8.2 (`upstream_calls.py`
                       runs inside it), Huey, DBOS, pipeteer, pgqueuer, procrastinate (`peer_*.py` do)
    waking.py          a worker in another process that answers by a byte
    work.py            the functions that all rivals call
    process.py pool.py thread.py inline.py data.py graph.py imports.py    the figures of tasks and runners
    store.py folder.py postgres.py                                        those of stores
    durable.py durable_queue.py durable_worker.py                         those of workflows, queues and workers
    figures.py         the list of all figures
"""
