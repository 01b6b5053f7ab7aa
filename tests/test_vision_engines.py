"""The engines that look at pictures, on miniature models in the published layout."""

import os
import pickle
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.hub import pictures
from vemoclap import checkpoint, weights
from vemoclap.engines import clip, clipcap, vit_expression, yolo_face
from vemoclap.errors import EngineError, WeightsError

BUILDERS = {
    "yolo-face": pictures.build_yolo_face,
    "vit-expression": pictures.build_vit_expression,
    "clip": pictures.build_clip,
    "clipcap": pictures.build_clipcap,
    "gpt2": pictures.build_gpt2,
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("hub")
    for name, build in BUILDERS.items():
        build(home / name)
    clipcap.convert(
        home / "clipcap" / "conceptual_weights.pt", home / "clipcap" / clipcap.CONVERTED
    )
    return home


@pytest.fixture(autouse=True)
def miniature(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let engines find the miniature models."""
    monkeypatch.setenv("VEMOCLAP_HOME", str(hub))
    monkeypatch.setattr(weights, "folder", lambda name: hub / name)


@pytest.fixture
def broken(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let engines look into an empty folder, for a test to fill."""
    monkeypatch.setattr(weights, "folder", lambda name: tmp_path)
    return tmp_path


def frames(count: int = 3, height: int = 360, width: int = 640) -> np.ndarray:
    shape = (count, height, width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


class Trap:
    """Something whose pickle, opened carelessly, makes a file."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


TRAPS: dict[str, Callable[[Path, Path], None]] = {
    "bare": lambda path, marker: torch.save(Trap(marker), path),
    "model": lambda path, marker: torch.save({"model": Trap(marker), "train_args": {}}, path),
    "tensor": lambda path, marker: torch.save({"a": torch.ones(1), "b": Trap(marker)}, path),
    "old": lambda path, marker: torch.save(
        {"model": Trap(marker)}, path, _use_new_zipfile_serialization=False
    ),
    "plain": lambda path, marker: path.write_bytes(pickle.dumps(Trap(marker), protocol=2)),
}


def test_miniatures_are_small_and_always_the_same(hub: Path, tmp_path: Path):
    assert sum(path.stat().st_size for path in hub.rglob("*") if path.is_file()) < 40e6
    pictures.build_clipcap(tmp_path)
    again = torch.load(tmp_path / "conceptual_weights.pt")
    first = torch.load(hub / "clipcap" / "conceptual_weights.pt")
    assert all(torch.equal(again[key], first[key]) for key in first)


# -- faces ------------------------------------------------------------------------------------


def test_faces_are_inside_the_frame_and_largest_first():
    found = yolo_face.load("cpu")(frames())
    assert len(found) == 3
    for faces in found:
        sides = {(f.box.left, f.box.top, f.box.right, f.box.bottom) for f in faces}
        assert sides == {
            (0, 0, 176, 132),
            (528, 0, 640, 132),
            (0, 292, 176, 360),
            (528, 292, 640, 360),
        }
        areas = [face.box.area for face in faces]
        assert areas == sorted(areas, reverse=True)
        assert all(face.confidence == pytest.approx(0.895, abs=0.01) for face in faces)


@pytest.mark.parametrize("shape", [(640, 360), (361, 641), (2, 2), (360, 20)])
def test_faces_are_found_in_frames_of_any_shape(shape: tuple[int, int]):
    (faces,) = yolo_face.load("cpu")(frames(1, *shape))
    assert faces
    for face in faces:
        assert 0 <= face.box.left < face.box.right <= shape[1]
        assert 0 <= face.box.top < face.box.bottom <= shape[0]


def test_no_frames_have_no_faces():
    assert yolo_face.load("cpu")(frames(0)) == []


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Collect what the detector's network is fed."""
    pictures.quiet_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    inputs: list[torch.Tensor] = []
    forward = DetectionModel.forward

    def watch(self, x, *args, **kwargs):
        inputs.append(x.clone())
        return forward(self, x, *args, **kwargs)

    monkeypatch.setattr(DetectionModel, "forward", watch)
    return inputs


def test_the_detector_sees_red_as_red(watched: list[torch.Tensor]):
    red = np.zeros((2, 360, 640, 3), np.uint8)
    red[..., 0] = 255
    yolo_face.load("cpu")(red)
    middle = watched[-1][0, :, 192, 320]
    assert middle.tolist() == pytest.approx([1, 0, 0])


def test_all_frames_go_through_the_detector_at_once_640_wide(watched: list[torch.Tensor]):
    yolo_face.load("cpu")(frames(5, 180, 320))
    assert [tuple(each.shape) for each in watched] == [(5, 3, 384, 640)]


def test_faces_below_the_thresholds_go(monkeypatch: pytest.MonkeyPatch):
    detect = yolo_face.load("cpu")
    from ultralytics.nn.tasks import DetectionModel

    # Middle x, middle y, width, height, confidence, in the 640 x 384 picture of a 640 x 360
    # frame: 12 rows above it and 12 below.
    answers = [
        (200, 112, 100, 100, 0.90),  # the best
        (233, 112, 100, 100, 0.80),  # overlaps it by 67 / 133 = 0.504
        (200, 146, 100, 100, 0.70),  # overlaps it by 66 / 134 = 0.493
        (400, 200, 80, 80, 0.59),  # too uncertain
        (400, 300, 80, 80, 0.61),
        (10, 20, 40, 40, 0.95),  # half outside the frame
        (700, 200, 40, 40, 0.99),  # wholly outside; and six rows would be read as another layout
    ]
    table = torch.tensor(answers, dtype=torch.float32).T[None]  # (1, 5, boxes)
    monkeypatch.setattr(DetectionModel, "forward", lambda self, x, *a, **k: (table, None))
    (faces,) = detect(frames(1))
    kept = [
        tuple(round(side) for side in (f.box.left, f.box.top, f.box.right, f.box.bottom))
        for f in faces
    ]
    assert kept == [(150, 50, 250, 150), (150, 84, 250, 184), (360, 248, 440, 328), (0, 0, 30, 28)]
    assert [round(f.confidence, 2) for f in faces] == [0.9, 0.7, 0.61, 0.95]


@pytest.mark.parametrize("trap", TRAPS)
def test_a_detector_that_asks_for_code_to_be_run_is_refused(trap: str, broken: Path):
    marker = broken / "trapped"
    TRAPS[trap](broken / "model.pt", marker)
    with pytest.raises(WeightsError, match="asks for code"):
        yolo_face.load("cpu")
    assert not marker.exists()


@pytest.mark.parametrize("trap", ["bare", "model", "tensor", "old"])
def test_the_traps_work_where_nobody_looks(trap: str, tmp_path: Path):
    TRAPS[trap](tmp_path / "model.pt", tmp_path / "trapped")
    torch.load(tmp_path / "model.pt", weights_only=False)
    assert (tmp_path / "trapped").exists()


def test_code_hidden_in_a_real_detector_is_refused(hub: Path, broken: Path):
    real = torch.load(hub / "yolo-face" / "model.pt", weights_only=False)
    real["train_args"]["data"] = Trap(broken / "trapped")
    torch.save(real, broken / "model.pt")
    with pytest.raises(WeightsError, match="asks for code"):
        yolo_face.load("cpu")
    assert not (broken / "trapped").exists()


def test_without_safe_loading_no_detector_is_opened(
    broken: Path, watched: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
):
    TRAPS["model"](broken / "model.pt", broken / "trapped")
    monkeypatch.setattr("ultralytics.utils.SAFE_LOAD", False)
    with pytest.raises(EngineError, match="could run code"):
        yolo_face.load("cpu")
    assert not (broken / "trapped").exists()


def test_a_file_that_is_no_detector_is_refused(broken: Path):
    torch.save({"model": torch.nn.Linear(2, 2)}, broken / "model.pt")
    with pytest.raises(WeightsError, match="no detector"):
        yolo_face.load("cpu")


def test_the_detector_leaves_the_process_as_it_was():
    import cv2

    before = torch.get_num_threads(), cv2.getNumThreads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(3)
    cv2.setNumThreads(3)
    try:
        yolo_face.load("cpu")(frames(1))
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 3)
        assert os.environ.get("OMP_NUM_THREADS") == before[2]
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def test_picture_engines_are_silent_offline_and_write_nowhere_but_home(hub: Path, tmp_path: Path):
    script = """
        import os, socket, sys
        import numpy as np
        def refuse(*args, **kwargs):
            print("network:", args)
            raise OSError("no network")
        socket.getaddrinfo = socket.socket.connect = refuse
        from pathlib import Path
        from vemoclap import weights
        from vemoclap.engines import clip, clipcap, vit_expression, yolo_face
        weights.folder = lambda name: Path(sys.argv[1]) / name
        frames = np.zeros((2, 90, 160, 3), np.uint8)
        frames.setflags(write=False)  # of which torch warns
        assert yolo_face.load("cpu")(frames)[0]
        vit_expression.load("cpu")([frames[0]])
        clipcap.load("cpu")(clip.load("cpu")(frames)[0])
        assert "OMP_NUM_THREADS" not in os.environ
    """
    user, work, home = tmp_path / "user", tmp_path / "work", tmp_path / "home"
    for folder in (user, work, home):
        folder.mkdir()
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"HOME": str(user), "VEMOCLAP_HOME": str(home)}
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(hub)],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert not list(work.iterdir())
    assert not list(user.iterdir())


