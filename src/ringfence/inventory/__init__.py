"""Knows the devices: clues make claims, correlation joins parts, classification weighs, the register keeps."""
