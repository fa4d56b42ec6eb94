"""The document becomes a network, symbolic and then integer, and its cost."""
