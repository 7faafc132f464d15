"""The lake: tables (stage, audit, publish, read), objects (put-if-absent), releases, the champion log."""
