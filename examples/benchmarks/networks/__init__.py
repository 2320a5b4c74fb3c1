"""Networks that the benchmarks correct."""
