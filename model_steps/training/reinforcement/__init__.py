"""Reinforcement of the experts: rewards and their shaping, sampled lists, and TRL's trainer on them (PAPER 1.4)."""
