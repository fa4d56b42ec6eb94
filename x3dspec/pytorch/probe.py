"""The part of ``verify`` that runs an emitted file, as a script in a process of its own.

It reads a request from standard input and writes what it saw to standard output, both as JSON.
It judges nothing, imports nothing of x3dspec, and is the only part of ``verify`` that imports torch.
Each observation stands by itself: where one fails, its error takes its place.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

Question = Callable[[], Any]
Names = dict[str, dict[str, Any]]

MAX_ERROR = 300  # characters of the file's own error that are passed on

#: Operations that only prepare others: a transposed view of a weight, room for a norm's statistics,
#: positions as samples of a batch, side by side in memory.
_PREPARATION = frozenset({"t", "detach", "empty", "view", "_unsafe_view", "clone"})


def described(kind: str, shape: Sequence[int], **details: object) -> str:
    """One operation in one line: ``conv 54x16x56x56, kernel 1x1x1, stride 1x1x1, ...``."""
    parts = [f"{name} {_spelled(value)}" for name, value in details.items()]
    return ", ".join([f"{kind} {_spelled(shape)}", *parts])


def _spelled(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def observe(request: dict[str, Any]) -> dict[str, Any]:
    """All that is asked of the file: ``{name: {"value": ...} or {"error": text}}``."""
    statements = _observed(lambda: _statements(ast.parse(request["text"])))
    if statements.get("value") != []:
        return {"statements": statements}
    built = _observed(lambda: _built(request["text"], request["file"]))
    if "error" in built:
        return {"statements": statements, "import": built}
    parameters, factory, model = built["value"]
    questions = _questions(request, factory, model)
    answers = {name: _observed(question) for name, question in questions.items()}
    return {"statements": statements, "import": {"value": parameters}, **answers}


def _questions(request: dict[str, Any], factory: Any, model: Any) -> dict[str, Question]:
    """What is asked of a model: a form that is compared with another says `train`, that one's text."""
    train = request.get("train")
    clip, small = request["layers"] if train is None else [request["clip"]] * 2
    questions: dict[str, Question] = {
        "params": lambda: sum(parameter.numel() for parameter in model.parameters()),
        "macs": lambda: _macs(model, request.get("frame", clip)),
        "arguments": lambda: _arguments(factory, request["arguments"], small),
    }
    if train is not None:
        return questions | {
            "agreement": lambda: [_difference(factory, train, sizes) for sizes in request["forward"]]
        }
    return questions | {
        "layers0": lambda: _layers(model, clip, request["names"]),
        "layers1": lambda: _layers(model, small, request["names"]),
        "forward": lambda: [_forward(factory, sizes) for sizes in request["forward"]],
        "backward": lambda: _backward(factory, small),
    }


def _observed(question: Question) -> dict[str, Any]:
    """An observation, or the error instead; the file may raise anything, SystemExit included."""
    try:
        return {"value": question()}
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"[:MAX_ERROR]}


def _built(text: str, file: str) -> tuple[list[str], Any, Any]:
    """The factory's parameters, the factory, a model. What was checked is what runs."""
    factory = getattr(loaded(text, file), public(ast.parse(text)))
    model = _on_meta(factory)
    return list(inspect.signature(factory).parameters), factory, model


def _statements(tree: ast.Module) -> list[str]:
    """The statements that no emitted file has: all but imports, of torch mostly, classes and functions."""
    strange = [node for node in tree.body[1:] if not _allowed(node)]  # after the docstring
    return [f"line {node.lineno}: {ast.unparse(node).splitlines()[0]}" for node in strange]


