"""The forms of an emitted module, and what each is called."""

from __future__ import annotations

from x3dspec.language.errors import SpecError, unknown

#: The train form is plain modules; the deploy form is for inference alone (see ``deploy``), and so is the
#: flat form, in tensors of rank 4 (see ``flat``); the stream form takes a frame a step (see
#: ``network.stream``), and the stream_train form trains what it runs.
FORMS = ("train", "deploy", "flat", "stream", "stream_train")


def known_form(form: str) -> str:
    """The same form.

    Raises:
        SpecError: it is none of :data:`FORMS`.
    """
    if form not in FORMS:
        raise SpecError.at("--form", unknown("form", form, FORMS, "the forms are"))
    return form


def default_name(name: str, form: str) -> str:
    """What a file and its factory are called: the forms of a network can lie side by side."""
    return name if form == "train" else f"{name}_{form}"
