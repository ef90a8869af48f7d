"""Rules about objects: cells that hang together by their sides."""

import numpy as np
from numpy.random import Generator

from gram_pyro.tasks.arc.rules.base import Parameters, Rule, one_of
from gram_pyro.tasks.arc.rules.draw import COLORS, blank, blob, boxes, cells, color, components, grown
from gram_pyro.tasks.arc.rules.draw import bounded as crop
from gram_pyro.tasks.arc.views import Cells

TURNS = one_of(0, 1, 2, 3)


def keep(grid: Cells, largest: int) -> Cells:
    """Keep the largest object, or the smallest."""
    objects = components(grid)
    chosen = (max if largest else min)(objects, key=np.sum, default=grid != 0)
    return np.where(chosen, grid, 0)


def several(rng: Generator, _: Parameters) -> Cells:
    """Draw at least two rectangles of different areas."""
    while len(components(grid := boxes(rng, 4))) < 2:
        pass
    return grid


def denoised(grid: Cells, _: Parameters) -> Cells:
    """Remove objects of one cell."""
    single = [mask for mask in components(grid) if mask.sum() == 1]
    return np.where(np.any([grid < 0, *single], axis=0), 0, grid)


def noisy(rng: Generator, _: Parameters) -> Cells:
    """Draw rectangles, and single cells of one other color that touch nothing."""
    grid = boxes(rng, 3, 2, 4)
    name = rng.choice(COLORS)
    for place in rng.permutation(np.argwhere(grid == 0))[:12]:
        top, left = place
        if not grid[max(0, top - 1) : top + 2, max(0, left - 1) : left + 2].any():
            grid[top, left] = name
    return grid


def inside(grid: Cells) -> Cells:
    """Return which black cells have no way to the border over black."""
    padded = np.pad(grid == 0, 1, constant_values=True)
    outside = np.zeros_like(padded)
    outside[0, 0] = True
    while (wider := grown(outside) & padded).sum() > outside.sum():
        outside = wider
    found: Cells = (padded & ~outside)[1:-1, 1:-1]
    return found


def hollow(grid: Cells, _: Parameters = None) -> Cells:
    """Blacken cells that have all four neighbours."""
    return np.where(grown(np.pad(grid, 1) == 0)[1:-1, 1:-1], grid, 0)


def solid(rng: Generator, _: Parameters) -> Cells:
    """Draw rectangles that have an inside."""
    return boxes(rng, 3, 3, 5)


def spread(grid: Cells, name: int) -> Cells:
    """Color the black neighbours of every cell."""
    return np.where(grown(grid) & (grid == 0), name, grid)


def slide(grid: Cells, turns: int) -> Cells:
    """Move everything as one to a wall: the lowest row is that of the wall, after some quarter turns."""
    turned = np.rot90(grid, turns)
    empty = int((turned != 0).any(1)[::-1].argmax())
    return np.rot90(np.roll(turned, empty, 0), -turns)


def one_blob(rng: Generator, _: Parameters = None) -> Cells:
    """Draw a shape of one color or two, away from the walls."""
    grid, shape = blank(rng), blob(rng, int(rng.integers(3, 8)))
    top, left = (int(rng.integers(1, whole - own)) for whole, own in zip(grid.shape, shape.shape, strict=True))
    grid[top : top + shape.shape[0], left : left + shape.shape[1]] = shape * rng.choice(COLORS[:3], shape.shape)
    return grid


def fall(grid: Cells, turns: int) -> Cells:
    """Let every cell fall in a direction."""
    turned = np.rot90(grid, turns)
    order = np.argsort(turned != 0, axis=0, kind="stable")
    return np.rot90(np.take_along_axis(turned, order, 0), -turns)


def at_wall(grid: Cells, wanted: int) -> Cells:
    """Keep the objects that touch a wall, or the others."""
    frame = np.pad(np.zeros(np.subtract(grid.shape, 2), dtype=bool), 1, constant_values=True)
    touching = np.any([grid < 0, *(mask for mask in components(grid) if (mask & frame).any())], axis=0)
    return np.where(touching == wanted, grid, 0)


def by_wall(rng: Generator, _: Parameters) -> Cells:
    """Draw rectangles of which some touch a wall and some do not."""
    while True:
        grid = boxes(rng, 5, 1, 3)
        if at_wall(grid, 0).any() and at_wall(grid, 1).any():
            return grid


def crop_color(grid: Cells, name: int) -> Cells:
    """Return the bounding box of one color."""
    return crop(np.where(grid == name, grid, 0))


def one_of_a_color(rng: Generator, name: int) -> Cells:
    """Draw shapes, exactly one of which has a color."""
    others = np.delete(COLORS, name - 1)
    while True:
        grid, first = blank(rng, 8), True
        for _ in range(12):
            shape = blob(rng, int(rng.integers(3, 7)), 3)
            top, left = (
                int(rng.integers(0, whole - own + 1)) for whole, own in zip(grid.shape, shape.shape, strict=True)
            )
            part = np.s_[max(0, top - 1) : top + shape.shape[0] + 1, max(0, left - 1) : left + shape.shape[1] + 1]
            if not grid[part].any():
                grid[top : top + shape.shape[0], left : left + shape.shape[1]] = shape * (
                    name if first else rng.choice(others)
                )
                first = False
        if len(components(grid)) > 1:
            return grid


def extend(grid: Cells, parameters: tuple[int, int]) -> Cells:
    """Put a frame of a color and some thickness around a grid."""
    name, thickness = parameters
    return np.pad(grid, thickness, constant_values=name)


def marked_corners(grid: Cells, name: int) -> Cells:
    """Color the corners of the bounding box of each object."""
    found = grid.copy()
    for mask in components(grid):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        found[np.ix_(rows[[0, -1]], columns[[0, -1]])] = name
    return found


RULES = {
    "keep-by-size": Rule(keep, several, one_of(0, 1)),
    "crop": Rule(lambda grid, _: crop(grid), one_blob),
    "crop-largest": Rule(lambda grid, largest: crop(keep(grid, largest)), several, one_of(0, 1)),
    "crop-color": Rule(crop_color, one_of_a_color, color),
    "denoise": Rule(denoised, noisy),
    "fill-inside": Rule(
        lambda grid, name: np.where(inside(grid), name, grid), lambda rng, _: hollow(solid(rng, None)), color
    ),
    "hollow": Rule(hollow, solid),
    "spread": Rule(spread, lambda rng, _: boxes(rng, 3, 1, 3, margin=1), color),
    "slide": Rule(slide, one_blob, TURNS),
    "fall": Rule(fall, cells(0.3), TURNS),
    "at-wall": Rule(at_wall, by_wall, one_of(0, 1)),
    "frame": Rule(extend, cells(most=6), lambda rng: (color(rng), int(rng.integers(1, 3)))),
    "trim": Rule(
        lambda grid, _: grid[1:-1, 1:-1],
        lambda rng, _: np.pad(cells(0.6, 8)(rng, None), 1, constant_values=int(rng.choice(COLORS))),
    ),
    "mark-corners": Rule(marked_corners, solid, color),
}
