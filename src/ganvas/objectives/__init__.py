"""What the networks play for: losses, penalties, and the rules that order them."""
