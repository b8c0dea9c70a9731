"""Alerts: what somebody must know, for as long as it is so, told once and not for noise.

A rule looks at one subject (an item at a site, a probe, a unit) and says whether its condition holds; the
states are Prometheus' inactive, pending, firing and resolved. All of it happens in event time: what a unit
tells after three days in a valley is judged at the moment it happened, so a replay of the same readings, in
any order of arrival, gives the same episodes. Only whom to wake depends on when it was learned.
"""
