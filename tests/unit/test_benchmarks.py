"""The benchmarks of what survives do not rot: each body of ours, and each floor, works with tiny numbers."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from systems import needs_fork

TOP = Path(__file__).parents[2]
sys.path.append(str(TOP))
from benchmarks import durable, elsewhere, store  # noqa: E402  # they are beside the tests, not installed
from benchmarks.figures import FIGURES  # noqa: E402

SURVIVING = ("store-", "folder-", "durable-", "postgres-", "job-", "script-")
TINY = {"store-threads-4": 4, "durable-length": 20, "store-steps": 10_000, "folder-batches": 100}
"""How much work is the least that means something; 1 where nothing stands here."""
ALIKE = ("evenly", "writers-4", "threads-16", "threads-64", "many-cpu")
"""What differs from another figure in a number only is not tried again."""


def bodies(of_postgres):
    """Those that run in this environment, each with its figure."""
    for figure in FIGURES:
        if not figure.name.startswith(SURVIVING) or figure.name.endswith(ALIKE):
            continue
        for rival in figure.rivals:
            needs_server = "postgres" in figure.name or "PostgreSQL" in rival.name
            if rival.open and needs_server == of_postgres:
                yield pytest.param(figure, rival, id=f"{figure.name}-{rival.name}")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Queues that are not deep, and a workflow that has not recorded much."""
    monkeypatch.setattr(store, "DEEPEST", 100)
    monkeypatch.setattr(durable, "RECORDED", 20)


def works(figure, rival):
    """It gives the answer of its figure."""
    n = TINY.get(figure.name, 1)
    with rival.open() as body:
        answer = body(n)
    result, samples = answer if isinstance(answer, tuple) else (answer, [1.0])
    assert result == figure.expected(n)
    assert samples and all(sample >= 0 for sample in samples)


@needs_fork
@pytest.mark.unmeasured
@pytest.mark.parametrize(("figure", "rival"), [*bodies(of_postgres=False)])
def test_a_body_gives_its_answer(figure, rival):
    """What the figure expects for the number that it was asked for."""
    works(figure, rival)


@needs_fork
@pytest.mark.unmeasured
@pytest.mark.parametrize(("figure", "rival"), [*bodies(of_postgres=True)])
def test_a_body_on_postgres_gives_its_answer(figure, rival, postgres, monkeypatch):
    """The same, with tables that are new each time."""

    @contextmanager
    def server():
        postgres.execute("DROP SCHEMA IF EXISTS woflo CASCADE")
        yield postgres

    monkeypatch.setattr("benchmarks.postgres.server", server)
    works(figure, rival)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_is_whole(figure):
    """Ours is in it; targets name rivals of it; each peer elsewhere is one that its script serves."""
    names = [rival.name for rival in figure.rivals]
    assert [rival.kind for rival in figure.rivals].count("ours") == 1
    assert len(set(names)) == len(names)
    for target in figure.targets:
        assert set(target.against) <= set(names)
    for rival in figure.rivals:
        if rival.place not in (None, elsewhere.UPSTREAM):
            assert f'"{rival.calls}":' in (elsewhere.HERE / rival.place.script).read_text()
