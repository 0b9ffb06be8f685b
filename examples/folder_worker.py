"""Work in a shared folder: what a person puts into `inbox/queue` is done, and the outcome lies in the folder beside it.

Start it on as many machines as see the folder: each call is executed by one of them. A call is a JSON file such as

    {"task": "summarise", "args": {"numbers": [3, 5, 7]}}

"""

import json
import subprocess
import sys
from pathlib import Path

from woflo import current_run, task
from woflo.stores.directory import DirectoryStore

INBOX = Path("inbox")


@task(runner="queue")
def summarise(numbers: list[float]) -> dict[str, float]:
    """What is to be said of some numbers. Bad ones are looked at by another task."""
    if not numbers:
        raise ValueError("there are no numbers")
    if min(numbers) < 0:
        current_run().enqueue(report, f"{min(numbers):g} is below zero")
    return {"count": len(numbers), "mean": sum(numbers) / len(numbers)}


@task(runner="queue")
def report(finding: str) -> str:
    """Something that a person should look at."""
    return f"please look: {finding}"


def put(name: str, **call: object) -> None:
    """What a person does with an editor, or another program in any language."""
    (INBOX / "queue" / f"{name}.json").write_text(json.dumps(call))


def main() -> None:
    store = DirectoryStore(INBOX)
    put("monday", task="summarise", args={"numbers": [3, 5, 7]})
    put("tuesday", task="summarise", args={"numbers": []})
    put("p5-urgent", task="summarise", args={"numbers": [-1, 1]})
    (INBOX / "queue" / "wednesday.json").write_text('{"task": "summarise", "args": {"numbers": [1, 2')

    # In real life this stands at a terminal, or in a unit of systemd, and goes on for ever.
    worker = [sys.executable, "-m", "woflo", "worker", __file__, "--store", f"dir:{INBOX}", "--once"]
    store.look()
    store.look()  # a file that is cut off is given the time between two looks to become whole
    while any((INBOX / "queue").glob("*.json")):
        subprocess.run(worker, check=True, capture_output=True)

    for folder in ("done", "failed", "rejected"):
        for path in sorted((INBOX / folder).glob("*.json")):
            told = json.loads(path.read_text()) if folder != "rejected" else {}
            name = path.stem if folder != "rejected" else path.stem.rpartition("-")[0]
            print(f"{folder}/{name}:", told.get("task", ""), told.get("result", ""))
    print((INBOX / "failed" / "tuesday.log").read_text(), end="")


if __name__ == "__main__":
    main()
