"""Filters that look at one row's quality, and analyses of a whole data set."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Filter, hookimpl
from magicoder_quality.execution import Execution
from magicoder_quality.judge import Judge
from magicoder_quality.personal_data import PersonalData
from magicoder_quality.prose_language import ProseLanguage
from magicoder_quality.refusal import Refusal
from magicoder_quality.secret_keys import Secrets
from magicoder_quality.syntax import Syntax
from magicoder_quality.truncated import Truncated


@hookimpl(specname="filter")
def filters() -> Mapping[str, type[Filter]]:
    """Execution, syntax, a judge, and the rules people use."""
    return {
        "execution": Execution,
        "judge": Judge,
        "personal-data": PersonalData,
        "prose-language": ProseLanguage,
        "refusal": Refusal,
        "secrets": Secrets,
        "syntax": Syntax,
        "truncated": Truncated,
    }
