"""What survives the process that executes it: workflows, their journals, the engine that executes them."""
