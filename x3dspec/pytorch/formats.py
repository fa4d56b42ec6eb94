"""What a module may be exported to, and what of its input may stay open; the shell asks without torch."""

from __future__ import annotations

TARGETS = ("onnx", "openvino", "torch-export", "litert", "executorch", "ncnn", "coreml")
#: What can stay open, by the name that it has in the exported file.
AXES = ("batch", "frames", "height", "width")
