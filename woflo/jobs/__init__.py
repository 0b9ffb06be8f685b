"""Job files: graphs of named steps, read from YAML, TOML or JSON, and executed as workflows.

yaml_texts, json_texts, reading, including    from files to one value, each part with its line
variables, references                         what is filled in before, and what when a step has ended
model, finding, commands, signatures          what may stand there, and what it names
checking, files, policies, problems, loading  all that is wrong, told at once; else a plan
plan, selecting                               the steps, in an order in which they can be called
foreseeing                                    what would be executed, and why; touch
execution, sharing, temporaries, runners      a plan as the code of a workflow
continuing, run, job, driving, drawing        what users call
"""
