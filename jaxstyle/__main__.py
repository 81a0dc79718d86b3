"""`python -m jaxstyle`."""

from jaxstyle.cli.main import entry

entry()
