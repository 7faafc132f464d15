"""The ladder of ``bench.quality``: what stands on its rungs, and how each of them is asked."""
