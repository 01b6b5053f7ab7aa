"""The emotion classifier, at its real size (42 MB), since its file is checked for it."""

from pathlib import Path

import torch

from vemoclap.classifier import model as classifier_model


def build_cross_attention(folder: Path) -> None:
    """Write the released ``model.pt`` and what it is converted to."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = classifier_model.Classifier(classifier_model.RELEASED)
    torch.save(model.state_dict(), folder / "model.pt")
    classifier_model.convert(folder / "model.pt", folder / classifier_model.FILE)
