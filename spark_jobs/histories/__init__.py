"""From rollups to a user's compressed history."""
