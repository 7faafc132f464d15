"""Words that columns and kinds of events are called by, in logs that people have."""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# By our name: words of a column's name that speak for it, and words that speak against it.
HINTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    name: (frozenset(for_it.split()), frozenset(against.split()))
    for name, (for_it, against) in {
        "event": ("event message insert hit uuid", "name type time date timestamp kind at session user item"),
        "at": (
            "time timestamp ts date datetime at when created occurred zeit datum moment",
            "zone birth update updated",
        ),
        "user": (
            "user userid customer customerid client clientid visitor visitorid member person account buyer shopper "
            "household uid cust kunde kundennummer pseudo anonymousid",
            "name email age type group agent city country gender time date count segment",
        ),
        "action": ("action event type behavior behaviour kind activity interaction verb ereignis", "id time date at"),
        "item": (
            "item itemid stock product productid sku article articleid asin movie movieid film track song book isbn "
            "ean gtin listing goods artikel artikelnummer",
            "name title category type brand price quantity qty count desc description department user count size",
        ),
        "query": ("query search keyword keywords term terms phrase suchbegriff", "id time count type page"),
        "quantity": ("quantity qty pieces count units menge anzahl", "id user"),
        "amount": ("amount price revenue value paid sales cost betrag preis total", "id type"),
        "session": (
            "session sessionid visit visitid basket basketid order orderid invoice transaction receipt trip",
            " time date number count type name",
        ),
        # Of catalogs.
        "text": ("title name description text label bezeichnung", "category brand id url"),
        "path": (
            "category categories department type genre genres class group family subcategory section kategorie "
            "warengruppe taxonomy",
            "id url",
        ),
        "brand": ("brand manufacturer vendor publisher label marke hersteller", "id"),
    }.items()
}
_ID = frozenset({"id", "key", "code", "number", "no", "nr"})
_WORDS = frozenset[str]().union(
    *(for_it for for_it, _ in HINTS.values()), _ID, ("rating", "score", "age", "gender", "zip", "city")
)

# What logs call our actions; blanks, dots and dashes are as good as underscores.
ACTION_WORDS = {
    word: action
    for action, words in {
        "purchase": "purchase purchased buy bought order ordered orders sale transaction checkout_complete "
        "order_completed order_placed completed_order paid payment_complete purchased_item kauf bestellung",
        "cart": "cart add_to_cart addtocart added_to_cart atc basket add_to_basket product_added cart_add",
        "favorite": "favorite favourite fav wishlist add_to_wishlist like liked bookmark product_added_to_wishlist",
        "click": "click clicked select_item product_clicked item_click",
        "view": "view viewed page_view pageview pv view_item detail detail_view product_viewed product_view impression "
        "item_view visit",
        "search": "search searched query products_searched view_search_results site_search",
        "redeem": "redeem redeemed coupon_redeemed redemption coupon_applied",
    }.items()
    for word in words.split()
}


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case; of a path those of its last key count."""
    last = re.split(r"[.\]]", name)[-1] or name
    return [word for word in re.split(r"[^a-z0-9]+", _CAMEL.sub(" ", last).lower()) if word]


def is_known_word(word: str) -> bool:
    """Whether columns are called so."""
    return word in _WORDS


def speaks_for(role: str, name: str) -> bool:
    """Whether a column's name says that it is one of ours."""
    words = set(words_of(name))
    for_it, against = HINTS[role]
    if role == "event":
        return bool(words & for_it) and bool(words & (_ID | {"uuid"})) and not words & against
    return bool(words & for_it) and not words & against


def says_id(name: str) -> bool:
    """Whether a column's name says that it holds ids."""
    return bool(set(words_of(name)) & _ID) or any(word.endswith("id") for word in words_of(name))


def action_of(value: str) -> str | None:
    """Our action that a value is called like."""
    return ACTION_WORDS.get(re.sub(r"[^a-z]+", "_", value.strip().lower()).strip("_"))
