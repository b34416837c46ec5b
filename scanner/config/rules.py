"""What is looked for, how it is judged, and how people decide."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    model_validator,
)

from scanner import severity
from scanner.config.values import Strict
from scanner.severity import NAMED_SHARE


class DetectorChoice(Strict):
    """Which kinds of personal data are looked for in content."""

    regions: tuple[Literal["uk", "eu", "us"], ...] | None = None
    """Whose numbers; all where it is not given. What people have everywhere stays on."""

    without: tuple[str, ...] = ()
    """Kinds that are off."""

    packs: tuple[Path, ...] = ()
    """Files with kinds and sensitive words of one's own; relative to the configuration file."""


class Triage(Strict):
    """How decisions are made."""

    deadline_hours: int = Field(default=72, ge=1, le=24 * 366)
    """From awareness to notification: 72 under UK and EU GDPR; others have other terms."""

    second_reviewer: bool = False
    """Whether `reported` and `closed` need the same word of a second person."""


def _phrase(text: str) -> str:
    """Return a word or phrase as a pattern; a star at its end stands for any ending."""
    plain = " ".join(text.lower().split())
    bare = plain.removesuffix("*")
    if len(bare) < 3 or "*" in bare:
        raise ValueError(f"{text!r}: a word has three letters and more, and a star only at its end")
    return re.escape(bare) + (r"\w*" if plain != bare else "")


Phrase = Annotated[str, AfterValidator(_phrase)]


class ContextRule(Strict):
    """What the people on a list may have in common: a context of one's own, or a known one."""

    title: str = ""
    dpc: int | None = Field(default=None, ge=1, le=4)
    words: tuple[Phrase, ...] = ()
    """Added to those that are known."""

    only_these: bool = False
    """Whether the words replace the known ones."""

    safety: bool | None = None
    children: bool | None = None


class SeverityRules(Strict):
    """How lists and incidents are judged; what is not given stays as the documents say."""

    named_share: float = Field(default=NAMED_SHARE, gt=0, le=1)
    many_people: int = Field(default=100, ge=1)
    public_from: int = Field(default=5, ge=3)
    business_from: int = Field(default=25, ge=3)
    always_from: int = Field(default=100, ge=3)
    contexts: dict[str, ContextRule] = Field(default={})

    @model_validator(mode="after")
    def _known(self) -> SeverityRules:
        known = {context.id for context in severity.contexts()}
        for name, rule in self.contexts.items():
            if name not in known and not (rule.title and rule.dpc and rule.words):
                raise ValueError(f"contexts.{name} is new: it needs title, dpc and words")
        return self

    def rules(self) -> severity.Rules:
        """Return the rules that a scan judges by."""
        contexts = {context.id: context for context in severity.contexts()}
        for name, rule in self.contexts.items():
            old = contexts.get(name) or severity.Context(name, rule.title, rule.dpc or 1, ())
            contexts[name] = severity.Context(
                name,
                rule.title or old.title,
                rule.dpc or old.dpc,
                (*(() if rule.only_these else old.words), *rule.words),
                old.safety if rule.safety is None else rule.safety,
                old.children if rule.children is None else rule.children,
            )
        return severity.Rules(
            tuple(sorted(contexts.values(), key=lambda c: -c.dpc)),
            self.named_share,
            self.many_people,
            self.public_from,
            self.business_from,
            self.always_from,
        )