# -- expressions ------------------------------------------------------------------------------


def crops() -> list[np.ndarray]:
    return [frames(1, *size)[0] for size in ((60, 50), (224, 224), (1, 1), (300, 7))]


def plain_vit(hub: Path):
    from transformers import ViTForImageClassification

    return ViTForImageClassification.from_pretrained(hub / "vit-expression").eval()


def test_the_expression_vector_is_the_class_token_before_the_final_layer_norm(hub: Path):
    network = plain_vit(hub)
    seen: list[torch.Tensor] = []
    network.vit.layernorm.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    with torch.inference_mode():
        after = network.vit(vit_expression.preprocess(crops()) / 127.5 - 1).last_hidden_state
    made = np.stack([each.vector for each in vit_expression.load("cpu")(crops())])
    assert made.shape == (4, 768)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, seen[0][:, 0].numpy(), atol=1e-4)
    assert np.abs(made - after[:, 0].numpy()).max() > 0.1


def test_expressions_have_the_published_labels_and_their_probability(hub: Path):
    inputs = vit_expression.preprocess(crops()) / 127.5 - 1
    with torch.inference_mode():
        probabilities = plain_vit(hub)(inputs).logits.softmax(-1)
    labels = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    made = vit_expression.load("cpu")(crops())
    assert [each.label for each in made] == [labels[i] for i in probabilities.argmax(-1)]
    wanted = probabilities.amax(-1).tolist()
    assert [each.probability for each in made] == pytest.approx(wanted, abs=1e-5)
    assert len({each.label for each in made}) > 1  # so that the order of labels matters


