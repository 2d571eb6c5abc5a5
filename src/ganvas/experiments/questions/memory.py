"""Whether convolution saves memory, as chapter 9 begins."""

from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.memory import measure_memory

FAMILIES = {"fully connected": "book-gan", "convolutional": "book-conv"}
SIZES = (28, 64, 96, 128)


def _less(measure: str, size: int, what: str) -> Comparison:
    """The convolutional pair against the fully connected one."""
    return Comparison(
        measure,
        (f"convolutional, {size} px",),
        (f"fully connected, {size} px",),
        f"At {size} px the convolutional pair takes {{less|more}} {what} than the fully connected one",
    )


EXPERIMENT = Experiment(
    name="memory",
    claim="Convolution saves memory: at 128 px the fully connected GAN peaked at 1.094 GB, the convolutional at 0.204.",
    chapter="Memory consumption",
    measure=measure_memory,
    variants=tuple(
        Variant(f"{family}, {size} px", {"recipe": recipe, "size": size}, x=size, line=family)
        for family, recipe in FAMILIES.items()
        for size in SIZES
    ),
    measures=(
        Measure("memory", "peak memory in MB", digits=0),
        Measure("predicted", "memory predicted from the shapes in MB", digits=0),
        Measure("milliseconds", "CPU milliseconds an image", digits=1),
        Measure("parameters", "parameters in millions"),
    ),
    comparisons=(
        _less("memory", 128, "memory"),
        _less("milliseconds", 128, "CPU time an image"),
        _less("memory", 28, "memory"),
    ),
    limits=(
        "The fully connected pair has 200 hidden values and the convolutional one 256 maps; another width moves both.",
        "Memory of a CPU, above what Python, PyTorch and the set take. The book measured a graphics card, whose "
        "libraries keep buffers of their own.",
        "What is predicted counts weights, gradients, Adam's two moments and the layers' outputs for one image; what "
        "a convolution needs beside them while it runs is not in it.",
        "One image at a time, as in the book. Activations grow with the batch, and convolutions have more of them.",
        "One thread of one CPU; a graphics card runs convolutions relatively faster.",
    ),
    headlines=2,
    seconds=2.0,
    axis="side of the image in pixels",
    needs_evaluator=False,
)
