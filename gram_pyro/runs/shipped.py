"""The trained checkpoints that come with the package."""

from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "checkpoints"


def shipped_names() -> list[str]:
    """Return their names, sorted."""
    return sorted(path.name for path in SHIPPED.glob("*") if path.is_dir())
