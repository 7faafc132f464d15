"""vLLM in this process: prompts in, answers out, cached by what was asked."""
