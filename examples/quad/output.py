from definition import quad

value = quad.with_options(runner="queue", key="task")(1).get_result()  # the same key: the same run
print(f"Output: task -> {value}")
