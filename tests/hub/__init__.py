"""Miniatures of every artefact: the published layout, tiny and random."""
