"""SIP2, version 2.00: how a terminal speaks with a library system over one line, a request at a time.

    2 digits | fixed fields | XXvalue| XXvalue| ... AY<seq>AZ<checksum> CR

The checksum is minus the sum of all bytes as they are sent, `AZ` included, in 16 bits; so it depends on the
encoding of the text. A request that is not answered is sent again with the same number, 0 to 9, and the
library answers a number that it has just answered without doing anything again. Who could not read a message
asks for it once more by 97 (terminal) or 96 (library), which bear no number.

`frame` has the bytes, `message` the fields of each message, `conversation` the rules without a socket, `link`
the socket, `library` what it means for a loan.
"""
