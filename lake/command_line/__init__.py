"""What ``python -m lake`` does: a function a command, and beside it what may be typed after its name."""
