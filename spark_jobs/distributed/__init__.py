"""Spark itself: session, workers, buckets, how a pure function is distributed."""
