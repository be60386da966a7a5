"""The release after this one: `python -m tests.integration.next_release ...` is its `chancery`.

An article of its schema version 2 has its text under the name `body`, as none of version 1 has.
"""

from services.cli import main
from services.contracts.article import Article
from services.contracts.codec import encode
from services.contracts.model import Record

VERSION = 2


def as_next(article: Article) -> bytes:
    """The article as the next release writes it."""
    written = encode(article).replace(b'"text":', b'"body":', 1)
    return written.replace(b'{"schema_version":1,', b'{"schema_version":%d,' % VERSION, 1)


def upgrade() -> None:
    """Make this process one of the next release, as far as reading goes."""

    def of_version_2(raw: dict[str, object]) -> dict[str, object]:
        return {"body" if name == "text" else name: value for name, value in raw.items()}

    field = Article.model_fields["text"]
    field.validation_alias = field.alias = "body"
    Article.model_fields["schema_version"].default = VERSION
    Article.VERSION, Article.EARLIER = VERSION, {1: of_version_2}
    Article.model_rebuild(force=True)
    assert issubclass(Article, Record)


if __name__ == "__main__":
    upgrade()
    main()
