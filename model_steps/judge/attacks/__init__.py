"""Attacked outputs: what a judge must not be fooled by (arXiv 2507.08794), a fixed half and one made from a seed."""
