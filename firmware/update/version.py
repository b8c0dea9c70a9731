"""Which firmware this is: what the birth says, and a release bears. Raised with each release."""

NAME = "ortoo-node"
VERSION = "0.2.0"
SOFTWARE = NAME + " " + VERSION
