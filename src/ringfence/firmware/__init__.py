"""Maintains: images, SBOM, vulnerabilities, releases, campaigns.

This room is empty so far: nothing here is done yet.
"""
