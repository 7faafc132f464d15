"""Delta tables: staging, publishing, reading, their contract and history."""
