"""A shard of a day's inference: the work with its name, and the agents who do it."""
