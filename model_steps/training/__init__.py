"""Training of the entity adaptor (PAPER 1.2): its two task families, its closed-form start, its loop."""
