"""What every step command shares: exit codes, typed errors, progress, the manifest."""
