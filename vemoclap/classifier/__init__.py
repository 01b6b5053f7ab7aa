"""Readings -> features -> scores, and why: the cross-attention classifier of VEMOCLAP."""