def test_all_faces_go_through_the_expression_model_at_once(monkeypatch: pytest.MonkeyPatch):
    from transformers import ViTForImageClassification

    sizes: list[int] = []
    forward = ViTForImageClassification.forward

    def count(self, pixel_values, **options):
        sizes.append(len(pixel_values))
        return forward(self, pixel_values, **options)

    monkeypatch.setattr(ViTForImageClassification, "forward", count)
    express = vit_expression.load("cpu")
    express(crops())
    assert sizes == [4]


def test_a_view_of_a_frame_is_a_crop_and_no_crops_are_no_expressions():
    express = vit_expression.load("cpu")
    frame = frames(1)[0]
    (view,) = express([frame[10:50, 20:60]])
    (copy,) = express([frame[10:50, 20:60].copy()])
    assert np.array_equal(view.vector, copy.vector)
    assert express([]) == []


def edit(source: Path, target: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Copy a model's config and its changed weights."""
    tensors = load_file(source / "model.safetensors")
    change(tensors)
    save_file(tensors, target / "model.safetensors", {"format": "pt"})
    (target / "config.json").write_bytes((source / "config.json").read_bytes())


@pytest.mark.parametrize(
    ("artefact", "load", "key", "named"),
    [
        ("vit-expression", vit_expression.load, "vit.layernorm.weight", "vit.layernorm.weight"),
        ("clip", clip.load, "visual_projection.weight", "visual_projection.weight"),
    ],
)
def test_missing_strange_and_misshapen_weights_are_refused(
    artefact: str, load: Callable, key: str, named: str, hub: Path, broken: Path
):
    edit(hub / artefact, broken, lambda tensors: tensors.pop(key))
    with pytest.raises(WeightsError, match=re.escape(named)):
        load("cpu")
    edit(hub / artefact, broken, lambda tensors: tensors.update({"strange": torch.ones(1)}))
    with pytest.raises(WeightsError, match="strange"):
        load("cpu")
    edit(hub / artefact, broken, lambda tensors: tensors.update({key: torch.ones(3)}))
    with pytest.raises(WeightsError, match="damaged"):
        load("cpu")
    (broken / "model.safetensors").write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError, match="damaged"):
        load("cpu")


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize(
    ("artefact", "load"), [("vit-expression", vit_expression.load), ("clip", clip.load)]
)
def test_pickled_weights_that_ask_for_code_to_be_run_are_refused(
    artefact: str, load: Callable, trap: str, hub: Path, broken: Path
):
    (broken / "config.json").write_bytes((hub / artefact / "config.json").read_bytes())
    TRAPS[trap](broken / "pytorch_model.bin", broken / "trapped")
    with pytest.raises(WeightsError):
        load("cpu")
    assert not (broken / "trapped").exists()


