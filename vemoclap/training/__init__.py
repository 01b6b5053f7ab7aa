"""Ekman-6 and collections like it: the store of features, splits, training, experiments."""
