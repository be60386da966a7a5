"""The loaded rules: every lexicon, the gazetteer, and the version that names them."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.classify.core.reading.dates import DateReader
from services.classify.core.reading.gazetteer import Gazetteer
from services.classify.core.reading.lexicon import Lexicon
from services.classify.core.reading.numbers import NumberReader


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a `Reader` reads by. `version` changes whenever the data or the code that reads it does."""

    lexicons: Mapping[str, Lexicon]
    gazetteer: Gazetteer
    dates: Mapping[str, DateReader]
    numbers: Mapping[str, NumberReader]
    version: str
    strangers: Mapping[str, tuple[frozenset[str], str]]
    """Languages only known to be refused: their commonest words, folded, and their own letters."""
