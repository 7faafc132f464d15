"""Judging what experts wrote, each dimension apart, and the exam that a judge must pass (PAPER 2.3)."""
