"""How good generated pictures are: labels, distances, copies, diversity, use."""
