"""The judge's exam: what a judge must show before it may judge (issue 15)."""
