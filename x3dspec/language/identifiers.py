"""Names that the emitted module can have: their form, and those that are taken."""

from __future__ import annotations

import builtins
import keyword
import re

from x3dspec.language.grammar import FUNCTIONS

#: Names that mean something else to the emitted module (attributes of torch's Module among them) or
#: to an expression. Python's own keywords and builtins are reserved too.
RESERVED = frozenset(
    {"self", "torch", "nn", "F", "x", "y", "m", "module", "Tensor", "classes", "channels", "width_in"}
    | {"num_classes", "in_channels", "pre_logits", "forward_features", "forward_head"}
    | {"and", "or", "not", "true", "false", *FUNCTIONS}
    | {"T_destination", "add_module", "append", "apply", "bfloat16", "buffers", "call_super_init", "children"}
    | {"cpu", "cuda", "double", "dump_patches", "extend", "extra_repr", "forward", "get_buffer"}
    | {"get_extra_state", "get_parameter", "get_submodule", "half", "insert", "ipu", "load_state_dict"}
    | {"modules", "mtia", "named_buffers", "named_children", "named_modules", "named_parameters"}
    | {"parameters", "pop", "register_backward_hook", "register_buffer", "register_forward_hook"}
    | {"register_forward_pre_hook", "register_full_backward_hook", "register_full_backward_pre_hook"}
    | {"register_load_state_dict_post_hook", "register_load_state_dict_pre_hook", "register_module"}
    | {"register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook"}
    | {"requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "to"}
    | {"to_empty", "train", "training", "xpu", "zero_grad"}
)


def reserved(name: str) -> bool:
    """Whether a name must not become one of the emitted module's."""
    return (
        keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name) or name in RESERVED
    )


def is_name(text: str) -> bool:
    """Whether this has the form of a name."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", text) is not None


def is_identifier(name: str) -> bool:
    """Whether a network, and so a module and its factory, can be called so."""
    return is_name(name) and not reserved(name)


def class_name(name: str) -> str:
    """The class that the emitted module calls after a spec or a block: ``x3d_m`` is X3dM."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))
