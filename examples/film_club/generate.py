"""Generate the log of a made-up film club, in the form of the MovieLens files: nothing in it says what it is.

``python examples/film_club/generate.py FOLDER [--ratings 100000] [--genres flags]`` writes ``ratings.tsv`` (member,
film, stars and seconds since 1970, with tabs between and no header) and ``films.txt`` (id, title, release, two fields
of no use, and a flag a genre, or with ``--genres text`` all genres as one text; with ``|`` or ``;`` between, in
latin-1, no header). It is invented and seeded: good for trying things, not for measuring them.
"""

from __future__ import annotations

import argparse
import random
from datetime import UTC, datetime
from pathlib import Path

GENRES = ("unknown", "action", "adventure", "animation", "comedy", "crime", "drama", "horror", "romance", "thriller")
FIRST, DAYS = datetime(1997, 9, 20, tzinfo=UTC), 120
WORDS = ("Amélie", "Night", "River", "Garden", "Señor", "Storm", "Letters", "Winter", "Café", "Road", "King", "Stars")


def films(number: int, genres: str, chance: random.Random) -> list[str]:
    lines = []
    for film in range(1, number + 1):
        title = f"{chance.choice(WORDS)} {chance.choice(WORDS)} {film} ({chance.randint(1950, 1997)})"
        own = sorted(chance.sample(GENRES[1:], chance.choice((1, 1, 2, 3))))
        if genres == "text":
            lines.append(f"{film};{title};{'|'.join(own)}")
            continue
        flags = ("1" if genre in own else "0" for genre in GENRES)
        lines.append("|".join([str(film), title, "01-Jan-1995", "", f"http://films.example/title?{film}", *flags]))
    return lines


def ratings(number: int, members: int, known: int, chance: random.Random) -> list[str]:
    """Each member comes on some days and rates films near those that they like."""
    begin = int(FIRST.timestamp())
    days = {member: chance.sample(range(DAYS), chance.randint(6, 30)) for member in range(1, members + 1)}
    lines = []
    for n in range(number):
        member = n % members + 1
        film = int(abs(chance.gauss(member * known / members, known / 6))) % known + 1
        at = begin + chance.choice(days[member]) * 86_400 + chance.randint(0, 86_399)
        lines.append(f"{member}\t{film}\t{chance.randint(1, 5)}\t{at}")
    chance.shuffle(lines)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ratings", type=int, default=100_000)
    parser.add_argument("--members", type=int, default=943)
    parser.add_argument("--films", type=int, default=1_682)
    parser.add_argument("--genres", choices=("flags", "text"), default="flags")
    arguments = parser.parse_args()
    chance = random.Random(7)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    catalog = films(arguments.films, arguments.genres, chance)
    log = ratings(arguments.ratings, arguments.members, arguments.films, chance)
    (arguments.folder / "films.txt").write_text("\n".join(catalog) + "\n", encoding="latin-1")
    (arguments.folder / "ratings.tsv").write_text("\n".join(log) + "\n")


if __name__ == "__main__":
    main()
