"""`python -m jaxstyle`."""

from jaxstyle.cli import entry

entry()
