"""A project whose tasks, commands, jobs and workflows print, log, raise and fail with secrets, under every observer.

The secrets come by variables of the environment, so that no file of the project has one.
"""

from __future__ import annotations

__all__ = ["CALLS", "FLOW", "JOB", "SECRETS", "given"]

SECRETS = {
    "store": "canary-in-store-8s1",
    "settings": "canary-of-settings-4k7",
    "parameter": "canary-as-parameter-2p9",
    "variable": "canary-by-variable-6v3",
}
"""What must be found nowhere: the password in the URL of the store, a field that a settings class marks secret, an
argument of a secret name, and a variable of a secret name."""


def given(store: str) -> dict[str, str]:
    """The environment of the programs; `store` is the URL of their store, with its password in it."""
    return {
        "WOFLO_STORE": store,
        "ACCESS_WORD": SECRETS["settings"],
        "GIVEN": SECRETS["parameter"],
        "API_TOKEN": SECRETS["variable"],
    }


FLOW = r"""
import logging, os, re, sys
import woflo
from woflo import current_run, inject, script, task, workflow
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

class Access(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ACCESS_")
    word: SecretStr

def all_of(token, access):
    store = os.environ["WOFLO_STORE"]
    return f"{token} {access.word.get_secret_value()} {store} {re.search('canary-in[^@&]*', store)[0]}"

def say(text):
    print("bare", text)
    print("bad", text, file=sys.stderr, flush=True)
    sys.stdout.write("x" * (65536 - 6) + text + "\n")
    logging.getLogger("app").warning("logged %s", text)
    logging.getLogger("woflo").warning("logged %s", text)
    current_run().progress(1, 2, f"half of {text}")

@task
def good(token: str, access: Access = inject()) -> None:
    say(all_of(token, access))

@task
def denied(token: str, access: Access = inject()) -> None:
    raise ValueError(f"denied with {all_of(token, access)}")

@task
def failing(token: str, access: Access = inject()) -> None:
    say(all_of(token, access))
    try:
        raise LookupError(all_of(token, access))
    except LookupError as error:
        error.add_note(f"note {token}")
        raise ValueError(f"cannot log in with {all_of(token, access)}") from error

@task
def picky(token: int) -> None: ...

@task(cache=True)
def kept(token: str) -> int:
    return 1

@task
def step(access: Access = inject()) -> None:
    raise ValueError(f"a step with {all_of('', access)}")

@workflow
def flow() -> None:
    step().get_result()

@task(runner="queue")
def queued(access: Access = inject()) -> None:
    raise ValueError(f"queued with {all_of('', access)}")

login = script("sh -c 'echo bare $0 and $API_TOKEN and $WOFLO_STORE; touch $1' {token} {outputs}", outputs="login.txt",
               env={"API_TOKEN": None}, name="login")
refused = script("sh -c 'echo bare $0 and $API_TOKEN and $WOFLO_STORE >&2; exit 3' {token}", outputs="never.txt",
                 env=["API_TOKEN"], name="refused")
hidden = script("sh -c 'head -c 65530 /dev/zero | tr \\\\0 x; echo $SESAME'", env={"SESAME": "{password}"},
                name="hidden")
listed = script(lambda token: ["sh", "-c", f"echo {token}; touch listed.txt"], outputs="listed.txt",
                name="listed")
"""

CALLS = r"""
import json, logging, os, sys
from flow import *
from woflo import subscribe
from woflo.kernel.registry import load_runner
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

def caught(name):
    return type(f"Caught_{name}", (load_runner(name),), {"capture_output": True})

if __name__ == "__main__":
    given = os.environ["GIVEN"]
    logging.basicConfig(filename="root.log", level=logging.INFO, filemode="w")
    logging.getLogger("app").propagate = False  # what a program logs by itself is its own affair
    provider, spans = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    observers = [subscribe("logs", folder="logs"), subscribe("jsonl", path="events.jsonl"), subscribe("progress"),
                 subscribe("spans", provider=provider), subscribe("notify", urls=sys.argv[1], when="always")]
    runs = []
    for name in ("thread", "multiprocess", "pool"):
        runs += [one.with_options(runner=caught(name))(given) for one in (good, failing)]
    runs += [login(token=given), refused(token=given), hidden(password=given), listed(given)]
    queued()  # for a worker
    runs += [kept.with_options(runner="thread")(given), flow()]
    runs += [failing.with_options(runner=caught("multiprocess"))(token="***") for _ in range(2)]  # nobody looks
    for run in runs[:-2]:
        run.wait()
    del run, runs
    for one in observers:
        one.close()
    open("spans.json", "w").write("\n".join(one.to_json() for one in spans.get_finished_spans()))
"""

JOB = """
version: 0.1
config: {name: nightly}
tasks:
  good: {task: good, parameters: {token: "$ENV{API_TOKEN}"}}
  failing: {task: failing, parameters: {token: "$VAR{password}"}}
  told: {run: "sh -c 'echo $ENV{API_TOKEN}; touch $0' {outputs}", outputs: told.txt}
  named: {run: "sh -c 'echo $SESAME_TOKEN; exit 4'", env: {SESAME_TOKEN: "$ENV{GIVEN}"}}
"""
