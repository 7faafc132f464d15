"""The dimensions that are declared rules, as evaluators take them: computed by looking up, and asked of nobody."""

from __future__ import annotations

from model_steps.judge import rules
from model_steps.judge.case import Case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.evaluators import Rule


def declared_rules(facts: CatalogFacts) -> dict[str, Rule]:
    """Every dimension's rule over a catalog; the settings say which of them are used.

    Args:
        facts: of the catalog.
    """

    def over(rule: rules.Rule) -> Rule:
        def computed(case: Case) -> str:
            return rule(case, facts)

        return computed

    return {name: over(rule) for name, rule in rules.RULES.items()}
