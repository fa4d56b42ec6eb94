"""What a module may be exported to, and what of its input may stay open. Without torch, for completion."""

from __future__ import annotations

#: Each format, and what its files end in.
FORMATS = {"onnx": ".onnx", "torch-export": ".pt2", "openvino": ".xml"}
#: The axes of an input that may be of any length.
AXES = ("batch", "frames", "height", "width")
