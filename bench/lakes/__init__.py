"""Lakes that benchmarks work on, made by the project's own commands and kept in ``var/bench``."""
