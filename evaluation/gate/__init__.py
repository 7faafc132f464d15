"""The rule by which a gate decides: policy, figures of both releases user by user, checks, decision. Pure functions."""
