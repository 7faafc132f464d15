"""Using a release: whether it fits what a run has, and the form that it shows histories in."""
