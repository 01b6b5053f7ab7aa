"""The emotion classifier, at its real size (42 MB), since its file is checked for it."""

from pathlib import Path

import torch

from vemoclap import classifier


def build_cross_attention(folder: Path) -> None:
    """Write the released ``model.pt`` and what it is converted to."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = classifier.Classifier(classifier.RELEASED)
    torch.save(model.state_dict(), folder / "model.pt")
    classifier.convert(folder / "model.pt", folder / classifier.FILE)