# -- images -----------------------------------------------------------------------------------


def plain_clip(hub: Path, inputs: torch.Tensor):
    from transformers import CLIPModel

    with torch.inference_mode():
        return CLIPModel.from_pretrained(hub / "clip").vision_model(inputs), load_file(
            hub / "clip" / "model.safetensors"
        )


def test_image_embeddings_are_projected_and_not_normalised(hub: Path):
    some = frames(3, 180, 320)
    answer, tensors = plain_clip(hub, clip.preprocess(torch.from_numpy(some)))
    wanted = answer.pooler_output @ tensors["visual_projection.weight"].T
    made = clip.load("cpu")(some)
    assert made.shape == (3, 512)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, wanted.numpy(), atol=1e-4)
    assert np.abs(np.linalg.norm(made, axis=1) - 1).min() > 1


def test_no_frames_have_no_embeddings():
    assert clip.load("cpu")(frames(0)).shape == (0, 512)


def test_the_published_file_holds_both_halves_of_clip(hub: Path):
    keys = set(load_file(hub / "clip" / "model.safetensors"))
    assert {
        "logit_scale",
        "text_projection.weight",
        "text_model.encoder.layers.0.mlp.fc1.weight",
        "vision_model.embeddings.class_embedding",
        "vision_model.pre_layrnorm.weight",  # published with this slip
        "vision_model.encoder.layers.0.self_attn.k_proj.weight",
        "visual_projection.weight",
    } <= keys


def test_clip_is_read_from_a_pickle_of_tensors_too(hub: Path, broken: Path):
    tensors = load_file(hub / "clip" / "model.safetensors")
    # Constants that files of that time hold.
    tensors["vision_model.embeddings.position_ids"] = torch.arange(50)[None]
    tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    torch.save(tensors, broken / "pytorch_model.bin")
    (broken / "config.json").write_bytes((hub / "clip" / "config.json").read_bytes())
    made = clip.load("cpu")(frames(1))
    for name in ("config.json", "model.safetensors"):
        (broken / name).write_bytes((hub / "clip" / name).read_bytes())
    (broken / "pytorch_model.bin").unlink()
    assert np.array_equal(made, clip.load("cpu")(frames(1)))


# -- captions ---------------------------------------------------------------------------------


def captioner(hub: Path):
    return clipcap._network(hub / "clipcap" / clipcap.CONVERTED, hub / "gpt2", "cpu")["gpt"]


