"""What gram_pyro costs, reaches and survives, measured: one command a file, its JSON and figures in `results/`."""
