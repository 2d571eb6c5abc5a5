"""Training: step, loop, average, checkpoints, and the engine under them."""
