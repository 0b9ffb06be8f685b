"""What variables of secret names stand for, and what stands under such a name, is shown and kept nowhere."""

from jobs_helpers import noop

from woflo import task
from woflo.kernel import hiding
from woflo.kernel.digest import digest
from woflo.scripts.ledger import ledger
from woflo.scripts.sealing import sealed

SECRET = "sesame-4711"
JOB = """
config: {runner: thread}
tasks:
  make: {run: "sh -c 'echo $ENV{API_TOKEN}; touch $0' {outputs}", outputs: a.txt}
  tell: {task: tell, parameters: {word: "$ENV{API_TOKEN}", options: {password: by-hand-0815}}}
"""


@task
def tell(word: str, options: dict[str, str]) -> None:
    """Takes what it gets."""


def rows(store):
    runs = store.select()
    return repr([*runs, *[step for run in runs for step in store.steps(run.id)], *store.successes()])


def test_what_is_kept(folder, store, monkeypatch):
    """The job, its steps and what commands have made are recorded without; the job is the same as long as they are."""
    monkeypatch.setenv("API_TOKEN", SECRET)
    folder.load(JOB, tasks=[tell])().get_result()
    ledger().flush(30)
    assert hiding.hide(f"{SECRET} by-hand-0815") == "*** ***"
    text = rows(store)
    assert SECRET not in text
    assert "by-hand-0815" not in text
    assert sealed(SECRET) in text
    assert digest(SECRET)[:8] not in text


def test_digests_of_steps(folder, store, monkeypatch):
    """Another secret is another step; and a digest cannot be made without the key of the project."""
    found = []
    for word in (SECRET, SECRET, "sesame-4712"):
        monkeypatch.setenv("API_TOKEN", word)
        found.append({name: step.digest for name, step in folder.load(JOB, tasks=[tell]).plan.steps.items()})
    assert found[0] == found[1]
    assert not set(found[0].values()) & set(found[2].values())
    (folder.path / ".woflo" / "key").unlink()
    monkeypatch.setattr("woflo.scripts.sealing._keys", {})
    monkeypatch.setenv("API_TOKEN", SECRET)
    again = {name: step.digest for name, step in folder.load(JOB, tasks=[tell]).plan.steps.items()}
    assert not set(found[0].values()) & set(again.values())


def test_what_is_wrong(folder, monkeypatch):
    """Told by the line, without the value."""
    monkeypatch.setenv("API_TOKEN", SECRET)
    told = folder.problems(
        """
        tasks:
          one: {task: noop, timeout: "$ENV{API_TOKEN}"}
          two: {task: "$ENV{API_TOKEN}"}
        """,
        tasks=[noop],
    )
    assert len(told) == 2
    assert SECRET not in "".join(told)
    assert all("***" in one for one in told)
