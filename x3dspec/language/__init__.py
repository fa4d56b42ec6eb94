"""A spec file becomes a checked document."""
