"""What gram_pyro costs, measured: `python -m benchmarks.step`, `.memory` and `.attention`."""
