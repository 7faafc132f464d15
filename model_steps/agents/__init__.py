"""The hierarchical multi-agent system (PAPER 1.4): planner, experts, arbiter. Prompts are files below ``prompts/``."""
