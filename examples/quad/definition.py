from woflo import task, workflow


@task
async def double(x: int) -> int:
    return 2 * x


@workflow
async def quad(x: int) -> int:
    x2 = await double(x)
    return await double(x2)
