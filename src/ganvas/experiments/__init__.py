"""Questions answered by fitting and training many times: what was planned, what came of it, and how sure that is."""
