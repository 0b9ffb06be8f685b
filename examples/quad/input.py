from definition import quad

quad.with_options(runner="queue", key="task")(1)
