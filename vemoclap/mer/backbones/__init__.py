"""The pretrained networks inside the end-to-end model, one per file."""
