"""Vouches: certificate authorities, enrolment, life cycle, attestation.

This room is empty so far: nothing here is done yet.
"""
