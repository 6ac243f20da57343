"""Sees: captures become observations, conversations and a verdict on the capture itself."""
