"""Adversarial triggers (docs/method.md, "Triggers"): patterns of tokens, mined from edges, and their insertion.

Lists and numbers alone, so that a sentence with a trigger in it can be shown without torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from attattr.errors import AttributionError

Edge = tuple[int, int, float]  # query, key, score
# Start and stop of each text's own tokens, one text or two; the tokens outside are special.
Segments = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Pattern:
    """Tokens that are inserted together, in the order of their segments and positions.

    A position is relative: 1/m for the first of a segment's m own tokens, 1 for the last one.
    """

    tokens: tuple[int, ...]  # vocabulary ids
    segments: tuple[int, ...]  # 0 or 1
    positions: tuple[float, ...]  # in (0, 1]
    strength: float | None  # sum of the edges' scores; None for tokens that come from no edges


@dataclass(frozen=True)
class Insertion:
    """An example with a pattern in it, special tokens included; `places` are the indices of the pattern's tokens."""

    input_ids: list[int]
    token_type_ids: list[int]
    segments: list[list[int]]
    places: list[int | None]  # None for a token that truncation has cut off


def mine_pattern(
    input_ids: Sequence[int], segments: Segments, edges: Sequence[Edge], *, second_share: float
) -> Pattern | None:
    """The pattern of an example's two strongest edges; None if they touch special tokens only.

    `edges` are those of one head, strongest first. The second is left out if its score is below `second_share` of the
    first's. `segments` tell special tokens, for a text may hold the text of one. Raises AttributionError without edges.
    """
    if not edges:
        raise AttributionError("a pattern needs at least one edge")
    first = edges[0][2]
    chosen = [edges[0], *(edge for edge in edges[1:2] if first > 0 and edge[2] >= second_share * first)]
    places = sorted({place for query, key, _ in chosen for place in (query, key)})
    places = [place for place in places if any(start <= place < stop for start, stop in segments)]
    if not places:
        return None
    of_place, positions = zip(*(relative_position(segments, place) for place in places), strict=True)
    strength = sum(score for _, _, score in chosen)
    return Pattern(tuple(input_ids[place] for place in places), of_place, positions, strength)


def relative_position(segments: Segments, place: int) -> tuple[int, float]:
    """Segment (0 or 1) and relative position of the token at index `place`, which must not be a special one."""
    for segment, (start, stop) in enumerate(segments):
        if start <= place < stop:
            return segment, (place - start + 1) / (stop - start)
    raise AttributionError(f"token {place} is special or outside of the segments {list(segments)}: it has no position")


def insert(
    input_ids: Sequence[int], token_type_ids: Sequence[int], segments: Segments, pattern: Pattern, *, max_length: int
) -> Insertion:
    """Insert a pattern at its relative positions; cut the result to `max_length` as the tokeniser would.

    In a segment of m own tokens that receives c, a token gets the index round((m + c) * position), halves to even; a
    later one if that is taken, and an earlier one where the rest would not fit. In a single sentence the tokens of the
    second segment go to the first. Raises AttributionError if `max_length` leaves no room for the special tokens, and
    for segments that the example cannot have.
    """
    _check_segments(segments, n=len(input_ids))
    contents = []
    for segment, (start, stop) in enumerate(segments):
        numbers = [number for number, of in enumerate(pattern.segments) if min(of, len(segments) - 1) == segment]
        contents.append(_merged(input_ids[start:stop], pattern, numbers))
    room = max_length - len(input_ids) + sum(stop - start for start, stop in segments)
    if room < 0:
        raise AttributionError(f"max_length is {max_length}: the special tokens alone take {max_length - room}")
    kept = _lengths([len(content) for content in contents], room)
    first = segments[0][0]
    result = Insertion([*input_ids[:first]], [*token_type_ids[:first]], [], [None] * len(pattern.tokens))
    next_starts = [*(start for start, _ in segments[1:]), len(input_ids)]
    for (_, stop), next_start, content, keep in zip(segments, next_starts, contents, kept, strict=True):
        result.segments.append([len(result.input_ids), len(result.input_ids) + keep])
        for token, number in content[:keep]:
            if number is not None:
                result.places[number] = len(result.input_ids)
            result.input_ids.append(token)
        result.input_ids.extend(input_ids[stop:next_start])
        # A segment has the type of the separator that ends it, also where it is empty.
        kind = token_type_ids[min(stop, len(token_type_ids) - 1)]
        result.token_type_ids.extend([kind] * keep + list(token_type_ids[stop:next_start]))
    return result


def _merged(own: Sequence[int], pattern: Pattern, numbers: list[int]) -> list[tuple[int, int | None]]:
    """A segment's `own` tokens and those of the pattern, the latter with their number."""
    numbers = sorted(numbers, key=lambda number: pattern.positions[number])
    content: list[tuple[int, int | None]] = [(token, None) for token in own]
    earliest = 0
    for count, number in enumerate(numbers):
        index = max(round((len(own) + len(numbers)) * pattern.positions[number]), earliest)
        # A larger index would leave a gap.
        index = min(index, len(own) + count)
        content.insert(index, (pattern.tokens[number], number))
        earliest = index + 1
    return content


def _check_segments(segments: Segments, *, n: int) -> None:
    bounds = [place for segment in segments for place in segment]
    if len(segments) not in (1, 2) or bounds != sorted(bounds) or bounds[0] < 0 or bounds[-1] > n:
        raise AttributionError(f"segments are {list(segments)}: they must be one or two, in order, of {n} tokens")


def _lengths(lengths: list[int], room: int) -> list[int]:
    """How much of each segment the tokeniser keeps: it takes from the longer one, then from both, halving the room.

    The odd place stays with the longer one; of two equally long ones that is the second.
    """
    if len(lengths) == 1:
        return [min(lengths[0], room)]
    short, long = sorted(lengths)
    short = min(short, max(room // 2, room - long))
    long = min(long, room - short)
    return [short, long] if lengths[0] <= lengths[1] else [long, short]
