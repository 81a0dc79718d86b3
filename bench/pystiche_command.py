"""python -m bench.pystiche_command CONTENT STYLE OUT.png EVALUATIONS WEIGHTS: a picture by pystiche's own `image_optimization`.

Its loss is composed of pystiche's parts into the canonical one, but for a factor: relu4_2, and Grams of relu1_1 to relu5_1 with
weights 1e3/C².
"""

import importlib
import sys
import warnings
from typing import Any


def main() -> None:
    warnings.simplefilter("ignore")  # it is older than the torch it runs on
    import torch  # pyright: ignore[reportMissingImports]
    from safetensors.torch import load_file
    from torchvision.transforms.functional import to_pil_image, to_tensor  # pyright: ignore[reportMissingImports]

    # Tables of downloads that pystiche 1.0.1 reads on import and torchvision no longer has; nothing is downloaded here.
    tables = {"alexnet": ["alexnet"], "vgg": [f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")]}
    for name, networks in tables.items():
        vars(importlib.import_module(f"torchvision.models.{name}")).setdefault("model_urls", dict.fromkeys(networks, ""))
    from PIL import Image
    from pystiche import enc, loss, optim  # pyright: ignore[reportMissingImports]

    content, style, out, evaluations, weights = sys.argv[1:]
    encoder = enc.vgg19_multi_layer_encoder(pretrained=False, framework="caffe")
    found = encoder.load_state_dict(load_file(weights), strict=False, map_names=False)
    if found.missing_keys or found.unexpected_keys:
        sys.exit(f"the weights do not fit pystiche's encoder: {found}")
    channels = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}

    def gram(layer: Any, weight: float) -> Any:
        return loss.GramLoss(layer, score_weight=weight)

    weight = 1 / 255**2  # so that torch's L-BFGS makes the steps in [0, 1] that the notebook makes in [0, 255]
    weights_of = [weight * 1e3 / c**2 for c in channels.values()]
    criterion = loss.PerceptualLoss(
        loss.FeatureReconstructionLoss(encoder.extract_encoder("relu4_2"), score_weight=weight),
        loss.MultiLayerEncodingLoss(encoder, list(channels), gram, layer_weights=weights_of),
    )
    images = [to_tensor(Image.open(path).convert("RGB"))[None] for path in (content, style)]
    criterion.set_content_image(images[0])
    criterion.set_style_image(images[1])
    for parameter in criterion.parameters():
        parameter.requires_grad_(False)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    image = images[0].clone().to(device)
    found = optim.image_optimization(image, criterion.to(device), num_steps=int(evaluations), quiet=True)
    to_pil_image(found[0].clamp(0, 1).cpu()).save(out)


if __name__ == "__main__":
    main()