def plain_search(gpt, prefix: torch.Tensor, stop: int) -> list[int]:
    """The published search over lists, reading everything anew at every step."""
    beams: list[tuple[list[int], float]] = [([], 0.0)]
    for _ in range(67):
        alive = [(words, total) for words, total in beams if stop not in words]
        if not alive:
            break
        # The ones that have not ended are equally long.
        written = gpt.transformer.wte(torch.tensor([words for words, _ in alive], dtype=torch.long))
        texts = torch.cat([prefix.expand(len(alive), -1, -1), written], dim=1)
        gains = gpt(inputs_embeds=texts).logits[:, -1].log_softmax(-1).tolist()
        longer = [(words, total) for words, total in beams if stop in words]
        for (words, total), row in zip(alive, gains, strict=True):
            longer += [([*words, token], total + gain) for token, gain in enumerate(row)]
        longer.sort(key=lambda beam: -beam[1] / len(beam[0]))
        beams = longer[:5]
    return max(beams, key=lambda beam: beam[1] / len(beam[0]))[0]


def test_the_search_finds_what_the_published_one_does(hub: Path):
    gpt = captioner(hub)
    stop = pictures.tokenizer().encode(".").ids[0]
    lengths = set()
    with torch.inference_mode():
        for seed in range(10):
            prefix = torch.randn(
                1, 10, pictures.GPT2_WIDTH, generator=torch.Generator().manual_seed(seed)
            )
            found = clipcap.beam_search(gpt, prefix, stop)
            assert found == plain_search(gpt, prefix, stop)
            lengths.add(len(found))
            assert stop not in found[:-1]
    assert len(lengths) > 2


def test_the_search_ends_after_67_tokens(hub: Path):
    gpt = captioner(hub)
    with torch.inference_mode():
        never = clipcap.beam_search(gpt, torch.zeros(1, 10, pictures.GPT2_WIDTH), stop=-1)
    assert len(never) == 67


def test_each_step_of_the_search_reads_one_token(hub: Path, monkeypatch: pytest.MonkeyPatch):
    gpt = captioner(hub)
    sizes: list[tuple[int, ...]] = []
    forward = type(gpt).forward

    def watch(self, input_ids=None, inputs_embeds=None, **options):
        sizes.append(tuple((input_ids if input_ids is not None else inputs_embeds).shape[:2]))
        return forward(self, input_ids=input_ids, inputs_embeds=inputs_embeds, **options)

    monkeypatch.setattr(type(gpt), "forward", watch)
    with torch.inference_mode():
        clipcap.beam_search(gpt, torch.zeros(1, 10, pictures.GPT2_WIDTH), stop=-1)
    assert sizes == [(1, 10)] + [(5, 1)] * 66


def test_the_caption_continues_the_embedding_as_it_is(hub: Path):
    gpt = captioner(hub)
    describe = clipcap.load("cpu")
    tokenizer = pictures.tokenizer()
    stop = tokenizer.encode(".").ids[0]
    tensors = load_file(hub / "clipcap" / clipcap.CONVERTED)
    layers = {key: value.numpy() for key, value in tensors.items() if key.startswith("clip_")}
    changed = 0
    for seed in range(6):
        vector = np.random.default_rng(seed).normal(size=512).astype(np.float32)
        hidden = layers["clip_project.model.0.weight"] @ vector
        hidden = np.tanh(hidden + layers["clip_project.model.0.bias"])
        prefix = layers["clip_project.model.2.weight"] @ hidden
        prefix += layers["clip_project.model.2.bias"]
        with torch.inference_mode():
            tokens = plain_search(
                gpt, torch.from_numpy(prefix).view(1, 10, pictures.GPT2_WIDTH), stop
            )
        caption = describe(vector)
        assert caption == tokenizer.decode(tokens).strip()
        changed += caption != describe(vector / np.linalg.norm(vector))
    assert changed > 3


