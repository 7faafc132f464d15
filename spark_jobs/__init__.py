"""One file a Spark job: a pure function from Arrow tables to an Arrow table, which Spark only distributes."""
