"""What the benchmarks of linear classifiers share."""
