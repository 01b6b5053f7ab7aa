"""Frames, sound and words -> evidence: one kind of it per file."""