def _allowed(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = ["." * node.level + (node.module or "")]
    else:
        return isinstance(node, (ast.ClassDef, ast.FunctionDef))
    return all(module.split(".")[0] in ("__future__", "collections", "torch") for module in modules)


def public(tree: ast.Module) -> str:
    """The name of the factory: the file's one function for others."""
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    public = [name for name in functions if not name.startswith("_")]
    if len(public) != 1:
        raise ValueError(f"one public function expected, found {', '.join(public) or 'none'}")
    return public[0]


def loaded(text: str, file: str) -> types.ModuleType:
    """The module of an emitted text: the one place that runs it. `file` is what tracebacks name."""
    module = types.ModuleType("emitted")
    module.__file__ = file
    sys.modules[module.__name__] = module
    exec(compile(text, file, "exec"), module.__dict__)  # noqa: S102
    return module


def _on_meta(factory: Any, **arguments: Any) -> Any:
    import torch

    with torch.device("meta"):
        return factory(**arguments).eval()


def _batch(clip: Sequence[int], samples: int = 1) -> Any:
    import torch

    return torch.empty(samples, *clip, device="meta")


def _macs(model: Any, clip: Sequence[int]) -> float:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    inputs, run = [_batch(clip)], getattr(model, "forward_clips", model)
    if hasattr(model, "initial_state"):
        inputs.append(model.initial_state(1, *clip[1:]))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run(*inputs)
    return float(counter.get_total_flops() / 2)


def _logits(model: Any, clips: Any) -> Any:
    """The logits of clips; a stream's are those after the last frame."""
    if hasattr(model, "forward_clip"):
        return model.forward_clip(clips)[:, -1]
    return getattr(model, "forward_clips", model)(clips)


def _layers(model: Any, clip: Sequence[int], names: Names) -> list[str]:
    """Every operation of a forward pass in order, as torch's dispatcher sees it.

    `names` has under ``operators`` what the dispatcher's operations are called, and under ``numbers`` the
    arguments of those that are described by them.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    seen: list[str] = []

    class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, op: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = op(*args, **(kwargs or {}))
            name = op._schema.name.removeprefix("aten::").removesuffix("_")
            if name not in _PREPARATION:
                call = {a.name: a.default_value for a in op._schema.arguments}
                call |= dict(zip(call, args, strict=False)) | (kwargs or {})
                seen.append(_operation(names, name, call, result))
            return result

    with torch.no_grad(), Recorder():  # type: ignore[no-untyped-call]
        model(_batch(clip))
    return seen


def _operation(names: Names, name: str, call: dict[str, Any], result: Any) -> str:
    kind = names["operators"].get(name, name)
    if kind == "gelu" and call["approximate"] != "none":
        kind = f"gelu_{call['approximate']}"
    output = result[0] if isinstance(result, tuple) else result
    shape = list(output.shape[1:])
    return described(kind, shape, **_details(names, kind, call, len(shape) - 1))


def _details(names: Names, kind: str, call: dict[str, Any], dimensions: int) -> dict[str, object]:
    if kind == "conv":
        kernel = list(call["weight"].shape[2:])
        numbers = {name: call[name] for name in ("stride", "padding", "dilation", "groups")}
        return {"kernel": kernel, **numbers, "bias": call["bias"] is not None}
    if kind in ("max_pool", "avg_pool"):
        arguments = {"kernel": "kernel_size", "stride": "stride", "padding": "padding"}
        numbers = {name: _each(call[argument], dimensions) for name, argument in arguments.items()}
        flags = ("ceil_mode", "count_include_pad")
        return {**numbers, **{name: call[name] for name in flags if name in call}}
    if kind == "norm":
        return {"eps": call["eps"], "momentum": call["momentum"]}
    if kind == "layer_norm":
        return {"eps": call["eps"]}
    if kind == "group_norm":
        return {"groups": call["group"], "eps": call["eps"]}
    if kind == "linear":
        return {"bias": len(call["self"].shape) == 1}
    if kind == "prelu":
        return {"slopes": call["weight"].numel()}
    return {number: call[number] for number in names["numbers"].get(kind, ())}


def _each(value: Any, dimensions: int) -> list[int]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return values * dimensions if len(values) == 1 else values


def _arguments(factory: Any, arguments: dict[str, Any], clip: Sequence[int]) -> dict[str, Any]:
    """What the factory's arguments do: the logits they lead to, and the dropout rates."""
    from torch import nn

    model = _on_meta(factory, **arguments)
    shape = _logits(model, _batch([arguments["in_channels"], *clip[1:]], samples=2)).shape
    rates = [module.p for module in model.modules() if isinstance(module, nn.Dropout)]
    return {"logits": list(shape), "dropout": rates}


def _forward(factory: Any, clip: Sequence[int]) -> dict[str, Any]:
    """A real forward pass of two random clips."""
    import torch

    torch.manual_seed(0)
    model = factory().eval()
    with torch.no_grad():
        logits = model(torch.randn(2, *clip))
    return {"logits": list(logits.shape), "finite": bool(torch.isfinite(logits).all())}


def _difference(factory: Any, train: str, clip: Sequence[int]) -> float:
    """How far the logits are from the train form's, its tensors random, over the largest of them."""
    import torch

    expected = getattr(loaded(train, "train"), public(ast.parse(train)))().eval()
    torch.manual_seed(0)
    state = {key: _random(key, tensor) for key, tensor in expected.state_dict().items()}
    expected.load_state_dict(state)
    other = factory().eval()
    other.load_train_state(state)
    x = torch.randn(2, *clip)
    with torch.no_grad():
        logits = expected(x)
        return float((_logits(other, x) - logits).abs().max() / logits.abs().max())


def _random(key: str, tensor: Any) -> Any:
    """Weights that keep the order of magnitude through any depth, and statistics unlike the identity."""
    import torch

    if not tensor.is_floating_point():
        return tensor
    if tensor.dim() > 1:
        return torch.randn_like(tensor) / tensor[0].numel() ** 0.5
    if key.endswith(("weight", "running_var")):
        return 0.7 + 0.6 * torch.rand_like(tensor)
    return 0.1 * torch.randn_like(tensor)


def _backward(factory: Any, clip: Sequence[int]) -> list[str]:
    """The parameters that no gradient reaches while training.

    A gradient of zero has reached its parameter: a norm that starts at zero passes no other on.
    """
    import torch

    torch.manual_seed(0)
    model = factory().train()
    model(torch.randn(2, *clip)).sum().backward()
    return [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not torch.isfinite(parameter.grad).all()
    ]


def main() -> None:
    """Answer one request."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    request = json.load(sys.stdin.buffer)
    sys.path += [folder for folder in request["path"] if folder not in sys.path]
    try:
        import torch  # noqa: F401
    except Exception as error:
        seen: dict[str, Any] = {"torch": {"error": f"{type(error).__name__}: {error}"[:MAX_ERROR]}}
    else:
        sys.dont_write_bytecode = True
        seen = observe(request)
    answer.write(json.dumps(seen))
    answer.close()
    # A thread or an exit handler of the file must not keep the answer waiting.
    os._exit(0)


if __name__ == "__main__":
    main()
