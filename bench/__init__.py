"""One file a benchmark: ``python -m bench.NAME`` prints one JSON object as its last line. Imported by nobody."""
