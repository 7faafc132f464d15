"""Written cases (PAPER 3.8): a made-up customer and day, asked about as a refresh asks about a shop's users."""
