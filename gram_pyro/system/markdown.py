"""Tables as Markdown."""

from collections.abc import Iterable


def markdown_table(headings: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return headings and lines of cells as a Markdown table."""
    headings = [*headings]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headings, ["---"] * len(headings), *lines])


def with_range(middle: float, least: float, greatest: float, digits: int) -> str:
    """Return a mean, with the least and the greatest where they look different."""
    text, low, high = (f"{number:.{digits}f}" for number in (middle, least, greatest))
    return text if low == high else f"{text} ({low} to {high})"
