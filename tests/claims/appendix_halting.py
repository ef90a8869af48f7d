"""docs/appendix-halting.md: but for a threshold its numbers are rows that a command prints."""

SETTINGS = ["0.5"]
CLAIMS: dict[str, list[float]] = {}
