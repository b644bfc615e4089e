"""The version of the distribution, stated here only: the build reads it from this file."""

__version__ = "0.1.0"
"""The version of auxws, as in the distribution's name."""
