"""Web pages for the tests of ingest, written for them."""

TITLE = "Rockets fall near the embassy in Harbour City"
LEAD = "Two rockets fell near the embassy in Harbour City on Sunday evening, the police said."
BODY = (
    "The police of Harbour City said that two rockets had fallen near the embassy on Sunday evening.",
    "A guard was wounded and a wall was damaged. The ambassador was not in the building at the time.",
    "Nobody has claimed the attack, which is the second within a month after the one of 17 November.",
)
WALL = (
    "We and our partners keep cookies on your device to show you offers that suit you and to count our visitors.",
    "Choose whether you agree. You can change your mind at any time in the settings at the foot of every page.",
)


def web_page(*paragraphs: str, title: str = TITLE, head: str = "") -> bytes:
    """A page of a news site: navigation, headline, the paragraphs, comments of readers, small print."""
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"""<!DOCTYPE html><html><head><title>{title} | Harbour Wire</title>{head}</head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/world">World</a></li></ul></nav>
<main><article><h1>{title}</h1>{text}</article>
<section id="comments" class="comments"><p>A reader: in my street there was a bomb as well, I heard it.</p></section>
</main><footer><p>All rights reserved. Imprint. Contact.</p></footer></body></html>""".encode()
