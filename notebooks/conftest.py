"""The tests run the notebooks with less."""

import os

os.environ["SMALL_NOTEBOOKS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # threads of tests side by side would wait for each other
