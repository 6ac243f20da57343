"""Answers: facts, risk, frameworks, evidence packs, suppliers.

This room is empty so far: nothing here is done yet.
"""
