"""Other ways to make one answer of several features, to be compared with cross-attention.

Each is called like the classifier, with values and present, and encodes every feature by a linear
layer of the same width. As in the classifier no row is told its place in time.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vemoclap.classifier.model import Classifier, Config, masked_mean

LAYERS = 2  # of the transformers


class MeanPooled(nn.Module):
    """Every feature averaged over time, all side by side, and a hidden layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encode = _Encoders(config)
        d = config.d_model
        self.head = nn.Sequential(
            nn.Linear(d * len(config.features), d),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(d, len(config.labels)),
        )

    def forward(self, values: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
        """Return the scores (B, 6) before the softmax."""
        rows = self.encode(values)
        means = [masked_mean(rows[name], present[name]) for name in sorted(rows)]
        scores: Tensor = self.head(torch.cat(means, dim=1).relu())
        return scores


class ElementwiseSum(nn.Module):
    """Every feature averaged over time, and all added up."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encode = _Encoders(config)
        self.head = nn.Linear(config.d_model, len(config.labels))

    def forward(self, values: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
        """Return the scores (B, 6) before the softmax."""
        rows = self.encode(values)
        total = torch.stack([masked_mean(rows[name], present[name]) for name in sorted(rows)]).sum(
            0
        )
        scores: Tensor = self.head(total.relu())
        return scores


class OneTransformer(nn.Module):
    """All rows of all features as the tokens of one transformer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encode = _Encoders(config)
        self.kinds = nn.ParameterDict(  # so that a token tells which feature it is of
            {name: torch.randn(config.d_model) * 0.02 for name in config.features}
        )
        self.transformer = _transformer(config)
        self.head = nn.Linear(config.d_model, len(config.labels))

    def forward(self, values: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
        """Return the scores (B, 6) before the softmax."""
        rows = self.encode(values)
        names = sorted(rows)
        tokens = torch.cat([rows[name] + self.kinds[name] for name in names], dim=1)
        here = torch.cat([present[name] for name in names], dim=1)  # (B, all lengths)
        scores: Tensor = self.head(masked_mean(_attend(self.transformer, tokens, here), here))
        return scores


class TransformerEach(nn.Module):
    """A transformer for every sequence, what they find averaged over time and side by side."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encode = _Encoders(config)
        self.transformers = nn.ModuleDict({name: _transformer(config) for name in config.sequences})
        self.head = nn.Linear(config.d_model * len(config.features), len(config.labels))

    def forward(self, values: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
        """Return the scores (B, 6) before the softmax."""
        rows = self.encode(values)
        for name, transformer in self.transformers.items():
            rows[name] = _attend(transformer, rows[name], present[name])
        means = [masked_mean(rows[name], present[name]) for name in sorted(rows)]
        scores: Tensor = self.head(torch.cat(means, dim=1).relu())
        return scores


FUSIONS: Mapping[str, type[nn.Module]] = {
    "cross-attention": Classifier,
    "mean-pooled MLP": MeanPooled,
    "element-wise sum": ElementwiseSum,
    "one transformer, all tokens": OneTransformer,
    "one transformer per modality": TransformerEach,
}


class _Encoders(nn.Module):
    """A linear layer per feature."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(
            {name: nn.Linear(spec.dim, config.d_model) for name, spec in config.features.items()}
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self.dropout(layer(values[name])) for name, layer in self.layers.items()}


def _transformer(config: Config) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        config.d_model, config.heads, 2 * config.d_model, config.dropout, batch_first=True
    )
    return nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)


def _attend(transformer: nn.Module, rows: Tensor, present: Tensor) -> Tensor:
    """Return what a transformer makes of rows (B, T, d), padding masked."""
    # A softmax over nothing is NaN, so where all is padding nothing is masked; the mean drops it.
    padding_mask = ~present & present.any(1, keepdim=True)
    found: Tensor = transformer(rows, src_key_padding_mask=padding_mask)
    return found
