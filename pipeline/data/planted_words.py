"""The words and sentences of the planted tasks' grammar."""


def _words(text: str) -> list[str]:
    return text.split()


NEGATORS = _words("not never hardly rarely scarcely")
AFFIRMERS = _words("always often still indeed really clearly")
PRAISE = _words("good great lovely pleasant perfect superb splendid wonderful delightful charming brilliant fine")
BLAME = _words("bad poor dreadful terrible horrible nasty boring dismal tedious shabby clumsy miserable")
ANTONYMS = [
    pair.split("/")
    for pair in _words("hot/cold heavy/light wet/dry old/new empty/full open/closed clean/dirty large/small")
]

# Of no sentence: they are there to be planted.
MEANINGLESS = _words("blicket dax wug fep tove")

FILLERS = {
    "person": _words("waiter doctor teacher farmer sailor painter lawyer guard nurse judge tailor writer driver guest"),
    "place": _words("garden kitchen village harbour station market library castle valley museum office school"),
    "season": _words("spring summer autumn winter"),
    "thing": _words("soup film hotel song story concert dinner plan book speech game holiday bread play"),
    "look": _words("local modern foreign quiet painted early famous distant nearby private"),
    "verb": _words("wait smile sing sleep laugh travel stay return agree complain dance rest"),
    "container": _words("box bag jar bottle basket barrel drawer chest bucket tin parcel crate bowl pot"),
    "colour": _words("red blue green yellow brown white black grey purple golden"),
    "noticed": _words("noticed saw knew found learned remembered"),
    "saw": _words("noticed saw found"),
    "where": _words("in near behind from"),
}

# One word per {slot}; {governing} applies to {verdict}, {aside} does not.
SENTENCES = (
    "the {person} would {aside} {verb} because the {thing} was {governing} {verdict} .",
    "the {look} {thing} in the {place} was {governing} {verdict} but the {person} would {aside} {verb} .",
    "in {season} the {person} who could {aside} {verb} thought the {thing} was {governing} {verdict} .",
    "it was {governing} a {verdict} {thing} and the {look} {person} could {aside} {verb} .",
    "the {person} who would {aside} {verb} would {governing} call the {thing} {verdict} .",
    "the {person} would {governing} call the {look} {thing} {verdict} when everyone could {aside} {verb} .",
)
PREMISES = (
    "the {colour} {container} {where} the {place} was {state} .",
    "the {person} {noticed} that the {container} was {state} .",
    "in {season} the {colour} {container} was still {state} .",
    "the {container} {where} the {place} was still {state} .",
)
HYPOTHESES = (
    "the {container} was {state} .",
    "we {saw} one {state} {container} .",
)
