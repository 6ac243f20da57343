"""Permits: profiles, zones and conduits, simulation, firewall targets.

This room is empty so far: nothing here is done yet.
"""
