"""Pages for reviewers and those on call: gates, a day, a user. Files gather what a page shows, templates show it."""
