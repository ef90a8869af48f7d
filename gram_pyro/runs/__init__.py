"""A run and how it is stored: configuration, recipes, checkpoints, published weights."""
