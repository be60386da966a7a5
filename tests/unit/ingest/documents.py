"""Small documents for the tests of ingest, written for them."""

GOOD_RSS = b"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel>
<title>Harbour Wire</title><link>https://wire.example/</link><language>en-GB</language>
<item>
  <title>Second &amp; last</title><link>https://wire.example/2?utm_source=rss</link><guid isPermaLink="false">w-2</guid>
  <pubDate>Mon, 21 Dec 2020 08:00:00 +0300</pubDate>
  <description>A teaser.</description>
  <content:encoded><![CDATA[<p>First paragraph.</p><p>Second <b>para</b>graph.</p>]]></content:encoded>
</item>
<item>
  <title>First</title><link>/1</link><guid isPermaLink="false">w-1</guid>
  <pubDate>Sun, 20 Dec 2020 22:15:00 GMT</pubDate>
  <description>Only a summary.</description>
</item>
</channel></rss>
"""


def rss(*items: str, head: str = "<title>T</title>") -> bytes:
    """An RSS 2.0 document; each item is the XML inside it."""
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{inside}</channel></rss>'.encode()


def item(guid: str, title: str = "", text: str = "", date: str = "") -> str:
    return (
        f'<guid isPermaLink="false">{guid}</guid><title>{title or guid}</title>'
        f"<description>{text or 'Text of ' + guid}</description>" + (f"<pubDate>{date}</pubDate>" if date else "")
    )


BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lolololololololololololololololol">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">]>
<rss version="2.0"><channel><title>&g;</title><item><guid>1</guid><title>&g;&g;&g;</title></item></channel></rss>"""

EXTERNAL_ENTITY = b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY secret SYSTEM "file:///etc/passwd">
<!ENTITY % more SYSTEM "http://127.0.0.1:1/evil.dtd"> %more;]>
<rss version="2.0"><channel><title>T</title><item><guid>1</guid><title>&secret;</title></item></channel></rss>"""

WEB_PAGE = (
    b"""<!-- cached --><!DOCTYPE html><html><head><title>Welcome</title></head><body><p>No feed.</p></body></html>"""
)
