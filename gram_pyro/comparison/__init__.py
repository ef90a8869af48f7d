"""Systems side by side under one budget: what there is to compare, its runs, its tables."""