def test_conversion_keeps_every_weight_and_drops_only_the_old_constants(hub: Path):
    published = torch.load(hub / "clipcap" / "conceptual_weights.pt")
    converted, _ = checkpoint.read(hub / "clipcap" / clipcap.CONVERTED, "cpu")
    assert set(published) - set(converted) == {
        "gpt.transformer.h.0.attn.bias",
        "gpt.transformer.h.0.attn.masked_bias",
        "gpt.lm_head.weight",  # the same as the table of words
    }
    assert all(torch.equal(converted[key], published[key]) for key in converted)


@pytest.mark.parametrize("trap", TRAPS)
def test_captions_weights_that_ask_for_code_to_be_run_are_refused(trap: str, tmp_path: Path):
    TRAPS[trap](tmp_path / "conceptual_weights.pt", tmp_path / "trapped")
    with pytest.raises(WeightsError):
        clipcap.convert(tmp_path / "conceptual_weights.pt", tmp_path / clipcap.CONVERTED)
    assert not (tmp_path / "trapped").exists()
    assert not (tmp_path / clipcap.CONVERTED).exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t.pop("gpt.transformer.wte.weight"), "wte.weight"),
        (lambda t: t.update({"gpt.lm_head.weight": t["gpt.lm_head.weight"] + 1}), "lm_head"),
        (lambda t: t.pop("clip_project.model.2.bias"), "clip_project.model.2.bias is missing"),
        (
            lambda t: t.update({"gpt.transformer.h.0.mlp.bias": torch.ones(1)}),
            "gpt.transformer.h.0.mlp.bias is unexpected",
        ),
        (lambda t: t.update({"clip_project.model.0.bias": torch.ones(3)}), "has shape"),
    ],
)
def test_other_weights_than_clipcaps_are_refused(
    change: Callable, named: str, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tensors = torch.load(hub / "clipcap" / "conceptual_weights.pt")
    change(tensors)
    torch.save(tensors, tmp_path / "conceptual_weights.pt")
    folders = {"clipcap": tmp_path, "gpt2": hub / "gpt2"}
    monkeypatch.setattr(weights, "folder", folders.__getitem__)

    def convert_and_load():
        clipcap.convert(tmp_path / "conceptual_weights.pt", tmp_path / clipcap.CONVERTED)
        clipcap.load("cpu")

    with pytest.raises(WeightsError, match=re.escape(named)):
        convert_and_load()


# -- published sizes and half precision -------------------------------------------------------


def test_published_sizes_have_the_published_number_of_weights(hub: Path, tmp_path: Path):
    from transformers import (
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
        GPT2Config,
        GPT2LMHeadModel,
        ViTConfig,
        ViTForImageClassification,
    )

    def count(network: torch.nn.Module) -> int:
        return sum(each.numel() for each in network.parameters())

    with torch.device("meta"):
        vision = CLIPVisionConfig(patch_size=32, projection_dim=512)
        assert count(CLIPVisionModelWithProjection(vision)) == 87_849_216
        assert count(ViTForImageClassification(ViTConfig(num_labels=7))) == 85_804_039
        assert count(GPT2LMHeadModel(GPT2Config())) == 124_439_808
    detector = torch.load(hub / "yolo-face" / "model.pt", weights_only=False)["model"]
    assert count(detector) == 3_011_043


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.gpu
def test_half_precision_keeps_the_features():
    embedded = zip(clip.load("cpu")(frames()), clip.load("cuda")(frames()), strict=True)
    assert min(cosine(*pair) for pair in embedded) >= 0.999
    on_cpu, on_gpu = vit_expression.load("cpu")(crops()), vit_expression.load("cuda")(crops())
    for one, other in zip(on_cpu, on_gpu, strict=True):
        assert other.vector.dtype == np.float32
        assert cosine(one.vector, other.vector) >= 0.999


@pytest.mark.gpu
def test_half_precision_finds_the_same_faces_and_writes_captions():
    for one, other in zip(
        yolo_face.load("cpu")(frames()), yolo_face.load("cuda")(frames()), strict=True
    ):
        assert [round(f.box.area) for f in one] == [round(f.box.area) for f in other]
    assert clipcap.load("cuda")(clip.load("cuda")(frames(1))[0])
