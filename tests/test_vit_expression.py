"""The expression model of the paper, on a miniature in the published layout."""

import numpy as np
import pytest
import torch

from tests.miniatures import Hub, cosine, frames
from vemoclap.engines import vit_expression

pytestmark = pytest.mark.usefixtures("miniatures")


def crops() -> list[np.ndarray]:
    return [frames(1, *size)[0] for size in ((60, 50), (224, 224), (1, 1), (300, 7))]


def plain_vit(hub: Hub):
    from transformers import ViTForImageClassification

    return ViTForImageClassification.from_pretrained(hub / "vit-expression").eval()


def test_the_expression_vector_is_the_class_token_before_the_final_layer_norm(hub: Hub):
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


def test_expressions_have_the_published_labels_and_their_probability(hub: Hub):
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


@pytest.mark.gpu
def test_half_precision_keeps_the_expression_vectors():
    on_cpu, on_gpu = vit_expression.load("cpu")(crops()), vit_expression.load("cuda")(crops())
    for one, other in zip(on_cpu, on_gpu, strict=True):
        assert other.vector.dtype == np.float32
        assert cosine(one.vector, other.vector) >= 0.999
