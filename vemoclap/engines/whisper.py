"""Speech in any language to English text: OpenAI's Whisper large-v3 (Radford et al. 2022)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vemoclap.engines import gating, linear, precision
from vemoclap.errors import WeightsError
from vemoclap.records import Clip, Cue, Span, Transcript
from vemoclap.weights import cache, checkpoint

ARTEFACT = "whisper-large-v3"
FILE = "large-v3.pt"
WORDS = "decoder.token_embedding.weight"  # what it reads words with, and writes them
SOURCE = "Whisper large-v3, translated to English"


def load(device: str) -> Callable[[Clip, tuple[Span, ...]], Transcript | None]:
    """Return a listener: clip and its spans of speech -> the words in English.

    Whisper hears the whole sound with the library's own settings. It is not asked where nobody
    speaks, and what it writes wholly outside the spans is dropped; None where no words are left.
    When it is unsure it draws words at random, always from the same seed, so that a video gives
    the same words each time.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    cache.use_offline()
    network = _network(cache.folder(ARTEFACT) / FILE, device)
    half = device.startswith("cuda")

    def listen(clip: Clip, spans: tuple[Span, ...]) -> Transcript | None:
        if clip.audio is None or not spans:
            return None
        sound = torch.tensor(clip.audio)  # a copy, since torch warns of arrays that are read-only
        with torch.random.fork_rng([device] if half else []):
            torch.manual_seed(0)
            try:
                result = network.transcribe(sound, task="translate", fp16=half)
            finally:
                network.encoder.forward.forget()  # for its memory
        cues = [Cue(part["start"], part["end"], part["text"]) for part in result["segments"]]
        return gating.transcript(cues, result["text"], spans, result["language"], SOURCE)

    return listen


def _network(path: Path, device: str) -> Any:
    """Return the model at ``path``, on ``device``, in half precision on a GPU.

    On a CPU that has products of bfloat16, only the table of words and the weights of linear layers
    are in half precision.

    ``whisper.load_model`` would make it in single precision on the CPU first, 6 GB, and leave it
    so on the GPU, where each step then converts the weights that it needs.
    """
    import torch
    from torch import nn
    from whisper import model as library

    class Writer(library.TextDecoder):  # type: ignore[misc]  # the library has no annotations
        """The library's decoder with a layer as its last product, which can be prepared.

        The library converts the whole table of words for it, at every token.
        """

        def forward(self, x: Any, xa: Any, kv_cache: Any = None) -> Any:
            read = next(iter(kv_cache.values())).shape[1] if kv_cache else 0  # tokens
            places = self.positional_embedding[read : read + x.shape[-1]]
            state = (self.token_embedding(x) + places).to(xa.dtype)
            for block in self.blocks:
                state = block(state, xa, mask=self.mask, kv_cache=kv_cache)
            return self.head(self.ln(state)).float()

    class Empty(library.Whisper):  # type: ignore[misc]  # the library has no annotations
        """Whisper without numbers, and without the table that only times of words need."""

        def __init__(self, dims: Any) -> None:
            nn.Module.__init__(self)
            self.dims = dims
            audio = (dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer)
            text = (dims.n_text_ctx, dims.n_text_state, dims.n_text_head, dims.n_text_layer)
            self.encoder = library.AudioEncoder(dims.n_mels, *audio)
            self.decoder = Writer(dims.n_vocab, *text)

    found = checkpoint.read_pickle(path)
    if not isinstance(found, dict) or not {"dims", "model_state_dict"} <= found.keys():
        raise WeightsError(f"{path} is no Whisper model; run `vemoclap models download whisper`.")
    tensors = found["model_state_dict"]
    try:
        with torch.device("meta"):
            network = Empty(library.ModelDimensions(**found["dims"]))
    except (TypeError, RuntimeError) as error:
        raise WeightsError(
            f"The sizes in {path} are not Whisper's ({error}); "
            "run `vemoclap models download whisper`."
        ) from error
    checkpoint.check(network, tensors, path)
    if device.startswith("cuda"):
        # The library's layer norms compute in single precision, also amid half.
        half, single = torch.float16, _parameters(network, nn.LayerNorm)
    else:
        half = precision.of_cpu() or torch.float32
        single = tensors.keys() - _parameters(network, nn.Linear) - {WORDS}
    for key in list(tensors):  # one by one, so that both copies never stand whole in memory
        tensors[key] = tensors[key].to(device, torch.float32 if key in single else half)
    network.load_state_dict(tensors, assign=True)
    tensors.clear()  # else each weight would stay beside its copy in order, both tables whole
    words = network.decoder.token_embedding.weight  # (words, D)
    network.decoder.head = nn.Linear(words.shape[1], words.shape[0], bias=False, device="meta")
    network.decoder.head.weight = words
    if device == "cpu":
        linear.prepare(network)
    size = network.dims.n_text_ctx
    network.decoder.mask = torch.full((size, size), -torch.inf, device=device).triu_(1)
    network.encoder.forward = _Remembering(network.encoder.forward)
    return network.eval().requires_grad_(False)


def _parameters(network: Any, kind: Any) -> set[str]:
    """Return the keys of the parameters of all modules of a kind."""
    return {
        f"{name}.{part}"
        for name, module in network.named_modules()
        if isinstance(module, kind)
        for part, _ in module.named_parameters(recurse=False)
    }


class _Remembering:
    """An encoder that answers at once when it is given the same sound as the last time.

    The library has it hear the first half minute twice, for the language and for the words, and
    any half minute again each time that it doubts its own words and draws others.
    """

    def __init__(self, hear: Callable[[Any], Any]) -> None:
        self._hear = hear
        self._mels: Any = None
        self._heard: Any = None

    def __call__(self, mels: Any) -> Any:  # (1, mels, 3000) -> (1, 1500, D)
        import torch

        if self._mels is None or not torch.equal(self._mels, mels):
            self._mels, self._heard = mels, self._hear(mels)
        return self._heard

    def forget(self) -> None:
        self._mels = self._heard = None
