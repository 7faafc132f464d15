"""The labelled set of one day and split: cases with labels that follow from the data, without people. Pure functions.

What each label rests on is its origin:

``outcome_N_days``      relevance: bought within N days after the day (positive)
``untouched``           relevance: not touched again in all that may be read (negative)
``own``                 consistency: the customer's own tag, expert and reason, made as agents make them (positive)
``own_without_facts``   consistency: the same with a reason that states no fact (neutral)
``shuffled``            consistency: another customer's tag, expert and reason (negative), unless they hold here too
``shuffled_near``       the same of a customer of like evidence
``reason_facts``        consistency: by looking up what the reason states; of tags that nobody's own experts gave
``catalog_level``       specificity: by the level of the catalog that the tag names
``catalog_words``       validity: by whether the catalog has such words together

Everything that is drawn is drawn by hashes of a seed, so the order of users and rows does not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from model_steps.judge import invented_tags, real_outputs
from model_steps.judge.case import Case, Customer, tag_case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.invented_tags import InventedTag
from model_steps.judge.labelled import Label, LabelledCase
from model_steps.judge.others import Others
from model_steps.judge.outcomes import Outcomes, like_popular, ordered
from model_steps.judge.own_reasons import Form, OwnReasons
from model_steps.judge.rules import consistency, specificity, validity

# The categories of a customer that experts mostly name.
MOST_CERTAIN = 12
UNTOUCHED, OWN, BARE = "untouched", "own", "own_without_facts"
SHUFFLED, SHUFFLED_NEAR = "shuffled", "shuffled_near"
FACTS, LEVEL, WORDS = "reason_facts", "catalog_level", "catalog_words"


@dataclass(frozen=True)
class Sizes:
    """Built cases of each customer, at most.

    Args:
        own: own tags under own reasons, a fourth of them in the form of agents that write. bare: under no fact.
        bought: tags that were not own yet and were bought. shuffled, near: tags of others.
    """

    own: int = 4
    bare: int = 1
    bought: int = 2
    shuffled: int = 2
    near: int = 2


@dataclass(frozen=True)
class Shape:
    """How agents would have shown a customer: personas, categories of each, characters of a reason."""

    personas: int
    categories: int
    maximum_why: int


@dataclass
class Builder:
    """Builds the cases of one day's customers of one split; nothing of another split is used.

    Args:
        customers: by user. outcomes: of all of them. popularity: of the day.
        window_days: of purchases, for the origin's name. seed: of everything that is drawn.
        left_out: counts what got no label, for a manifest.
    """

    facts: CatalogFacts
    customers: Mapping[str, Customer]
    outcomes: Outcomes
    popularity: Mapping[str, float]
    shape: Shape
    window_days: int
    seed: str
    sizes: Sizes = Sizes()
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._others = Others([one for one in self.customers.values() if one.evidence], self.facts.vectors)
        self._told: dict[str, OwnReasons] = {}

    def build(self, users: Iterable[str]) -> list[LabelledCase]:
        """The built cases of some of the customers, sorted by user; none of who bought nothing in the window."""
        wanted = set(users) & set(self._others.users) & self.outcomes.bought.keys()
        return [one for user in sorted(wanted) for one in self._of(user)]

    def real(self, rows: Iterable[real_outputs.Row]) -> list[LabelledCase]:
        """The cases of rows of ``intents``, of these customers."""
        found = []
        for row in rows:
            category = real_outputs.category_of(row, self.facts.vectors.row_of)
            case = tag_case(
                self.customers[row["user_id"]], row["tag"], category, row["persona"], row["why"], row["release"]
            )
            found.append(LabelledCase(case, (*self._relevance(case), self._by_facts(case), *self._by_text(case))))
        return found

    def _of(self, user: str) -> list[LabelledCase]:
        customer, own = self.customers[user], self._own(user)
        shown = self._mixed(own, user)
        ranked, bare = shown[: self.sizes.own], shown[self.sizes.own : self.sizes.own + self.sizes.bare]
        found = [
            self._own_case(customer, category, "ranked" if number else "written")
            for number, category in enumerate(ranked)
        ]
        found += [self._own_case(customer, category, "bare") for category in bare]
        bought = self.outcomes.bought[user]
        known = {one.category for one in customer.evidence}
        new = ordered((bought & self.facts.vectors.row_of.keys()) - known, *self._key(user, "new"))[: self.sizes.bought]
        positive = [category for category in (*ranked, *bare) if category in bought] + new
        untouched = self._untouched(user, positive)
        found += [self._other_case(customer, category) for category in (*new, *untouched)]
        near = self._others.near(user, *self._key(user, SHUFFLED_NEAR))
        others = self._others.any(user, near, *self._key(user, SHUFFLED))
        found += self._of_others(customer, SHUFFLED_NEAR, near, self.sizes.near)
        found += self._of_others(customer, SHUFFLED, others, self.sizes.shuffled)
        return found + self._invented(customer, ordered(shown, *self._key(user, "invented")))

    def _mixed(self, own: OwnReasons, user: str) -> list[str]:
        """What experts are shown of a customer, in turn of the most certain categories and of the others.

        Experts mostly name the most certain ones, and a judge shall know both.
        """
        certain = sorted(own.shown, key=lambda one: one.rank)
        parts = (certain[:MOST_CERTAIN], certain[MOST_CERTAIN:])
        first, second = (ordered((one.category for one in part), *self._key(user, OWN)) for part in parts)
        pairs = zip_longest(first, second)
        return [category for pair in pairs for category in pair if category is not None]

    def _own_case(self, customer: Customer, category: str, form: Form) -> LabelledCase:
        persona, why = self._own(customer.user_id).of(category, form)
        case = tag_case(customer, self._label(category), category, persona, why)
        return LabelledCase(case, (*self._relevance(case), self._own_label(form), *self._of_type()))

    @staticmethod
    def _own_label(form: Form) -> Label:
        return Label("consistency", "neutral", BARE) if form == "bare" else Label("consistency", "positive", OWN)

    def _other_case(self, customer: Customer, category: str) -> LabelledCase:
        """A tag that is not the customer's yet, from the expert that is nearest."""
        persona, why = self._own(customer.user_id).of(category, "ranked")
        case = tag_case(customer, self._label(category), category, persona, why)
        return LabelledCase(case, (*self._relevance(case), self._by_facts(case), *self._of_type()))

    def _untouched(self, user: str, positive: Sequence[str]) -> list[str]:
        """As many categories as are positive and about as popular, that the user never touched again."""
        touched = self.outcomes.touched.get(user, frozenset())
        known = self.popularity.keys() & self.facts.vectors.row_of.keys()
        return like_popular(positive, known - touched, self.popularity, *self._key(user, UNTOUCHED))

    def _of_others(self, customer: Customer, origin: str, others: Sequence[str], most: int) -> list[LabelledCase]:
        """Tags of others, with their experts and reasons, put to this customer."""
        found: list[LabelledCase] = []
        for other in others:
            if len(found) == most:
                break
            own = self._own(other)
            category = ordered((one.category for one in own.shown), *self._key(other, "own"))[0]
            case = tag_case(customer, self._label(category), category, *own.of(category, "ranked"))
            if consistency(case, self.facts) != "negative":
                self.left_out[f"{origin}_holds_here_too"] += 1
                continue
            label = Label("consistency", "negative", origin)
            found.append(LabelledCase(case, (*self._relevance(case), label, *self._of_type())))
        return found

    def _invented(self, customer: Customer, categories: Sequence[str]) -> list[LabelledCase]:
        """Tags of levels and words, each under the expert of the category that it was made of, and a true reason."""
        key = "\0".join(self._key(customer.user_id, "invented"))
        makers = (
            invented_tags.department,
            invented_tags.level,
            lambda facts, category: invented_tags.modified(facts, category, key),
            lambda facts, category: invented_tags.impossible(facts, category, key),
            lambda facts, category: invented_tags.partly(facts, category, key),
            lambda facts, category: invented_tags.no_product(facts, category, key),
        )
        found = []
        for number, make in enumerate(makers):
            # Each kind begins with another category, so that a customer's cases are not all of one.
            for category in (*categories[number:], *categories[:number]):
                if (tag := make(self.facts, category)) is not None:
                    found.append(self._invented_case(customer, category, tag))
                    break
        return found

    def _invented_case(self, customer: Customer, category: str, tag: InventedTag) -> LabelledCase:
        form = self._form(customer, tag)
        persona, why = self._own(customer.user_id).of(category, form)
        case = tag_case(customer, tag.text, tag.category, persona, why)
        labels = list(self._relevance(case))
        if tag.specificity is not None:
            labels += [self._own_label(form), Label("specificity", tag.specificity, LEVEL)]
        if tag.validity is not None:
            labels.append(Label("validity", tag.validity, WORDS))
        return LabelledCase(case, tuple(labels))

    def _form(self, customer: Customer, tag: InventedTag) -> Form:
        """Half of the levels' names stand under no fact, so that some outputs are middling in two dimensions."""
        if tag.category is not None:
            return "ranked"
        is_bare = ordered(("bare", "near"), *self._key(customer.user_id, "level"))[0] == "bare"
        return "bare" if is_bare and tag.specificity == "neutral" else "near"

    def _relevance(self, case: Case) -> list[Label]:
        """By what the user did afterwards; nothing where that says nothing."""
        below = [case.category] if case.category else sorted(self.facts.below(case.text))
        finding = self.outcomes.label(case.customer.user_id, below)
        if finding is None:
            self.left_out["relevance_in_between" if below else "relevance_of_no_category"] += 1
            return []
        origin = f"outcome_{self.window_days}_days" if finding == "positive" else UNTOUCHED
        return [Label("relevance", finding, origin)]

    def _by_facts(self, case: Case) -> Label:
        return Label("consistency", consistency(case, self.facts), FACTS)

    def _by_text(self, case: Case) -> list[Label]:
        looked_up = Label("specificity", specificity(case, self.facts), LEVEL)
        return [looked_up, Label("validity", validity(case, self.facts), WORDS)]

    @staticmethod
    def _of_type() -> list[Label]:
        """Of a tag that is a category's own label."""
        return [Label("specificity", "positive", LEVEL), Label("validity", "positive", WORDS)]

    def _label(self, category: str) -> str:
        return self.facts.vectors.labels[self.facts.vectors.row_of[category]]

    def _own(self, user: str) -> OwnReasons:
        if user not in self._told:
            shape = self.shape
            self._told[user] = OwnReasons(
                self.facts, self.customers[user], shape.personas, shape.categories, shape.maximum_why, self.seed
            )
        return self._told[user]

    def _key(self, user: str, what: str) -> tuple[str, ...]:
        return (self.seed, self.customers[user].day, user, what)
