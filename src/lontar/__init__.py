"""lontar: take any open-weights LLM, make it provably better for Southeast Asia, and run it."""
