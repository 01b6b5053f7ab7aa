"""Voice activity: Silero VAD, with the weights inside its wheel."""

from collections.abc import Callable

from vemoclap.records import SAMPLE_RATE, Floats, Span


def load(device: str) -> Callable[[Floats], tuple[Span, ...]]:
    """Return a detector: sound -> the spans in which somebody speaks, sorted and disjoint.

    The network is tiny and runs step by step, so it stays on the CPU whatever ``device`` says.
    It is the ONNX file of the wheel: faster here than the TorchScript one, whose loading torch
    announces as deprecated. Memory does not grow with the sound: it is read 32 ms at a time.
    """
    import torch

    threads = torch.get_num_threads()
    import silero_vad

    torch.set_num_threads(threads)  # the import above sets it to 1, for every model in the process
    network = silero_vad.load_silero_vad(onnx=True)

    def spans(sound: Floats) -> tuple[Span, ...]:
        samples = torch.from_numpy(sound)  # read-only memory, of which torch warns; none writes
        found = silero_vad.get_speech_timestamps(samples, network, sampling_rate=SAMPLE_RATE)
        return tuple(Span(s["start"] / SAMPLE_RATE, s["end"] / SAMPLE_RATE) for s in found)

    return spans
