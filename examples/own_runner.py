"""A runner of one's own, on a thread pool of the standard library, held against woflo's promises."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from woflo import BaseTaskRun, as_completed, task
from woflo.runners import Traits


class ThreadPoolTaskRun(BaseTaskRun):
    """Executes attempts in a `ThreadPoolExecutor`. Everything else is the base's."""

    traits = Traits()  # neither isolated nor killable: a thread can only be asked to stop
    max_concurrency = 16

    def _begin(self):
        self._context = copy_context()
        super()._begin()

    def _launch(self, attempt):
        # A thread that waits for a nested run keeps its place here: hence more threads than places.
        pool = self._runtime.service(ThreadPoolTaskRun, lambda: ThreadPoolExecutor(10_000))
        pool.submit(lambda: self._finish(self._context.run(attempt.execute)))

    def _interrupt(self):
        """`current_run().stop_requested` is set already, and there is no harder way to end a thread."""


if __name__ == "__main__":
    from woflo.testing import runner_checks

    square = task(runner=ThreadPoolTaskRun)(lambda x: x * x)
    print(*(run.get_result() for run in as_completed([square(x) for x in range(10)])))
    for check in runner_checks(ThreadPoolTaskRun):
        check(ThreadPoolTaskRun)
        print("keeps its promise:", check)
