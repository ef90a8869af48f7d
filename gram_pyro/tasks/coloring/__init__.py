"""Graph coloring."""
