"""Tasks that have something injected."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic_settings import BaseSettings

from woflo import inject, task, use_resources, workflow


class Client:
    def __init__(self, name: str = "given") -> None:
        self.name = name


class SpecialClient(Client):
    pass


class Mail(BaseSettings, env_prefix="MAIL_"):
    host: str = "localhost"
    port: int = 25
    password: SecretStr = SecretStr("")


@task(runner="thread")
def plain(x: int = 0, client: Client = inject()) -> str:
    return f"{client.name} {x}"


@task(runner="thread")
def by_name(*, client: Client = inject()) -> str:
    return client.name


@task
async def coroutine(client: Client = inject()) -> str:
    return client.name


@task(runner="thread")
@dataclass
class Dataclass:
    x: int
    client: Client = inject()

    def run(self) -> str:
        return f"{self.client.name} {self.x}"


@task(runner="thread")
class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    x: int
    client: Client = inject()

    def run(self) -> str:
        return f"{self.client.name} {self.x}"


@task(runner="thread")
def mailing(mail: Mail = inject()) -> tuple[str, int]:
    return mail.host, mail.port


@task(runner="thread")
def whole(mail: Mail = inject()) -> Mail:
    return mail


@task(runner="queue")
def queued(client: Client = inject(), x: int = 0) -> str:
    return f"{client.name} {x}"


@task
def step(x: int, client: Client = inject()) -> str:
    return f"{client.name} {x}"


@workflow
def steps(count: int) -> list[str]:
    return [step(number).get_result() for number in range(count)]


@workflow
async def async_steps(count: int) -> list[str]:
    return [await step(number) for number in range(count)]


def provide_in_worker() -> None:
    use_resources(Client("of the worker"))
