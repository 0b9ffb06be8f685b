from woflo import task, workflow


@task
async def double(x: int) -> int:
    return 2 * x


@workflow
async def quad(x: int) -> int:
    x2 = await double(x)
    x4 = await double(x2)
    return x4
