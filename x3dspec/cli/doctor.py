"""What ``x3dspec export --doctor`` answers: where a form's operations would run, and what is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from x3dspec.cli import output

if TYPE_CHECKING:
    from x3dspec.pytorch.export import Target, Wish
    from x3dspec.pytorch.export.doctor import Diagnosis


class Operation(TypedDict):
    """So many operations of torch on tensors of a rank, and where they run: null where nowhere."""

    operation: str
    rank: int
    count: int
    place: str | None


class DoctorAnswer(TypedDict):
    """What was seen before an export. `rank` is the largest tensor's, `state` a stream's bytes."""

    operations: list[Operation]
    rank: int
    state: int
    obstacles: tuple[str, ...]


def examined(network: Any, runtime: Target, clip: tuple[int, ...], wish: Wish) -> DoctorAnswer:
    """What the target would make of a network; it is traced, and nothing is written."""
    from x3dspec.pytorch.export.doctor import diagnose
    from x3dspec.pytorch.export.exporting import asked

    return _content(diagnose(asked(network, runtime, clip, wish), runtime))


def lines(answer: DoctorAnswer) -> list[str]:
    """For people: each place with what runs there."""
    cells = [["tensors", f"of rank {answer['rank']} at most"]]
    if answer["state"]:
        cells.append(["state", f"{output.short(answer['state'])}B, in and out at every step"])
    for place in dict.fromkeys(each["place"] for each in answer["operations"]):
        here = [each for each in answer["operations"] if each["place"] == place]
        counts: dict[str, int] = {}
        for each in here:
            counts[each["operation"]] = counts.get(each["operation"], 0) + each["count"]
        cells.append([place or "nowhere", ", ".join(f"{count} {name}" for name, count in counts.items())])
    cells += [["in the way", each] for each in answer["obstacles"]] or [["in the way", "nothing"]]
    return output.aligned(cells)


def _content(found: Diagnosis) -> DoctorAnswer:
    return {
        "operations": [
            {"operation": each.operation, "rank": each.rank, "count": each.count, "place": each.place}
            for each in found.operations
        ],
        "rank": found.rank,
        "state": found.state,
        "obstacles": found.obstacles,
    }
