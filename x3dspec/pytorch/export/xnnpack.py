"""XNNPACK, which LiteRT and ExecuTorch hand their operations to on a CPU."""

from __future__ import annotations

BECAUSE = "XNNPACK has no 3-D convolutions and no tensors of rank 5"

_OPERATIONS = frozenset(
    {"conv2d", "linear", "mean", "max_pool2d", "avg_pool2d"}
    | {"add", "add_", "sub", "mul", "div", "maximum", "clamp"}
    | {"relu", "relu_", "silu", "silu_", "sigmoid", "hardswish", "hardswish_", "hardtanh", "hardtanh_"}
    | {"cat", "flatten", "movedim", "pad", "permute", "reshape", "slice", "transpose", "unsqueeze", "view"}
)


def place(operation: str, rank: int) -> str | None:
    """Where an operation runs: XNNPACK, the runtime's own kernels, or nowhere."""
    if rank > 4 or operation == "conv3d":
        return None
    return "XNNPACK" if operation in _OPERATIONS and rank else "the runtime's own kernels"
