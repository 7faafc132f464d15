"""What a judge must beat."""
