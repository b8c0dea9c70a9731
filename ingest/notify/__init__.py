"""Notifications: what somebody is told, on its way out.

A row is written in the transaction that changes an alert, so neither can be without the other. A sender
claims rows, sends, and settles them, each step committed. What it claimed and never settled (the power went
in between) may have gone out: it is shown as uncertain and not sent again, because being woken twice for one
thing teaches people to sleep through it; the alert's own escalation finds the next person if nobody came.
"""
