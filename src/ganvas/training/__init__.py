"""Playing the game: step, loop, average, checkpoints, and the engine under them."""
