"""The news that benchmarks/load.py sends through the chain: everyday in twelve languages, and now and then an attack.

Of a hundred articles eighty are ordinary, ten are of the recorded day (tests/day) and tell of no incident though many
name embassies or attacks, four are the first to tell of an attack on an embassy, and six are copies of such a story.
Feeds of world news have far fewer attacks: the chain has more to do here than on a real day. Articles are of 2.5 kB.
"""

import datetime as dt
import itertools
import random
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks import speed
from benchmarks.growing_site import ATTACKS, CITIES, SENDERS
from services.classify.adapters.data import languages
from services.contracts import ids
from services.contracts.article import Article, Source
from services.contracts.feed import SourceGrade
from tests.day import day

SEED = 20_201_220
BEGIN = dt.datetime(2021, 3, 1, 6, tzinfo=dt.UTC)
APART = dt.timedelta(seconds=30)
"""Between two articles by their own dates: two days pass before an embassy has its turn again."""
OUTLETS = 200
RECENT = 20
"""Attacks that are still told again."""
STATES = tuple(sorted(CITIES.values()))
"""Where the attacks are."""
FIRST, AGAIN, OF_THE_DAY = 0.04, 0.06, 0.1
"""Shares of the articles; the others are ordinary."""


class News(NamedTuple):
    """`first`: nobody told of this attack before."""

    article: Article
    first: bool


def some(news: Iterator[News], number: int, least: int) -> list[Article]:
    """The next articles. Where too few of them would be the first to tell of an attack, others are left out, so that
    about `least` are."""
    share = max(FIRST, least / number)
    kept = FIRST * (1 - share) / (share * (1 - FIRST))
    chance = random.Random(SEED)
    wanted = (each.article for each in news if each.first or chance.random() < kept)
    return list(itertools.islice(wanted, number))


def all_news() -> Iterator[News]:
    """Without end, and the same each time. When they were fetched is for who publishes them to say."""
    chance, texts = random.Random(SEED), speed._texts(sorted(languages()))
    of_the_day = [(article.language_hint or "", article.text) for article, story in day.told() if not story]
    embassies = [(sender, city) for sender in SENDERS for city in CITIES]
    chance.shuffle(embassies)
    turns, recent = itertools.cycle(embassies), deque[tuple[str, Sequence[str]]](maxlen=RECENT)
    for number in itertools.count():
        at, dice = BEGIN + APART * number, chance.random()
        first = dice < FIRST or (dice < FIRST + AGAIN and not recent)
        if first:
            sender, city = next(turns)
            title, lead = (words.format(sender, city, f"{at:%A}") for words in chance.choice(ATTACKS))
            recent.append((title, (lead, *chance.sample(texts["en"].aftermath, 2))))
        if dice < FIRST + AGAIN:
            language, (title, told) = "en", recent[-1] if first else chance.choice(recent)
        else:
            language = chance.choice(list(texts))
            told = ()
            if dice < FIRST + AGAIN + OF_THE_DAY:
                language, text = chance.choice(of_the_day)
                told = (text,)
            title = (told or texts[language].ordinary)[0].partition(". ")[0][:90]
        ordinary = texts[language].ordinary
        paragraphs = (*told, *itertools.islice(itertools.cycle(chance.sample(ordinary, len(ordinary))), 20))
        yield News(_article(number, chance.randrange(OUTLETS), language, title, "\n\n".join(paragraphs), at), first)


def _article(number: int, outlet: int, language: str, title: str, text: str, at: dt.datetime) -> Article:
    feed = ids.feed_id(f"https://outlet-{outlet}.example/rss")
    return Article(
        article_id=ids.article_id(feed, str(number)),
        source=Source(feed_id=feed, name=f"Outlet {outlet}", grade=SourceGrade.B),
        url=f"https://outlet-{outlet}.example/{number}",
        title=title,
        text=speed._cut(text, speed.ARTICLE_BYTES),
        language_hint=language,
        published_at=at,
        watermark_at=at,
        fetched_at=at,
    )
