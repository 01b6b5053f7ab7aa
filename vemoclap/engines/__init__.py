"""The model families, one per file; ``vemoclap.roles`` says which can fill which role."""
