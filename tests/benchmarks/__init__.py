"""Timings of rnnkernel and of its peers at the same work, in one run: `make bench`."""
