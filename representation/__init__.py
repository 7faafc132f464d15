"""A context as what a model reads: V1's aggregated text, or hybrid. Pure functions, no model and no Spark."""
