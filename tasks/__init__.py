"""What a DAG is made of: run a command, audit, publish, map over shards. Parsed every few seconds, so kept light."""
