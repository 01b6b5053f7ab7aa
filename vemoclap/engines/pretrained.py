"""Models in Hugging Face's layout, read whole or not at all.

A shared part of several engines. The library itself fills what a file lacks with random numbers
and drops what it does not know, and only logs it; here each is an error that names the weight.
"""

from typing import Any

from vemoclap.engines import linear, precision
from vemoclap.errors import WeightsError
from vemoclap.weights import cache


def network(
    kind: str,
    artefact: str,
    device: str,
    spare: tuple[str, ...] = (),
    *,
    writes: bool = False,
    to_train: bool = False,
) -> Any:
    """Return the model of ``artefact`` on ``device``, ready to run; half precision on a GPU.

    A model that writes texts, and so reads all its weights for every token, is also in bfloat16
    on processors that have products of it: its words are the same but for near ties. What makes
    features is in single precision on every CPU.

    No code of the files is run: they are safetensors, or pickles opened by torch's restricted
    reader.

    Args:
        kind: name of a model class of transformers.
        artefact: name of the weights.
        device: "cpu", "cuda" or "cuda:1".
        spare: starts of the names of weights that the published file holds and nobody needs.
        writes: whether the model generates texts.
        to_train: whether it is trained further, so that its layers must stay as they are.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    on_cpu = (precision.of_cpu() if writes else None) or torch.float32
    cache.use_offline()
    folder = cache.folder(artefact)
    try:
        model, info = getattr(_library(), kind).from_pretrained(
            folder,
            dtype=torch.float16 if device.startswith("cuda") else on_cpu,
            device_map=device,  # read straight to it, weight by weight; needs accelerate
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # the library raises many types, all of which mean the same here
        first_line = (str(error).splitlines() or [""])[0]
        if "weights_only" in first_line:  # how to have the code of a pickle run all the same
            first_line = "it asks for code to be run"
        raise WeightsError(
            f"The model in {folder} is damaged ({type(error).__name__}: {first_line}); "
            f"delete the folder and run `vemoclap models download {artefact}`."
        ) from error
    strange = {key for key in info["unexpected_keys"] if not key.startswith(spare)}
    wrong = sorted({*info["missing_keys"], *strange})
    if wrong:
        raise WeightsError(
            f"The weights in {folder} are not the model's, {', '.join(wrong[:3])} is missing or "
            f"unexpected; delete the folder and run `vemoclap models download {artefact}`."
        )
    model.eval().requires_grad_(False)
    if device == "cpu" and not to_train:
        linear.prepare(model)
    return model


def tokenizer(kind: str, artefact: str) -> Any:
    """Return the tokenizer of ``artefact``, of the class of transformers that ``kind`` names.

    Raises:
        WeightsError: its files are missing or damaged.
    """
    cache.use_offline()
    folder = cache.folder(artefact)
    try:
        return getattr(_library(), kind).from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the library raises many types, all of which mean the same here
        first_line = (str(error).splitlines() or [""])[0]
        raise WeightsError(
            f"The tokenizer in {folder} is damaged ({type(error).__name__}: {first_line}); "
            f"delete the folder and run `vemoclap models download {artefact}`."
        ) from error


def labels(config: Any, expected: frozenset[str], artefact: str) -> tuple[str, ...]:
    """Return the lower-case name of each output of a classifier, in order.

    Raises:
        WeightsError: they are not the ``expected`` ones.
    """
    names = tuple(config.id2label[index].lower() for index in range(config.num_labels))
    if set(names) != expected or len(names) != len(expected):
        raise WeightsError(
            f"The model in {cache.folder(artefact)} tells {', '.join(names)} apart and not "
            f"{', '.join(sorted(expected))}; run `vemoclap models download {artefact}`."
        )
    return names


def _library() -> Any:
    """Return transformers, whose annotations leave out much of what is used here."""
    import transformers

    library: Any = transformers
    return library
