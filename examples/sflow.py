import sys

from woflo import gather, script


def combine_file():
    with open("test_1.txt") as f:
        a = int(f.readlines()[0])
    with open("test_2.txt") as f:
        b = int(f.readlines()[0])
    with open("final.txt", "w") as f:
        f.write(f"{a + b}\n")


code = "import time; time.sleep(0.5); open('test_{i}.txt', 'w').write('{number}')"
solve = script([sys.executable, "-c", code], outputs="test_{i}.txt", name="solve", max_concurrency=5)
final = script([sys.executable, "-c", "import sflow; sflow.combine_file()"], outputs="final.txt", name="final")


# a flow called sleepit
async def sleepit():
    t1 = solve(i=1, number=5)
    t2 = solve(i=2, number=4)
    await gather(t1, t2)
    await final(inputs=[t1, t2])
