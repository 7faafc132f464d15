"""What ``bench.explanations`` compares: who gets a caption for which item, the ways of writing, and their figures."""
