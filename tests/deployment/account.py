"""Say which account and Region `make deploy` goes to, or why it cannot: `python account.py`."""

import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

_CREDENTIALS = "set AWS_PROFILE, or run `aws sso login` or `aws configure`."


def told() -> str:
    """Where a deployment goes. Raises `SystemExit` with what is missing."""
    session = boto3.session.Session()
    if session.region_name is None:
        raise SystemExit("No AWS Region: set AWS_DEFAULT_REGION, or a region in your profile.")
    try:
        identity = session.client("sts").get_caller_identity()
    except NoCredentialsError:
        raise SystemExit(f"No AWS credentials: {_CREDENTIALS}") from None
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(
            f"These AWS credentials do not work: {error}. For others, {_CREDENTIALS}"
        ) from None
    return f"{identity['Account']} in {session.region_name}, as {identity['Arn']}"


if __name__ == "__main__":
    sys.stdout.write(f"Deploying to {told()}\n")
