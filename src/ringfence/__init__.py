"""Ringfence protects fleets of connected devices over their whole life."""

__version__ = "0.1.0"
