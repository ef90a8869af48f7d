"""The tests run the notebooks with less: what `nbmake` in a cell's metadata says takes the place of its numbers."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # threads of tests side by side would wait for each other
