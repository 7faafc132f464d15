"""The judge of captions: seven dimensions, each asked apart, and its exam (PAPER 2.2, 2.3)."""
