"""How a pure function gets to its rows: on Spark or in this process, bucket by bucket."""
