"""Where a lake's bytes lie: a folder or a bucket, small documents, and the errors of both."""
