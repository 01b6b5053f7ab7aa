"""What is downloaded: which files, from where, whether they are whole, and how they are read."""
