"""A network becomes one module of Python source."""
