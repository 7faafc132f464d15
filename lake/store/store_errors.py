"""What a store refuses, in one sentence that says what to do, whichever library met the refusal.

boto3 raises typed errors. deltalake and Arrow put the server's answer into the text of an OSError, deltalake over
several coloured lines with XML in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deltalake.exceptions import CommitFailedError, DeltaError

from runtime.errors import CommandError, ConfigurationError, InfrastructureError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

LONGEST_TEXT = 300

# Codes of the service, of HTTP where a HEAD request brings no other, and of Arrow (NO_SUCH_BUCKET), all spelt alike.
_NO_BUCKET = {"nosuchbucket"}
_REFUSED = {
    "invalidaccesskeyid",
    "signaturedoesnotmatch",
    "accessdenied",
    "403",
    "expiredtoken",
    "invalidtoken",
    "allaccessdisabled",
    "requesttimetooskewed",
}
_ELSEWHERE = {"permanentredirect", "authorizationheadermalformed", "illegallocationconstraintexception", "301"}

_CODE_IN_TEXT = re.compile(r"<Code>(\w+)</Code>|AWS Error (\w+)|\b(403) Forbidden")
_UNREACHABLE_IN_TEXT = re.compile(r"error sending request|NETWORK_CONNECTION|HTTP error|timed? ?out|dns error", re.I)


def no_credentials(root: str) -> str:
    return f"No credentials for {root}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def error_of_code(root: str, code: str, text: str) -> CommandError:
    """The error for a code of the service.

    Args:
        text: all that is known, for a code that we do not know.
    """
    plain = code.replace("_", "").lower()
    if plain in _NO_BUCKET:
        return ConfigurationError(f"The bucket of {root} does not exist: create it, or correct the address.")
    if plain in _REFUSED:
        return ConfigurationError(
            f"{root} refuses these credentials ({code}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what "
            "the bucket allows them."
        )
    if plain in _ELSEWHERE:
        return ConfigurationError(f"The bucket of {root} is in another region ({code}): set AWS_REGION to it.")
    return InfrastructureError(f"{root} answered {code}: {one_line(text)}.")


def error_of_text(root: str, text: str) -> CommandError:
    """The error for what deltalake or Arrow say."""
    if found := _CODE_IN_TEXT.search(text):
        code = next(group for group in found.groups() if group)
        if code != "NETWORK_CONNECTION":
            return error_of_code(root, code, text)
    if _UNREACHABLE_IN_TEXT.search(text):
        return unreachable(root, text)
    return InfrastructureError(f"{root} failed: {one_line(text)}.")


def unreachable(root: str, text: str) -> InfrastructureError:
    return InfrastructureError(
        f"{root} cannot be reached: {one_line(text)}. Check AWS_ENDPOINT_URL and the network, then run again."
    )


def one_line(text: str) -> str:
    """The text without colours, XML and line breaks, and not too long."""
    text = re.sub(r"\x1b\[\d*m|↳|<\?xml.*", "", text, flags=re.DOTALL)
    return " ".join(text.split())[:LONGEST_TEXT].rstrip(".: ")


@contextmanager
def of_objects(root: str) -> Iterator[None]:
    """Turn what boto3 raises into one sentence. A code that the caller knows it has to catch itself.

    Raises:
        ConfigurationError: credentials, bucket or region are wrong.
        InfrastructureError: the server cannot be reached, or failed.
    """
    from botocore import exceptions

    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise ConfigurationError(no_credentials(root)) from error
    except exceptions.ClientError as error:
        raise error_of_code(root, code_of(error), str(error)) from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise unreachable(root, str(error)) from error
    except exceptions.BotoCoreError as error:
        raise ConfigurationError(f"The S3 settings for {root} do not work: {one_line(str(error))}.") from error


@contextmanager
def of_tables(place: str, doing: str) -> Iterator[None]:
    """Turn what deltalake and Arrow raise into one sentence; a lost race passes, for its caller tries again.

    Args:
        place: where it happened. doing: what was tried, to begin the sentence with.

    Raises:
        ConfigurationError, InfrastructureError: as ``of_objects``.
    """
    try:
        yield
    except (CommandError, CommitFailedError):
        raise
    except FileNotFoundError as error:
        raise InfrastructureError(
            f"{doing} failed, a data file is gone ({one_line(str(error))}): where a later run replaced it, run again; "
            "otherwise make its day again."
        ) from error
    except (DeltaError, OSError) as error:
        if place.startswith("s3://"):
            raise error_of_text(place, str(error)) from error
        raise InfrastructureError(f"{doing} failed: {one_line(str(error))}.") from error
