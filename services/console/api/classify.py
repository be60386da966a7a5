"""POST /v1/classify: why an article gives an alert, or why not."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.console.adapters.explaining import Given
from services.console.api.answers import answer
from services.console.api.given import Here
from services.console.api.guarded import GuardedRoute
from services.console.core.explaining import Unusable
from services.contracts.model import Instant
from services.contracts.report import Finding, GuardVerdict

MAX_BYTES = 1_000_000
TOML = "application/toml"

router = APIRouter(tags=["classify"], route_class=GuardedRoute)


class Form(StrEnum):
    EXPLANATION = "explanation"
    GOLDEN = "golden"


class Pasted(BaseModel):
    """A text (plain or HTML) or the address of a page; of a page, title and date are read where they are not given."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(None, min_length=1, max_length=250_000, description="the first 60,000 characters are read")
    url: str | None = Field(None, max_length=2_000, pattern=r"^https?://")
    title: str = Field("", max_length=1_000)
    published: AwareDatetime | None = Field(None, description='when; dates like "Sunday" need it')
    language: str | None = Field(None, max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")

    @model_validator(mode="after")
    def _one_of_them(self) -> "Pasted":
        if (self.text is None) == (self.url is None):
            raise ValueError("give either text or url")
        return self


class Rejected(BaseModel):
    """Words that became no report, or no alert, and every gate that spoke."""

    quote: str
    start: int
    end: int
    gates: list[GuardVerdict]


class Explanation(BaseModel):
    """What would be reported of the article; spans count the code points of title, line break and text, or of the text
    where there is no title. `stopped_because` says in words why reading ended early."""

    id: str
    language: str
    ruleset_version: str
    reports: list[Finding]
    rejected: list[Rejected]
    stopped_at: str | None
    stopped_because: str | None
    title: str
    text: str
    published_at: Instant | None


@router.post(
    "/v1/classify", response_model=Explanation, max_body_size=MAX_BYTES, responses={200: {"content": {TOML: {}}}}
)
async def classify(
    pasted: Pasted,
    request: Request,
    here: Here,
    form: Annotated[Form, Query(alias="as", description="golden: a file of the repository's golden cases")] = (
        Form.EXPLANATION
    ),
) -> Response:
    """What `chancery classify --json --why-not` says of it; nothing is written. With `as=golden` a file for
    `tests/golden`, which holds what is read now."""
    published = pasted.published.isoformat() if pasted.published else None
    given = Given(pasted.text, pasted.url, pasted.title, published, pasted.language)
    try:
        explained = await here.explainer.explain(given)
    except Unusable as error:
        raise HTTPException(422, str(error)) from None
    if form is Form.GOLDEN:
        saved = {"Content-Disposition": f'attachment; filename="{explained.name}.toml"'}
        return answer(request, explained.case.encode(), media_type=TOML, headers=saved)
    told: dict[str, Any] = explained.told
    return answer(request, Explanation.model_validate(told, strict=False))
