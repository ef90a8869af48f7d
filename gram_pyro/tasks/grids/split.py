"""Which grids are for training, validation and test."""

import numpy as np
from numpy.typing import NDArray

from gram_pyro.tasks.base import Split
from gram_pyro.tasks.sudoku.solver import Grids
from gram_pyro.tasks.sudoku.split import splits_of_classes
from gram_pyro.tasks.sudoku.symmetry import digest, grid_class


def in_split(grids: Grids, split: Split) -> NDArray[np.bool_]:
    """Return whether each grid `(count, cells)` belongs to a split: a hash of its class, or of itself if it is 4x4."""
    classes = grid_class(grids, 3) if grids.shape[1] == 81 else [digest(grid.tobytes()) for grid in grids]
    return np.asarray(splits_of_classes(classes) == split)
