"""The tests run the notebooks with less."""

import os

os.environ["SMALL_NOTEBOOKS"] = "1"
