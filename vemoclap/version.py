"""The version of this package, for whoever needs it without importing the package's face."""

__version__ = "0.1.0"
