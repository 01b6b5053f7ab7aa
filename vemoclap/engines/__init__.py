"""The model families, one per file; ``vemoclap.engines.roles`` says which can fill which role."""
