"""Arithmetic of benchmarks that run nothing: what measured figures would cost elsewhere."""
