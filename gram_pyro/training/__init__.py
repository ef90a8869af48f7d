"""How model and guide learn: the training loop, what it carries between updates, and the checks on the way."""
